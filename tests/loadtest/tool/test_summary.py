"""The few lines on standard output: what most people look for first."""

from loadtest.results import Capacity
from loadtest.tool.summary import summary
from tests.loadtest.report.reports import a_report, a_report_of_everything


def named(lines: list[str], name: str) -> list[str]:
    """What the lines say that begin like this."""
    return [line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} ")]


def test_what_bots_saw_is_a_line_where_there_were_any() -> None:
    assert named(summary(a_report_of_everything()), "bots") == [
        "PSNR p95 30\u202fdB, SSIM p95 95\u202f%, lip sync p95 30\u202fms, 0 freezes an hour"
    ]
    assert named(summary(a_report()), "bots") == []


def test_what_bots_did_not_get_to_see_is_left_out() -> None:
    blind = a_report(fidelity={"bots": 2, "freezes_per_hour": 2.5})
    assert named(summary(blind), "bots") == ["2.5 freezes an hour"]
    assert named(summary(a_report(fidelity={"bots": 2})), "bots") == ["nothing was seen"]


def test_what_the_servers_figures_do_not_say_is_a_line() -> None:
    report = a_report()
    assert report.server is not None
    assert named(summary(report), "server figures") == []
    process = a_report(server=report.server.model_copy(update={"source": "proc", "packets_out": None}))
    (line,) = named(summary(process), "server figures")
    assert "of its process only" in line
    assert "--metrics http://" in line
    other = a_report(server=report.server.model_copy(update={"packets_out": 9}))
    assert "may be another server's" in named(summary(other), "server figures")[0]


def test_one_call_is_no_plural_and_what_was_looked_for_has_its_name() -> None:
    searched = a_report_of_everything()
    one = {"capacity": Capacity(steps=(), most=1, limited_by="asked")}
    (line,) = named(summary(searched.model_copy(update=one)), "capacity")
    assert line.startswith("1 call (")
