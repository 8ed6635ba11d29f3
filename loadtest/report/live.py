"""A running test on standard error: a board that is drawn anew each second, or now and then a line.

It is drawn when the test tells something, never in between and by no thread of its own: what it costs would
be taken from the participants.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtest.report import words
from loadtest.report.board import Board
from loadtest.report.headline import title
from loadtest.results import CapacityStep, Options, Phase, Progress, Second, Silent

LINE_EVERY_S = 10.0
SHOWN_FAILURES = 4
Clock = Callable[[], float]


@contextmanager
def shown(options: Options, console: Console, *, quiet: bool = False) -> Iterator[Progress]:
    """What shows a test while it runs, and is gone from a terminal afterwards."""
    if quiet:
        yield Silent()
    elif not console.is_terminal or console.is_dumb_terminal:
        yield Lines(options, console)
    else:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield OnTerminal(options, live)


class OnTerminal:
    """Draws the whole board."""

    def __init__(self, options: Options, live: Live, clock: Clock = time.monotonic) -> None:
        self._board = Board(options, phase_began_s=clock())
        self._live = live
        self._clock = clock

    def phase(self, phase: Phase, expected_s: float | None) -> None:
        self._board.begin(phase, expected_s, self._clock())
        self._draw()

    def joined(self, participants: int, of: int) -> None:
        self._board.joined, self._board.wanted = participants, of

    def join_took(self, took_ms: float) -> None:
        self._board.joins.record(1000 * took_ms)

    def second(self, second: Second) -> None:
        self._board.take(second)
        self._draw()

    def capacity_step(self, step: CapacityStep) -> None:
        self._board.steps.append(step)
        self._draw()

    def failed(self, kind: str) -> None:
        self._board.failures[kind] += 1

    def _draw(self) -> None:
        self._live.update(drawn(self._board, self._clock()), refresh=True)


class Lines:
    """A line at the beginning of each phase, at the first failure of a kind, and every ten seconds."""

    def __init__(self, options: Options, console: Console, clock: Clock = time.monotonic) -> None:
        self._began_s = clock()
        self._board = Board(options, phase_began_s=self._began_s)
        self._console = console
        self._clock = clock
        self._said_s = self._began_s

    def phase(self, phase: Phase, expected_s: float | None) -> None:
        self._board.begin(phase, expected_s, self._clock())
        if phase is Phase.CHECKING:  # it is over in a moment, or ends in a sentence of its own
            return
        about = f", about {words.seconds(round(expected_s, 1))}" if expected_s else ""
        self._say(f"{phase}{about}")

    def joined(self, participants: int, of: int) -> None:
        self._board.joined, self._board.wanted = participants, of

    def join_took(self, took_ms: float) -> None:
        self._board.joins.record(1000 * took_ms)

    def second(self, second: Second) -> None:
        self._board.take(second)
        if self._clock() - self._said_s >= LINE_EVERY_S:
            said = ", ".join(f"{name} {figure}" for name, figure in _figures(self._board))
            self._say(f"{self._board.phase}: {said}")

    def capacity_step(self, step: CapacityStep) -> None:
        self._say(_step(step))

    def failed(self, kind: str) -> None:
        self._board.failures[kind] += 1
        if self._board.failures[kind] == 1:
            self._say(f"went wrong: {words.visible(kind)}")

    def _say(self, text: str) -> None:
        self._said_s = self._clock()
        after_s = self._said_s - self._began_s
        self._console.print(f"{after_s:6.1f} s  {text}", markup=False, highlight=False, soft_wrap=True)


def drawn(board: Board, now_s: float) -> RenderableType:
    """The board, for a terminal."""
    where = " and ".join(board.options.servers)
    head = Text.assemble((title(board.options), "bold"), f"  {words.visible(where)}")
    parts: list[RenderableType] = [head, _phase(board, now_s)]
    if board.last is not None:
        parts.append(_grid(board))
    if board.steps:
        parts.append(Text.assemble("held so far   ", *(_mark(step) for step in board.steps)))
    for kind, count in board.failures.most_common(SHOWN_FAILURES):
        parts.append(Text(f"went wrong    {words.visible(kind)} ({words.count(count)})", style="red"))
    if board.last is not None and board.phase is not Phase.CLOSING:
        parts.append(Text("Ctrl-C ends it and keeps what was measured.", style="dim"))
    return Group(*parts)


def _phase(board: Board, now_s: float) -> RenderableType:
    done, left_s = board.done(now_s), board.left_s(now_s)
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=done, width=40) if done is not None else Text("")
    left = f"{words.seconds(round(left_s))} left" if left_s is not None else ""
    row.add_row(Text(board.phase.value, style="cyan"), bar, Text(left))
    return row


def _grid(board: Board) -> RenderableType:
    grid = Table.grid(padding=(0, 3))
    figures = [(Text(name, style="dim"), Text(said)) for name, said in _figures(board)]
    half = (len(figures) + 1) // 2
    for number in range(half):
        right = figures[half + number] if half + number < len(figures) else (Text(""), Text(""))
        grid.add_row(*figures[number], *right)
    return grid


def _figures(board: Board) -> list[tuple[str, str]]:
    """Those that are known; what is not is left out."""
    last = board.last
    there = words.count(last.participants) if last is not None else "0"
    if board.phase is Phase.JOINING and board.wanted:
        there = f"{board.joined} of {board.wanted} joined"
    figures: list[tuple[str, str | None]] = [
        ("participants", there),
        ("join p95", _known(board.join_p95_ms, words.ms)),
        ("lost", _known(board.loss, words.share)),
    ]
    if last is not None:
        figures += [
            ("latency p99", _known(last.latency_p99_ms, words.ms)),
            ("server", _known(last.server_cpu, words.cores)),
            ("load tester", _known(last.client_cpu, words.cores)),
        ]
    return [(name, said) for name, said in figures if said is not None]


def _known(value: float | None, say: Callable[[float], str]) -> str | None:
    return None if value is None else say(value)


def _step(step: CapacityStep) -> str:
    failing = f", not met: {', '.join(step.failing)}" if step.failing else ""
    return f"{words.several(step.calls, 'call')}: {'held' if step.passed else 'too many'}{failing}"


def _mark(step: CapacityStep) -> tuple[str, str]:
    return (f"{step.calls} ✓  ", "green") if step.passed else (f"{step.calls} ✗  ", "red")
