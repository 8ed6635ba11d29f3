"""What may pass for a patient's medical file: a FHIR R4 Bundle that says whose it is.

Pure. Looks no further than that: what is in it is for the doctor's screen, which takes every value as text.
"""

import json
from typing import Final, NoReturn

from pydantic import JsonValue

from media_server.medical_file.errors import Fault, Unavailable

SSIN: Final = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"
_TYPES: Final = frozenset({"document", "collection", "searchset", "batch-response", "history"})


def checked_bundle(body: bytes, ssin: str) -> bytes:
    """The same bytes. Raises Unavailable unless they are a Bundle with a Patient of that number and no other.

    A file in the wrong place is worse than none.
    """
    bundle = _parsed(body)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Unavailable(Fault.NOT_A_BUNDLE)
    if not isinstance(kind := bundle.get("type"), str) or kind not in _TYPES:
        raise Unavailable(Fault.NOT_A_BUNDLE)
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Unavailable(Fault.NOT_A_BUNDLE)
    numbers: set[JsonValue] = set()
    for entry in entries:
        numbers |= _numbers(_resource(entry))
    if numbers != {ssin}:
        raise Unavailable(Fault.ANOTHER_PATIENT)
    return body


def _parsed(body: bytes) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(body.decode("utf-8"), parse_constant=_refused)
    except (ValueError, RecursionError):
        raise Unavailable(Fault.NOT_A_BUNDLE) from None
    return parsed


def _refused(constant: str) -> NoReturn:
    raise ValueError("no JSON")  # NaN and Infinity, which json.loads would take (RFC 8259 §6)


def _resource(entry: JsonValue) -> dict[str, JsonValue]:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise Unavailable(Fault.NOT_A_BUNDLE)
    return resource


def _numbers(resource: dict[str, JsonValue]) -> set[JsonValue]:
    """The national numbers that a Patient is known by."""
    if resource["resourceType"] != "Patient":
        return set()
    identifiers = resource.get("identifier", [])
    if not isinstance(identifiers, list):
        raise Unavailable(Fault.NOT_A_BUNDLE)
    found: set[JsonValue] = set()
    for identifier in identifiers:
        if isinstance(identifier, dict) and identifier.get("system") == SSIN:
            value = identifier.get("value")
            if not isinstance(value, str):
                raise Unavailable(Fault.NOT_A_BUNDLE)
            found.add(value)
    return found
