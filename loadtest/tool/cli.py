"""`teleconsult loadtest`: the command line. What is checked here needs no server.

Exit status: 0 within the thresholds, 1 outside them (the failing lines are printed) or not finished, 2 wrong
usage.
"""

import asyncio
import stat
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer
import uvloop
from pydantic import ValidationError
from rich.console import Console

from loadtest.dtls_client import SrtpProfile
from loadtest.fidelity import BadFilm, check_film
from loadtest.impairment import BadImpairment, parse_impairment
from loadtest.participant import VideoCodec
from loadtest.report import compared, describe, different_plans, headlines, shown
from loadtest.results import BadReport, Options, Report, ScenarioName, TicketSource, read_report
from loadtest.tool import cli_options as cli
from loadtest.tool.entrances import MakeMint
from loadtest.tool.errors import LoadTestError, WrongUsage
from loadtest.tool.folder import out_folder, write_report
from loadtest.tool.limits import check_typed
from loadtest.tool.scenarios.search import DEFAULT_THRESHOLDS
from loadtest.tool.signals import Signals
from loadtest.tool.summary import summary
from loadtest.tool.tester import Plan, run_test
from loadtest.tool.thresholds import parse_all
from loadtest.tool.urls import bits_per_second, origin_of, scraped_url

HELP = (
    "Hold calls on a server as patients, doctors and their browsers do, and report what they felt.\n\n"
    "\b\n"
    "consultations  one-to-one calls, all held at once\n"
    "group          several in each room, everybody sees everybody\n"
    "fanout         one sends, all others in the room receive\n"
    "churn          calls are held while some leave and others come\n"
    "waiting-room   patients wait, doctors call them in\n"
    "reconnect      connections and networks are cut, and come back\n"
    "soak           churn for long: looks for what keeps growing on the server\n\n"
    "Try it on your own machine first, with two terminals:\n\n"
    "\b\n"
    "teleconsult serve --walk-in\n"
    "teleconsult loadtest consultations --calls 5 --duration 10\n\n"
    "Then on your deployment, from another machine:\n\n"
    "\b\n"
    "teleconsult loadtest consultations --server https://video.example.org \\\n"
    "    --ticket-keys /var/lib/teleconsult --calls 50 --duration 60 \\\n"
    "    --threshold 'join.p95<=150ms' --threshold 'loss<=0.1%' --out report\n\n"
    "Ctrl-C ends a test before its time and keeps what was measured. "
    "Exit status: 0 within all thresholds, 1 not, or not finished, 2 wrong usage."
)
FEW_ROOMS = (ScenarioName.GROUP, ScenarioName.FANOUT)
SEARCHED = (ScenarioName.CONSULTATIONS, ScenarioName.GROUP, ScenarioName.FANOUT)
SIZES = {ScenarioName.GROUP: 5, ScenarioName.FANOUT: 21}
LARGEST_REPORT_BYTES = 64_000_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=HELP, no_args_is_help=True)
def loadtest(
    context: typer.Context,
    scenario: cli.Scenario,
    server: cli.Server = None,
    walk_in: cli.WalkIn = False,
    ticket_keys: cli.TicketKeys = None,
    ticket_command: cli.TicketCommand = None,
    test_logins: cli.TestLogins = False,
    metrics: cli.Metrics = None,
    calls: cli.Calls = None,
    participants: cli.Participants = None,
    ramp: cli.Ramp = 5.0,
    duration: cli.Duration = 30.0,
    warm_up: cli.WarmUp = 2.0,
    churn: cli.Churn = 1.0,
    cut_every: cli.CutEvery = 5.0,
    doctors: cli.Doctors = 2,
    talk: cli.Talk = 5.0,
    seed: cli.Seed = 0,
    threads: cli.Threads = 1,
    video_bitrate: cli.VideoBitrate = "1.2M",
    fps: cli.Fps = 30,
    audio: cli.Audio = True,
    video: cli.Video = True,
    codec: cli.Codec = VideoCodec.VP8,
    simulcast: cli.Simulcast = False,
    srtp_profile: cli.Profile = SrtpProfile.AEAD_AES_128_GCM.name,
    recording: cli.Recording = False,
    impair: cli.Impair = None,
    bots: cli.Bots = 0,
    media: cli.Film = None,
    threshold: cli.Thresholds = None,
    figures: cli.Figures = False,
    find_capacity: cli.FindCapacity = False,
    most: cli.Most = 1000,
    out: cli.Out = None,
    compare: cli.Compare = None,
    quiet: cli.Quiet = False,
) -> None:
    """Replaced by HELP."""
    given = context.params
    signals = Signals.of_this_program()
    try:
        options = _options(given, _typed(context))
        plan = Plan(
            options,
            metrics=_metrics(metrics or (), options),
            ticket_keys=ticket_keys,
            ticket_command=ticket_command,
            film=media,
            make_mint=context.obj,
        )
        earlier = _earlier(compare)
        with out_folder(out):
            with shown(options, Console(stderr=True), quiet=quiet) as progress:
                signals.keep()  # until the test asks for them
                report = uvloop.run(run_test(plan, progress, signals))
            unwritten = None if out is None else write_report(report, earlier, out)
    except WrongUsage as error:
        _fail(str(error), 2)
    except LoadTestError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        _fail(f"{signals.why} before it had begun.", 1)
    finally:
        signals.keep()
    _deliver(report, earlier, out, unwritten)


