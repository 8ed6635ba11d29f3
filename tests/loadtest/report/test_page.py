"""The report for people: it stands alone, has every figure, and what others wrote is text in it."""

import pytest

from loadtest.report import html_of
from loadtest.results import FIGURES, ClientFigures, Failure, Joins, Machine, Options, Report, Server
from tests.loadtest.report.reading import Page, assert_accessible_by_structure, assert_stands_alone
from tests.loadtest.report.reports import ORIGIN, a_report, a_report_of_everything

EVERY_SECTION = {
    "thresholds",
    "capacity",
    "waiting",
    "cuts",
    "trends",
    "joining",
    "media",
    "fidelity",
    "time",
    "machines",
    "failures",
    "plan",
    "figures",
}
HOSTILE = "</style></title><script>alert(1)</script>\"'><img src=https://evil.example/x onerror=alert(1)>"


def page_of(report: Report, earlier: Report | None = None) -> Page:
    return Page.of(html_of(report, earlier))


def verdict_of(report: Report) -> tuple[str, str]:
    """Its colour and its first sentence."""
    (box,) = [
        tag for tag in page_of(report).root.all("div") if "verdict " in (tag.attributes.get("class") or "")
    ]
    return (box.attributes["class"] or "").removeprefix("verdict "), box.all("p")[0].text


def test_it_is_one_file_that_loads_and_runs_nothing() -> None:
    assert_stands_alone(page_of(a_report_of_everything(), a_report()))


def test_it_is_sound_and_readable_without_seeing_the_plots() -> None:
    assert_accessible_by_structure(page_of(a_report_of_everything(), a_report()))


def test_every_figure_that_was_measured_is_in_it() -> None:
    report = a_report_of_everything()
    measured = {name: value for name, f in FIGURES.items() if (value := f.read(report)) is not None}
    assert len(measured) > 100
    assert page_of(report).figures() == pytest.approx(measured)


def test_each_part_that_a_scenario_measures_has_a_section_and_what_was_not_measured_has_none() -> None:
    everything = a_report_of_everything()
    judged = everything.model_copy(update={"thresholds": a_report(thresholds=("loss<=1%",)).thresholds})
    assert set(page_of(judged).sections) == EVERY_SECTION
    bare = a_report(audio={}, video={}, joins=Joins(attempted=1, failed=1), timeline=(), server=None)
    assert set(page_of(bare).sections) == {"joining", "machines", "plan", "figures"}


def test_the_headline_figures_are_said_in_plain_units() -> None:
    page = page_of(a_report())
    said = page.text.replace("\u202f", " ")
    for words in (
        "10 consultations at a time",
        "20 of 20",
        "0.01 %",
        "of 120 000, after repair",
        "0.62 cores",
        "12.5 µs a packet, 112 MB",
    ):
        assert words in said


def test_what_bots_saw_is_a_headline_figure_where_there_were_any() -> None:
    said = page_of(a_report_of_everything()).text.replace("\u202f", " ")
    assert "Picture, to bots" in said
    assert "30 dB" in said
    assert "PSNR, reached by 95 %; SSIM 95 %; sound within 30 ms; 0 freezes an hour" in said
    assert "Picture, to bots" not in page_of(a_report()).text


def test_a_share_that_is_not_all_is_never_shown_as_all() -> None:
    playing = {"participants": 30_000, "all_playing": 29_999, "share": 29_999 / 30_000}
    assert "99.9967\u202f%" in page_of(a_report(playing=playing)).text


def test_the_plan_tells_options_seed_servers_and_versions() -> None:
    page = page_of(a_report())
    assert page.row("Seed") == ["7"]
    assert page.row(ORIGIN) == ["0.1.0", "no"]
    assert page.row("Video bitrate") == ["1.2\u202fMbit/s"]
    assert page.row("Srtp profile") == ["AEAD_AES_128_GCM"]


def test_within_its_thresholds_a_test_has_passed() -> None:
    assert verdict_of(a_report(thresholds=("loss<=1%",))) == ("good", "Passed: the threshold was met")
    assert verdict_of(a_report(thresholds=("loss<=1%", "playing>=100%")))[1] == (
        "Passed: all 2 thresholds were met"
    )


