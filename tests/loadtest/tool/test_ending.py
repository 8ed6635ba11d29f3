"""How a test ends before its time: by signals, at whatever moment; and where the server hangs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from loadtest import session
from loadtest.results import Options, Report, ScenarioName, Silent, TicketSource, read_report
from loadtest.tool import fleet, preflight
from loadtest.tool.scenarios import consultation_desk
from loadtest.tool.signals import Signals
from loadtest.tool.tester import Plan, run_test
from loadtest.traffic import participant
from tests.loadtest.tool.conftest import SETTINGS
from tests.loadtest.tool.test_cli import Watching, _typed
from tests.loadtest.tool.test_folder import contents
from tests.server_process import ServerProcess, running_server

ENDLESS = ("--calls", "2", "--ramp", "50", "--warm-up", "0", "--duration", "600")


@asynccontextmanager
async def a_frozen_one(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[ServerProcess, Callable[[], None]]]:
    """A server, and what freezes it: from then on nobody is patient with it."""
    async with running_server(SETTINGS) as server:

        def freeze() -> None:
            for module, name in (
                (preflight, "ANSWER_S"),
                (fleet, "CLOSE_S"),
                (participant, "LEAVE_S"),
                (consultation_desk, "END_S"),
                (session, "GOODBYE_S"),
            ):
                monkeypatch.setattr(module, name, 0.3)
            server.process.send_signal(signal.SIGSTOP)

        try:
            yield server, freeze
        finally:
            server.process.kill()


def waiting_room(server: ServerProcess, duration_s: float) -> Plan:
    return Plan(
        Options(
            scenario=ScenarioName.WAITING_ROOM,
            servers=(server.origin,),
            tickets=TicketSource.TEST_LOGINS,
            calls=2,
            talk_s=60,
            ramp_per_s=50,
            warm_up_s=0,
            duration_s=duration_s,
        )
    )


async def test_a_server_that_hangs_holds_up_neither_the_window_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though somebody was waiting for its answers over HTTP and over the WebSocket."""
    async with a_frozen_one(monkeypatch) as (server, freeze), asyncio.timeout(40):
        monkeypatch.setattr("loadtest.tool.run.PATIENCE", dict.fromkeys(preflight.Health, 1000))
        report = await run_test(waiting_room(server, 5), Watching(50, freeze))
    assert report.audio.packets > 20
    assert report.measured_s < 9


async def test_the_first_signal_keeps_what_was_measured_of_a_server_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signals = Signals()

    async with a_frozen_one(monkeypatch) as (server, freeze), asyncio.timeout(40):

        def freeze_and_stop() -> None:
            freeze()
            signals.hear(signal.SIGINT)

        report = await run_test(waiting_room(server, 600), Watching(50, freeze_and_stop), signals)
    assert report.partial_reason == "It was stopped by Ctrl-C."
    assert report.audio.packets > 20


async def test_a_server_that_hangs_is_gone_after_three_looks_whatever_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_frozen_one(monkeypatch) as (server, freeze), asyncio.timeout(40):
        report = await run_test(waiting_room(server, 600), Watching(50, freeze))
    assert f"{server.origin} stopped answering" in (report.partial_reason or "")
    assert report.audio.packets > 20


# Signals, to the program itself


async def until_measuring(process: asyncio.subprocess.Process, server: ServerProcess) -> list[str]:
    """The lines up to then."""
    lines = await until_told("measuring", process)
    before = await forwarded(server)
    while await forwarded(server) < before + 100:  # noqa: ASYNC110  no event tells of it
        await asyncio.sleep(0.02)
    return lines


async def forwarded(server: ServerProcess) -> float:
    return (await server.metrics()).get('teleconsult_media_packets_total{direction="out",kind="video"}', 0.0)


async def until_told(word: str, process: asyncio.subprocess.Process) -> list[str]:
    assert process.stderr is not None
    lines: list[str] = []
    while word not in (lines[-1] if lines else ""):
        line = (await process.stderr.readline()).decode()
        assert line, lines
        lines.append(line)
    return lines