def _typed(context: typer.Context) -> set[str]:
    """The options that are no defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _metrics(typed: Sequence[str], options: Options) -> list[str]:
    """Raises WrongUsage."""
    if len(typed) > len(options.servers):
        raise WrongUsage("--metrics: give at most one for each --server, in the same order")
    return [scraped_url(each) for each in typed]


def _options(given: dict[str, Any], typed: Collection[str]) -> Options:
    """Raises WrongUsage."""
    scenario: ScenarioName = given["scenario"]
    check_typed(given, typed)
    if given["srtp_profile"] not in SrtpProfile.__members__:
        raise WrongUsage(f"--srtp-profile: one of {', '.join(SrtpProfile.__members__)}")
    if not given["audio"] and not given["video"]:
        raise WrongUsage("--no-audio with --no-video: nothing would be sent")
    if given["simulcast"]:
        raise WrongUsage("--simulcast: cameras send one size only, which is all that a server takes of them")
    _check_impairment(given["impair"])
    _check_bots(given)
    if given["participants"] is not None and scenario not in SIZES:
        raise WrongUsage(f"--participants: {scenario} has rooms of two; give --calls")
    if given["find_capacity"] and scenario not in SEARCHED:
        raise WrongUsage(f"--find-capacity: looks with {', '.join(SEARCHED)}, not with {scenario}")
    wanted = tuple(given["threshold"] or (DEFAULT_THRESHOLDS if given["find_capacity"] else ()))
    try:
        options = Options(
            scenario=scenario,
            servers=tuple(origin_of(each) for each in given["server"] or (cli.LOCAL,)),
            tickets=_ticket_source(given),
            calls=given["calls"] or (1 if scenario in FEW_ROOMS else 10),
            participants=given["participants"] or SIZES.get(scenario, 2),
            ramp_per_s=given["ramp"],
            duration_s=given["duration"],
            warm_up_s=given["warm_up"],
            video_bps=bits_per_second(given["video_bitrate"]),
            thresholds=wanted,
            churn_per_s=given["churn"],
            talk_s=given["talk"],
            most_calls=given["most"],
            cut_every_s=given["cut_every"],
            impairment=given["impair"],
            film=given["media"] is not None,
            **{name: given[name] for name in _SAME_NAME},
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0])
        raise WrongUsage(f"--{_FLAGS.get(field, field)}: {first['msg'].lower()}") from None
    parse_all(options.thresholds, options)
    return options


def _check_impairment(written: str | None) -> None:
    """Raises WrongUsage."""
    try:
        if written is not None:
            parse_impairment(written)
    except BadImpairment as error:
        raise WrongUsage(f"--impair {error}") from None


def _check_bots(given: dict[str, Any]) -> None:
    """Raises WrongUsage."""
    if given["bots"] % 2:
        raise WrongUsage("--bots: they come in twos; give an even number")
    if given["bots"] and given["scenario"] is ScenarioName.WAITING_ROOM:
        raise WrongUsage("--bots: not with waiting-room, whose patients wait")
    film: Path | None = given["media"]
    if film is None:
        return
    if not given["bots"]:
        raise WrongUsage("--media: only bots send a film; give --bots")
    try:
        check_film(film)
    except BadFilm as error:
        raise WrongUsage(f"--media {film}: {error}") from None


_FLAGS = {
    "ramp_per_s": "ramp",
    "duration_s": "duration",
    "warm_up_s": "warm-up",
    "churn_per_s": "churn",
    "cut_every_s": "cut-every",
    "talk_s": "talk",
}
_SAME_NAME = (
    "fps",
    "audio",
    "video",
    "codec",
    "simulcast",
    "srtp_profile",
    "recording",
    "seed",
    "bots",
    "doctors",
    "find_capacity",
    "threads",
)


def _ticket_source(given: dict[str, Any]) -> TicketSource:
    ways = {
        TicketSource.WALK_IN: given["walk_in"],
        TicketSource.KEYS: given["ticket_keys"] is not None,
        TicketSource.COMMAND: given["ticket_command"] is not None,
        TicketSource.TEST_LOGINS: given["test_logins"],
    }
    chosen = [way for way, wanted in ways.items() if wanted] or [TicketSource.WALK_IN]
    if len(chosen) > 1:
        raise WrongUsage("give one of --walk-in, --ticket-keys, --ticket-command and --test-logins")
    waits = given["scenario"] is ScenarioName.WAITING_ROOM
    if chosen[0] is TicketSource.WALK_IN and waits:
        raise WrongUsage(
            "waiting-room: walk-in patients need not wait; "
            "give --ticket-keys, --ticket-command or --test-logins"
        )
    if chosen[0] is TicketSource.TEST_LOGINS and not waits:
        raise WrongUsage("--test-logins: only waiting-room logs in")
    return chosen[0]


def _earlier(path: Path | None) -> Report | None:
    """Raises WrongUsage."""
    if path is None:
        return None
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise WrongUsage(f"--compare {path}: it is no file")
        if found.st_size > LARGEST_REPORT_BYTES:
            raise WrongUsage(f"--compare {path}: it is too large for a report.json")
        return read_report(path.read_text())
    except FileNotFoundError:
        raise WrongUsage(f"--compare {path}: there is no such file") from None
    except (OSError, UnicodeDecodeError):
        raise WrongUsage(f"--compare {path}: it cannot be read") from None
    except BadReport as error:
        raise WrongUsage(f"--compare {path}: {error}") from None


def _deliver(report: Report, earlier: Report | None, out: Path | None, unwritten: OSError | None) -> NoReturn:
    """Say what there is to say, and leave. `unwritten`: why the report is not there."""
    for line in [*summary(report), *(_changes(report, earlier) if earlier is not None else ())]:
        typer.echo(line)
    if out is not None and unwritten is None:
        typer.echo(f"{'report':14} {out / 'report.html'}")
    failing = [describe(result) for result in report.thresholds if not result.passed]
    for line in failing:
        typer.echo(f"FAILED  {line}")
    if report.partial:
        kept = " What was measured until then is kept." if unwritten is None else ""
        typer.echo(f"teleconsult: {report.partial_reason}{kept}", err=True)
    elif not report.joins.succeeded:
        typer.echo("teleconsult: nobody could join.", err=True)
    if unwritten is not None:
        _fail(f"--out {out}: the report could not be written ({unwritten.strerror}).", 1)
    raise typer.Exit(0 if report.passed else 1)


def _changes(report: Report, earlier: Report) -> list[str]:
    """What has become better or worse, of what most people look for; before that, how it was another test."""
    lines = [f"{'another test':14} {line}" for line in different_plans(report, earlier)]
    return lines + [
        f"{change.verdict.value:14} {change.name}: {change.before}, now {change.after}"
        for change in headlines(compared(report, earlier))
        if change.moved
    ]


def _fail(text: str, status: int) -> NoReturn:
    typer.echo(f"teleconsult: {text}", err=True)
    raise typer.Exit(status) from None


def main(arguments: Sequence[str], make_mint: MakeMint | None = None) -> NoReturn:
    """Leaves with the exit status."""
    app(args=list(arguments), prog_name="teleconsult loadtest", obj=make_mint)
    sys.exit(0)  # not reached: typer leaves by itself
