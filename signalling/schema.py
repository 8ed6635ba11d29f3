"""JSON Schema (2020-12) of every message, made from the models that read and write them.

It describes the JSON sub-protocol; msgpack has the same maps, with bytes where the schema says base64url.
"""

from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from signalling.events import EVENTS, Event
from signalling.messages import REQUESTS
from signalling.replies import REPLIES

_PLACE = "#/$defs/{model}"
Mode = Literal["validation", "serialization"]


@cache
def message_schema() -> dict[str, Any]:
    """One document; its `$defs` hold each message, and `ClientMessage`, `ServerReply`, `ServerEvent`."""
    kinds: list[tuple[str, tuple[type[BaseModel], ...], Mode]] = [
        ("ClientMessage", tuple(REQUESTS.values()), "validation"),
        ("ServerReply", REPLIES, "serialization"),
        ("ServerEvent", EVENTS, "serialization"),
    ]
    wanted: list[tuple[type[BaseModel], Mode]] = [(m, mode) for _, models, mode in kinds for m in models]
    places, document = models_json_schema(wanted, ref_template=_PLACE)
    definitions: dict[str, Any] = document["$defs"]
    for model, mode in wanted:
        place = places[model, mode]
        schema = definitions[place["$ref"].rsplit("/", 1)[1]]
        if "type" in model.model_fields:
            _require(schema, "type")
        if issubclass(model, Event):
            schema["properties"]["seq"] = {"type": "integer", "minimum": 1}
            _require(schema, "seq")
    for kind, models, mode in kinds:
        definitions[kind] = {"anyOf": [places[model, mode] for model in models]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Teleconsult signalling, version 1",
        "$defs": definitions,
        "anyOf": [{"$ref": _PLACE.format(model=kind)} for kind, _, _ in kinds],
    }


def _require(schema: dict[str, Any], name: str) -> None:
    """`type` has a default in our models and `seq` comes in on sending; on the wire both are always there."""
    required = schema.setdefault("required", [])
    if name not in required:
        required.append(name)
