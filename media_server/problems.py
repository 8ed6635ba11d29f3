"""HTTP errors as problem documents (RFC 9457), with a stable `code` beside the standard members."""

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from media_server.errors import RequestRefused, on_the_wire

log = logging.getLogger(__name__)

_CODES = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}


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
