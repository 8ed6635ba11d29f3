"""What happened when: who was there, what got through, and what it cost, second by second. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from loadtest.report import scale, words
from loadtest.report.plot import Band, Note, Plot, Point, Series
from loadtest.results import Report, Second

MOST_MOMENTS = 240


@dataclass(frozen=True, slots=True)
class Moment:
    """One second, or several of a long test together. Of latencies the longest, of CPU and bits the mean."""

    at_s: float
    seconds_s: float
    measured: bool
    participants: int
    joins: int
    packets: int
    bits_per_s: float
    loss: float | None
    freezes: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    server_cpu: float | None
    server_memory_mb: float | None
    client_cpu: float


def moments_of(timeline: Sequence[Second]) -> list[Moment]:
    """At most MOST_MOMENTS, none of them partly of the measured window."""
    size = max(1, math.ceil(len(timeline) / MOST_MOMENTS))
    moments: list[Moment] = []
    part: list[Second] = []
    began_s = 0.0
    for number, second in enumerate(timeline):
        part.append(second)
        ends = number + 1 == len(timeline) or timeline[number + 1].measured != second.measured
        if len(part) == size or ends:
            moments.append(_together(part, began_s))
            part, began_s = [], second.at_s
    return moments


def _together(part: Sequence[Second], began_s: float) -> Moment:
    last = part[-1]
    elapsed_s = max(last.at_s - began_s, 1e-3)
    expected = sum(second.expected for second in part)
    return Moment(
        at_s=last.at_s,
        seconds_s=elapsed_s,
        measured=last.measured,
        participants=last.participants,
        joins=sum(second.joins for second in part),
        packets=sum(second.packets for second in part),
        bits_per_s=8 * sum(second.bytes for second in part) / elapsed_s,
        loss=sum(second.lost for second in part) / expected if expected else None,
        freezes=sum(second.freezes for second in part),
        latency_p50_ms=_most(second.latency_p50_ms for second in part),
        latency_p95_ms=_most(second.latency_p95_ms for second in part),
        latency_p99_ms=_most(second.latency_p99_ms for second in part),
        server_cpu=_mean(second.server_cpu for second in part),
        server_memory_mb=_most(second.server_memory_mb for second in part),
        client_cpu=sum(second.client_cpu for second in part) / len(part),
    )


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    read: Callable[[Moment], float | None]
    say: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One plot: lines that share a y axis, each value multiplied by `factor` for it."""

    id: str
    title: str
    unit: str
    lines: Sequence[Line]
    factor: float = 1.0


KINDS = (
    Kind("there", "Participants", "", [Line("there", lambda m: m.participants, words.count)]),
    Kind("flow", "Received", "Mbit/s", [Line("received", lambda m: m.bits_per_s, words.bits)], 1e-6),
    Kind("lost", "Packets lost", "%", [Line("lost", lambda m: m.loss, words.share)], 100),
    Kind(
        "late",
        "One-way latency",
        "ms",
        [
            Line("p50", lambda m: m.latency_p50_ms, words.ms),
            Line("p95", lambda m: m.latency_p95_ms, words.ms),
            Line("p99", lambda m: m.latency_p99_ms, words.ms),
        ],
    ),
    Kind(
        "cpu",
        "CPU",
        "cores",
        [
            Line("server", lambda m: m.server_cpu, words.cores),
            Line("load tester", lambda m: m.client_cpu, words.cores),
        ],
    ),
    Kind("memory", "Server memory", "MB", [Line("memory", lambda m: m.server_memory_mb, words.megabytes)]),
)


def plots_of(report: Report, moments: Sequence[Moment]) -> list[Plot]:
    """Those of which anything is known."""
    return [plot for kind in KINDS if (plot := _plot(kind, report, moments)) is not None]


def _plot(kind: Kind, report: Report, moments: Sequence[Moment]) -> Plot | None:
    drawn = [
        Series(line.name, _points(line, kind.factor, moments), number)
        for number, line in enumerate(kind.lines)
    ]
    series = [each for each in drawn if any(y is not None for _, y in each.points)]
    if not series:
        return None
    most = max(y for each in series for _, y in each.points if y is not None)
    y = scale.linear(kind.unit, 0, most if most > 0 else 1)
    return Plot(
        f"time-{kind.id}",
        kind.title,
        f"{kind.title} over the time of the test. {_in_short(kind, moments)}",
        scale.over_time(moments[-1].at_s),
        y,
        series,
        band=_window(report),
        notes=[Note(moment.at_s, _at(kind, moment)) for moment in moments],
    )


def _points(line: Line, factor: float, moments: Sequence[Moment]) -> list[Point]:
    values = ((moment.at_s, line.read(moment)) for moment in moments)
    return [(at_s, None if value is None else factor * value) for at_s, value in values]


def _window(report: Report) -> Band | None:
    """A search has several: then none is marked."""
    if report.measured_from_s is None or report.capacity is not None:
        return None
    return Band(report.measured_from_s, report.measured_from_s + report.measured_s)


def _at(kind: Kind, moment: Moment) -> str:
    said = ", ".join(
        f"{line.name} {line.say(value)}" for line in kind.lines if (value := line.read(moment)) is not None
    )
    return f"{words.seconds(round(moment.at_s))}: {said or words.NOT_MEASURED}"


def _in_short(kind: Kind, moments: Sequence[Moment]) -> str:
    said = []
    for line in kind.lines:
        values = [value for moment in moments if (value := line.read(moment)) is not None]
        if values:
            said.append(f"{line.name}: {line.say(min(values))} to {line.say(max(values))}")
    return f"{'; '.join(said)}."


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
