"""Logging in and out, as the OpenAPI document describes it; what serves it are `handlers` and
`sessions.logout`.

These are no endpoints like the others: browsers are sent to and fro, and nobody is logged in yet.
"""

from typing import Any, Final

from auth import Standing

_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def login_paths() -> dict[str, dict[str, Any]]:
    """By path and method, under /v1."""
    return {
        "/auth/itsme/login": {
            "get": _operation(
                "beginLogin",
                "Log in: a browser is sent on to itsme",
                {
                    "303": _redirect("To itsme; or back, with `login=failed`, when itsme cannot be reached"),
                    "400": _refused("bad-query"),
                },
                [
                    _query("role", "What one logs in as", required=True, enum=["patient", "doctor"]),
                    _query("return_to", "Where one goes back to: a path of ours, or an app's link"),
                    _query("ui_locales", "Languages of itsme's screens, best first"),
                    _query("code_challenge", "Of an app (RFC 7636 §4.2)"),
                    _query("code_challenge_method", "Of an app", enum=["S256"]),
                    _query("state", "Of an app: comes back as it was"),
                ],
            )
        },
        "/auth/itsme/callback": {
            "get": _operation(
                "completeLogin",
                "Back from itsme: ends in a session",
                {
                    "303": _redirect(
                        "To `return_to`, logged in; or with `login=refused`, `failed` or `expired`, and not"
                    )
                },
                [
                    _query("state", "What the login was begun with"),
                    _query("code", "Itsme's, where the person agreed"),
                    _query("error", "Itsme's, where not"),
                ],
            )
        },
        "/auth/token": {
            "post": _operation(
                "exchangeToken",
                "An app's code, or its refresh token, for tokens",
                {
                    "200": {
                        "description": "Done",
                        "content": {"application/json": {"schema": _TOKENS}},
                    },
                    "400": _refused("bad-body, invalid-grant"),
                    "403": _refused("foreign-origin"),
                    "413": _refused("body-too-large"),
                    "415": _refused("not-json"),
                    "503": _refused("try-again"),
                },
                body=_TOKEN_REQUEST,
            )
        },
        "/auth/logout": {
            "post": _operation(
                "logOut",
                "End the session, on all nodes and in the room; also for who is logged in no longer",
                {
                    "204": {"description": "Done"},
                    "401": _refused("not-logged-in"),
                    "403": _refused("csrf, foreign-origin"),
                    "503": _refused("try-again"),
                },
            )
        },
    }


_TOKEN_REQUEST: Final = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"code": {"type": "string"}, "code_verifier": {"type": "string"}},
            "required": ["code", "code_verifier"],
        },
        {
            "type": "object",
            "properties": {"refresh_token": {"type": "string"}},
            "required": ["refresh_token"],
        },
    ]
}
_TOKENS: Final = {
    "type": "object",
    "properties": {
        "access_token": {"type": "string"},
        "refresh_token": {"type": "string"},
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "seconds"},
    },
    "required": ["access_token", "refresh_token", "token_type", "expires_in"],
}


def _operation(
    id_: str,
    summary: str,
    responses: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    limited = {} if id_ == "logOut" else {"429": _refused("too-many-requests")}
    described: dict[str, Any] = {
        "operationId": id_,
        "summary": summary,
        "tags": ["Logging in"],
        "x-who": [standing.value for standing in Standing],
        "security": [{}],
        "responses": responses | limited,
    }
    if parameters:
        described["parameters"] = parameters
    if body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


def _query(
    name: str, description: str, *, required: bool = False, enum: list[str] | None = None
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({"enum": enum} if enum else {})
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


def _redirect(description: str) -> dict[str, Any]:
    return {"description": description, "headers": {"Location": {"schema": {"type": "string"}}}}


def _refused(codes: str) -> dict[str, Any]:
    return {"description": f"Refused: {codes}", "content": _PROBLEM}
