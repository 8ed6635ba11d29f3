"""How much a document may hold, and the look at it that comes before anything else reads it."""

import json
from dataclasses import dataclass

from media_server.intake.faults import Fault, FaultCode


@dataclass(frozen=True, slots=True)
class Limits:
    """`bytes`: of UTF-8 JSON; `depth`: arrays and objects within each other; `values`: objects, arrays and
    scalars; `answers`: of a response; `faults`: told of one document, the rest is summed up in one.
    """

    bytes: int
    depth: int
    values: int
    answers: int = 200
    faults: int = 100


RESPONSE_LIMITS = Limits(bytes=64 * 1024, depth=48, values=5_000)
QUESTIONNAIRE_LIMITS = Limits(bytes=1024 * 1024, depth=64, values=100_000)


def read_json(document: object, limits: Limits) -> tuple[object, Fault | None]:
    """The document as parsed JSON, once it is known to be small, shallow and JSON at all. Never raises.

    `document`: JSON text as str or bytes, or what `json.loads` made of it.
    """
    if isinstance(document, str | bytes):
        if len(document) > limits.bytes:
            return None, _too_large(limits)
        try:
            # RecursionError: the parser's own defence against deep nesting; ValueError: all that is not JSON.
            document = json.loads(document)
        except RecursionError:
            return None, _too_deep(limits)
        except ValueError:
            return None, _not_json()
    return document, _measured(document, limits)


def _measured(document: object, limits: Limits) -> Fault | None:
    """Walks without recursion, so that depth costs nothing; a Python object that holds itself ends by
    depth.
    """
    open_values: list[tuple[object, int]] = [(document, 1)]
    values = size = 0
    while open_values:
        value, depth = open_values.pop()
        values += 1
        if values > limits.values or size > limits.bytes:
            return _too_large(limits)
        if depth > limits.depth:
            return _too_deep(limits)
        match value:
            case dict():
                size += 2 + sum(len(str(key)) + 4 for key in value)
                open_values.extend((entry, depth + 1) for entry in value.values())
                if not all(isinstance(key, str) for key in value):
                    return _not_json()
            case list() | tuple():
                size += 2 + len(value)
                open_values.extend((entry, depth + 1) for entry in value)
            case str():
                # As UTF-8; a lone surrogate is three bytes here and refused by the model later.
                size += len(value.encode("utf-8", "surrogatepass"))
            case None | bool() | int() | float():
                size += 1
            case _:
                return _not_json()
    return _too_large(limits) if size > limits.bytes else None


def _too_large(limits: Limits) -> Fault:
    return Fault(
        None, FaultCode.TOO_LARGE, f"The document is larger than {limits.bytes // 1024} KiB or too long."
    )


def _too_deep(limits: Limits) -> Fault:
    return Fault(None, FaultCode.TOO_DEEP, f"The document is nested more than {limits.depth} levels deep.")


def _not_json() -> Fault:
    return Fault(None, FaultCode.NOT_JSON, "The document is not JSON.")
