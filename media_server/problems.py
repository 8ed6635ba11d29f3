"""HTTP errors as problem documents (RFC 9457), and the one table of which exception becomes which."""

import logging
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

import auth
import signalling
from media_server.errors import BadBody, BodyNotJson, ForeignOrigin, NotReady, RequestRefused

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wire:
    """What an HTTP client gets to see of an error: status, and the problem's code and title (RFC 9457)."""

    status: int
    code: str
    title: str


# First match wins, so a special case stands before its base. What is not here is our own fault: 500.
# On the WebSocket it is signalling that answers: each of its refusals carries its code and close code itself.
_TABLE: tuple[tuple[type[Exception], Wire], ...] = (
    (BadBody, Wire(400, "bad-body", "The body cannot be read")),
    (BodyNotJson, Wire(415, "not-json", "The body has to be JSON")),
    (ForeignOrigin, Wire(403, "foreign-origin", "Not from this origin")),
    (NotReady, Wire(503, "not-ready", "The server is not ready")),
    (auth.BadGrant, Wire(400, "bad-grant", "No ticket can say this")),
    (signalling.StoreUnavailable, Wire(503, "try-again", "Try again")),
)


# What aiohttp raises by itself.
_CODES = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}


def on_the_wire(error: Exception) -> Wire | None:
    """The error's row, or None for what no peer caused and no peer is told about."""
    return next((wire for kind, wire in _TABLE if isinstance(error, kind)), None)


def problem(status: int, code: str, title: str, detail: str | None = None) -> web.Response:
    """A problem document. `type` is a relative reference that names the code; `detail` is for a person to
    read.
    """
    document = {"type": f"/problems/{code}", "title": title, "status": status, "code": code}
    if detail is not None:
        document["detail"] = detail
    response = web.json_response(document, status=status, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what handlers raise into problem documents; what we did not foresee says nothing of its cause."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        status = HTTPStatus(error.status)
        answer = problem(error.status, _CODES.get(error.status, "http-error"), status.phrase)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except Exception as error:
        wire = on_the_wire(error)
        if wire is None:
            log.exception("http.failed", extra={"type": type(error).__name__})
            return problem(500, "internal", "Something went wrong on our side")
        detail = str(error) if isinstance(error, RequestRefused) else None
        return problem(wire.status, wire.code, wire.title, detail)
