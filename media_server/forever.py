"""Work that is done over and over beside everything else, and must not end it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

log = logging.getLogger(__name__)


async def forever(name: str, step: Callable[[], Awaitable[object]], every_s: float) -> NoReturn:
    """Take a step, wait, and again, until cancelled. What a step raises is logged by its type: the records
    may be away, or one row of them damaged, and the calls of this node go on.
    """
    while True:
        try:
            await step()
        except Exception as error:
            log.error("work.failed", extra={"work": name, "error": type(error).__name__})
        await asyncio.sleep(every_s)
