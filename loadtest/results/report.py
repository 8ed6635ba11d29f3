"""report.json: everything that a load test measured, and what it was asked for. Version 1.

A report may be partial: what was measured until the test was stopped, with the reason. Fields are only ever
added within a version; readers ignore those they do not know. Its JSON Schema is
`docs/loadtest-report.schema.json`.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, ValidationError

from loadtest.results.measures import (
    Capacity,
    ClientFigures,
    CutKind,
    Cuts,
    Failure,
    Fidelity,
    Joins,
    Machine,
    Media,
    Model,
    Playing,
    Second,
    Server,
    ServerFigures,
    ThresholdResult,
    Trend,
    WaitingRoom,
)
from loadtest.results.options import Options

SCHEMA_ID = "https://teleconsult.example/schemas/loadtest-report-1.json"
FORMAT: Literal["teleconsult-loadtest-report"] = "teleconsult-loadtest-report"
VERSION: Literal[1] = 1


class BadReport(Exception):
    """What was read is no report, or one of another version."""


class Report(Model):
    format: Literal["teleconsult-loadtest-report"] = FORMAT
    version: Literal[1] = VERSION
    tool: str
    """The load tester's version."""
    options: Options
    machine: Machine
    servers: tuple[Server, ...]
    started_at: datetime
    ended_at: datetime
    measured_from_s: float | None = None
    """When the measured window began, in seconds since `started_at`; null when it did not."""
    measured_s: float = 0.0
    """How long it was."""
    partial: bool = False
    partial_reason: str | None = None
    joins: Joins = Joins()
    audio: Media = Media()
    video: Media = Media()
    playing: Playing = Playing()
    cuts: dict[CutKind, Cuts] = Field(default_factory=dict)
    waiting_room: WaitingRoom | None = None
    trends: tuple[Trend, ...] = ()
    server: ServerFigures | None = None
    client: ClientFigures | None = None
    fidelity: Fidelity | None = None
    failures: tuple[Failure, ...] = ()
    thresholds: tuple[ThresholdResult, ...] = ()
    capacity: Capacity | None = None
    timeline: tuple[Second, ...] = ()

    @property
    def passed(self) -> bool:
        """Finished, with somebody there, and within all thresholds."""
        met = all(threshold.passed for threshold in self.thresholds)
        return met and not self.partial and self.joins.succeeded > 0

    def to_json(self) -> str:
        return self.model_dump_json(indent=1)


def read_report(text: str) -> Report:
    """Raises BadReport, whose text names the first field that is wrong."""
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadReport(f"no load test report of version {VERSION}: {where}: {first['msg']}") from error


def schema() -> dict[str, Any]:
    """The JSON Schema of report.json (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **Report.model_json_schema(mode="serialization"),
    }