def assert_told_once(process: asyncio.subprocess.Process, for_people: str, sentence: str) -> None:
    assert process.returncode == 1, for_people
    assert sentence in for_people
    assert for_people.count("teleconsult: ") == 1, for_people
    for noise in ("Traceback", "Unclosed", "never awaited", "never retrieved"):
        assert noise not in for_people


def kept(out: Path, reason: str) -> Report:
    """The report, whole; nothing else is in its folder."""
    assert {path.name for path in out.iterdir()} == {"report.json", "report.html"}
    report = read_report((out / "report.json").read_text())
    assert report.partial_reason == reason
    assert report.video.packets > 0
    return report


REASONS = {
    signal.SIGINT: "It was stopped by Ctrl-C.",
    signal.SIGTERM: "It was told to stop.",
    signal.SIGHUP: "It was stopped by a hang-up.",
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    "sent",
    [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGTERM, signal.SIGINT), (signal.SIGHUP,)],
    ids=lambda sent: " ".join(each.name for each in sent),
)
async def test_signals_without_end_do_not_harm_the_report(
    server: ServerProcess, tmp_path: Path, sent: Sequence[signal.Signals]
) -> None:
    """One after the other from the window on, until the program has ended."""
    out = tmp_path / "out"
    process = await _typed("consultations", "--server", server.origin, *ENDLESS, "--out", str(out))
    async with asyncio.timeout(60):
        await until_measuring(process, server)
        told = asyncio.create_task(process.communicate())
        number = 0
        while not told.done():
            with suppress(ProcessLookupError):
                # The process' own method would take its exit status from the loop that waits for it.
                os.kill(process.pid, sent[number % len(sent)])
            number += 1
            await asyncio.wait((told,), timeout=0.01)
        printed, for_people = await told
    assert number > 2
    reason = REASONS[sent[0]]
    assert_told_once(process, for_people.decode(), f"{reason} What was measured until then is kept.")
    kept(out, reason)
    assert "report" in printed.decode()


async def test_the_second_signal_does_without_farewells(tmp_path: Path) -> None:
    """Of a server that hangs, so that they would take some seconds."""
    out = tmp_path / "out"
    async with running_server(SETTINGS) as hanging, asyncio.timeout(60):
        process = await _typed("consultations", "--server", hanging.origin, *ENDLESS, "--out", str(out))
        await until_measuring(process, hanging)
        hanging.process.send_signal(signal.SIGSTOP)
        try:
            process.send_signal(signal.SIGTERM)
            await until_told("closing", process)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(fleet.CLOSE_S):
                _, for_people = await process.communicate()
        finally:
            hanging.process.kill()
    assert_told_once(
        process, for_people.decode(), "It was told to stop. What was measured until then is kept."
    )
    kept(out, "It was told to stop.")


@pytest.mark.parametrize("sent", REASONS, ids=lambda sent: sent.name)
async def test_before_the_beginning_a_signal_ends_it_and_leaves_no_folder(
    tmp_path: Path, sent: signal.Signals
) -> None:
    """Of a server that is ready, but lets nobody finish to log in."""
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
        origin = str(slow.make_url("")).rstrip("/")
        out = tmp_path / "new" / "out"
        process = await _typed("waiting-room", "--test-logins", "--server", origin, "--out", str(out))
        await asked.wait()
        assert out.is_dir()
        process.send_signal(sent)
        _, for_people = await process.communicate()
    reason = REASONS[sent].removesuffix(".")
    assert_told_once(process, for_people.decode(), f"{reason} before it had begun.")
    assert contents(tmp_path) == {}


async def test_a_signal_that_came_before_the_test_asked_for_them_ends_it_too() -> None:
    signals = Signals()
    signals.keep()
    signals.hear(signal.SIGTERM)
    options = Options(
        scenario=ScenarioName.CONSULTATIONS, servers=("http://127.0.0.1:9",), tickets=TicketSource.WALK_IN
    )
    with pytest.raises(asyncio.CancelledError):
        await run_test(Plan(options), Silent(), signals)
    assert signals.why == "It was told to stop"


def test_until_somebody_says_otherwise_a_signal_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        Signals().hear(signal.SIGTERM)
