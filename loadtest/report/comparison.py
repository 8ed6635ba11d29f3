"""One test beside an earlier one: which figures are better, which are worse. Pure.

No two runs are alike: what differs by less than a tenth, or by less than anybody would notice, is called the
same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from loadtest.report import words
from loadtest.report.plan import said_of
from loadtest.results import FIGURES, Dimension, Figure, Options, Report

SAME = 0.1
UNNOTICED: Mapping[Dimension, float] = {
    Dimension.TIME: 0.2,  # ms
    Dimension.SHARE: 0.0005,
    Dimension.CORES: 0.02,
    Dimension.MEMORY: 5.0,  # MB
    Dimension.DECIBEL: 0.5,
}
SMALL = ("server.packet",)
"""A time of which a thousandth of a millisecond counts."""
MORE_IS_BETTER = ("playing", "psnr", "ssim")
NEITHER = ("client.cpu",)
HEADLINES = (
    "join.p50",
    "join.p95",
    "join.p99",
    "joins.failed",
    "playing",
    "loss",
    "latency.p50",
    "latency.p95",
    "latency.p99",
    "gap.max",
    "freezes",
    "cut.websocket.gap.p95",
    "cut.network.gap.p95",
    "waiting.called.p95",
    "psnr.p50",
    "lip_sync.p95",
    "leaks",
    "server.cpu",
    "server.packet",
    "server.memory",
    "client.cpu",
    "failures",
)


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "about the same"
    DIFFERENT = "different"
    """Neither better nor worse."""
    UNKNOWN = "cannot be compared"


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, `before` and `after` in words; `change` of it, None where a ratio says nothing."""

    name: str
    about: str
    before: str
    after: str
    change: float | None
    verdict: Verdict

    @property
    def moved(self) -> bool:
        return self.verdict in (Verdict.BETTER, Verdict.WORSE)


def compared(report: Report, earlier: Report) -> list[Change]:
    """All figures that either has; the most calls of a search first."""
    changes = [*_capacity(report, earlier)]
    for name, figure in FIGURES.items():
        before, after = figure.read(earlier), figure.read(report)
        if before is None and after is None:
            continue
        changes.append(
            Change(
                name,
                figure.about,
                words.figure(figure, before),
                words.figure(figure, after),
                _ratio(before, after),
                judged(name, figure, before, after),
            )
        )
    return changes


def headlines(changes: list[Change]) -> list[Change]:
    """Those that most people look for, in that order."""
    by_name = {change.name: change for change in changes}
    return [by_name[name] for name in ("capacity", *HEADLINES) if name in by_name]


def judged(name: str, figure: Figure, before: float | None, after: float | None) -> Verdict:
    if before is None or after is None:
        return Verdict.UNKNOWN
    unnoticed = 0.0 if name in SMALL else UNNOTICED.get(figure.dimension, 0.0)
    if abs(after - before) <= max(unnoticed, SAME * abs(before)):
        return Verdict.SAME
    if name in NEITHER:
        return Verdict.DIFFERENT
    more_is_better = name.partition(".")[0] in MORE_IS_BETTER
    return Verdict.BETTER if (after > before) is more_is_better else Verdict.WORSE


def different_plans(report: Report, earlier: Report) -> list[str]:
    """Where the two were not the same test: figures then differ for that reason alone."""
    return [
        *_different_options(report.options, earlier.options),
        *_different("The server's version", _versions(earlier), _versions(report)),
        *_different("The machine of the load tester", _machine(earlier), _machine(report)),
    ]


def _different_options(now: Options, then: Options) -> Iterator[str]:
    if now.servers != then.servers:
        yield f"Servers: {' and '.join(then.servers)}, now {' and '.join(now.servers)}"
    for (name, before), (_, after) in zip(said_of(then), said_of(now), strict=True):
        if before != after:
            yield f"{name}: {before}, now {after}"


def _different(what: str, before: str, after: str) -> Iterator[str]:
    if before != after:
        yield f"{what}: {before}, now {after}"


def _versions(report: Report) -> str:
    return ", ".join(sorted({server.version or "unknown" for server in report.servers}))


def _machine(report: Report) -> str:
    machine = report.machine
    return f"{words.several(machine.cpus, 'processor')}, {machine.cpu_model}"


def _capacity(report: Report, earlier: Report) -> Iterator[Change]:
    if report.capacity is None or earlier.capacity is None:
        return
    before, after = earlier.capacity.most or 0, report.capacity.most or 0
    better = Verdict.BETTER if after > before else Verdict.WORSE
    verdict = Verdict.SAME if before == after else better
    about = "the most calls within the thresholds"
    yield Change("capacity", about, words.count(before), words.count(after), _ratio(before, after), verdict)


def _ratio(before: float | None, after: float | None) -> float | None:
    return after / before - 1 if before and after is not None else None
