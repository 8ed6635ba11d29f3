"""What was asked for, of which servers, from which machine. Pure."""

from collections.abc import Iterator

from loadtest.report import words
from loadtest.report.html import Html
from loadtest.report.tables import beside, facts, section, table
from loadtest.results import Options, Report

ELSEWHERE = ("servers", "thresholds")
"""Options that a report has in other places."""


def section_of(report: Report) -> Html | None:
    machine = report.machine
    servers = [
        (
            server.origin,
            server.version or "unknown",
            "yes" if server.same_host else "no",
        )
        for server in report.servers
    ]
    return section(
        "plan",
        "What was asked for",
        table("Servers", ("Address", "version", "on the load tester's machine"), servers),
        beside(
            facts("Options", said_of(report.options)),
            facts(
                "Where and when the load tester ran",
                [
                    ("Began", words.moment(report.started_at)),
                    ("Ended", words.moment(report.ended_at)),
                    ("Measured", words.seconds(report.measured_s)),
                    ("Processors", f"{machine.cpus}, {machine.cpu_model}"),
                    ("Memory", words.megabytes(machine.memory_mb)),
                    ("System", f"{machine.system}, Python {machine.python}"),
                ],
            ),
        ),
    )


def said_of(options: Options) -> Iterator[tuple[str, str]]:
    """Each option's name and value in words."""
    for field in type(options).model_fields:
        if field not in ELSEWHERE:
            name, said = _said(field, getattr(options, field))
            yield words.words(name).capitalize(), said


def _said(field: str, value: object) -> tuple[str, str]:
    match value:
        case bool():
            return field, "yes" if value else "no"
        case int() | float() if field.endswith("_per_s"):
            return field.removesuffix("_per_s") + "_per_second", words.number(value)
        case int() | float() if field.endswith("_s"):
            return field.removesuffix("_s"), words.seconds(value)
        case int() | float() if field.endswith("_bps"):
            return field.removesuffix("_bps") + "_bitrate", words.bits(value)
        case None:
            return field, "none"
        case _:
            return field, str(value)
