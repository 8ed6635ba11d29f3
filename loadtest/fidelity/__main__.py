"""The process of the bots: a line of JSON in, a line of JSON out, until the end of the input.

{"do": "join", "pair": [[url, ticket], [url, ticket]]} → {"first_decoded_ms": …} or {"failed": code}
{"do": "begin"} → {}
{"do": "end"} → {"fidelity": {…}, "lost": count}

The first line out says that the film is made, {}, or why there is none, {"error": "…"}.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from loadtest.errors import ClientError, code_of
from loadtest.fidelity.bot import Bot
from loadtest.fidelity.judge import Verdict
from loadtest.fidelity.scene import BadFilm, Scene, make_scene
from loadtest.film_track import Clock

Line = dict[str, Any]
LEAVE_S = 4.0


class Stage:
    """All bots, in pairs."""

    def __init__(self, scene: Scene, stack: AsyncExitStack) -> None:
        self._scene = scene
        stack.push_async_callback(self._leave)
        self._bots: list[Bot] = []

    async def answer(self, line: Line) -> Line:
        match line:
            case {"do": "join", "pair": pair}:
                try:
                    return {"first_decoded_ms": await self._join(pair)}
                except (ClientError, OSError, TimeoutError) as error:
                    return {"failed": code_of(error)}
            case {"do": "begin"}:
                for bot in self._bots:
                    bot.begin_window()
                return {}
            case _:
                verdict = Verdict()
                for bot in self._bots:
                    verdict.merge(bot.end_window())
                lost = sum(bot.over for bot in self._bots)
                return {"fidelity": verdict.figures(len(self._bots)), "lost": lost}

    async def _join(self, pair: list[list[str]]) -> float | None:
        """Returns the time to the first picture of who came second, and so found somebody sending."""
        clocks = Clock(), Clock()
        async with AsyncExitStack() as opened:
            bots = [
                await opened.enter_async_context(Bot(url, ticket, self._scene, clocks[at], clocks[1 - at]))
                for at, (url, ticket) in enumerate(pair)
            ]
            for bot in bots:
                await bot.until_decoded()
            opened.pop_all()  # they stay
            self._bots += bots
        return bots[-1].first_decoded_ms

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await asyncio.gather(*(bot.close() for bot in self._bots), return_exceptions=True)


async def main(film: Path | None) -> None:
    """Ends with its input, whatever it is doing then."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    following = asyncio.create_task(lines.readline(), name="line")
    with tempfile.TemporaryDirectory(prefix="teleconsult-bots-") as folder:
        making = asyncio.create_task(asyncio.to_thread(make_scene, Path(folder), film), name="film")
        await asyncio.wait((making, following), return_when=asyncio.FIRST_COMPLETED)
        if not making.done():  # no thread can be cancelled
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)
        try:
            scene = making.result()
        except BadFilm as error:
            say({"error": str(error)})
            return
        except OSError as error:
            say({"error": (error.strerror or code_of(error)).lower()})
            return
        say({})
        async with AsyncExitStack() as stack:
            stage = Stage(scene, stack)
            while line := await following:
                following = asyncio.create_task(lines.readline(), name="line")
                answering = asyncio.create_task(stage.answer(json.loads(line)), name="answer")
                await asyncio.wait((answering, following), return_when=asyncio.FIRST_COMPLETED)
                if answering.done():
                    say(answering.result())
                else:
                    answering.cancel()
                    await asyncio.wait((answering,))


def say(line: Line) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
