"""JSON logs in which nothing private can appear, whoever writes the line.

Our own lines are fixed event names with fields (`log.info("track.forwarded", extra={"track": id})`). What
may pass is a list, not what may not: numbers, and text only in the fields named here and only if it looks
like an id or a code. Of libraries' lines, which are free text and may hold an address or a message, only
the template is kept, and of exceptions the types and places, not the words.
"""

import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from enum import Enum
from hashlib import blake2b
from types import TracebackType
from typing import Any, TextIO

import structlog

OWN_PACKAGES = frozenset({"media_server", "signalling", "sfu", "auth", "loadtest"})

# Text passes in these fields only: ids that we minted, closed sets of words, names of our own settings.
# fmt: off
TEXT_FIELDS = frozenset(
    {
        "action", "cause", "close_reason", "code", "codec", "direction", "encryption", "error", "kid", "kind",
        "layer", "mid", "node", "policy", "profile", "quality", "reason", "recording", "result",
        "rid", "role", "session", "setting", "signal", "source", "state", "status", "step", "store",
        "subprotocol", "task", "track", "transport", "type", "version",
    }
)
# fmt: on

_EVENT = re.compile(r"[a-z][a-z0-9_]*([.-][a-z0-9_]+)*")
_CODE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:~/+-]{0,79}")
# These have the shape of a code too: addresses, tokens, national and telephone numbers.
_NO_CODE = re.compile(r"\d{1,3}(\.\d{1,3}){3}|:.*:|eyJ[A-Za-z0-9_-]+\.|^[\d.+/-]{8,}$")
_HIDDEN = "<private>"

# Ids that whoever signs tickets chooses, and may make of anything: "jan-peeters-85073003361". Only a mark of
# them is written, under a key that is forgotten with the process, so that lines can be linked and no guess of
# the id be tried on them.
CHOSEN_IDS = frozenset({"participant", "peer", "room"})
_MARK_KEY = secrets.token_bytes(32)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every log of the process, ours and the libraries', as one JSON line each to `stream` (standard
    error).
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        _Lines(
            processors=[_line, structlog.processors.JSONRenderer()],
            use_get_message=False,  # values apart from the template, to be left out
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    for old in [*root.handlers]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # Our handler is told of everything; these libraries say much at debug level and nothing an operator
    # needs.
    for library in ("aioice", "aiortc", "aiohttp.access", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a broken pipe on the log is no reason to write the record elsewhere
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Says the same of records made by `logging`, as ours are, at a third of what structlog's way costs: a
    join writes half a dozen lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, dict):  # made by structlog
            return super().format(record)
        said: dict[str, Any] = {"event": record.msg, "_record": record, "exc_info": record.exc_info}
        if record.args:
            said["positional_args"] = record.args
        return json.dumps(_line(None, "", said))


def _line(_logger: Any, _method: str, said: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """What is written of one log record, made by `logging` or by structlog."""
    record: logging.LogRecord = said["_record"]
    error = said.get("exc_info")
    error = error[1] if isinstance(error, tuple) else error
    line: dict[str, Any] = {
        "timestamp": _timestamp(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        **_event(record, str(said.get("event", "")), bool(said.get("positional_args"))),
    }
    for fields in (said, vars(record)):
        for name, value in fields.items():
            if name not in _STANDARD:
                line.setdefault(name, _field(name, value))
    if isinstance(error, BaseException):
        line["exception"] = describe(error)
    return line


def _event(record: logging.LogRecord, template: str, has_values: bool) -> dict[str, Any]:
    if record.name.partition(".")[0] in OWN_PACKAGES:
        # A line that is no event name was made by hand, with who knows what in it.
        return {"event": template if _EVENT.fullmatch(template) and not has_values else "log.unnamed"}
    kept = {"template": template.splitlines()[0][:200]} if has_values and template else {}
    return {"event": "library.said", **kept, "place": f"{record.module}:{record.lineno}"}


def _field(name: str, value: Any) -> Any:
    match value:
        case float():
            return round(value, 3)
        case None | bool() | int():
            return value
        case Enum():
            return _field(name, value.value)
        case str() if name in CHOSEN_IDS:
            return mark(value)
        case str() if name in TEXT_FIELDS and _CODE.fullmatch(value) and not _NO_CODE.search(value):
            return value
        case list() | tuple() | set() | frozenset():
            return [_field(name, each) for each in list(value)[:20]]
        case dict():
            return {
                key if isinstance(key, str) and key.isidentifier() else _HIDDEN: _field(str(key), each)
                for key, each in list(value.items())[:40]
            }
        case _:
            return _HIDDEN


def mark(chosen_id: str) -> str:
    """What stands for such an id in this process's log: 48 bits, in hexadecimal."""
    return blake2b(chosen_id.encode(), key=_MARK_KEY, digest_size=6).hexdigest()


def describe(error: BaseException) -> list[dict[str, Any]]:
    """An exception and what caused it: types and places in code, without the words, which may quote their
    input.
    """
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        entry: dict[str, Any] = {"type": type(current).__name__, "at": _places(current.__traceback__)}
        if isinstance(current, BaseExceptionGroup):
            entry["of"] = [describe(each) for each in current.exceptions[:5]]
        chain.append(entry)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-12:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}" for frame in frames]


def _timestamp(created: float) -> str:
    return f"{datetime.fromtimestamp(created, UTC).isoformat(timespec='milliseconds')[:-6]}Z"


_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {
    "message", "asctime", "taskName", "_logger", "_name", "_from_structlog", "_record", "event",
    "positional_args", "exc_info", "stack_info",
}  # fmt: skip
