"""A key and its answer: given once, kept sealed, forgotten when we failed; on both databases."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import BaseModel
from sqlalchemy import Engine, select

from auth import Operation, Role, Standing
from media_server.api import BadParameter, Call, Caller, Idempotency, InProgress, KeyReused
from media_server.consultations import RedFlag
from media_server.problems import answer_to
from media_server.records import FieldKeys, reading, tables

MINUTE_US = 60_000_000
Answering = Callable[[], Awaitable[web.Response]]


class Body(BaseModel):
    words: str = "keelpijn"


class Clock:
    now_us = 1_000_000_000

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def idempotency(records: Engine, tmp_path: Path, clock: Clock) -> Idempotency:
    return Idempotency(records, FieldKeys.open(tmp_path / "keys"), clock, answer_to)


def a_call(key: str | None = "key-1", person: str = "pt-1", words: str = "keelpijn") -> Call[Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    request = make_mocked_request("POST", "/v1/consultations", headers=headers)
    caller = Caller(person, Role.PATIENT, "s-1", 2_000_000_000)
    return Call(request, Body(words=words), {}, {}, caller, None, Standing.PATIENT)


class Work:
    """What is to be done once; `done` counts."""

    def __init__(self, outcome: Exception | int = 201) -> None:
        self.done = 0
        self.outcome = outcome

    async def __call__(self) -> web.Response:
        self.done += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return web.json_response({"number": self.done}, status=self.outcome)


async def once(idempotency: Idempotency, call: Call[Any], work: Answering) -> web.Response:
    return await idempotency.once(call, Operation.CREATE_CONSULTATION, work)


async def test_without_a_key_it_is_done_each_time(idempotency: Idempotency) -> None:
    work = Work()
    for _ in range(2):
        await once(idempotency, a_call(None), work)
    assert work.done == 2


async def test_with_a_key_it_is_done_once_and_answered_as_it_was(idempotency: Idempotency) -> None:
    work = Work()
    first, again = [await once(idempotency, a_call(), work) for _ in range(2)]
    assert work.done == 1
    assert (again.status, again.text, again.content_type) == (first.status, first.text, first.content_type)
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers


async def test_a_refusal_is_kept_too(idempotency: Idempotency) -> None:
    work = Work(RedFlag("call 112"))
    first, again = [await once(idempotency, a_call(), work) for _ in range(2)]
    assert work.done == 1
    assert (first.status, again.status, json.loads(again.text or "")["code"]) == (409, 409, "red-flag")


@pytest.mark.parametrize("outcome", [RuntimeError("ours"), 503])
async def test_that_we_failed_is_not_kept(idempotency: Idempotency, outcome: Exception | int) -> None:
    work = Work(outcome)
    for _ in range(2):
        try:
            assert (await once(idempotency, a_call(), work)).status == 503
        except RuntimeError:
            assert not isinstance(outcome, int)
    assert work.done == 2


async def test_a_key_is_one_persons_and_for_one_body(idempotency: Idempotency) -> None:
    work = Work()
    await once(idempotency, a_call(), work)
    assert (await once(idempotency, a_call(person="pt-2"), work)).status == 201
    assert work.done == 2
    with pytest.raises(KeyReused):
        await once(idempotency, a_call(words="koorts"), work)


async def test_who_asks_while_it_is_being_done_is_told_so(idempotency: Idempotency) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> web.Response:
        began.set()
        await go_on.wait()
        return web.json_response({})

    async with asyncio.TaskGroup() as group:
        first = group.create_task(once(idempotency, a_call(), slow))
        await began.wait()
        with pytest.raises(InProgress):
            await once(idempotency, a_call(), slow)
        go_on.set()
    assert first.result().status == 200


async def test_what_a_node_died_over_may_be_tried_again_after_a_minute(
    idempotency: Idempotency, clock: Clock
) -> None:
    never = asyncio.Event()

    async def dying() -> web.Response:
        started.set()
        await never.wait()
        raise AssertionError

    started = asyncio.Event()
    lost = asyncio.create_task(once(idempotency, a_call(), dying))
    await started.wait()
    with pytest.raises(InProgress):
        await once(idempotency, a_call(), Work())
    clock.now_us += MINUTE_US + 1
    assert (await once(idempotency, a_call(), Work())).status == 201
    lost.cancel()
    await asyncio.gather(lost, return_exceptions=True)
    assert "Idempotent-Replay" in (await once(idempotency, a_call(), Work())).headers


@pytest.mark.parametrize("key", ["", "x" * 65, "two words", "caf\u00e9", "tab\t"])
async def test_a_key_that_is_none_is_refused(idempotency: Idempotency, key: str) -> None:
    work = Work()
    with pytest.raises(BadParameter):
        await once(idempotency, a_call(key), work)
    assert work.done == 0


async def test_neither_key_nor_answer_lies_open(idempotency: Idempotency, records: Engine) -> None:
    await once(idempotency, a_call("my-own-key"), Work())
    with reading(records) as connection:
        (row,) = connection.execute(select(tables.idempotent_answers)).all()
    assert b"number" not in row.sealed
    assert b"my-own-key" not in b"".join(value for value in row if isinstance(value, bytes))
