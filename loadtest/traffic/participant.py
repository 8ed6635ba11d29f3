"""A participant of the load tester with its media in the native engine."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from loadtest.dtls_client import SrtpProfile
from loadtest.errors import ClientError, MediaFailed
from loadtest.events import Event, Message, Track, TrackPublished
from loadtest.lean_negotiation import LeanNegotiation
from loadtest.lean_sdp import Answer, Section
from loadtest.participant import (
    Joining,
    JoinSteps,
    Kind,
    ParticipantFigures,
    ReceivedTrack,
    SentTrack,
)
from loadtest.room_view import RoomView
from loadtest.session import Session
from loadtest.traffic.native import MEDIA_TIMEOUT_S, MediaPath, NativeEngine, histogram
from loadtest.wire import Encoding

LEAVE_S = 3.0  # a server that takes longer has heard of it all the same, or hangs


class NativeParticipant:
    """Implements `loadtest.participant.Participant`; as a context manager it joins and closes."""

    def __init__(
        self, engine: NativeEngine, joining: Joining, *, encoding: Encoding = Encoding.MSGPACK
    ) -> None:
        """Raises ValueError for what it cannot publish: simulcast."""
        publishing = joining.publishing
        if publishing.video and publishing.simulcast:
            raise ValueError("simulcast: native participants publish one layer")
        self._engine = engine
        self._joining = joining
        self._publishing = publishing
        self._session = Session(joining.url, joining.ticket, encoding, self._take, self._session_over)
        self._negotiation = LeanNegotiation(self._session, self._carry_out, publishing.codec.value)
        self._room: RoomView | None = None
        self._path: MediaPath | None = None
        self._subscribed: dict[int, Track] = {}  # by SSRC
        self._let_in = asyncio.Event()
        self._sending = False
        self._failure: MediaFailed | None = None
        self._began_s = time.monotonic()
        self.steps = JoinSteps()

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
        return self._failure or self._negotiation.broken or self._session.over

    @property
    def failures(self) -> list[ClientError]:
        """Why tracks that were published later could not be subscribed to."""
        return self._negotiation.failures

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
            await self._negotiation.begin(self._room, self._publishing.kinds, follow=self._joining.follow)
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
        await self._negotiation.followed(tracks)

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
        path, self._path = self._path, None
        if path is not None:
            path.close()
        try:
            await self._negotiation.stop()
            if self._session.connected:
                with suppress(ClientError, TimeoutError):
                    async with asyncio.timeout(LEAVE_S):
                        await self._session.request("leave")
        finally:
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
        kinds = {section.ssrc: section.kind for section in self._negotiation.sections}
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

    async def _carry_out(
        self, answer: Answer, published: Sequence[Section], wanted: Sequence[tuple[Section, Track]]
    ) -> None:
        path, first = self._path, self._path is None
        if path is None:
            self._mark("answer", time.monotonic())
            profile = SrtpProfile[self._joining.srtp_profile]
            path = self._path = MediaPath(
                self._engine,
                answer,
                self._negotiation.ufrag,
                self._negotiation.pwd,
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
            self._negotiation.follow(event.track)
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
