"""What must not pass for a good test: a server that stopped forwarding or is gone, and nothing measured."""

import asyncio
import resource
import signal
from collections.abc import Callable
from typing import Any

import pytest

from loadtest.report.headline import capacity_sentence
from loadtest.results import Capacity, Options, Phase, Report, ScenarioName, Silent, TicketSource
from loadtest.tool.errors import CannotTest, WrongUsage
from loadtest.tool.needs import allow_sockets, check_servers
from loadtest.tool.run import Run
from loadtest.tool.summary import summary
from loadtest.tool.tester import Plan, run_test
from tests.loadtest.results.test_report import a_report
from tests.server_process import ServerProcess, running_server

pytestmark = pytest.mark.asyncio(loop_scope="session")


def options(*origins: str, **changed: Any) -> Options:
    wanted = {
        "scenario": ScenarioName.CONSULTATIONS,
        "servers": origins or ("http://127.0.0.1:9",),
        "tickets": TicketSource.WALK_IN,
        "calls": 1,
        "ramp_per_s": 50,
        "warm_up_s": 0,
        "duration_s": 4,
        "video_bps": 200_000,
    }
    return Options.model_validate(wanted | changed)


class When(Silent):
    """Does something so long after a phase has begun."""

    def __init__(self, phase: Phase, after_s: float, then: Callable[[], object]) -> None:
        self._phase, self._after_s, self._then = phase, after_s, then

    def phase(self, phase: Phase, seconds: float | None) -> None:
        if phase is self._phase:
            asyncio.get_running_loop().call_later(self._after_s, self._then)


async def test_what_a_server_forwards_no_more_is_lost_and_the_picture_frozen() -> None:
    async with running_server({"WORKERS": "1"}) as mortal:
        process = mortal.process
        freeze = When(Phase.MEASURING, 2, lambda: process.send_signal(signal.SIGSTOP))
        closing = When(Phase.CLOSING, 0, lambda: process.send_signal(signal.SIGCONT))

        class Both(Silent):
            def phase(self, phase: Phase, seconds: float | None) -> None:
                freeze.phase(phase, seconds)
                closing.phase(phase, seconds)

        limits = ("loss<=1%", "freezes<=0/h", "playing>=100%")
        try:
            report = await run_test(Plan(options(mortal.origin, duration_s=6, thresholds=limits)), Both())
        finally:
            process.send_signal(signal.SIGCONT)
    for media in (report.audio, report.video):
        assert media.expected == pytest.approx(media.sent_packets, rel=0.15)
        assert media.loss == pytest.approx(4 / 6, abs=0.15)
    assert report.video.freezes == 2
    assert report.video.freeze_ms > 2 * 2000
    assert report.playing.share == 0
    assert not any(threshold.passed for threshold in report.thresholds)
    assert sum(second.lost for second in report.timeline) > 0, "nor does the time line look well"


async def test_one_of_several_servers_that_is_gone_ends_the_test(server: ServerProcess) -> None:
    async with running_server({"WORKERS": "1"}) as mortal:
        kill = When(Phase.MEASURING, 1, mortal.process.kill)
        wanted = options(server.origin, mortal.origin, calls=2, duration_s=60)
        report = await run_test(Plan(wanted), kill)
    assert report.partial
    assert not report.passed
    assert f"{mortal.origin} stopped answering" in (report.partial_reason or "")
    assert server.origin not in (report.partial_reason or "")
    assert report.measured_s < 20
    assert (report.video.loss or 0) > 0


async def test_where_nobody_expected_anything_playing_was_not_measured(server: ServerProcess) -> None:
    alone = options(
        server.origin,
        scenario=ScenarioName.FANOUT,
        participants=1,
        duration_s=1,
        thresholds=("playing>=100%",),
    )
    report = await run_test(Plan(alone), Silent())
    assert (report.playing.participants, report.playing.share) == (0, None)
    assert [(result.passed, result.value) for result in report.thresholds] == [(False, None)]


async def test_a_server_that_does_not_record_is_told_before_anything_begins(server: ServerProcess) -> None:
    with pytest.raises(CannotTest, match="does not record"):
        await run_test(Plan(options(server.origin, recording=True)), Silent())


async def test_a_server_that_is_given_twice_is_refused() -> None:
    with pytest.raises(WrongUsage, match="--server http://a: it is given twice"):
        check_servers(options("http://a", "http://b", "http://a"))
    check_servers(options("http://a", "http://b"))


async def test_too_few_open_files_are_told_before_anything_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 200))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    allow_sockets(options(calls=10))
    assert raised == [(200, 200)]
    with pytest.raises(CannotTest, match=r"40 participants take 230 open files.*200.*ulimit -Hn"):
        allow_sockets(options(calls=20))
    with pytest.raises(CannotTest, match="--most"):
        allow_sockets(options(calls=1, find_capacity=True))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, resource.RLIM_INFINITY))
    allow_sockets(options(calls=20))


async def test_a_test_that_is_stopped_before_its_window_has_no_figures_of_media(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await stopped(server, monkeypatch, Phase.WARMING_UP, warm_up_s=60)
    assert (report.partial, report.measured_s) == (True, 0)
    assert report.joins.succeeded == 2
    assert report.audio.expected == report.video.packets == 0
    assert not [line for line in summary(report) if line.startswith(("audio", "video"))]


async def test_a_search_that_is_stopped_says_so(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"find_capacity": True, "calls": 1, "most_calls": 8, "duration_s": 0.5}
    limits = ("loss<=50%",)
    report = await stopped(server, monkeypatch, Phase.JOINING, after=2, thresholds=limits, **wanted)
    assert report.partial
    assert report.capacity is not None
    assert (report.capacity.most, report.capacity.limited_by) == (1, None)
    assert "1 call (then the search was stopped)" in " ".join(summary(report)).replace("\u202f", " ")
    assert capacity_sentence(report).endswith("; then the search was stopped.")
    nothing = a_report().model_copy(update={"capacity": Capacity()})
    assert "before it knew" in capacity_sentence(nothing)


async def stopped(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, phase: Phase, after: int = 1, **changed: Any
) -> Report:
    """Stopped a moment after a phase has begun for that many times."""
    runs: list[Run] = []
    made = Run.__init__

    def note(run: Run, *words: Any) -> None:
        made(run, *words)
        runs.append(run)

    monkeypatch.setattr(Run, "__init__", note)
    times = 0

    class Stopping(Silent):
        def phase(self, now: Phase, seconds: float | None) -> None:
            nonlocal times
            times += now is phase
            if now is phase and times == after:
                asyncio.get_running_loop().call_later(0.3, runs[0].stop, "It was stopped.")

    async with asyncio.timeout(60):
        return await run_test(Plan(options(server.origin, **changed)), Stopping())
