"""What the issue asks to be shown, measured: one function for each, on pages that are already in a call.

The short tests and the long `prove` use the same functions and differ in their patience.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import time

import aiohttp

from tests.e2e.probe import Frame, Sample, longest_gap_s, rate_hz, sent_bps
from tests.e2e.stand import CAMERA_HZ, Participant, Stand
from tests.e2e.wire_latency import WireTap, percentile
from tests.link import Conditions


@dataclass(frozen=True, slots=True)
class Watched:
    """One page over a while: what it decoded, heard, painted and sent."""

    start_s: float
    end_s: float
    samples: list[Sample]
    frames: list[Frame]

    @property
    def decoded_hz(self) -> float:
        return rate_hz(self.samples[0], self.samples[-1])

    @property
    def encoded_hz(self) -> float:
        """What came from the page's own camera and was sent."""
        first, last = self.samples[0], self.samples[-1]
        frames = [sum(stream.frames_encoded for stream in sample.sent("video")) for sample in (first, last)]
        return (frames[1] - frames[0]) / (last.at_s - first.at_s)

    @property
    def freezes(self) -> int:
        return self.samples[-1].freezes - self.samples[0].freezes

    @property
    def freezes_s(self) -> float:
        return self.samples[-1].freezes_s - self.samples[0].freezes_s

    @property
    def loudest(self) -> float:
        return max(sample.audio_level for sample in self.samples)

    @property
    def longest_gap_s(self) -> float:
        """The longest time without a new painted frame of a remote track."""
        return longest_gap_s(self.frames, self.start_s, self.end_s)

    @property
    def retransmitted(self) -> int:
        return sum(s.retransmitted for s in self.samples[-1].inbound) - sum(
            s.retransmitted for s in self.samples[0].inbound
        )


async def watch(participants: Sequence[Participant], seconds: float) -> list[Watched]:
    """Watch pages for a while, from now."""
    start = time()
    for participant in participants:
        await participant.probe.start()
    await asyncio.sleep(seconds)
    end = time()
    watched = []
    for participant in participants:
        samples = await participant.probe.samples(start, end)
        watched.append(Watched(start, end, samples, await participant.probe.frames(start, end)))
    return watched


def assert_flows(watched: Watched) -> None:
    """The picture went on. Tolerant of a busy machine, where browsers themselves stumble: `prove` is not.

    The two of a call share the machine: what one's camera gave tells what the other's could give.
    """
    assert watched.decoded_hz > 0.6 * min(CAMERA_HZ, watched.encoded_hz)
    assert watched.longest_gap_s < 1.5


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """Seconds to the first painted remote frame, from the answer that brought it and from the first."""

    from_its_answer_s: float
    from_first_answer_s: float


async def first_frame(stand: Stand, role: str, room: str) -> FirstFrame:
    """A viewer joins a room where somebody is publishing, and leaves."""
    viewer = await stand.open(role, room=room)
    try:
        await viewer.until_receiving(1)
        painted = (await viewer.until_painted()).at_s
        answers = [at for at in await viewer.probe.answers_s() if at < painted]
        return FirstFrame(painted - answers[-1], painted - answers[0])
    finally:
        await viewer.close()


async def permission_to_talking_s(pair: Sequence[Participant]) -> float:
    """From the first camera permission of two pages until both have painted and heard the other.

    To be asked once both receive. Needs pages that are sampled from the start: `Stand.open(sample_s=…)`.
    """
    permitted = min([await participant.probe.permitted_s() for participant in pair])
    ready = []
    for participant in pair:
        painted = await participant.until_painted()
        samples = await participant.probe.samples()
        heard = [s.at_s for s in samples if any(stream.packets > 0 for stream in s.received("audio"))]
        ready.append(max(painted.at_s, heard[0]))
    return max(ready) - permitted


@dataclass(frozen=True, slots=True)
class Outage:
    """What a change of path cost: the longest gap between painted frames at each page, in seconds."""

    gaps_s: list[float]


async def ice_restart(publisher: Participant, viewer: Participant, seconds: float = 3.0) -> float:
    """Restart the publisher's ICE in mid-call; the viewer's longest gap in seconds."""
    before = await publisher.client_ufrag()
    watching = asyncio.create_task(watch([viewer], seconds))
    await asyncio.sleep(0.5)  # some of the window is before the restart, to see frames go on into it
    await publisher.client("client.restartIce()")
    [watched] = await watching
    assert await publisher.client_ufrag() != before, "ICE did not restart"
    return watched.longest_gap_s


async def rebinding(stand: Stand, mover: Participant, other: Participant, seconds: float = 5.0) -> Outage:
    """The mover's source port changes without its knowing; what both pages missed."""
    ufrag = await mover.client_ufrag()
    watching = asyncio.create_task(watch([mover, other], seconds))
    await asyncio.sleep(0.5)  # some of the window is before the change
    assert stand.proxy.rebind(ufrag) > 0, "the proxy does not know this client"
    return Outage([watched.longest_gap_s for watched in await watching])


