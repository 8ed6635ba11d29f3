"""A call between two synthetic participants, for `.ci/image-test`, which runs this inside the image it made.

image_call.py URL: the two tickets are lines of standard input. Prints what each received; exit status 1
unless all of it arrived: sound and picture both ways, nothing lost, nothing twice.
"""

import asyncio
import sys

from loadtest import LeanParticipant, Traffic

PLAYING_S = 3.0
MOST_WAITING_S = 10.0
# Of three seconds: sound is a packet every 20 ms, the picture at least one a frame.
LEAST_PACKETS = 60


async def hold(url: str, tickets: list[str]) -> bool:
    one, other = (LeanParticipant(url, ticket, traffic=Traffic(video_bps=1_000_000)) for ticket in tickets)
    async with one, other:
        async with asyncio.timeout(MOST_WAITING_S):
            await asyncio.gather(one.room_is_followed(2), other.room_is_followed(2))
        await asyncio.gather(one.send(PLAYING_S), other.send(PLAYING_S))
        complete = [told(name, each) for name, each in (("doctor", one), ("patient", other))]
    return all(complete)


def told(name: str, participant: LeanParticipant) -> bool:
    counters = participant.counters
    streams = list(counters.receptions.values())
    packets, lost = sum(each.packets for each in streams), sum(each.lost for each in streams)
    twice = sum(each.duplicates for each in streams)
    latencies = sorted(value for each in streams for value in each.latencies_us)
    octets = sum(each.bytes for each in streams)
    median_ms = latencies[len(latencies) // 2] / 1000 if latencies else float("nan")
    print(  # noqa: T201  a script's output
        f"  the {name} received {len(streams)} streams, {packets} packets, {octets} bytes; "
        f"lost {lost}, twice {twice}, forged {counters.refused_by_srtp}; median latency {median_ms:.2f} ms"
    )
    enough = len(streams) == 2 and all(each.packets >= LEAST_PACKETS for each in streams)
    return enough and not (lost or twice or counters.refused_by_srtp or participant.failures)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(hold(sys.argv[1], sys.stdin.read().split())) else 1)
