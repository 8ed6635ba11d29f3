"""Two reports side by side: what is better, what is worse, and when they were not the same test."""

import pytest

from loadtest.report import Verdict, compared, headlines, html_of
from loadtest.results import Machine, Playing, Report, Server, ServerFigures
from tests.loadtest.report.reading import Page
from tests.loadtest.report.reports import ORIGIN, a_report, a_report_of_everything, joins, media


def verdicts(report: Report, earlier: Report) -> dict[str, Verdict]:
    return {change.name: change.verdict for change in compared(report, earlier)}


def test_the_same_report_twice_is_the_same_in_everything() -> None:
    assert set(verdicts(a_report_of_everything(), a_report_of_everything()).values()) == {Verdict.SAME}


def test_longer_joins_are_worse_and_shorter_ones_better() -> None:
    slow, fast = a_report(joins=joins(slower=2.0)), a_report()
    assert verdicts(slow, fast)["join.p95"] is Verdict.WORSE
    assert verdicts(fast, slow)["join.p95"] is Verdict.BETTER
    (change,) = [each for each in compared(slow, fast) if each.name == "join.p95"]
    assert change.change == pytest.approx(1.0, abs=0.03)
    assert change.moved


def test_of_some_figures_more_is_better() -> None:
    silent = Playing(participants=20, all_playing=10, expected_tracks=40, playing_tracks=30, share=0.5)
    assert verdicts(a_report(playing=silent), a_report())["playing"] is Verdict.WORSE
    assert verdicts(a_report(), a_report(playing=silent))["playing"] is Verdict.BETTER


def test_what_nobody_would_notice_is_the_same_but_a_microsecond_of_a_packet_counts() -> None:
    def with_cost(us_per_packet: float, lag_ms: float) -> Report:
        return a_report(
            server=ServerFigures(us_per_packet=us_per_packet, loop_lag_ms=lag_ms, source="metrics")
        )

    found = verdicts(with_cost(14.0, 0.15), with_cost(12.0, 0.05))
    assert found["server.packet"] is Verdict.WORSE
    assert found["server.lag"] is Verdict.SAME


def test_loss_out_of_nothing_is_worse_and_has_no_ratio() -> None:
    clean = a_report(audio=media(lost=0, loss=0.0), video=media(lost=0, loss=0.0))
    lossy = a_report(audio=media(lost=600, loss=0.01), video=media(lost=600, loss=0.01))
    (change,) = [each for each in compared(lossy, clean) if each.name == "loss"]
    assert (change.verdict, change.change, change.after) == (Verdict.WORSE, None, "1\u202f%")


def test_what_only_one_of_them_measured_cannot_be_compared() -> None:
    assert verdicts(a_report_of_everything(), a_report())["psnr.p50"] is Verdict.UNKNOWN


def test_the_load_testers_own_cpu_is_neither_better_nor_worse() -> None:
    busy = a_report(client=a_report().client.model_copy(update={"cpu": 1.5}))  # type: ignore[union-attr]
    assert verdicts(busy, a_report())["client.cpu"] is Verdict.DIFFERENT


def test_a_server_that_holds_more_is_better() -> None:
    now = a_report_of_everything()
    assert now.capacity is not None
    then = now.model_copy(update={"capacity": now.capacity.model_copy(update={"most": 5})})
    first = headlines(compared(now, then))[0]
    assert (first.name, first.before, first.after, first.verdict) == ("capacity", "5", "10", Verdict.BETTER)


def test_the_page_has_before_and_now_of_each_figure_and_says_which_are_worse() -> None:
    page = Page.of(html_of(a_report(joins=joins(slower=2.0)), a_report()))
    rows = [row for row in page.section("comparison").all("tr") if row.all("code")]
    (row,) = [row for row in rows if row.all("code")[0].text == "join.p95"]
    cells = [cell.text for cell in row.all("td")]
    assert cells == ["68.6\u202fms", "137\u202fms", "+100\u202f%", "✗ worse"]
    assert "They were not the same test" not in page.text
    assert "The earlier test" in page.section("joining").text, "its curve is in the plot"


def test_tests_that_were_not_the_same_say_in_what_they_differ() -> None:
    earlier = a_report(
        servers=(Server(origin=ORIGIN, version="0.0.9", same_host=False),),
        machine=Machine(cpus=8, cpu_model="another", memory_mb=1, system="Linux", python="3.11.2"),
    )
    options = earlier.options.model_copy(update={"calls": 99, "thresholds": ("loss<=1%",)})
    text = Page.of(html_of(a_report(), earlier.model_copy(update={"options": options}))).text
    assert "They were not the same test" in text
    assert "Calls: 99, now 10" in text
    assert "The server's version: 0.0.9, now 0.1.0" in text
    assert "8 processors, another" in text
    assert "Thresholds: " not in text
