"""The options of `teleconsult loadtest`, each with what it says of itself in --help."""

from pathlib import Path
from typing import Annotated

import typer

from loadtest.dtls_client import SrtpProfile
from loadtest.participant import VideoCodec
from loadtest.results import FIGURES, ScenarioName

LOCAL = "http://127.0.0.1:8080"
_PLAYED, _SENT, _WHERE, _WANTED = (
    "What is played",
    "What is sent",
    "On which server, with whose tickets",
    "What comes of it",
)


def list_figures(wanted: bool) -> None:
    if wanted:
        for name, figure in FIGURES.items():
            units = " ".join(unit for unit in figure.dimension.units if unit) or "a number"
            typer.echo(f"{name:32} {figure.about} ({units})")
        raise typer.Exit


Scenario = Annotated[ScenarioName, typer.Argument(help="What to play; see above.")]
Server = Annotated[
    list[str] | None,
    typer.Option(
        help=f"A server's address; several times for several nodes, rooms in turn; unless given {LOCAL}.",
        rich_help_panel=_WHERE,
    ),
]
WalkIn = Annotated[
    bool,
    typer.Option(
        "--walk-in", help="Tickets from the server's walk-in entrance (the default).", rich_help_panel=_WHERE
    ),
]
TicketKeys = Annotated[
    Path | None,
    typer.Option(
        help="Sign tickets with the keys in this data folder of the deployment.", rich_help_panel=_WHERE
    ),
]
TicketCommand = Annotated[
    str | None,
    typer.Option(
        help="Run this for each ticket; {room}, {role}, {name} and {url} are filled in.",
        rich_help_panel=_WHERE,
    ),
]
TestLogins = Annotated[
    bool,
    typer.Option(
        "--test-logins",
        help="Log in as a development server's test persons, and use its queue (waiting-room).",
        rich_help_panel=_WHERE,
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        help="A server's /metrics, in the order of --server; on this machine port 9090 is tried by itself.",
        rich_help_panel=_WHERE,
    ),
]
Calls = Annotated[
    int | None,
    typer.Option(
        help="Rooms held at a time; unless given 10, of group and fanout 1.", min=1, rich_help_panel=_PLAYED
    ),
]
Participants = Annotated[
    int | None,
    typer.Option(
        help="How many are in each room (group, fanout); unless given 5, of fanout 21.",
        min=1,
        rich_help_panel=_PLAYED,
    ),
]
Ramp = Annotated[
    float,
    typer.Option(help="Joins per second, on average; they are never in step.", rich_help_panel=_PLAYED),
]
Duration = Annotated[
    float, typer.Option(help="Seconds that are measured, once all have joined.", rich_help_panel=_PLAYED)
]
WarmUp = Annotated[
    float, typer.Option(help="Seconds between joining and measuring.", rich_help_panel=_PLAYED)
]
Churn = Annotated[
    float, typer.Option(help="Participants replaced per second (churn, soak).", rich_help_panel=_PLAYED)
]
CutEvery = Annotated[
    float, typer.Option(help="Seconds between the cuts of a call (reconnect).", rich_help_panel=_PLAYED)
]
Doctors = Annotated[
    int, typer.Option(help="How many call patients in (waiting-room).", min=1, rich_help_panel=_PLAYED)
]
Talk = Annotated[
    float,
    typer.Option(
        help="Seconds that a patient and a doctor talk (waiting-room).", min=0, rich_help_panel=_PLAYED
    ),
]
Seed = Annotated[
    int,
    typer.Option(help="The same seed draws the same moments and cuts again.", rich_help_panel=_PLAYED),
]
Threads = Annotated[
    int,
    typer.Option(
        help="How many threads carry the media; one uses at most one core.",
        min=1,
        max=64,
        rich_help_panel=_PLAYED,
    ),
]
VideoBitrate = Annotated[
    str, typer.Option(help="Of each camera: 800k, 1.2M, or bits per second.", rich_help_panel=_SENT)
]
Fps = Annotated[
    int, typer.Option(help="Frames per second of each camera.", min=1, max=120, rich_help_panel=_SENT)
]
Audio = Annotated[
    bool, typer.Option("--audio/--no-audio", help="Whether microphones send.", rich_help_panel=_SENT)
]
Video = Annotated[
    bool, typer.Option("--video/--no-video", help="Whether cameras send.", rich_help_panel=_SENT)
]
Codec = Annotated[VideoCodec, typer.Option(help="Of the cameras.", rich_help_panel=_SENT)]
Simulcast = Annotated[
    bool, typer.Option("--simulcast", help="Refused for now: servers take one size.", rich_help_panel=_SENT)
]
Profile = Annotated[
    str,
    typer.Option(
        "--srtp-profile",
        help=f"How media are protected: {', '.join(p.name for p in SrtpProfile)}.",
        rich_help_panel=_SENT,
    ),
]
Recording = Annotated[
    bool,
    typer.Option(
        "--recording", help="Everybody agrees to a recording, and it is started.", rich_help_panel=_SENT
    ),
]
Impair = Annotated[
    str | None,
    typer.Option(
        help="A bad network for each participant's media: loss=5%,burst=3,delay=50ms,jitter=200ms,rate=2mbit,"
        "queue=300ms,direction=up; each part may be left out.",
        rich_help_panel=_SENT,
    ),
]
Bots = Annotated[
    int,
    typer.Option(
        help="How many more join, in rooms of two, who decode what they receive, and judge it; 20 at most.",
        min=0,
        rich_help_panel=_SENT,
    ),
]
Film = Annotated[
    Path | None,
    typer.Option("--media", help="A film that the bots send, not the built-in one.", rich_help_panel=_SENT),
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        help="What has to hold, such as join.p95<=80ms; several times. --figures lists them all.",
        rich_help_panel=_WANTED,
    ),
]
Figures = Annotated[
    bool,
    typer.Option(
        "--figures",
        help="List what thresholds can be set on, and leave.",
        is_eager=True,
        callback=list_figures,
        rich_help_panel=_WANTED,
    ),
]
FindCapacity = Annotated[
    bool,
    typer.Option(
        "--find-capacity",
        help="Look for the most calls within the thresholds, from --calls up.",
        rich_help_panel=_WANTED,
    ),
]
Most = Annotated[
    int, typer.Option(help="Try no more calls than this (--find-capacity).", min=1, rich_help_panel=_WANTED)
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for report.json and report.html; made if need be. An earlier report there is replaced.",
        rich_help_panel=_WANTED,
    ),
]
Compare = Annotated[
    Path | None,
    typer.Option(help="An earlier report.json, shown beside this one.", rich_help_panel=_WANTED),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", help="Do not show how it goes, only what came of it.", rich_help_panel=_WANTED),
]
