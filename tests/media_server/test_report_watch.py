"""What an operator sees of reports that do not arrive."""

from pathlib import Path

from sqlalchemy import Engine

from media_server.records import FieldKeys, tables, writing
from media_server.report_watch import ReportWatch
from media_server.reports import Delayed, Delivered, GivenUp, Receipt, ReportId, Trouble
from tests.media_server.records.rows import House

ABOUT = (ReportId("r-1"), "c-1", 5)


def figures(watch: ReportWatch) -> dict[str, float]:
    named = ((row.name, row.labels.get("result"), row.value) for row in watch.rows())
    return {f"{name}:{result}" if result else name: value for name, result, value in named if value}


async def test_a_report_that_is_overdue_or_failed_is_counted_at_once_and_until_somebody_saw_to_it(
    records: Engine, tmp_path: Path
) -> None:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    house.consultation()
    house.report("queued", number=1, attempts=5)
    house.report("queued", number=2, attempts=4)
    house.report("failed", number=3, attempts=9)
    watch = ReportWatch(records)
    await watch.observe(Delayed(*ABOUT, Trouble.TIMED_OUT, due_at_us=1, alarming=False))
    assert figures(watch) == {"report_attempts:delayed": 1}
    await watch.observe(Delayed(*ABOUT, Trouble.TIMED_OUT, due_at_us=1, alarming=True))
    assert figures(watch) == {
        "report_attempts:delayed": 1,
        "report_attempts:overdue": 1,
        "reports_overdue": 1,
        "reports_failed": 1,
    }
    with writing(records) as connection:
        connection.execute(tables.reports.update().values(state="delivered", sealed=None))
    await watch.observe(GivenUp(*ABOUT, Trouble.EXPIRED))
    await watch.observe(Delivered(*ABOUT, Receipt("reference", "sha256")))
    counted = figures(watch)
    assert "reports_overdue" not in counted, "another node, or the doctor, saw to it"
    assert "reports_failed" not in counted
    assert (counted["report_attempts:given-up"], counted["report_attempts:delivered"]) == (1, 1)
