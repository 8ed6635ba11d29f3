"""The few lines on standard output: what most people look for first."""

from loadtest.tool.summary import summary
from tests.loadtest.report.reports import a_report, a_report_of_everything


def named(lines: list[str], name: str) -> list[str]:
    """What the lines say that begin like this."""
    return [line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} ")]


def test_what_bots_saw_is_a_line_where_there_were_any() -> None:
    assert named(summary(a_report_of_everything()), "bots") == [
        "PSNR p95 30 dB, SSIM p95 0.95, lip sync p95 30 ms, 0 freezes an hour"
    ]
    assert named(summary(a_report()), "bots") == []


def test_what_bots_did_not_get_to_see_is_left_out() -> None:
    blind = a_report(fidelity={"bots": 2, "freezes_per_hour": 2.5})
    assert named(summary(blind), "bots") == ["2.5 freezes an hour"]
    assert named(summary(a_report(fidelity={"bots": 2})), "bots") == ["nothing was seen"]
