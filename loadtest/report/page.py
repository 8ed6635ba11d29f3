"""The whole report as one file: nothing of it is loaded from elsewhere, and it runs no script."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from loadtest.report import comparison, headline, plan, sections, special, words
from loadtest.report.comparison import Change, Verdict
from loadtest.report.html import Html, element
from loadtest.report.tables import Cell, box, folded, section, table, value
from loadtest.results import FIGURES, Report

STYLE = Path(__file__).with_name("style.css").read_text()


def html_of(report: Report, earlier: Report | None = None) -> str:
    """A report for people; with `earlier`, what has changed since then. Its text has no addresses but the
    servers' origins.
    """
    return f"<!doctype html>\n{element('html', _head(report), _body(report, earlier), lang='en')}\n"


def _head(report: Report) -> Html:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    where = " and ".join(server.origin for server in report.servers)
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Load test: {headline.title(report.options)}, {where}"),
        element("style", Html(STYLE)),
    )


def _body(report: Report, earlier: Report | None) -> Html:
    where = " and ".join(server.origin for server in report.servers)
    lasted = words.seconds((report.ended_at - report.started_at).total_seconds())
    return element(
        "body",
        element(
            "header",
            element("p", "Teleconsult load test", class_="over"),
            element("h1", headline.title(report.options)),
            element("p", f"{where}, {words.moment(report.started_at)}, {lasted} in all", class_="under"),
        ),
        element(
            "main",
            headline.verdict(report),
            headline.warnings(report),
            headline.tiles(report),
            _comparison(report, earlier),
            sections.thresholds(report),
            special.capacity(report),
            special.waiting_room(report),
            special.cuts(report),
            special.trends(report),
            sections.joining(report, earlier),
            sections.media(report, earlier),
            special.fidelity(report),
            sections.over_time(report),
            sections.machines(report),
            sections.failures(report),
            plan.section_of(report),
            _all_figures(report),
        ),
        element(
            "footer",
            element(
                "p",
                f"Made by teleconsult loadtest {report.tool}. The same figures for programs are in "
                "report.json. What each of them means, and how to test honestly, is in docs/loadtest.md.",
            ),
        ),
    )


def _comparison(report: Report, earlier: Report | None) -> Html | None:
    if earlier is None:
        return None
    changes = comparison.compared(report, earlier)
    first = comparison.headlines(changes)
    others = [change for change in changes if change not in first]
    better, worse = (_number(changes, verdict) for verdict in (Verdict.BETTER, Verdict.WORSE))
    unfinished = [earlier.partial_reason or ""] if earlier.partial else []
    heads = ("Figure", "before", "now", "change", "")
    then = f"Before is the test of {words.moment(earlier.started_at)}. "
    same = "What differs by less than a tenth, or by less than anybody would notice, is called the same."
    return section(
        "comparison",
        "Compared with an earlier test",
        element("p", then + same),
        box("warning", "They were not the same test", comparison.different_plans(report, earlier)),
        box("warning", "The earlier test was not finished", unfinished),
        element("p", f"Better: {better}. Worse: {worse}."),
        table("The figures that most people look for", heads, map(_change, first)),
        folded("All other figures", table("All other figures", heads, map(_change, others))),
    )


def _number(changes: Iterable[Change], verdict: Verdict) -> str:
    return words.several(sum(change.verdict is verdict for change in changes), "figure")


def _change(change: Change) -> list[Cell]:
    kind = {Verdict.BETTER: "better", Verdict.WORSE: "worse"}.get(change.verdict, "none")
    sign = {Verdict.BETTER: "✓ ", Verdict.WORSE: "✗ "}.get(change.verdict, "")
    percent = None if change.change is None else round(100 * change.change)
    moved = words.NOTHING if percent is None else words.with_unit(f"{percent:+}" if percent else "0", "%")
    return [
        element("span", element("code", change.name), element("small", change.about)),
        change.before,
        change.after,
        moved,
        element("span", f"{sign}{change.verdict}", class_=kind),
    ]


def _all_figures(report: Report) -> Html | None:
    """By the names that thresholds have."""
    rows = [
        (
            element("code", name),
            value(raw, words.figure(figure, raw)),
            figure.about,
        )
        for name, figure in FIGURES.items()
        if (raw := figure.read(report)) is not None
    ]
    listed = table("All figures, by the names that --threshold knows", ("Figure", "it was", "is"), rows)
    return section("figures", "All figures", folded("All that was measured, for thresholds", listed))
