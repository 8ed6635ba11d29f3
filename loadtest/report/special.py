"""Sections that only some tests have: a search, cuts, a waiting room, a soak, those who decode. Pure."""

from collections.abc import Sequence

from loadtest.report import words
from loadtest.report.headline import capacity_sentence
from loadtest.report.html import Html, element
from loadtest.report.plot import Plot, Series
from loadtest.report.scale import linear
from loadtest.report.tables import (
    QUANTILES,
    TIMES,
    Cell,
    beside,
    facts,
    mark_of,
    milliseconds,
    section,
    table,
    value,
)
from loadtest.results import Capacity, Quantiles, Report, ScenarioName

SEARCH = (
    "Each line below is a measured window, in the order they were tried. A number counts as too many once "
    "two windows in a row were outside the thresholds. All other figures of this report are those of the "
    "last window that was within them."
)
SEARCHED = {ScenarioName.GROUP: "groups", ScenarioName.FANOUT: "receivers"}


def capacity(report: Report) -> Html | None:
    found = report.capacity
    if found is None:
        return None
    what = SEARCHED.get(report.options.scenario, "calls")
    costs = ("lost", "latency p99", "join p95", "server", "load tester")
    heads = (f"{what.capitalize()} held", "thresholds", *costs, "not met")
    rows = [
        (
            words.several(step.calls, what.removesuffix("s")),
            mark_of(step.passed),
            words.share(step.loss),
            words.ms(step.latency_p99_ms),
            words.ms(step.join_p95_ms),
            words.cores(step.server_cpu),
            words.cores(step.client_cpu) + (" (its limit)" if step.client_is_limit else ""),
            ", ".join(step.failing) or "nothing",
        )
        for step in found.steps
    ]
    plot = _cost_of_calls(found, what)
    return section(
        "capacity",
        "How many were held",
        beside(
            element(
                "div",
                element("p", capacity_sentence(report)),
                element("p", SEARCH, class_="about"),
            ),
            plot.figure() if plot else None,
        ),
        table("The search, window by window", heads, rows),
    )


def _cost_of_calls(found: Capacity, what: str) -> Plot | None:
    calls = sorted({step.calls for step in found.steps})
    lines = [
        Series(name, [(number, _mean(found, number, field)) for number in calls], line)
        for line, (name, field) in enumerate((("server", "server_cpu"), ("load tester", "client_cpu")))
    ]
    lines = [line for line in lines if any(y is not None for _, y in line.points)]
    if not lines or len(calls) < 2:
        return None
    most = max(y for line in lines for _, y in line.points if y is not None)
    title = f"CPU by {what}"
    x = linear(what, 0, calls[-1])
    used = words.cores(_mean(found, calls[-1], "server_cpu"))
    about = f"{title}: the server used {used} with {calls[-1]} {what}."
    return Plot("capacity-cpu", title, about, x, linear("cores", 0, most), lines, dots=True)


def _mean(found: Capacity, calls: int, field: str) -> float | None:
    """Over all windows with so many calls."""
    known = [
        used for step in found.steps if step.calls == calls and (used := getattr(step, field)) is not None
    ]
    return sum(known) / len(known) if known else None


def cuts(report: Report) -> Html | None:
    rows: list[Sequence[Cell]] = []
    counts: list[Sequence[Cell]] = []
    for kind, each in report.cuts.items():
        counts.append((kind, *(words.count(number) for number in (each.made, each.resumed, each.lost))))
        for what, times in (("until the session went on", each.resumed_ms), ("longest silence", each.gap_ms)):
            rows.append((f"{kind}: {what}", words.count(times.n), *milliseconds(times)))
    return section(
        "cuts",
        "Cut connections",
        table("What became of the cuts", ("", "made", "went on", "were the end"), counts),
        table("How long it took", TIMES, rows),
    )


def waiting_room(report: Report) -> Html | None:
    waiting = report.waiting_room
    if waiting is None:
        return None
    steps = (
        ("From asking to being in the queue", waiting.queued_ms),
        ("Until a doctor's claim was answered", waiting.claim_ms),
        ("From the claim to the patient's knowing", waiting.called_ms),
        ("From there to the patient's first packet", waiting.media_ms),
    )
    through = {"http": "the server's own queue", "tickets": "waiting and admission in rooms"}[waiting.through]
    asked = words.several(waiting.asked, "patient")
    said = f"{asked} asked, {words.count(waiting.claimed)} were called in, through {through}."
    rows = [(name, words.count(each.n), *milliseconds(each)) for name, each in steps if each.n]
    times = table("How long it took", TIMES, rows)
    return section("waiting", "The waiting room", element("p", said), times)


def trends(report: Report) -> Html | None:
    rows = [
        (
            each.figure,
            each.compared,
            words.with_unit(words.number(each.before), each.unit),
            words.with_unit(words.number(each.after), each.unit),
            words.with_unit(words.number(each.allowed), each.unit),
            words.NOTHING if each.per_hour is None else f"{words.number(each.per_hour)} {each.unit} an hour",
            element("span", "✗ grew", class_="worse") if each.grew else "came back",
        )
        for each in report.trends
    ]
    heads = ("", "compared", "before", "after", "may grow by", "slope", "so it")
    return section("trends", "What the server kept", table("Before the test and after it", heads, rows))


def fidelity(report: Report) -> Html | None:
    """What those saw and heard who decode. Its fields tell what they are."""
    seen = report.fidelity
    if seen is None:
        return None
    quantiles: list[Sequence[Cell]] = []
    single: list[tuple[str, Cell]] = []
    for name, field in type(seen).model_fields.items():
        each = getattr(seen, name)
        note = element("small", field.description) if field.description else None
        about = element("span", _name(name), note)
        if isinstance(each, Quantiles):
            cells = (value(raw := getattr(each, part), _said(name, raw)) for part in QUANTILES)
            quantiles.append((about, words.count(each.n), *cells))
        elif isinstance(each, int | float):
            in_all = ", in all" if name.endswith("_ms") else ""
            single.append((_name(name) + in_all, value(each, _said(name, each))))
    return section(
        "fidelity",
        "What was seen and heard",
        element(
            "p", "Of those participants who decode what they receive, and hold it against what was sent."
        ),
        facts("Counted", single),
        table("Measured", ("", "of", "p50", "p95", "p99", "max"), quantiles),
    )


def _name(field: str) -> str:
    names = {"psnr_db": "PSNR of the picture", "ssim": "SSIM of the picture"}
    return names.get(field, words.words(field.removesuffix("_ms").removesuffix("_db")).capitalize())


def _said(field: str, raw: float | None) -> str:
    if raw is None:
        return words.NOT_MEASURED
    if field.endswith("_ms"):
        return words.ms(raw)
    if field == "ssim":
        return words.share(raw)
    return words.with_unit(words.number(raw), "dB") if field.endswith("_db") else words.number(raw)
