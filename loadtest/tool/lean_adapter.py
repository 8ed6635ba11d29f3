"""LeanParticipant as the load tester's participant: for where the native traffic client is not to be had.

It shows what a participant measures, at about 20 calls a core. Latency includes our own event loop.
"""

import asyncio
import time

from loadtest.dtls_client import SrtpProfile
from loadtest.errors import ClientError
from loadtest.events import Message, TrackId
from loadtest.histogram import Histogram
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Counters, Traffic
from loadtest.participant import Joining, JoinSteps, Kind, ParticipantFigures, ReceivedTrack, SentTrack
from loadtest.room_view import RoomView
from loadtest.synthetic_media import read_stamp

WEAK_FREEZE_MS = 150.0


class _Received:
    """One track's window."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.first_packet_ms: float | None = None
        self.reset()

    def reset(self) -> None:
        self.latency = Histogram()
        self.seen: set[int] = set()
        self.duplicates = self.reordered = self.bytes = self.frames = self.freezes = 0
        self.freeze_ms = self.longest_gap_ms = self.jitter_ms = 0.0
        self._last_ns = time.time_ns()
        self._highest = -1
        self._transit_ms: float | None = None
        self._frame_ns: int | None = None
        self._gap_ms = 33.0

    def take(self, packet: bytes, number: int, sent_ns: int) -> None:
        now_ns = time.time_ns()
        if number in self.seen:
            self.duplicates += 1
            return
        self.seen.add(number)
        self.reordered += number < self._highest
        self._highest = max(self._highest, number)
        self.bytes += len(packet)
        self.longest_gap_ms = max(self.longest_gap_ms, (now_ns - self._last_ns) / 1e6)
        self._last_ns = now_ns
        transit_ms = (now_ns - sent_ns) / 1e6
        self.latency.record(1000 * transit_ms)
        if self._transit_ms is not None:
            self.jitter_ms += (abs(transit_ms - self._transit_ms) - self.jitter_ms) / 16
        self._transit_ms = transit_ms
        if self.kind == "video" and packet[1] & 0x80:
            self._take_frame(now_ns)

    def _take_frame(self, now_ns: int) -> None:
        self.frames += 1
        if self._frame_ns is not None:
            gap_ms = (now_ns - self._frame_ns) / 1e6
            if gap_ms > max(3 * self._gap_ms, self._gap_ms + WEAK_FREEZE_MS):
                self.freezes += 1
                self.freeze_ms += gap_ms
            self._gap_ms += (gap_ms - self._gap_ms) / 30
        self._frame_ns = now_ns

    def figures(self, track: TrackId) -> ReceivedTrack:
        expected = max(self.seen) - min(self.seen) + 1 if self.seen else 0
        return ReceivedTrack(
            track=track,
            kind=self.kind,
            packets=len(self.seen),
            expected=expected,
            lost=expected - len(self.seen),
            duplicates=self.duplicates,
            reordered=self.reordered,
            bytes=self.bytes,
            latency=self.latency.copy(),
            jitter_ms=self.jitter_ms,
            frames=self.frames,
            freezes=self.freezes,
            freeze_ms=self.freeze_ms,
            longest_gap_ms=max(self.longest_gap_ms, (time.time_ns() - self._last_ns) / 1e6),
            first_packet_ms=self.first_packet_ms,
        )


class LeanAdapter:
    """Implements loadtest.participant.Participant."""

    def __init__(self, joining: Joining) -> None:
        publishing = joining.publishing
        self._kinds = publishing.kinds
        traffic = Traffic(
            kinds=publishing.kinds, video_bps=publishing.video_bps, frames_per_s=publishing.frames_per_s
        )
        self._lean = LeanParticipant(
            joining.url,
            joining.ticket,
            traffic=traffic if publishing.kinds else None,
            profile=SrtpProfile[joining.srtp_profile],
            follow=joining.follow,
            on_packet=self._take,
            on_event=joining.on_event,
            on_over=joining.on_over,
        )
        self._tracks: dict[TrackId, _Received] = {}
        self._sending: asyncio.Task[None] | None = None
        self._before = (0, 0, 0, 0, 0)
        self._began_s = time.perf_counter()
        self.steps = JoinSteps()

    @property
    def room(self) -> RoomView:
        return self._lean.room

    @property
    def over(self) -> ClientError | None:
        return self._lean.over

    async def join(self) -> JoinSteps:
        self._began_s = time.perf_counter()
        await self._lean.join()
        return self._take_steps()

    async def first_packet(self, timeout_s: float = 10.0) -> JoinSteps:
        await self._lean.first_packet(timeout_s)
        return self._take_steps()

    async def room_is_followed(self, tracks: int) -> None:
        await self._lean.room_is_followed(tracks)

    def start_sending(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._lean.send(), name="sending")  # ended by `close`

    def stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def figures(self) -> ParticipantFigures:
        self._take_steps()
        counts = [now - before for now, before in zip(self._counts(), self._before, strict=True)]
        sent = tuple(
            SentTrack(kind=kind, packets=counts[0], nacks=counts[1], plis=counts[2], retransmitted=counts[3])
            for kind in self._kinds[-1:]  # it counts them together; most are the video's
        )
        return ParticipantFigures(
            tuple(each.figures(track) for track, each in self._tracks.items()), sent, counts[4]
        )

    def reset_window(self) -> None:
        self._before = self._counts()
        for each in self._tracks.values():
            each.reset()

    async def request(self, type_: str, **fields: object) -> Message:
        return await self._lean.request(type_, **fields)

    async def cut_websocket(self) -> None:
        await self._lean.cut()

    def move(self) -> None:
        self._lean.media.move()

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        await self._lean.close()

    def _counts(self) -> tuple[int, int, int, int, int]:
        counters = self._lean.counters if self._lean.has_media else Counters()
        return (
            counters.sent,
            counters.nacks,
            counters.keyframe_requests,
            counters.retransmitted,
            counters.unsent,
        )

    def _take(self, packet: bytes) -> None:
        stamp = read_stamp(packet)
        track = self._lean.received.get(int.from_bytes(packet[8:12]))
        if stamp is None or track is None:
            return
        received = self._tracks.get(track.id)
        if received is None:
            received = self._tracks[track.id] = _Received("audio" if track.kind == "audio" else "video")
        if received.first_packet_ms is None:
            received.first_packet_ms = 1000 * (time.perf_counter() - self._began_s)
        received.take(packet, stamp.number, stamp.sent_ns)

    def _take_steps(self) -> JoinSteps:
        for name in ("websocket", "answer", "ice", "dtls", "first_packet"):
            setattr(self.steps, name, getattr(self._lean.steps, name))
        return self.steps
