"""Nothing private reaches the log, whoever writes the line."""

import io
import json
import logging
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
import structlog

from auth import Private
from media_server import logs

NAME = "Annelies Verstraete"
ADDRESS = "203.0.113.77"
ADDRESS_6 = "2001:db8::7:1"
NATIONAL_NUMBER = "85.07.30-033.28"
TICKET = "eyJhbGciOiJFZERTQSJ9.eyJuYW1lIjoiQW5uZWxpZXMifQ.c2lnbmF0dXJl"
SDP = "v=0\r\no=- 1 2 IN IP4 203.0.113.77\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
CHAT = "It hurts here since Tuesday"
PRIVATE = [NAME, ADDRESS, ADDRESS_6, NATIONAL_NUMBER, TICKET, SDP, CHAT]


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    log = Log()
    logs.configure("debug", log.stream)
    yield log
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def nothing_private_in(text: str) -> bool:
    pieces = {piece for value in PRIVATE for piece in (value, *value.split())} - {
        "v=0",
        "IN",
        "IP4",
        "1",
        "2",
        "o=-",
    }
    return not [piece for piece in pieces if len(piece) > 5 and piece in text]


def test_a_line_is_json_with_time_level_logger_event_and_fields(log: Log) -> None:
    logging.getLogger("sfu.tracks").info(
        "track.forwarded", extra={"track": "_t-1a2b", "packets": 7, "loss": 0.25004}
    )
    [line] = log.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info", "logger": "sfu.tracks", "event": "track.forwarded",
        "track": "_t-1a2b", "packets": 7, "loss": 0.25,
    }  # fmt: skip


def test_structlog_loggers_write_the_same_lines(log: Log) -> None:
    structlog.get_logger("media_server.app").warning("server.draining", node="n1", name=NAME)
    [line] = log.lines
    assert (line["event"], line["logger"], line["node"]) == ("server.draining", "media_server.app", "n1")
    assert nothing_private_in(log.text)


@pytest.mark.parametrize("value", PRIVATE)
@pytest.mark.parametrize(
    "field", ["name_", "ticket", "sdp", "address", "note", "room", "reason", "code", "anything"]
)
def test_a_private_value_passes_in_no_field(log: Log, field: str, value: str) -> None:
    for shape in (value, Private(value), [value], {"x": value}, {value}, value.encode(), ValueError(value)):
        logging.getLogger("signalling").info("peer.said", extra={field: shape})
    assert len(log.lines) == 7
    assert nothing_private_in(log.text)


@pytest.mark.parametrize("value", PRIVATE)
def test_a_private_value_passes_in_no_message_made_by_hand(log: Log, value: str) -> None:
    for name in ("signalling", "asyncio", "aiohttp.server", "root", "py.warnings"):
        logging.getLogger(name).error(f"lost {value}")
        logging.getLogger(name).error("lost %s", value)
    assert len(log.lines) == 10
    assert nothing_private_in(log.text)


@pytest.mark.parametrize("value", PRIVATE)
def test_a_private_value_passes_in_no_exception(log: Log, value: str) -> None:
    try:
        try:
            int(value)
        except ValueError as error:
            raise ExceptionGroup(value, [RuntimeError(value)]) from error
    except ExceptionGroup:
        logging.getLogger("media_server.app").exception("server.failed")
        structlog.get_logger("media_server.app").exception("server.failed")
    assert len(log.lines) == 2
    assert nothing_private_in(log.text)


def test_an_exception_tells_its_types_and_places(log: Log) -> None:
    try:
        int("x")
    except ValueError:
        logging.getLogger("sfu").exception("reader.failed")
    [entry] = log.lines[0]["exception"]
    assert entry["type"] == "ValueError"
    assert entry["at"][-1].startswith("media_server/test_logs.py:")


def test_of_a_librarys_line_the_template_stays_without_its_values(log: Log) -> None:
    logging.getLogger("aiohttp.server").error("cannot serve %s", ADDRESS)
    assert log.lines[0]["template"] == "cannot serve %s"


def test_ids_codes_and_enums_pass(log: Log) -> None:
    class Refusal(Enum):
        EXPIRED = "expired"

    logging.getLogger("signalling").info(
        "ticket.refused", extra={"reason": Refusal.EXPIRED, "session": "s-1.2~x"}
    )
    assert (log.lines[0]["reason"], log.lines[0]["session"]) == ("expired", "s-1.2~x")


@pytest.mark.parametrize("field", ["room", "participant"])
def test_what_a_signer_of_tickets_chose_is_told_by_its_mark_only(log: Log, field: str) -> None:
    chosen = "jan-peeters-85073003361"
    for id_ in (chosen, chosen, "another"):
        logging.getLogger("signalling").info("participant.left", extra={field: id_})
    logging.getLogger("signalling").info("room.lost", extra={field: [chosen]})
    first, same, other, listed = (line[field] for line in log.lines)
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    assert first == same != other
    assert listed == [first]
    assert "peeters" not in log.text


def test_the_level_is_obeyed(log: Log) -> None:
    logs.configure("warning", log.stream)
    logging.getLogger("sfu").info("too.quiet")
    assert log.text == ""
