"""Endpoints served: for each request the same steps in the same order, and then the handler.

Who asks; may they, and do they know of the consultation; is the question well-formed; was it answered before.
Nothing a handler does can be reached without them.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from auth import Standing, may_call, needs_login
from media_server.api.call import Answer, Call, Caller, Callers, standing_of
from media_server.api.endpoint import CONSULTATION, Endpoint, Parameter
from media_server.api.errors import BadParameter, Invalid, MayNot, NotFound, NotLoggedIn, WrongMediaType
from media_server.api.faults import faults_of
from media_server.api.idempotency import Idempotency
from media_server.consultations import Consultation, ConsultationStore, NoSuchConsultation
from media_server.errors import BadBody, BodyNotJson, BodyTooLarge
from media_server.records import ask_rows

PREFIX = "/v1"
_NAMED = Parameter(CONSULTATION, "The consultation's id")


class Api:
    def __init__(self, callers: Callers, store: ConsultationStore, idempotency: Idempotency) -> None:
        self._callers = callers
        self._store = store
        self._idempotency = idempotency

    def add_routes(self, router: web.UrlDispatcher, endpoints: Iterable[Endpoint]) -> None:
        for endpoint in endpoints:
            # HEAD is not offered: what it would cost is a GET's work, for nobody who asked for it.
            router.add_route(endpoint.method, PREFIX + endpoint.path, self._served(endpoint))

    def _served(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            caller = await self._callers.caller(request)
            if caller is None and needs_login(endpoint.operation):
                raise NotLoggedIn("log in first")
            path = _parameters(endpoint.path_parameters, request.match_info)
            consultation = await self._consultation(endpoint, request)
            standing = _check_may(endpoint, caller, consultation)
            query = _parameters(endpoint.query, request.query)
            body = await _body(endpoint, request)
            call = Call(request, body, path, query, caller, consultation, standing)
            if not endpoint.repeatable:
                return _response(endpoint, await endpoint.handler(call))
            return await self._idempotency.once(call, endpoint.operation, lambda: _answered(endpoint, call))

        return serve

    async def _consultation(self, endpoint: Endpoint, request: web.Request) -> Consultation | None:
        if not endpoint.about_consultation:
            return None
        id_ = request.match_info[CONSULTATION]
        if not _NAMED.fits(id_):
            return None  # not one of ours; and not everything may be asked of a database
        try:
            return await ask_rows(self._store.engine, lambda: self._store.get(id_))
        except NoSuchConsultation:
            return None


async def _answered(endpoint: Endpoint, call: Call[Any]) -> web.Response:
    response = _response(endpoint, await endpoint.handler(call))
    assert isinstance(response, web.Response), "what may be repeated is not streamed"
    return response


def _check_may(endpoint: Endpoint, caller: Caller | None, consultation: Consultation | None) -> Standing:
    """Raises NotFound, MayNot. Whoever is nothing to a consultation is not told whether there is one."""
    standing = standing_of(caller, consultation)
    outsider = standing in (Standing.PATIENT, Standing.DOCTOR, Standing.GUEST)
    if endpoint.about_consultation and (consultation is None or outsider):
        raise NotFound("there is no such consultation")
    if not may_call(endpoint.operation, standing):
        raise MayNot("your role may not do this")
    return standing


def _parameters(declared: tuple[Parameter, ...], given: Any) -> dict[str, str]:
    """Raises BadParameter. What is not declared is ignored."""
    found: dict[str, str] = {}
    for parameter in declared:
        value = given.get(parameter.name)
        if value is None:
            if parameter.required:
                raise BadParameter(parameter.name, "is missing")
            continue
        if not parameter.fits(value):
            raise BadParameter(parameter.name, "is not one of those we know")
        found[parameter.name] = value
    return found


async def _body(endpoint: Endpoint, request: web.Request) -> BaseModel | None:
    """Raises WrongMediaType, BodyNotJson, BodyTooLarge, BadBody, Invalid."""
    if endpoint.raw_body:
        if request.content_type not in endpoint.raw_body:
            raise WrongMediaType(f"send one of {', '.join(endpoint.raw_body)}")
        return None
    if endpoint.body is None:
        return None
    if request.content_type != "application/json":
        raise BodyNotJson("send Content-Type: application/json")
    content = await read_at_most(request, endpoint.most_bytes)
    try:
        return endpoint.body.model_validate_json(content)
    except ValidationError as error:
        faults = faults_of(error)
        if faults is None:
            raise BadBody("the body is no JSON") from None
        raise Invalid(faults) from None


async def read_at_most(request: web.Request, most_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as that is known."""
    if (request.content_length or 0) > most_bytes:
        raise BodyTooLarge(f"at most {most_bytes} bytes")
    parts = bytearray()
    async for part in request.content.iter_any():
        parts += part
        if len(parts) > most_bytes:
            raise BodyTooLarge(f"at most {most_bytes} bytes")
    return bytes(parts)


def _response(endpoint: Endpoint, answer: Answer | web.StreamResponse) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    headers = {"Cache-Control": "no-store"} | dict(answer.headers or {})
    if answer.content is None:
        return web.Response(status=204, headers=headers)
    status = endpoint.status if answer.status == 200 else answer.status
    text = answer.content.model_dump_json(by_alias=True)
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)
