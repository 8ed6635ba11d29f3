"""What a running test shows of itself: a board on a terminal, lines elsewhere, nothing when told so."""

import io
from collections.abc import Callable

from rich.console import Console

from loadtest.report import shown
from loadtest.report.live import Lines
from loadtest.results import CapacityStep, Phase, Progress
from tests.loadtest.report.reports import a_report, a_second

OPTIONS = a_report().options  # 10 calls, 2 s of warm-up, 30 s


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def some_of_a_test(progress: Progress, wait: Callable[[float], None] = lambda _: None) -> None:
    progress.phase(Phase.CHECKING, None)
    progress.phase(Phase.JOINING, 4.0)
    for number in range(1, 21):
        progress.joined(number, 20)
        progress.join_took(40 + number)
    progress.failed("join: close code 4401")
    progress.failed("join: close code 4401")
    progress.second(a_second(5.0))
    progress.phase(Phase.MEASURING, 30.0)
    wait(12.0)
    progress.second(a_second(20.0))


def lines_of(clock: Clock) -> tuple[Lines, io.StringIO]:
    written = io.StringIO()
    return Lines(OPTIONS, Console(file=written, width=80), clock), written


def on_a_terminal() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=True, width=100, _environ={"TERM": "xterm"}), written


def test_elsewhere_than_on_a_terminal_it_is_a_line_now_and_then() -> None:
    clock = Clock()
    lines, written = lines_of(clock)

    def wait(seconds: float) -> None:
        clock.now_s += seconds

    some_of_a_test(lines, wait)
    assert written.getvalue().replace("\u202f", " ").splitlines() == [
        "   0.0 s  joining, about 4 s",
        "   0.0 s  went wrong: join: close code 4401",
        "   0.0 s  measuring, about 30 s",
        "  12.0 s  measuring: participants 20, join p95 58.9 ms, lost 0.0999 %, latency p99 19 ms, "
        "server 0.50 cores, load tester 0.50 cores",
    ]


def test_each_step_of_a_search_is_a_line() -> None:
    lines, written = lines_of(Clock())
    lines.capacity_step(CapacityStep(calls=10, passed=True))
    lines.capacity_step(CapacityStep(calls=15, passed=False, failing=("loss<=0.1%",)))
    assert "10 calls: held\n" in written.getvalue()
    assert "15 calls: too many, not met: loss<=0.1%" in written.getvalue()


def test_on_a_terminal_the_board_has_what_people_wait_for() -> None:
    console, written = on_a_terminal()
    with shown(OPTIONS, console) as progress:
        some_of_a_test(progress)
        progress.capacity_step(CapacityStep(calls=10, passed=True))
    said = written.getvalue().replace("\u202f", " ")
    for words in (
        "10 consultations at a time",
        "https://video.example.org",
        "joining",
        "20 of 20 joined",
        "measuring",
        "30 s left",
        "58.9 ms",
        "0.0999 %",
        "19 ms",
        "0.50 cores",
        "join: close code 4401 (2)",
        "10 ✓",
        "Ctrl-C",
    ):
        assert words in said, words


def test_while_joining_it_says_how_long_the_whole_test_still_takes() -> None:
    console, written = on_a_terminal()
    with shown(OPTIONS, console) as progress:
        progress.phase(Phase.JOINING, 4.0)
    assert "36\u202fs left" in written.getvalue(), "4 to join, 2 to warm up, 30 to measure"


def test_the_board_is_gone_afterwards_and_the_cursor_is_back() -> None:
    console, written = on_a_terminal()
    with shown(OPTIONS, console) as progress:
        progress.phase(Phase.CHECKING, None)
    assert written.getvalue().rstrip("\r\n").endswith("\x1b[2K") or "\x1b[1A\x1b[2K" in written.getvalue()
    assert written.getvalue().rindex("\x1b[?25h") > written.getvalue().rindex("\x1b[?25l")


def test_a_server_cannot_command_the_terminal() -> None:
    lines, written = lines_of(Clock())
    lines.failed("join: \x1b]0;mine\x07[red]")
    assert "went wrong: join: \ufffd]0;mine\ufffd[red]" in written.getvalue()


def test_quiet_is_quiet() -> None:
    written = io.StringIO()
    with shown(OPTIONS, Console(file=written), quiet=True) as progress:
        some_of_a_test(progress)
    assert written.getvalue() == ""
