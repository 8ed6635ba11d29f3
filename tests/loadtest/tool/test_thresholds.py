"""Thresholds: what may be written, what is refused and why, and how a report is held to them."""

import pytest

from loadtest.report import describe
from loadtest.results import FIGURES, Joins, JoinStep, Media, Playing, Quantiles
from loadtest.tool.errors import WrongUsage
from loadtest.tool.thresholds import parse, parse_all
from tests.loadtest.results.test_report import a_report

OPTIONS = a_report().options


@pytest.mark.parametrize(
    ("text", "figure", "limit"),
    [
        ("join.p95<=80ms", "join.p95", 80),
        (" join.dtls.p50 < 0.1 s ", "join.dtls.p50", 100),
        ("latency.p99<=500us", "latency.p99", 0.5),
        ("loss<=0.1%", "loss", 0.001),
        ("playing>=1", "playing", 1),
        ("server.memory<=1.5GB", "server.memory", 1500),
        ("freezes<=2/h", "freezes", 2),
        ("server.packet<=12µs", "server.packet", 0.012),
        ("server.cpu<=1.8", "server.cpu", 1.8),
        ("server.cpu<=150%", "server.cpu", 1.5),
    ],
)
def test_a_figure_an_operator_and_a_value_with_a_unit_are_a_threshold(
    text: str, figure: str, limit: float
) -> None:
    threshold = parse(text)
    assert threshold.figure == figure
    assert threshold.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "write a figure"),
        ("join.p95", "write a figure"),
        ("join.p95<=-5ms", "write a figure"),
        ("join.p95=80ms", "write a figure"),
        ("join.p95<=fast", "write a figure"),
        ("join.p95<=nan", "write a figure"),
        ("join.p90<=80ms", "did you mean join.p9"),
        ("qwertyuiop<=1", "no figure qwertyuiop$"),
        ("join.p95<=80", "give join.p95 in us, µs, ms, s, not without a unit"),
        ("loss<=3ms", "give loss in % or without a unit, not in 'ms'"),
        ("loss<0%", "nothing is below zero"),
        ("playing>=150%", "from 0 to 100 %"),
        ("loss<=200%", "from 0 to 100 %"),
        ("playing>100%", "nothing is above 100 %"),
    ],
)
def test_what_is_none_or_can_never_be_met_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(WrongUsage, match=why):
        parse(text)


def test_two_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(WrongUsage, match="nothing can meet both"):
        parse_all(["loss<=1%", "latency.p99<=9ms", "loss>=2%"], OPTIONS)
    with pytest.raises(WrongUsage, match="nothing can meet both"):
        parse_all(["loss<1%", "loss>=1%"], OPTIONS)
    assert len(parse_all(["loss<=1%", "loss>=1%", "loss<=3%"], OPTIONS)) == 3


@pytest.mark.parametrize(
    "text", ["cut.network.gap.p95<=1s", "psnr.p50>=30dB", "leaks<=0", "waiting.claim.p50<=1s"]
)
def test_a_figure_that_this_test_does_not_measure_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage, match="does not measure"):
        parse_all([text], OPTIONS)


def test_a_report_is_held_to_each_and_what_was_not_measured_fails() -> None:
    report = a_report(
        joins=Joins(steps_ms={JoinStep.FIRST_PACKET: Quantiles(n=9, p50=20, p95=90, p99=95, max=99)}),
        audio=Media(expected=900, lost=1),
        video=Media(expected=100, lost=0, loss=0.0),
        playing=Playing(participants=4, all_playing=4, share=1.0),
    )
    texts = ["join.p95<=80ms", "join.p50<=20ms", "loss<=0.1%", "playing>=100%", "server.cpu<=1"]
    results = [threshold.judge(report) for threshold in parse_all(texts, OPTIONS)]
    assert [result.passed for result in results] == [False, True, True, True, False]
    assert [describe(result) for result in results if not result.passed] == [
        "join.p95<=80ms: it was 90 ms",
        "server.cpu<=1: not measured",
    ]
    assert describe(results[2]) == "loss<=0.1%: it was 0.1 %"


def test_every_figure_can_be_read_from_a_report_with_little_in_it() -> None:
    report = a_report()
    for name, figure in FIGURES.items():
        value = figure.read(report)
        assert value is None or value >= 0, name
        assert figure.about