async def loss(stand: Stand, pair: Sequence[Participant], share: float, seconds: float) -> list[Watched]:
    """Seeded loss both ways for everybody, then none again."""
    bad = Conditions(loss=share)
    stand.proxy.shape(up=bad, down=bad)
    try:
        return await watch(pair, seconds)
    finally:
        stand.proxy.shape(up=Conditions(), down=Conditions())


@dataclass(frozen=True, slots=True)
class Ramp:
    """How a publisher's video target went up: seconds from its first sent video to shares of its ceiling."""

    ceiling_bps: float
    to_80_percent_s: float | None
    to_all_s: float | None
    samples: list[Sample]


async def ramp(publisher: Participant, seconds: float) -> Ramp:
    """Follow a publisher that has just begun, sampled from its start (`Stand.open(sample_s=…)`)."""
    await asyncio.sleep(seconds)
    ceiling = float(
        await publisher.page.evaluate(
            """() => {
                const pc = __probe.connections.findLast((c) => c.connectionState !== "closed");
                const sender = pc.getSenders().find((s) => s.track?.kind === "video");
                return sender.getParameters().encodings[0].maxBitrate ?? 1_700_000;
            }"""
        )
    )
    samples = [s for s in await publisher.probe.samples() if s.video_bytes_sent > 0]
    return Ramp(ceiling, _reached_s(samples, 0.8 * ceiling), _reached_s(samples, 0.99 * ceiling), samples)


def _reached_s(samples: Sequence[Sample], target_bps: float) -> float | None:
    return next((s.at_s - samples[0].at_s for s in samples if s.video_target_bps >= target_bps), None)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A publisher behind a narrow link. `followed_s`: until the target stayed under the rate; None: never."""

    before_bps: float
    followed_s: float | None
    sent_bps: float  # on the wire, from 2 s after the start to the end
    after_bps: float  # target some time after the link is wide again
    recovering: bool  # whether the target rose after that
    viewer: Watched


async def bottleneck(
    stand: Stand,
    publisher: Participant,
    viewer: Participant,
    rate_bps: float,
    seconds: float,
    recovery_s: float,
) -> Bottleneck:
    """Put the publisher's way out behind a rate limit for a while, then lift it."""
    ufrag = await publisher.client_ufrag()
    await publisher.probe.start(0.1)
    await asyncio.sleep(1)
    start = time()
    viewing = asyncio.create_task(watch([viewer], seconds + recovery_s))
    stand.proxy.shape(up=Conditions(rate_bps=rate_bps), client_ufrag=ufrag)
    await asyncio.sleep(seconds)
    lifted = time()
    stand.proxy.shape(up=Conditions(), client_ufrag=ufrag)
    await asyncio.sleep(recovery_s)
    [watched] = await viewing
    samples = await publisher.probe.samples(since_s=start - 1)
    narrow = [s for s in samples if start <= s.at_s < lifted]
    wide = [s for s in samples if s.at_s >= lifted]
    above = [s for s in narrow if s.video_target_bps > rate_bps]
    followed = (above[-1].at_s - start) if above else 0.0
    return Bottleneck(
        before_bps=next(s for s in samples if s.at_s < start).video_target_bps,
        followed_s=None if above and above[-1] is narrow[-1] else followed,
        sent_bps=sent_bps([s for s in narrow if s.at_s >= start + 2]),
        after_bps=wide[-1].video_target_bps,
        # A browser rises by some 8 % a second, with nothing but itself in the way too.
        recovering=wide[-1].video_target_bps > 1.2 * max(s.video_target_bps for s in narrow[-20:]),
        viewer=watched,
    )


@dataclass(frozen=True, slots=True)
class Stall:
    """The server's Python stopped in mid-call. Latencies in seconds, of packets in the server."""

    python_stopped_s: float  # how long /healthz was silent
    quiet_p50_s: float
    quiet_p99_s: float
    stalled_p50_s: float
    stalled_p99_s: float
    packets: int  # that left during the stall
    watched: list[Watched]


async def stall(stand: Stand, pair: Sequence[Participant], quiet_s: float, stall_s: float = 2.0) -> Stall:
    """Added latency before and while the server's event loop is blocked, seen on the wire."""
    tap = WireTap()
    stand.proxy.tap = tap
    try:
        quiet_start = time()
        await asyncio.sleep(quiet_s)
        watching = asyncio.create_task(watch(pair, stall_s + 1))
        stall_start = time()
        stand.stall()
        await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as http, http.get(f"{stand.server.origin}/healthz") as response:
            response.raise_for_status()
        silent = time() - stall_start
        watched = await watching
    finally:
        stand.proxy.tap = None
    latencies = tap.latencies()
    quiet = latencies.between(quiet_start, stall_start)
    # The first moment is left out: the signal may arrive a little later.
    stalled = latencies.between(stall_start + 0.1, stall_start + stall_s)
    return Stall(
        python_stopped_s=silent,
        quiet_p50_s=percentile(quiet, 0.5),
        quiet_p99_s=percentile(quiet, 0.99),
        stalled_p50_s=percentile(stalled, 0.5),
        stalled_p99_s=percentile(stalled, 0.99),
        packets=len(stalled),
        watched=watched,
    )
