"""What a page's media really did, measured inside the page by `probe.js` and judged here.

Times are seconds since the epoch throughout, so that pages, proxy and test compare.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from playwright.async_api import BrowserContext, Page

_SCRIPT = Path(__file__).with_name("probe.js")


@dataclass(frozen=True, slots=True)
class Frame:
    """One painted frame of a video element."""

    at_s: float
    track: str
    remote: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """One received stream at one moment (W3C webrtc-stats, RTCInboundRtpStreamStats); None: not reported."""

    kind: str
    mid: str
    track: str
    codec: str
    packets: int
    lost: int
    frames_decoded: int
    freezes: int
    freezes_s: float
    audio_level: float
    nacks: int
    plis: int
    retransmitted: int

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        return cls(
            kind=raw["kind"],
            mid=raw["mid"] or "",
            track=raw["trackIdentifier"] or "",
            codec=raw["codec"].lower(),
            packets=raw["packetsReceived"] or 0,
            lost=raw["packetsLost"] or 0,
            frames_decoded=raw["framesDecoded"] or 0,
            freezes=raw["freezeCount"] or 0,
            freezes_s=raw["totalFreezesDuration"] or 0.0,
            audio_level=raw["audioLevel"] or 0.0,
            nacks=raw["nackCount"] or 0,
            plis=raw["pliCount"] or 0,
            retransmitted=raw["retransmittedPacketsReceived"] or 0,
        )


@dataclass(frozen=True, slots=True)
class Outbound:
    """One sent stream at one moment (RTCOutboundRtpStreamStats); rates in bit/s."""

    kind: str
    codec: str
    packets: int
    bytes: int
    target_bps: float
    frames_encoded: int
    frame_height: int
    limited_by: str

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        return cls(
            kind=raw["kind"],
            codec=raw["codec"].lower(),
            packets=raw["packetsSent"] or 0,
            bytes=raw["bytesSent"] or 0,
            target_bps=raw["targetBitrate"] or 0.0,
            frames_encoded=raw["framesEncoded"] or 0,
            frame_height=raw["frameHeight"] or 0,
            limited_by=raw["qualityLimitationReason"] or "none",
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a page's peer connection. `available_bps`: its own estimate of the way out, 0: unknown."""

    at_s: float
    state: str
    available_bps: float
    rtt_s: float | None
    inbound: tuple[Inbound, ...]
    outbound: tuple[Outbound, ...]

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        return cls(
            at_s=raw["at"] / 1000,
            state=raw["state"],
            available_bps=raw["available"] or 0.0,
            rtt_s=raw["rtt"],
            inbound=tuple(Inbound.parse(entry) for entry in raw["inbound"]),
            outbound=tuple(Outbound.parse(entry) for entry in raw["outbound"]),
        )

    def received(self, kind: str) -> list[Inbound]:
        return [stream for stream in self.inbound if stream.kind == kind]

    def sent(self, kind: str) -> list[Outbound]:
        return [stream for stream in self.outbound if stream.kind == kind]

    @property
    def frames_decoded(self) -> int:
        return sum(stream.frames_decoded for stream in self.inbound)

    @property
    def freezes(self) -> int:
        return sum(stream.freezes for stream in self.inbound)

    @property
    def freezes_s(self) -> float:
        return sum(stream.freezes_s for stream in self.inbound)

    @property
    def packets_received(self) -> int:
        return sum(stream.packets for stream in self.inbound)

    @property
    def audio_level(self) -> float:
        """The loudest of what is being received, 0..1."""
        return max((stream.audio_level for stream in self.received("audio")), default=0.0)

    @property
    def video_target_bps(self) -> float:
        return sum(stream.target_bps for stream in self.sent("video"))

    @property
    def video_bytes_sent(self) -> int:
        return sum(stream.bytes for stream in self.sent("video"))


