"""`Idempotency-Key`: the same request sent again has the same answer, and is done once.

(draft-ietf-httpapi-idempotency-key-header.) Answers are kept sealed for a day, by a hash of person, operation
and key. A refusal is kept, too, but not that we failed: then the client should try again.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from aiohttp import web
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth import Operation
from media_server.api.call import Call
from media_server.api.errors import BadParameter, InProgress, KeyReused
from media_server.records import FieldKeys, reading, tables, writing

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,64}")
_UNANSWERED_S = 60.0
_answers = tables.idempotent_answers


class Idempotency:
    def __init__(
        self,
        engine: Engine,
        keys: FieldKeys,
        clock_us: Callable[[], int],
        refusal: Callable[[Exception], web.Response | None],
    ) -> None:
        """`refusal`: what an exception is answered with, None for those that are our own fault."""
        self._engine = engine
        self._keys = keys
        self._clock_us = clock_us
        self._refusal = refusal

    async def once(
        self, call: Call[Any], operation: Operation, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.Response:
        """The answer, made now or before. Raises BadParameter, KeyReused, InProgress."""
        given = call.request.headers.get(HEADER)
        if given is None:
            return await answer()
        if not _KEY.fullmatch(given):
            raise BadParameter(HEADER, "has to be 1 to 64 visible ASCII characters")
        whose = call.caller.person if call.caller is not None else "anyone"
        key = sha256(f"{whose}\0{operation.value}\0{call.request.path}\0{given}".encode()).digest()
        body = "" if call.body is None else call.body.model_dump_json(by_alias=True)
        fingerprint = sha256(body.encode()).digest()
        before = await asyncio.to_thread(self._begin, key, fingerprint, call)
        if before is not None:
            return before
        try:
            response = await self._with_refusals(answer)
        except BaseException:
            await asyncio.to_thread(self._forget, key)
            raise
        if response.status >= 500:
            await asyncio.to_thread(self._forget, key)
        else:
            await asyncio.to_thread(self._keep, key, response)
        return response

    async def _with_refusals(self, answer: Callable[[], Awaitable[web.Response]]) -> web.Response:
        """As `answer`, with what was refused as the document it will be sent as."""
        try:
            return await answer()
        except Exception as error:
            refused = self._refusal(error)
            if refused is None:
                raise
            return refused

    def _begin(self, key: bytes, fingerprint: bytes, call: Call[Any]) -> web.Response | None:
        about = None if call.consultation is None else call.consultation.id
        values = {"fingerprint": fingerprint, "created_at_us": self._clock_us(), "consultation": about}
        try:
            with writing(self._engine) as connection:
                stale = self._clock_us() - int(_UNANSWERED_S * 1e6)
                connection.execute(
                    delete(_answers).where(
                        _answers.c.key == key, _answers.c.status.is_(None), _answers.c.created_at_us < stale
                    )
                )
                connection.execute(insert(_answers).values(key=key, **values))
        except IntegrityError:
            return self._before(key, fingerprint)
        return None

    def _before(self, key: bytes, fingerprint: bytes) -> web.Response:
        with reading(self._engine) as connection:
            row = connection.execute(select(_answers).where(_answers.c.key == key)).one_or_none()
        if row is None or row.status is None:
            raise InProgress("the first request with this key is being answered")
        if row.fingerprint != fingerprint:
            raise KeyReused("this key came with another request before")
        kept = json.loads(self._keys.open_sealed(_place(key), row.sealed))
        return web.Response(
            text=kept["text"],
            status=row.status,
            content_type=kept["type"],
            headers={"Cache-Control": "no-store", "Idempotent-Replay": "true"},
        )

    def _keep(self, key: bytes, response: web.Response) -> None:
        kept = json.dumps({"text": response.text, "type": response.content_type})
        with writing(self._engine) as connection:
            connection.execute(
                update(_answers)
                .where(_answers.c.key == key)
                .values(status=response.status, sealed=self._keys.seal(_place(key), kept.encode()))
            )

    def _forget(self, key: bytes) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(_answers).where(_answers.c.key == key, _answers.c.status.is_(None)))


def _place(key: bytes) -> str:
    return f"idempotent_answers/sealed/{key.hex()}"
