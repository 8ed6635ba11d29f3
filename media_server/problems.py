"""HTTP errors as problem documents (RFC 9457), and the one table of which exception becomes which."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from math import ceil
from types import MappingProxyType

from aiohttp import web
from aiohttp.typedefs import Handler

import auth
import signalling
from media_server import api, consultations, medical_file, outcome, people
from media_server.errors import (
    BadBody,
    BodyNotJson,
    BodyTooLarge,
    ForeignOrigin,
    NotReady,
    RequestRefused,
    TooManyRequests,
)
from media_server.login.errors import BadQuery, GrantRefused
from media_server.records import RecordsUnusable

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
    (BadQuery, Wire(400, "bad-query", "The address cannot be read")),
    (GrantRefused, Wire(400, "invalid-grant", "This gives no tokens")),
    (BodyNotJson, Wire(415, "not-json", "The body has to be JSON")),
    (ForeignOrigin, Wire(403, "foreign-origin", "Not from this origin")),
    (BodyTooLarge, Wire(413, "body-too-large", "The body is too large")),
    (TooManyRequests, Wire(429, "too-many-requests", "Too many requests")),
    (NotReady, Wire(503, "not-ready", "The server is not ready")),
    (api.NotLoggedIn, Wire(401, "not-logged-in", "Nobody is logged in")),
    (api.CsrfRefused, Wire(403, "csrf", "Not from our own page")),
    (api.MayNot, Wire(403, "forbidden", "Not allowed")),
    (api.NotFound, Wire(404, "not-found", "Not found")),
    (api.KeyReused, Wire(422, "key-reused", "Another request had this Idempotency-Key")),
    (api.Invalid, Wire(422, "invalid", "Something in the request is wrong")),
    (api.WrongMediaType, Wire(415, "media-type", "Not a type of body that this takes")),
    (api.InProgress, Wire(409, "in-progress", "The same request is being answered")),
    (consultations.NoSuchConsultation, Wire(404, "not-found", "Not found")),
    (consultations.UnknownAttachment, Wire(404, "not-found", "Not found")),
    (consultations.QueueEmpty, Wire(404, "queue-empty", "Nobody waits")),
    (consultations.AlreadyClaimed, Wire(409, "already-claimed", "This patient waits no longer")),
    (consultations.DoctorBusy, Wire(409, "busy", "There is a consultation that is not over")),
    (consultations.PatientWaits, Wire(409, "already-waiting", "There is a consultation that is not over")),
    (consultations.NotInThisState, Wire(409, "state", "Not in this state")),
    (consultations.DoctorThere, Wire(409, "doctor-there", "The doctor is there")),
    (consultations.RedFlag, Wire(409, "red-flag", "This may be an emergency")),
    (consultations.TextChanged, Wire(409, "text-changed", "The text has changed")),
    (consultations.AlreadyRated, Wire(409, "already-rated", "Rated already")),
    (consultations.Incomplete, Wire(409, "incomplete", "Something has to be written first")),
    (consultations.FairUse, Wire(429, "fair-use", "This month's consultations are used up")),
    (consultations.ConsentNeeded, Wire(403, "consent-needed", "Consent is needed")),
    (consultations.RecordingForbidden, Wire(403, "recording-forbidden", "Nothing is recorded here")),
    (consultations.ProxyNeeded, Wire(403, "proxy-needed", "An adult has to ask")),
    (consultations.InvitationRefused, Wire(403, "invitation", "This invitation is not valid")),
    (consultations.Purged, Wire(410, "purged", "Removed")),
    (consultations.BadAttachment, Wire(422, "attachment", "Not a file that this takes")),
    (outcome.MedicineBlocked, Wire(422, "medicine-blocked", "Not prescribed by this service")),
    (outcome.MedicineUnknown, Wire(422, "unknown-code", "No medicine that the rules know")),
    (medical_file.Unavailable, Wire(503, "try-again", "Try again")),
    (people.NotOnDuty, Wire(403, "not-on-duty", "Not on duty")),
    (people.MayNotGoOnDuty, Wire(403, "may-not-go-on-duty", "May not go on duty")),
    (people.BadDutyLanguages, Wire(422, "invalid", "Something in the request is wrong")),
    (people.UnknownPerson, Wire(401, "not-logged-in", "Nobody is logged in")),
    (RecordsUnusable, Wire(503, "try-again", "Try again")),
    (auth.BadGrant, Wire(400, "bad-grant", "No ticket can say this")),
    (signalling.StoreUnavailable, Wire(503, "try-again", "Try again")),
)


# Errors that are always about the same member of the body, as a JSON pointer; "" is all of it.
_FIELD_OF: Mapping[type[Exception], str] = {
    people.BadDutyLanguages: "/languages",
    outcome.MedicineBlocked: "/atc",
    outcome.MedicineUnknown: "/atc",
    consultations.BadAttachment: "",
}


# What aiohttp raises by itself.
_CODES = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}


def on_the_wire(error: Exception) -> Wire | None:
    """The error's row, or None for what no peer caused and no peer is told about."""
    return next((wire for kind, wire in _TABLE if isinstance(error, kind)), None)


def problem(
    status: int,
    code: str,
    title: str,
    detail: str | None = None,
    faults: Sequence[api.FieldFault] = (),
    more: Mapping[str, object] = MappingProxyType({}),
) -> web.Response:
    """A problem document. `type` is a relative reference that names the code; `detail` is for a person to
    read; `faults` become `errors`; `more`: members of its own (RFC 9457 §3.2).
    """
    document: dict[str, object] = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
    }
    if faults:
        document["errors"] = [asdict(fault) for fault in faults]
    if detail is not None:
        document["detail"] = detail
    document |= more
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
        refused = answer_to(error)
        if refused is None:
            log.exception("http.failed", extra={"type": type(error).__name__})
            return problem(500, "internal", "Something went wrong on our side")
        return refused


def answer_to(error: Exception) -> web.Response | None:
    """The problem document of an error; None for those that are our own fault."""
    wire = on_the_wire(error)
    if wire is None:
        return None
    detail = str(error) if isinstance(error, RequestRefused) else None
    answer = problem(wire.status, wire.code, wire.title, detail, _faults(error, wire), _more(error))
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(max(1, ceil(error.retry_after_s)))  # RFC 6585 §4
    if wire.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="teleconsult"'
    return answer


def _faults(error: Exception, wire: Wire) -> Sequence[api.FieldFault]:
    if isinstance(error, api.Invalid):
        return error.faults
    field = _FIELD_OF.get(type(error))
    return () if field is None else (api.FieldFault(field, wire.code, str(error)),)


def _more(error: Exception) -> Mapping[str, object]:
    if not isinstance(error, outcome.MedicineBlocked):
        return {}
    text = {language.value: sentence for language, sentence in error.text.items()}
    rule = {"kind": error.kind, "reason": error.reason, "version": error.version, "text": text}
    return {"rule": rule}