class Probe:
    """The measuring end of one page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @staticmethod
    async def install(
        context: BrowserContext, sample_s: float | None = None, height: int | None = None
    ) -> None:
        """Before any page of the context is opened.

        `sample_s`: sample from the start, this often. `height`: of the camera, 16:9, whatever the page asks.
        """
        await context.add_init_script(path=_SCRIPT)
        if height is not None:
            size = {"width": {"exact": height * 16 // 9}, "height": {"exact": height}}
            await context.add_init_script(f"__probe.camera = {json.dumps(size)}")
        if sample_s is not None:
            await context.add_init_script(f"__probe.start({sample_s * 1000})")

    async def start(self, interval_s: float = 0.2) -> None:
        """Sample the statistics at this interval from now on."""
        await self._page.evaluate("ms => window.__probe.start(ms)", interval_s * 1000)

    async def look(self) -> Sample | None:
        """The connection's statistics now; None when there is no connection."""
        raw = await self._page.evaluate("() => window.__probe.look()")
        return None if raw is None else Sample.parse(raw)

    async def samples(self, since_s: float = 0.0, until_s: float = 1e10) -> list[Sample]:
        raw = await self._page.evaluate(
            "([from, to]) => __probe.samples.filter((s) => s.at >= from && s.at < to)", _ms(since_s, until_s)
        )
        return [Sample.parse(entry) for entry in raw]

    async def frames(
        self, since_s: float = 0.0, until_s: float = 1e10, *, remote: bool = True
    ) -> list[Frame]:
        """Painted frames, of remote tracks or of the page's own preview."""
        raw = await self._page.evaluate(
            "([from, to]) => __probe.frames.filter((f) => f.at >= from && f.at < to)", _ms(since_s, until_s)
        )
        frames = [Frame(f["at"] / 1000, f["track"], f["remote"], f["width"], f["height"]) for f in raw]
        return [frame for frame in frames if frame.remote == remote]

    async def answers_s(self) -> list[float]:
        """When each answer arrived, before it was applied."""
        raw = await self._page.evaluate("() => __probe.answers.map(a => a.received)")
        return [at / 1000 for at in raw]

    async def permitted_s(self) -> float:
        """When camera or microphone was first granted. Raises IndexError when neither was."""
        raw = await self._page.evaluate("() => __probe.media.map(m => m.granted)")
        return float(raw[0]) / 1000

    async def client_ufrag(self) -> str | None:
        """The ICE ufrag of the page's newest connection, by which `UdpProxy` knows its flows."""
        ufrag: str | None = await self._page.evaluate("() => __probe.ufrag()")
        return ufrag


def _ms(*seconds: float) -> list[float]:
    return [second * 1000 for second in seconds]


def gaps_s(frames: Sequence[Frame]) -> list[float]:
    """Times between painted frames that follow each other on one track, in order."""
    last: dict[str, float] = {}
    gaps = []
    for frame in frames:
        if frame.track in last:
            gaps.append(frame.at_s - last[frame.track])
        last[frame.track] = frame.at_s
    return gaps


def longest_gap_s(frames: Sequence[Frame], start_s: float, end_s: float) -> float:
    """The longest time within an interval in which a track that was painted at all was not painted anew.

    Without any frame it is the whole interval.
    """
    if not frames:
        return end_s - start_s
    first = {frame.track: frame.at_s for frame in reversed(frames)}
    last = {frame.track: frame.at_s for frame in frames}
    edges = [at - start_s for at in first.values()] + [end_s - at for at in last.values()]
    return max(edges + gaps_s(frames))


def rate_hz(first: Sample, last: Sample) -> float:
    """Frames decoded a second between two looks."""
    return (last.frames_decoded - first.frames_decoded) / (last.at_s - first.at_s)


def sent_bps(samples: Sequence[Sample]) -> float:
    """Video bits a second that left the page between the first and the last sample."""
    first, last = samples[0], samples[-1]
    return (last.video_bytes_sent - first.video_bytes_sent) * 8 / (last.at_s - first.at_s)
