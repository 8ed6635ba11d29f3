"""One doctor at one node, as a process that can be killed: says that it is ready, and when it is told to go
on claims, says so on a line, finishes, until nobody waits.

python -m tests.nodes.claimer REDIS_URL DOCTOR
"""

import asyncio
import sys

from signalling.redis_connection import open_redis
from signalling.redis_waiting import RedisWaiting
from signalling.waiting import ClaimerId

CLAIM_S = 2.0


async def work(url: str, doctor: str) -> None:
    async with open_redis(url) as redis:
        queue = RedisWaiting(redis)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        while (waiting := await queue.claim(ClaimerId(doctor), ["nl", "fr"], CLAIM_S)) is not None:
            sys.stdout.write(f"{waiting.id} {waiting.priority}\n")
            sys.stdout.flush()
            await queue.finish(ClaimerId(doctor), waiting.id)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
