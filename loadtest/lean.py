"""A synthetic participant that costs little: its own ICE, DTLS and SRTP, made-up media, no decoding.

For benchmarks and tests of robustness; `Client` is the one to copy for an application. It joins like anybody,
by the public contract, and says how long each step took.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from loadtest import rtcp
from loadtest.dtls_client import SrtpProfile
from loadtest.errors import ClientError, MediaFailed
from loadtest.events import Event, ParticipantId, Track, TrackId, TrackPublished
from loadtest.lean_negotiation import LeanNegotiation
from loadtest.lean_sdp import OPUS, VP8, VP8_RTX, Answer, Section
from loadtest.media_socket import MEDIA_TIMEOUT_S, Counters, MediaSocket, Traffic
from loadtest.participant import JoinSteps
from loadtest.room_view import RoomView
from loadtest.session import Session
from loadtest.synthetic_media import Audio, Stream, Video
from loadtest.tickets import Renew
from loadtest.wire import Encoding

REPORT_S = 1.0


class LeanParticipant:
    """`join`, then `send` for as long as it runs, then `close`; a context manager joins and closes."""

    def __init__(
        self,
        url: str,
        ticket: str,
        *,
        traffic: Traffic | None = None,
        profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
        encoding: Encoding = Encoding.MSGPACK,
        follow: bool = True,
        on_packet: Callable[[bytes], None] | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
        on_over: Callable[[], None] = lambda: None,
        renew: Renew | None = None,
    ) -> None:
        """`traffic` None: receives only. `follow`: subscribe to what others publish later, too.

        `on_packet` is shown every decrypted RTP packet, `on_event` every event, after the room heard it;
        `on_over` is called at the end of the session. `renew` is Session's.
        """
        self._session = Session(url, ticket, encoding, self._take, on_over, renew=renew)
        self._on_event = on_event
        self._traffic = traffic
        self._profile = profile
        self._follow = follow
        self._on_packet = on_packet
        self._negotiation = LeanNegotiation(self._session, self._carry_out)
        self._room: RoomView | None = None
        self._media: MediaSocket | None = None
        self._sources: list[Audio | Video] = []
        self._began = 0.0
        self.steps = JoinSteps()
        self.received: dict[int, Track] = {}
        """What we subscribed to, by SSRC, that of retransmissions included."""

    async def __aenter__(self) -> Self:
        await self.join()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def room(self) -> RoomView:
        assert self._room is not None, "not joined"
        return self._room

    @property
    def url(self) -> str:
        """The node we are on, or try to be."""
        return self._session.url

    @property
    def over(self) -> ClientError | None:
        """Why the session or its media is over, None while they live."""
        return self._negotiation.broken or self._session.over

    @property
    def failures(self) -> list[ClientError]:
        """Why tracks that were published later could not be subscribed to."""
        return self._negotiation.failures

    @property
    def media(self) -> MediaSocket:
        assert self._media is not None, "no media yet"
        return self._media

    @property
    def counters(self) -> Counters:
        return self.media.counters

    async def join(self) -> JoinSteps:
        """Join, publish, subscribe to what is there, connect. Raises ClientError subclasses."""
        self._began = time.perf_counter()
        try:
            self._room = RoomView(await self._session.open())
            self.steps.websocket = self._elapsed_ms()
            self._session.start()
            kinds = self._traffic.kinds if self._traffic is not None else ()
            await self._negotiation.begin(self._room, kinds)
        except BaseException:
            await self.close()
            raise
        return self.steps

    async def first_packet(self, timeout_s: float = MEDIA_TIMEOUT_S) -> JoinSteps:
        """Wait for the first decrypted packet. Raises MediaFailed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.media.first_packet.wait()
        except TimeoutError as error:
            raise MediaFailed("no packet in time") from error
        return self.steps

    async def room_is_followed(self, tracks: int) -> None:
        """Wait until so many tracks of the others are subscribed to."""
        await self._negotiation.followed(tracks)

    async def send(self, duration_s: float | None = None) -> None:
        """Send our media for so long, or until cancelled. Does nothing for one that only receives."""
        if not self._sources:
            return
        end = None if duration_s is None else time.monotonic() + duration_s
        async with asyncio.TaskGroup() as streams:
            for source in self._sources:
                streams.create_task(self._pace(source, end))
            reports = streams.create_task(self._report(end))
        await reports

    async def recording(self, action: str) -> str:
        """`start` or `stop`; the state from then on."""
        return str((await self._session.request("recording", action=action))["recording"])

    async def consent(self, kind: str, state: str) -> None:
        """Say `granted`, `refused` or `withdrawn` for ourselves."""
        await self._session.request("consent", kind=kind, state=state)

    async def relay(self, to: ParticipantId | None, kind: str, body: bytes) -> None:
        """Have the server pass something on, to one or (None) to all others."""
        await self._session.request("relay", to=to, kind=kind, body=body)

    async def mute(self, track: TrackId, muted: bool) -> None:
        """Say that one of our tracks is muted; it is sent all the same."""
        await self._session.request("mute", track=track, muted=muted)

    async def close(self) -> None:
        """Say goodbye on the media path and leave the room. Idempotent."""
        await self._negotiation.stop()
        if self._media is not None:
            self._media.close()
        if self._session.connected:
            with suppress(ClientError):
                await self._session.request("leave")
        await self._session.close()

    # Negotiation

    async def _carry_out(
        self, answer: Answer, published: Sequence[Section], wanted: Sequence[tuple[Section, Track]]
    ) -> None:
        for section, track in wanted:
            self.received |= dict.fromkeys(answer.ssrcs.get(section.mid, ()), track)
        if self._media is None:
            self.steps.answer = self._elapsed_ms()
            await self._connect(answer)
        self._make_sources(published)

    async def _connect(self, answer: Answer) -> None:
        agreed = self._negotiation
        self._media = MediaSocket(answer, agreed.ufrag, agreed.pwd, self._profile, self._traffic, self._mark)
        self._media.on_packet = self._on_packet
        await self._media.connect()

    def _make_sources(self, sections: Iterable[Section]) -> None:
        traffic = self._traffic or Traffic()
        for section in sections:
            stream = Stream(
                id=section.ssrc,
                ssrc=section.ssrc,
                payload_type=OPUS if section.kind == "audio" else VP8,
                mid=section.mid,
                counter=self.media.counter,
                sequence=random.getrandbits(15),  # below half, so that no wrap comes before the first report
                timestamp=random.getrandbits(32),
            )
            source: Audio | Video = Audio(stream)
            if section.kind == "video":
                stream.rtx_ssrc, stream.rtx_payload_type = section.rtx_ssrc, VP8_RTX
                source = Video(stream, bitrate_bps=traffic.video_bps, frames_per_s=traffic.frames_per_s)
            self._sources.append(source)
            self.media.sources[section.ssrc] = source

    # Sending

    async def _pace(self, source: Audio | Video, end: float | None) -> None:
        interval_s = 0.02 if isinstance(source, Audio) else 1 / source.frames_per_s
        due = time.monotonic() + random.random() * interval_s  # participants must not send in step
        while end is None or due < end:
            await asyncio.sleep(due - time.monotonic())
            for packet in source.packets(time.time_ns):
                self.media.send(packet)
            due = max(due + interval_s, time.monotonic() - interval_s)  # late: catch up by one, skip the rest

    async def _report(self, end: float | None) -> None:
        while end is None or time.monotonic() + REPORT_S < end:
            await asyncio.sleep(REPORT_S)
            for source in self._sources:
                stream = source.stream
                self.media.send_rtcp(
                    rtcp.sender_report(
                        stream.ssrc, time.time(), stream.timestamp, stream.number, stream.octets
                    )
                )

    # Inside

    def _take(self, event: Event) -> None:
        self.room.apply(event)
        if isinstance(event, TrackPublished) and self._follow and event.track.participant != self.room.me:
            self._negotiation.follow(event.track)
        self._on_event(event)

    def _mark(self, step: str) -> None:
        setattr(self.steps, step, self._elapsed_ms())

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000
