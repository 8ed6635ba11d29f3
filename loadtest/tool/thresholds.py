"""Thresholds: `figure operator value unit`, such as `join.p95<=80ms` or `loss<=0.1%`. Pure.

    threshold = figure operator number [unit]
    operator  = "<=" | "<" | ">=" | ">"

A threshold is refused when there is no such figure, when the unit is not one of its, and when nothing could
ever meet it: alone (`playing>=150%`), or together with another on the same figure.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from loadtest.results import FIGURES, Options, Report, ThresholdResult
from loadtest.tool.errors import WrongUsage

GRAMMAR = re.compile(r"\s*([a-z][a-z0-9_.-]*)\s*(<=|>=|<|>)\s*([0-9]*\.?[0-9]+|[0-9]+\.)\s*(\S*)\s*")
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}
ROUNDING = 1e-9  # 0.1 % written as 0.001 is the same
FROM_METRICS = ("leaks", "server.packet", "server.lag")


@dataclass(frozen=True, slots=True)
class Threshold:
    """`limit` is in the unit that the figure is kept in."""

    text: str
    figure: str
    comparison: str
    limit: float

    def judge(self, report: Report) -> ThresholdResult:
        figure = FIGURES[self.figure]
        value = figure.read(report)
        met = value is not None and (
            COMPARE[self.comparison](value, self.limit)
            or ("=" in self.comparison and math.isclose(value, self.limit, rel_tol=ROUNDING))
        )
        return ThresholdResult(
            text=self.text,
            figure=self.figure,
            value=None if value is None else float(value),
            limit=self.limit,
            unit=figure.dimension.unit,
            passed=met,
        )


def parse(text: str) -> Threshold:
    """Raises WrongUsage, whose text says what is wrong with it and what would be right."""
    matched = GRAMMAR.fullmatch(text)
    if matched is None:
        raise WrongUsage(
            f"threshold {text!r}: write a figure, one of <= < >= >, and a value, as in join.p95<=80ms"
        )
    name, comparison, number, unit = matched.groups()
    figure = FIGURES.get(name)
    if figure is None:
        near = difflib.get_close_matches(name, FIGURES, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise WrongUsage(f"threshold {text!r}: there is no figure {name}{hint}")
    units = figure.dimension.units
    if unit not in units:
        wrong = f"in {unit!r}" if unit else "without a unit"
        raise WrongUsage(f"threshold {text!r}: give {name} {_in_units(units)}, not {wrong}")
    threshold = Threshold(text.strip(), name, comparison, float(number) * units[unit])
    _check_possible(threshold, figure.dimension.most)
    return threshold


def check_told(texts: Iterable[str], tells: Iterable[str | None]) -> None:
    """Raises WrongUsage for what the servers do not tell; `tells`: of each, as `ServerWatch` has it."""
    sources = list(tells)
    from_metrics = all(source in ("metrics", "both") for source in sources)
    for threshold in map(parse, texts):
        needs_metrics = threshold.figure in FROM_METRICS
        told = from_metrics if needs_metrics else all(sources) or not threshold.figure.startswith("server.")
        if not told:
            raise WrongUsage(
                f"threshold {threshold.text!r}: {threshold.figure} is known from the server's metrics; "
                "give them with --metrics"
            )


def parse_all(texts: Iterable[str], options: Options) -> list[Threshold]:
    """Raises WrongUsage, also for figures that this test does not measure."""
    thresholds = [parse(text) for text in texts]
    for threshold in thresholds:
        if not FIGURES[threshold.figure].applies(options):
            raise WrongUsage(f"threshold {threshold.text!r}: this test does not measure {threshold.figure}")
    for number, one in enumerate(thresholds):
        for other in thresholds[number + 1 :]:
            if one.figure == other.figure and _exclude(one, other):
                raise WrongUsage(f"thresholds {one.text!r} and {other.text!r}: nothing can meet both")
    return thresholds


def _in_units(units: Mapping[str, float]) -> str:
    named = [unit for unit in units if unit]
    ways = [f"in {', '.join(named)}"] if named else []
    return " or ".join([*ways, *(["without a unit"] if "" in units else [])])


def _check_possible(threshold: Threshold, most: float | None) -> None:
    below, limit = threshold.comparison.startswith("<"), threshold.limit
    strict = "=" not in threshold.comparison
    if below and strict and limit <= 0:
        raise WrongUsage(f"threshold {threshold.text!r}: nothing is below zero")
    if most is not None and limit > most * (1 + ROUNDING):
        raise WrongUsage(f"threshold {threshold.text!r}: a share is from 0 to 100 %")
    if most is not None and not below and strict and limit >= most:
        raise WrongUsage(f"threshold {threshold.text!r}: nothing is above 100 %")


def _exclude(one: Threshold, other: Threshold) -> bool:
    """Whether no value meets both."""
    if one.comparison[0] == other.comparison[0]:
        return False
    upper, lower = (one, other) if one.comparison.startswith("<") else (other, one)
    if "=" in upper.comparison and "=" in lower.comparison:
        return upper.limit < lower.limit
    return upper.limit <= lower.limit
