"""`teleconsult loadtest` as it is typed: exit status, one sentence for a mistake, what is kept at the end."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner, Result

from auth import KeyRing
from loadtest.results import Options, ScenarioName, Second, Silent, TicketSource, read_report
from loadtest.tool import fleet, preflight
from loadtest.tool.tester import Plan, run_test
from media_server.cli import app
from tests.server_process import ServerProcess, dying_with_parent, running_server

QUICK = ("--calls", "1", "--duration", "0.5", "--warm-up", "0", "--ramp", "50")


def loadtest(*words: str) -> Result:
    return CliRunner().invoke(app, ["loadtest", *words])


def told(result: Result, status: int) -> str:
    """The one sentence on standard error; no trace."""
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_help_teaches_the_scenarios_and_where_to_begin() -> None:
    printed = loadtest("--help").output
    for scenario in ScenarioName:
        assert scenario in printed
    assert "teleconsult serve --walk-in" in printed
    assert "Exit status" in printed


def test_the_figures_for_thresholds_are_listed() -> None:
    printed = loadtest("--figures").output
    assert "join.p95" in printed
    assert "cut.network.gap.max" in printed


def test_within_the_thresholds_the_status_is_0_and_the_report_is_there(
    server: ServerProcess, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "folder"
    result = loadtest(
        "consultations", "--server", server.origin, *QUICK, "--threshold", "playing>=100%", "--out", str(out)
    )
    assert result.exit_code == 0, result.output
    report = read_report((out / "report.json").read_text())
    assert report.options.tickets is TicketSource.WALK_IN
    assert report.thresholds[0].passed
    assert "2 of 2" in result.stdout
    assert str(out / "report.html") in result.stdout
    assert "Passed: the threshold was met" in (out / "report.html").read_text()


def test_an_earlier_report_is_shown_beside_this_one(server: ServerProcess, tmp_path: Path) -> None:
    loadtest("consultations", "--server", server.origin, *QUICK, "--out", str(tmp_path), "--quiet")
    earlier = json.loads((tmp_path / "report.json").read_text())
    earlier["joins"]["steps_ms"]["first_packet"].update({"p50": 0.001, "p95": 0.001, "p99": 0.001})
    (tmp_path / "earlier.json").write_text(json.dumps(earlier))
    words = ("--compare", str(tmp_path / "earlier.json"), "--out", str(tmp_path))
    result = loadtest("consultations", "--server", server.origin, *QUICK, *words)
    assert result.exit_code == 0, result.output
    assert "worse          join.p95: 1\u202fµs, now" in result.stdout
    assert "Compared with an earlier test" in (tmp_path / "report.html").read_text()


def test_it_says_how_it_goes_on_standard_error_unless_told_not_to(server: ServerProcess) -> None:
    told = loadtest("consultations", "--server", server.origin, *QUICK)
    assert "joining" in told.stderr
    assert "measuring, about 0.5\u202fs" in told.stderr
    assert "joining" not in told.stdout
    quiet = loadtest("consultations", "--server", server.origin, *QUICK, "--quiet")
    assert quiet.stderr == ""
    assert "2 of 2" in quiet.stdout


def test_outside_a_threshold_the_status_is_1_and_the_failing_lines_are_printed(server: ServerProcess) -> None:
    limits = ("--threshold", "join.websocket.p50<=1us", "--threshold", "loss<=50%")
    result = loadtest("consultations", "--server", server.origin, *QUICK, *limits)
    assert result.exit_code == 1
    failing = [line for line in result.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failing) == 1
    assert "join.websocket.p50<=1us: it was" in failing[0]


def test_over_a_bad_network_the_status_is_1_where_the_network_is_not_allowed_for(
    server: ServerProcess, tmp_path: Path
) -> None:
    words = ("consultations", "--server", server.origin, *QUICK, "--threshold", "latency.p50<=50ms")
    assert loadtest(*words).exit_code == 0
    result = loadtest(*words, "--impair", "loss=5%,delay=100ms", "--out", str(tmp_path))
    assert result.exit_code == 1, result.output
    assert "FAILED  latency.p50<=50ms: it was" in result.stdout
    assert "loss=5%,delay=100ms, on purpose" in result.stdout
    assert read_report((tmp_path / "report.json").read_text()).options.impairment == "loss=5%,delay=100ms"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("consultations", "--threshold", "playing>=150%"), "a share is from 0 to 100 %"),
        (("consultations", "--threshold", "joy>=3"), "there is no figure joy"),
        (("consultations", "--threshold", "psnr.p50>=3dB"), "does not measure psnr.p50"),
        (("consultations", "--out", "/proc/nowhere"), "--out /proc/nowhere: nothing can be written there"),
        (("consultations", "--compare", "/nowhere.json"), "--compare /nowhere.json: there is no such file"),
        (("consultations", "--server", "video.example.org"), "--server: give an address such as"),
        (("consultations", "--server", "http://u:p@host"), "without a user name or password"),
        (("consultations", "--video-bitrate", "fast"), "--video-bitrate fast: give 16k to 50M"),
        (("consultations", "--no-audio", "--no-video"), "nothing would be sent"),
        (("consultations", "--walk-in", "--ticket-command", "x"), "give one of --walk-in"),
        (("consultations", "--participants", "3"), "--participants: consultations has rooms of two"),
        (("consultations", "--srtp-profile", "NONE"), "--srtp-profile: one of"),
        (("consultations", "--impair", "loss=5"), "--impair loss=5: give 0% to 100%"),
        (("consultations", "--impair", "fog=3"), "--impair fog=3: give loss, burst"),
        (("consultations", "--bots", "3"), "--bots: they come in twos"),
        (("consultations", "--media", "/nowhere.mp4"), "--media: only bots send a film"),
        (
            ("consultations", "--bots", "2", "--media", "/nowhere.mp4"),
            "--media /nowhere.mp4: there is no such file",
        ),
        (("consultations", "--duration", "0"), "--duration: give 0.1 to 86400 seconds"),
        (("churn", "--find-capacity"), "--find-capacity: looks with"),
        (("waiting-room",), "waiting-room: walk-in patients need not wait"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence_and_status_2(
    words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in told(loadtest(*words), 2)


def test_a_folder_without_keys_is_refused_and_none_are_made(server: ServerProcess, tmp_path: Path) -> None:
    result = loadtest("consultations", "--server", server.origin, "--ticket-keys", str(tmp_path))
    assert "there are no keys in" in told(result, 2)
    assert list(tmp_path.iterdir()) == []


def test_other_keys_than_the_servers_are_told_before_anything_begins(
    server: ServerProcess, tmp_path: Path
) -> None:
    KeyRing.open(tmp_path / "keys", longest_life_s=60)
    result = loadtest("consultations", "--server", server.origin, "--ticket-keys", str(tmp_path))
    assert "refuses tickets signed with these keys" in told(result, 1)


def test_a_command_can_bring_the_tickets(server: ServerProcess, tmp_path: Path) -> None:
    script = tmp_path / "ticket.py"
    script.write_text(
        "import sys, json, urllib.request as u\n"
        "room, role, url = sys.argv[1:4]\n"
        "body = json.dumps({'room': room, 'role': role}).encode()\n"
        "asked = u.Request(url + '/v1/walk-in/ticket', body, {'Content-Type': 'application/json'})\n"
        "print(json.load(u.urlopen(asked))['ticket'])\n"
    )
    command = f"{sys.executable} {script} {{room}} {{role}} {{url}}"
    result = loadtest("consultations", "--server", server.origin, *QUICK, "--ticket-command", command)
    assert result.exit_code == 0, result.output
    result = loadtest("consultations", "--server", server.origin, *QUICK, "--ticket-command", "false")
    assert "The command for tickets gave none" in told(result, 1)


def test_nobody_there_somebody_else_there_and_no_walk_in_are_told_apart(server: ServerProcess) -> None:
    assert "cannot be reached: connection refused" in told(
        loadtest("consultations", "--server", "http://127.0.0.1:9"), 1
    )
    assert "not as a Teleconsult server does" in told(
        loadtest("consultations", "--server", f"http://127.0.0.1:{server.ports.metrics}"), 1
    )


class Watching(Silent):
    """Calls once, when so much has come in the measured window."""

    def __init__(self, packets: int, then: Callable[[], object]) -> None:
        self._packets = packets
        self._then: Callable[[], object] | None = then

    def second(self, second: Second) -> None:
        if second.measured:
            self._packets -= second.packets
        if self._packets <= 0 and self._then is not None:
            then, self._then = self._then, None
            then()


async def test_a_server_that_dies_midway_leaves_a_partial_report_with_the_reason() -> None:
    async with running_server({"WORKERS": "1"}) as mortal:
        options = Options(
            scenario=ScenarioName.CONSULTATIONS,
            servers=(mortal.origin,),
            tickets=TicketSource.WALK_IN,
            calls=1,
            ramp_per_s=50,
            warm_up_s=0,
            duration_s=60,
            thresholds=("loss<=100%",),
        )
        report = await run_test(Plan(options), Watching(200, mortal.process.kill))
    assert report.partial
    assert f"{mortal.origin} stopped answering" in (report.partial_reason or "")
    assert not report.passed
    assert report.measured_s < 20
    assert report.audio.packets > 20, "what was measured until then is kept"
    assert [second.measured for second in report.timeline].count(True) >= 2
    assert "server: stopped answering" in [failure.kind for failure in report.failures]
    assert report.servers[0].same_host
    assert report.server is not None, "so are the figures of its process"
    assert report.server.cpu_max is not None


async def test_a_server_that_answers_no_more_but_keeps_its_connections_is_noticed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_server({"WORKERS": "1"}) as frozen:

        def freeze() -> None:
            for patience in ((preflight, "ANSWER_S"), (fleet, "CLOSE_S")):
                monkeypatch.setattr(*patience, 0.3)
            frozen.process.send_signal(signal.SIGSTOP)

        options = Options(
            scenario=ScenarioName.CONSULTATIONS,
            servers=(frozen.origin,),
            tickets=TicketSource.WALK_IN,
            calls=1,
            ramp_per_s=50,
            warm_up_s=0,
            duration_s=60,
        )
        try:
            report = await run_test(Plan(options), Watching(200, freeze))
        finally:
            frozen.process.kill()
    assert f"{frozen.origin} stopped answering" in (report.partial_reason or "")
    assert "server: stopped answering" in [failure.kind for failure in report.failures]
    assert report.measured_s < 30


async def _typed(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "media_server.cli", "loadtest", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=dying_with_parent(),
    )


async def test_ctrl_c_before_anybody_joined_ends_it_at_once() -> None:
    """On a server that is ready, but lets nobody finish to log in."""
    asked = asyncio.Event()

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "node": "n"})

    async def log_in(request: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("it is never set")

    app = web.Application()
    app.add_routes([web.get("/healthz", ready), web.get("/readyz", ready), web.get("/v1/{login:.*}", log_in)])
    async with TestServer(app) as slow, asyncio.timeout(30):
        process = await _typed(
            "waiting-room", "--test-logins", "--server", str(slow.make_url("")).rstrip("/")
        )
        await asked.wait()
        process.send_signal(signal.SIGINT)
        _, for_people = await process.communicate()
    assert process.returncode == 1
    assert "It was stopped by Ctrl-C before it had begun." in for_people.decode()


@pytest.mark.asyncio(loop_scope="session")
async def test_ctrl_c_keeps_what_was_measured(server: ServerProcess, tmp_path: Path) -> None:
    before = await _forwarded(server)
    words = ("--server", server.origin, "--calls", "1", "--ramp", "50", "--warm-up", "0", "--duration", "60")
    process = await _typed("consultations", *words, "--out", str(tmp_path))
    async with asyncio.timeout(60):
        while await _forwarded(server) < before + 100:  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, for_people = await process.communicate()
    assert process.returncode == 1
    assert "It was stopped by Ctrl-C. What was measured until then is kept." in for_people.decode()
    report = read_report((tmp_path / "report.json").read_text())
    assert report.partial
    assert report.partial_reason == "It was stopped by Ctrl-C."
    assert report.joins.succeeded == 2
    assert report.video.packets > 0


async def _forwarded(server: ServerProcess) -> float:
    return (await server.metrics())['teleconsult_media_packets_total{direction="out",kind="video"}']