def test_outside_them_it_has_failed_and_the_failing_lines_stand_first() -> None:
    report = a_report(thresholds=("loss<=0.001%", "playing>=100%"))
    assert verdict_of(report) == ("bad", "Failed: 1 of 2 thresholds was not met")
    page = page_of(report)
    assert "loss<=0.001%: it was 0.01 %" in page.text
    marks = [tag.text for tag in page.section("thresholds").all("span") if "mark" in str(tag.attributes)]
    assert marks == ["✗ not met", "✓ met"]


def test_a_test_without_thresholds_is_not_called_good() -> None:
    assert verdict_of(a_report()) == ("plain", "Finished; no thresholds were set to judge it by")


def test_a_test_that_was_stopped_is_not_called_good_and_says_why() -> None:
    stopped = a_report(thresholds=("loss<=1%",), partial=True, partial_reason="It was stopped by Ctrl-C.")
    assert verdict_of(stopped)[0] == "bad"
    assert "It was stopped by Ctrl-C." in page_of(stopped).text


def test_a_test_that_nobody_could_join_has_failed() -> None:
    assert verdict_of(a_report(joins=Joins(attempted=5, failed=5)))[1] == "Failed: nobody could join"


def test_a_load_tester_that_was_the_limit_is_told_before_any_figure() -> None:
    warning = "A thread of the load tester used a whole core."
    client = ClientFigures(cpu=1, cpu_max=1, cpus=2, memory_mb=90, is_limit=True, warning=warning)
    page = page_of(a_report(client=client))
    assert page.text.index(warning) < page.text.index("Packets lost")
    assert "it was the limit" in page.text


def test_one_machine_for_both_and_a_server_that_tells_nothing_are_worth_a_warning() -> None:
    here = Server(origin=ORIGIN, version=None, same_host=True)
    text = page_of(a_report(servers=(here,), server=None)).text
    assert "on the server's own machine" in text
    assert "did not tell what it used" in text
    assert "Bear in mind" not in page_of(a_report()).text


def test_the_result_of_a_search_is_a_sentence_and_each_window_a_row() -> None:
    page = page_of(a_report_of_everything())
    assert "10 calls were held within the thresholds, and no more." in page.text
    assert page.row("20 calls")[0] == "✗ not met"
    assert page.row("20 calls")[-1] == "loss<=0.1%"


@pytest.mark.parametrize("field", ["version", "failure", "reason", "origin", "machine"])
def test_what_a_server_or_a_file_says_is_text_whatever_it_is(field: str) -> None:
    server = Server(origin=ORIGIN, version="0.1.0", same_host=False)
    machine = Machine(cpus=1, cpu_model="x", memory_mb=1, system="Linux", python="3")
    changes: dict[str, dict[str, object]] = {
        "version": {"servers": (server.model_copy(update={"version": HOSTILE}),)},
        "failure": {"failures": (Failure(kind=HOSTILE, count=1),)},
        "reason": {"partial": True, "partial_reason": HOSTILE},
        "origin": {"servers": (server.model_copy(update={"origin": HOSTILE}),)},
        "machine": {"machine": machine.model_copy(update={"cpu_model": HOSTILE})},
    }
    changed = a_report(**changes[field])
    for page in (page_of(changed), page_of(a_report(), changed)):
        assert_stands_alone(page)
    assert HOSTILE in page_of(changed).text


def test_what_turns_round_or_commands_is_shown_as_unknown_and_what_is_endless_is_cut() -> None:
    servers = tuple(
        Server(origin=ORIGIN, version=version, same_host=False)
        for version in ("\u202e1.0\x1b[31m\x00", "9" * 100_000)
    )
    html = html_of(a_report(servers=servers))
    assert "\ufffd1.0\ufffd[31m\ufffd" in html
    assert "9" * 500 not in html


def test_a_network_that_was_bad_on_purpose_is_told_before_any_figure() -> None:
    options = Options.model_validate(a_report().options.model_dump() | {"impairment": "loss=5%"})
    text = page_of(a_report(options=options)).text
    assert text.index("made bad on purpose: loss=5%") < text.index("Packets lost")
