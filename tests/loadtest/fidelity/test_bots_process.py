"""The bots' process, and what the load tester makes of one that does not behave; all of them are real."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import uvloop

from loadtest.fidelity import Bots, BotsFailed, PairFailed, bots
from loadtest.fidelity.__main__ import Stage
from loadtest.fidelity.bot import Bot
from loadtest.fidelity.scene import Scene
from loadtest.film import DOCTOR, film
from loadtest.film_track import Clock
from tests.endless_film import endless_film
from tests.loadtest.fake_server import APass, a_joined_state, a_participant, a_server, a_track, refused
from tests.loadtest.fidelity.conftest import SMALL
from tests.server_process import dying_with_parent

SLOW = """
import sys, time
print('{}', flush=True)
for number, line in enumerate(sys.stdin):
    time.sleep(0.6 if number == 0 else 0)
    print('{"fidelity": {}, "lost": %d}' % number, flush=True)
"""
DIES_AT_ONCE = "print('{}', flush=True)"
DIES_IN_THE_MIDDLE = """
print('{}', flush=True)
input()
print('{"fidel', end='', flush=True)
"""
REFUSED = """
for answer in ('{}', '{"failed": "refused as room-full"}', '{}'):
    print(answer, flush=True)
    input()
"""


def a_process(script: str) -> Bots:
    return Bots(command=(sys.executable, "-c", script))


async def test_an_answer_that_comes_late_is_not_taken_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bots, "ANSWER_S", 0.2)
    async with a_process(SLOW) as slow:
        with pytest.raises(BotsFailed, match="not in time"):
            await slow.begin_window()
        monkeypatch.setattr(bots, "ANSWER_S", 10)
        with pytest.raises(BotsFailed, match="process lost"):
            await slow.end_window()


@pytest.mark.parametrize("script", [DIES_AT_ONCE, DIES_IN_THE_MIDDLE], ids=["at once", "in the middle"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_process_that_dies_is_a_failure_with_a_code(script: str, loop: str) -> None:
    async def ask_twice() -> None:
        async with a_process(script) as dying:
            with pytest.raises(BotsFailed, match="process ended"):
                await dying.begin_window()
            with pytest.raises(BotsFailed, match="process lost"):
                await dying.end_window()

    async def ask_the_dead() -> None:
        async with a_process(script) as dead:
            assert dead._process is not None
            with suppress(ProcessLookupError):  # it was faster
                dead._process.kill()
            await dead._process.wait()
            for _ in range(2):
                with pytest.raises(BotsFailed):
                    await dead.begin_window()

    run: Callable[..., None] = {"asyncio": asyncio.run, "uvloop": uvloop.run}[loop]
    run(ask_twice())
    run(ask_the_dead())


async def test_a_pair_that_may_not_join_is_told_by_its_code_alone(scene: Scene) -> None:
    async with a_server() as server, AsyncExitStack() as stack:
        server.answers["join"] = refused("room-full")
        pair = [[server.url, "ticket"], [server.url, "ticket"]]
        assert await Stage(scene, stack).answer({"do": "join", "pair": pair}) == {
            "failed": "refused as room-full"
        }
        pair = [["ws://127.0.0.1:1/v1/signal", "ticket"]] * 2
        failed = (await Stage(scene, stack).answer({"do": "join", "pair": pair}))["failed"]
        assert "127" not in failed


async def test_after_a_pair_that_failed_the_process_is_asked_on() -> None:
    async with a_process(REFUSED) as going_on:
        with pytest.raises(PairFailed, match="refused as room-full"):
            await going_on.join(APass("ws://there"), APass("ws://there"))
        await going_on.begin_window()


async def test_a_bot_that_can_not_watch_any_more_is_lost(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_server() as server:
        server.sources["theirs"], _ = endless_film(film(tmp_path, DOCTOR, SMALL))
        there = [a_participant(tracks=[a_track("theirs")])]
        server.answers["join"] = lambda _: a_joined_state(participants=there)
        async with Bot(server.url, "ticket", scene, Clock(), Clock()) as bot:
            await bot.until_decoded()
            assert not bot.over
            monkeypatch.setattr(bot._judge, "see", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await bot._watching[0]
            assert bot.over


async def test_the_end_of_the_input_ends_the_process_while_it_makes_the_film(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest.fidelity"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=dying_with_parent(),
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate(b"")
    assert said == b"", "it was never made"
    assert process.returncode == 0
    assert os.listdir(tmp_path) == []


async def test_a_process_that_does_not_end_is_ended_also_when_nobody_waits_for_it() -> None:
    endless = a_process("print('{}', flush=True)\nwhile True: pass")
    async with endless:
        process = endless._process
        assert process is not None
        leaving = asyncio.create_task(endless._close())
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert process.returncode == -signal.SIGKILL
