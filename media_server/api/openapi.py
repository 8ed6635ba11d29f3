"""The OpenAPI 3.1 document, written from the endpoints and the models that serve them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from auth import Standing, may_call, needs_login
from media_server.api.endpoint import CONSULTATION, Endpoint, Parameter
from media_server.api.idempotency import HEADER
from media_server.api.problem_model import Problem

_REF = "#/components/schemas/{model}"
_BODY_CODES = ("bad-body",)


def openapi_document(
    endpoints: Iterable[Endpoint],
    version: str,
    others: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """JSON-able. `others`: paths that are served otherwise, described already."""
    every = tuple(endpoints)
    models: set[type[BaseModel]] = {each.body for each in every if each.body is not None}
    answers = {each.answer for each in every if each.answer is not None}
    wanted = [(model, "validation") for model in models] + [(model, "serialization") for model in answers]
    wanted.append((Problem, "serialization"))
    wanted.sort(key=lambda one: (one[0].__module__, one[0].__qualname__, one[1]))
    references, schemas = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]  # literals
    named = {(model, mode): reference for (model, mode), reference in references.items()}
    paths: dict[str, dict[str, Any]] = {}
    for each in every:
        operation = _operation(
            each,
            named.get((each.body, "validation")) if each.body is not None else None,
            named.get((each.answer, "serialization")) if each.answer is not None else None,
        )
        paths.setdefault(each.path, {})[each.method.lower()] = operation
    for path, methods in others.items():
        paths.setdefault(path, {}).update(methods)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Teleconsult",
            "version": version,
            "description": "Consultations between patients and doctors: all but the call itself, which is"
            " the WebSocket protocol of `GET /v1/signal`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/v1"}],
        "tags": [{"name": name} for name in _tags(paths)],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-teleconsult"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _tags(paths: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In the order in which they first come."""
    operations = (each for path in paths.values() for each in path.values())
    return list(dict.fromkeys(tag for each in operations for tag in each["tags"]))


def _operation(each: Endpoint, body: Any, answer: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": each.operation.value,
        "summary": each.summary,
        "tags": [each.tag],
        "x-who": [standing.value for standing in Standing if may_call(each.operation, standing)],
        "security": _security(each),
        "responses": _responses(each, answer),
    }
    parameters = [_parameter(one, "path") for one in _path_parameters(each)]
    parameters += [_parameter(one, "query") for one in each.query]
    if each.repeatable:
        parameters.append(
            {
                "name": HEADER,
                "in": "header",
                "required": False,
                "description": "The same request with the same key is done once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$"},
            }
        )
    if parameters:
        described["parameters"] = parameters
    if each.raw_body:
        binary = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"required": True, "content": dict.fromkeys(each.raw_body, binary)}
    elif body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


def _path_parameters(each: Endpoint) -> tuple[Parameter, ...]:
    own = (Parameter(CONSULTATION, "The consultation's id"),) if each.about_consultation else ()
    return own + each.path_parameters


def _parameter(one: Parameter, where: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "pattern": one.pattern}
    if one.values is not None:
        schema = {"type": "string", "enum": list(one.values)}
    return {
        "name": one.name,
        "in": where,
        "required": one.required,
        "description": one.description,
        "schema": schema,
    }


def _security(each: Endpoint) -> list[dict[str, list[str]]]:
    if not needs_login(each.operation):
        return [{}]
    page: dict[str, list[str]] = {"cookie": []} if each.safe else {"cookie": [], "csrf": []}
    return [{"bearer": []}, page]


def _responses(each: Endpoint, answer: Any) -> dict[str, Any]:
    refusals: dict[int, set[str]] = {status: set(codes) for status, codes in each.refusals.items()}

    def may(status: int, *codes: str) -> None:
        refusals.setdefault(status, set()).update(codes)

    may(503, "try-again")
    if needs_login(each.operation):
        may(401, "not-logged-in")
        may(403, "forbidden", "csrf", "foreign-origin")
    if each.about_consultation or each.path_parameters:
        may(404, "not-found")
    if each.body is not None:
        may(400, "bad-body")
        may(415, "not-json")
        may(413, "body-too-large")
    if each.body is not None or each.query or each.path_parameters or not each.safe:
        may(422, "invalid")
    if each.repeatable:
        may(409, "in-progress")
        may(422, "key-reused")
    if each.raw_body:
        may(413, "body-too-large")
        may(415, "media-type")
    succeeded: dict[str, Any] = {"description": "Done"}
    if answer is not None:
        succeeded["content"] = {"application/json": {"schema": answer}}
    elif each.media_types:
        succeeded["content"] = {type_: {} for type_ in each.media_types}
    status = each.status if answer is not None or each.media_types else 204
    responses: dict[str, Any] = {str(status): succeeded}
    for refused in sorted(refusals):
        codes = ", ".join(sorted(refusals[refused]))
        responses[str(refused)] = {
            "description": f"Refused: {codes}",
            "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
    return responses
