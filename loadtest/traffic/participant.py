"""A participant of the load tester with its media in the native engine."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from loadtest.dtls_client import SrtpProfile, identity
from loadtest.errors import ClientError, Interrupted, MediaFailed, Refused
from loadtest.events import Event, Message, Track, TrackId, TrackPublished
from loadtest.lean_sdp import Answer, Section, new_section, read_answer, write_offer
from loadtest.participant import (
    Joining,
    JoinSteps,
    Kind,
    ParticipantFigures,
    ReceivedTrack,
    SentTrack,
    VideoCodec,
)
from loadtest.room_view import RoomView
from loadtest.session import Session
from loadtest.traffic.native import MEDIA_TIMEOUT_S, MediaPath, NativeEngine, histogram
from loadtest.wire import Encoding

SOURCES = {"audio": "microphone", "video": "camera"}


class NativeParticipant:
    """Implements `loadtest.participant.Participant`; as a context manager it joins and closes."""

    def __init__(
        self, engine: NativeEngine, joining: Joining, *, encoding: Encoding = Encoding.MSGPACK
    ) -> None:
        """Raises ValueError for what it cannot publish: H.264 and simulcast."""
        publishing = joining.publishing
        if publishing.video and publishing.codec is not VideoCodec.VP8:
            raise ValueError("codec: native participants publish VP8 only")
        if publishing.video and publishing.simulcast:
            raise ValueError("simulcast: native participants publish one layer")
        self._engine = engine
        self._joining = joining
        self._publishing = publishing
        self._session = Session(joining.url, joining.ticket, encoding, self._take, self._session_over)
        self._sections: list[Section] = []
        self._ufrag, self._pwd = secrets.token_hex(4), secrets.token_hex(12)
        self._offers = 0
        self._negotiating = asyncio.Lock()
        self._room: RoomView | None = None
        self._path: MediaPath | None = None
        self._wanted: set[TrackId] = set()
        self._subscribed: dict[int, Track] = {}  # by SSRC
        self._count = 0
        self._followed = asyncio.Condition()
        self._let_in = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = False
        self._failure: MediaFailed | None = None
        self._began_s = time.monotonic()
        self.steps = JoinSteps()
        self.failures: list[ClientError] = []
        """Why tracks that were published later could not be subscribed to."""

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
    def over(self) -> ClientError | None:
        """Why the session or its media is over, None while they live."""
        return self._failure or self._session.over

    async def join(self) -> JoinSteps:
        """Join, publish, subscribe to what is there, connect. Who has to be let in waits for that first.

        Raises ClientError subclasses.
        """
        self._began_s = time.monotonic()
        try:
            self._room = RoomView(await self._session.open())
            self._mark("websocket", time.monotonic())
            self._session.start()
            await self._until_let_in()
            await self._negotiate_with_those_here()
        except BaseException:
            await self.close()
            raise
        return self.steps

    async def first_packet(self, timeout_s: float = MEDIA_TIMEOUT_S) -> JoinSteps:
        """Wait for the first authentic packet. Raises MediaFailed."""
        if self._path is None:
            raise MediaFailed("no media yet")
        try:
            async with asyncio.timeout(timeout_s):
                await self._path.first_packet.wait()
        except TimeoutError as error:
            raise self._failure or MediaFailed("no packet in time") from error
        return self.steps

    async def room_is_followed(self, tracks: int) -> None:
        """Wait until so many tracks of the others are subscribed to."""
        async with self._followed:
            await self._followed.wait_for(lambda: self._count >= tracks)

    def start_sending(self) -> None:
        self._sending = True
        if self._path is not None:
            self._path.start_sending()

    def stop_sending(self) -> None:
        self._sending = False
        if self._path is not None:
            self._path.stop_sending()

    async def request(self, type_: str, **fields: object) -> Message:
        """Any request of the protocol. Raises Refused, Interrupted, SessionClosed."""
        return await self._session.request(type_, **fields)

    async def cut_websocket(self) -> None:
        """Break the WebSocket as a lost network does; the session resumes by itself."""
        await self._session.cut()

    def move(self) -> None:
        """Go on with the media from another local port."""
        if self._path is not None:
            self._path.move()

    async def close(self) -> None:
        """Say goodbye on the media path and leave the room. Idempotent."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        path, self._path = self._path, None
        if path is not None:
            path.close()
        if self._session.connected:
            with suppress(ClientError):
                await self._session.request("leave")
        await self._session.close()

    # Figures

    def figures(self) -> ParticipantFigures:
        """Since the last `reset_window`; nothing before the media came up, and after the end."""
        if self._path is None:
            return ParticipantFigures()
        measured = self._path.figures()
        received = []
        for figures in measured["received"]:
            track = self._subscribed[figures["ssrc"]]
            first_s = figures["first_packet_s"]
            received.append(
                ReceivedTrack(
                    track=track.id,
                    kind=cast(Kind, track.kind),
                    packets=figures["packets"],
                    expected=figures["expected"],
                    lost=figures["lost"],
                    mended=figures["mended"],
                    duplicates=figures["duplicates"],
                    reordered=figures["reordered"],
                    bytes=figures["bytes"],
                    latency=histogram(figures["latency"]),
                    jitter_ms=figures["jitter_ms"],
                    key_frames=figures["key_frames"],
                    frames=figures["frames"],
                    freezes=figures["freezes"],
                    freeze_ms=figures["freeze_ms"],
                    longest_gap_ms=figures["longest_gap_ms"],
                    first_packet_ms=None if first_s is None else 1000 * (first_s - self._began_s),
                )
            )
        kinds = {section.ssrc: section.kind for section in self._sections}
        sent = tuple(
            SentTrack(
                kind=cast(Kind, kinds[figures["ssrc"]]),
                packets=figures["packets"],
                bytes=figures["bytes"],
                nacks=figures["nacks"],
                plis=figures["plis"],
                retransmitted=figures["retransmitted"],
                late=histogram(figures["late"]),
            )
            for figures in measured["sent"]
        )
        return ParticipantFigures(tuple(received), sent, measured["unsent"])

    def reset_window(self) -> None:
        if self._path is not None:
            self._path.reset_window()

    # Negotiation

    async def _until_let_in(self) -> None:
        """At once for who need not wait. Raises why the session is over, when it ends before."""
        if not self.room.admitted:
            await self._let_in.wait()
            if self._session.over is not None:
                raise self._session.over

    async def _negotiate_with_those_here(self) -> None:
        there = self.room.others_tracks() if self._joining.follow else []
        self._wanted |= {track.id for track in there}
        while True:
            try:
                return await self._negotiate(self._publishing.kinds, there)
            except Refused as refusal:
                left = [track for track in there if track.id in self.room.tracks]
                if refusal.code != "unknown-track" or left == there:
                    raise
                there = left  # one of them ended meanwhile, and the offer was refused as a whole

    async def _negotiate(self, publish: Iterable[str], subscribe: Sequence[Track]) -> None:
        async with self._negotiating:
            wishes: dict[str, object] = {}
            published = [self._section(number, kind, "sendonly") for number, kind in enumerate(publish)]
            for section in published:
                publication = {"source": SOURCES[section.kind], "muted": False, "encryption": "none"}
                wishes[section.mid] = {"publish": publication}
            wanted: list[tuple[Section, Track]] = []
            for track in subscribe:
                section = self._section(len(published) + len(wanted), track.kind, "recvonly")
                wishes[section.mid] = {"subscribe": track.id}
                wanted.append((section, track))
            if not wishes:
                return
            self._offers += 1
            sections = [*self._sections, *published, *(section for section, _ in wanted)]
            offer = write_offer(sections, self._ufrag, self._pwd, identity().fingerprint, self._offers)
            reply = await self._session.request("offer", sdp=offer, tracks=wishes)
            self._sections = sections
            answer = read_answer(str(reply["sdp"]))
            await self._carry_out(answer, published, wanted)
        async with self._followed:
            self._count += len(subscribe)
            self._followed.notify_all()

    def _section(self, number: int, kind: str, direction: str) -> Section:
        return new_section(len(self._sections) + number, kind, direction)

    async def _carry_out(
        self, answer: Answer, published: Iterable[Section], wanted: Iterable[tuple[Section, Track]]
    ) -> None:
        path, first = self._path, self._path is None
        if path is None:
            self._mark("answer", time.monotonic())
            profile = SrtpProfile[self._joining.srtp_profile]
            path = self._path = MediaPath(
                self._engine,
                answer,
                self._ufrag,
                self._pwd,
                profile,
                self._mark,
                self._media_failed,
                self._joining.impairment,
                self._joining.seed,
            )
        for section in published:
            path.publish(section, self._publishing)
        for section, track in wanted:
            ssrc = path.subscribe(track, answer.ssrcs.get(section.mid, ()))
            if ssrc is not None:
                self._subscribed[ssrc] = track
        if self._sending:
            path.start_sending()
        if first:
            await path.connect()

    def _follow_track(self, track: Track) -> None:
        if track.id not in self._wanted:
            self._wanted.add(track.id)
            task = asyncio.create_task(self._subscribe(track), name="follow")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _subscribe(self, track: Track) -> None:
        while True:
            try:
                return await self._negotiate((), [track])
            except Interrupted:
                continue  # the next request waits for the resume
            except ClientError as error:
                if not (
                    isinstance(error, Refused) and error.code == "unknown-track"
                ):  # it ended before its turn
                    self.failures.append(error)
                return None

    # Inside

    def _take(self, event: Event) -> None:
        self.room.apply(event)
        if self.room.admitted:
            self._let_in.set()
        if (
            isinstance(event, TrackPublished)
            and self._joining.follow
            and event.track.participant != self.room.me
        ):
            self._follow_track(event.track)
        self._joining.on_event(event)

    def _session_over(self) -> None:
        self._let_in.set()
        if self._failure is None:
            self._joining.on_over()

    def _media_failed(self, error: MediaFailed) -> None:
        if self.over is None:
            self._failure = error
            self._joining.on_over()

    def _mark(self, step: str, at_s: float) -> None:
        if getattr(self.steps, step) is None:  # the first time only: a path that moves connects again
            setattr(self.steps, step, 1000 * (at_s - self._began_s))
