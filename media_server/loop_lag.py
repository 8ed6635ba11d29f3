"""How late the event loop runs: a timer that measures its own lateness."""

import asyncio
from collections.abc import Callable

_PERIOD_S = 0.1


async def watch_loop_lag(report: Callable[[float], None]) -> None:
    """Report, ten times a second, by how many seconds the timer came late. Runs until cancelled.

    The time of the timer's own sleep is not counted, so a loop blocked for 2 s reports about 2 s once.
    """
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _PERIOD_S
        await asyncio.sleep(_PERIOD_S)
        report(max(0.0, loop.time() - due))
