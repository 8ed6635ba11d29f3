"""report.json: what is written is read again, what is something else is refused, and the schema agrees."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from loadtest.histogram import Histogram
from loadtest.results import (
    BadReport,
    CutKind,
    Cuts,
    Joins,
    JoinStep,
    Machine,
    Media,
    Options,
    Quantiles,
    Report,
    ScenarioName,
    Second,
    Server,
    TicketSource,
    read_report,
)
from loadtest.results.report import schema

SCHEMA_FILE = Path(__file__).parents[3] / "docs" / "loadtest-report.schema.json"


def a_report(**changed: object) -> Report:
    fields: dict[str, object] = {
        "tool": "0.1.0",
        "options": Options(
            scenario=ScenarioName.CONSULTATIONS,
            servers=("http://127.0.0.1:8080",),
            tickets=TicketSource.WALK_IN,
        ),
        "machine": Machine(cpus=2, cpu_model="a processor", memory_mb=4096, system="Linux", python="3.11.2"),
        "servers": (Server(origin="http://127.0.0.1:8080", version="0.1.0", same_host=True),),
        "started_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "ended_at": datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC),
        "joins": Joins(
            attempted=3,
            succeeded=2,
            failed=1,
            steps_ms={JoinStep.DTLS: Quantiles(n=2, p50=20, p95=21, p99=21, max=21)},
            histograms={JoinStep.DTLS: Histogram.of([20_000, 21_000])},
        ),
        "audio": Media(tracks=2, packets=100, latency=Histogram.of([300, 5_000])),
        "cuts": {CutKind.NETWORK: Cuts(made=1, resumed=1)},
        "timeline": (
            Second(at_s=1, measured=True, participants=2, joins=2, packets=50, bytes=1, expected=50, lost=0),
        ),
    }
    return Report.model_validate(fields | changed)


def test_a_report_is_read_as_it_was_written() -> None:
    report = a_report()
    assert read_report(report.to_json()) == report


def test_a_reader_ignores_what_a_later_minor_change_added() -> None:
    written = json.loads(a_report().to_json()) | {"something_new": 1}
    assert read_report(json.dumps(written)) == a_report()


@pytest.mark.parametrize(
    ("change", "field"), [({"version": 2}, "version"), ({"timeline": [{"at_s": "x"}]}, "timeline.0.at_s")]
)
def test_what_is_no_report_of_this_version_is_refused_by_its_field(
    change: dict[str, object], field: str
) -> None:
    written = json.loads(a_report().to_json()) | change
    with pytest.raises(BadReport, match=field):
        read_report(json.dumps(written))


def test_no_json_at_all_is_refused() -> None:
    with pytest.raises(BadReport, match="no load test report"):
        read_report("<html>")


def test_a_partial_report_never_passes() -> None:
    assert a_report().passed
    assert not a_report(partial=True, partial_reason="stopped").passed


def test_the_published_schema_is_that_of_the_model_and_holds_for_a_report() -> None:
    published = json.loads(SCHEMA_FILE.read_text())
    assert published == schema(), (
        "write it anew: python -m loadtest.results.schema docs/loadtest-report.schema.json"
    )
    Draft202012Validator(published).validate(json.loads(a_report().to_json()))


def test_the_published_schema_refuses_a_histogram_with_other_counts_than_numbers() -> None:
    written = json.loads(a_report().to_json())
    written["audio"]["latency"] = {"fast": 3}
    assert not Draft202012Validator(schema()).is_valid(written)
