"""A participant without a browser: aiortc's public API for media, our signalling in JSON or msgpack.

    async with Client(url, ticket) as client:                    # connects and joins
        camera, microphone = await client.publish(
            Publication(player.video, Source.CAMERA), Publication(player.audio, Source.MICROPHONE))
        await client.until(lambda room: len(room.others_tracks()) == 2)
        frame = await client.received[track_id].recv()           # subscribed by itself

aiortc gathers no loopback candidates: the host needs one other address, and reaches 127.0.0.1 from that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCStatsReport,
)

from loadtest.errors import ClientError, MediaFailed, Refused
from loadtest.events import (
    Cut,
    Event,
    Joined,
    Message,
    ParticipantAdmitted,
    ParticipantId,
    ParticipantJoined,
    ParticipantLeft,
    Resumed,
    TrackId,
    TrackPublished,
    TrackUnpublished,
)
from loadtest.gate import Gate
from loadtest.negotiation import Change, Negotiation
from loadtest.room_view import RoomView
from loadtest.session import Session
from loadtest.tickets import Renew
from loadtest.wire import Encoding

EVENT_QUEUE = 512  # per iterator; when full its oldest event is dropped and counted in `dropped_events`
CLOSE_TIMEOUT_S = 5.0


class Source(Enum):
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"


@dataclass(frozen=True, slots=True)
class Publication:
    """A track to publish; `codec` ("vp8", "h264", "opus") restricts the offer to one codec."""

    track: MediaStreamTrack
    source: Source
    muted: bool = False
    codec: str | None = None


class Client:
    """One participant. With `auto_subscribe` every track of the others is received as it comes."""

    def __init__(
        self,
        url: str,
        ticket: str,
        *,
        encoding: Encoding = Encoding.JSON,
        auto_subscribe: bool = True,
        auto_resume: bool = True,
        on_event: Callable[[Event], None] = lambda _: None,
        on_over: Callable[[], None] = lambda: None,
        renew: Renew | None = None,
    ) -> None:
        """`on_event` is shown every event, after the room heard it; `on_over` is called at the session's end.

        `renew` is Session's. Who wants to follow a room from node to node takes StayingClient.
        """
        self._session = Session(
            url, ticket, encoding, self._take, self._end_of_events, auto_resume=auto_resume, renew=renew
        )
        self._on_event = on_event
        self._on_over = on_over
        self._auto_subscribe = auto_subscribe
        self._pc = RTCPeerConnection(
            # No STUN server: our own is ICE-lite and learns our address from the checks.
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._negotiation = Negotiation(self._pc, self._offer)
        self._tasks: set[asyncio.Task[None]] = set()
        self._readers: set[asyncio.Queue[Event | None]] = set()
        self._room: RoomView | None = None
        self._changed = asyncio.Condition()
        self._gates: dict[TrackId, Gate] = {}
        self._sections: dict[TrackId, RTCRtpTransceiver] = {}
        self._wanted: set[TrackId] = set()
        self._closed = False
        self.received: dict[TrackId, MediaStreamTrack] = {}
        self.failures: list[ClientError] = []  # of automatic subscription, which has no caller to raise at
        self.dropped_events = 0

    # Life

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> Joined:
        """Connect and join. Raises SessionClosed (typed by close code), Refused, ServerViolation."""
        try:
            joined = await self._session.open()
        except BaseException:
            await self.close()
            raise
        self._room = RoomView(joined)
        self._spawn(self._negotiation.run(), "negotiation")
        self._session.start()
        self._pc.on("connectionstatechange", self._nudge)
        self._subscribe_to_missing()
        return joined

    async def close(self) -> None:
        """End everything on this side, `leave` not included. Idempotent, bounded."""
        if self._closed:
            return
        self._closed = True
        for step in (self._session.close, self._stop_tasks, self._pc.close):
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await step()
            except TimeoutError:
                continue  # the next step is worth taking all the same
        for gate in self._gates.values():
            gate.stop()
        await self._notify()

    async def leave(self) -> None:
        """Tell the server and close."""
        try:
            await self._session.request("leave")
        except ClientError:
            pass  # the session ends either way
        finally:
            await self.close()

    # The room

    @property
    def joined(self) -> Joined:
        return self._session.joined

    @property
    def room(self) -> RoomView:
        assert self._room is not None, "not joined"
        return self._room

    @property
    def url(self) -> str:
        """The node we are on, or try to be."""
        return self._session.url

    @property
    def connected(self) -> bool:
        """Whether requests reach the server now."""
        return self._session.connected

    @property
    def over(self) -> ClientError | None:
        """Why the session is over, None while it lives."""
        return self._session.over

    @property
    def media_state(self) -> str:
        """aiortc's `connectionState`: new, connecting, connected, failed, closed."""
        state: str = self._pc.connectionState
        return state

    async def until(self, condition: Callable[[RoomView], bool], timeout_s: float | None = 10.0) -> None:
        """Wait until the room is so. Raises TimeoutError; why the session is over, when it ends before."""
        async with asyncio.timeout(timeout_s), self._changed:
            while not condition(self.room):
                if self._session.over is not None:
                    raise self._session.over
                await self._changed.wait()

    async def until_connected(self, timeout_s: float = 10.0) -> None:
        """Wait for ICE and DTLS. Raises MediaFailed."""
        try:
            await self.until(lambda _: self.media_state in ("connected", "failed", "closed"), timeout_s)
        except TimeoutError as error:
            raise MediaFailed("not connected in time") from error
        if self.media_state != "connected":
            raise MediaFailed(self.media_state)

    async def until_disconnected(self) -> None:
        """Wait for the end of the media path. Raises why the session is over, when it ends before."""
        await self.until(lambda _: self.media_state in ("failed", "closed"), None)

    async def until_received(self, track: TrackId, timeout_s: float = 10.0) -> MediaStreamTrack:
        """Wait until a track is subscribed to; its frames come from the answer."""
        await self.until(lambda _: track in self.received, timeout_s)
        return self.received[track]

    async def events(self) -> AsyncIterator[Event]:
        """Events from the first `anext` on; ends with the session. Each iterator sees all of them."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(EVENT_QUEUE)
        self._readers.add(queue)
        try:
            while not self._closed and self._session.over is None:
                event = await queue.get()
                if event is None:
                    return
                yield event
        finally:
            self._readers.discard(queue)

    # Media

    async def publish(self, *publications: Publication) -> list[TrackId]:
        """Publish tracks in one negotiation. Raises Refused (`not-admitted`, …), MediaFailed."""
        changes = []
        for publication in publications:
            gate = Gate(publication.track, shut=publication.muted)
            wish = {
                "publish": {
                    "source": publication.source.value,
                    "muted": publication.muted,
                    "encryption": "none",
                }
            }
            changes.append((gate, Change(gate.kind, wish, gate, publication.codec)))
        ids = await asyncio.gather(*(self._negotiation.begin(change) for _, change in changes))
        for id_, (gate, change) in zip(ids, changes, strict=True):
            assert change.transceiver is not None
            self._gates[id_], self._sections[id_] = gate, change.transceiver
        return list(ids)

    async def subscribe(self, track: TrackId) -> MediaStreamTrack:
        """Receive a track. Raises Refused (`unknown-track`, …), KeyError when the room has no such track."""
        self._wanted.add(track)
        try:
            change = Change(self.room.tracks[track].kind, {"subscribe": track})
            await self._negotiation.begin(change)
        except BaseException:
            self._wanted.discard(track)
            raise
        assert change.transceiver is not None
        self._sections[track] = change.transceiver
        self.received[track] = change.transceiver.receiver.track
        await self._notify()
        return self.received[track]

    async def unsubscribe(self, track: TrackId) -> None:
        self.received.pop(track, None)
        self._wanted.discard(track)
        section = self._sections.pop(track, None)
        if section is not None:
            await self._negotiation.end(section)

    async def unpublish(self, track: TrackId) -> None:
        """Stop sending a track and take it out of the room."""
        gate = self._gates.pop(track)
        await self._negotiation.end(self._sections.pop(track))
        gate.stop()

    async def mute(self, track: TrackId, muted: bool) -> None:
        """Mute one of our tracks: nothing is sent while it is muted, and everybody is told."""
        if muted:
            self._gates[track].shut = True
        await self._session.request("mute", track=track, muted=muted)
        self._gates[track].shut = muted

    async def prefer(self, track: TrackId, max_height: int | None) -> None:
        """0 pauses a received track, None is the best there is."""
        await self._session.request("prefer", track=track, max_height=max_height)

    async def media_stats(self) -> RTCStatsReport:
        """aiortc's statistics of the connection."""
        return await self._pc.getStats()

    async def packets(self) -> dict[TrackId, int]:
        """How many RTP packets came of each track that we receive."""
        counts = {}
        for track in self.received.keys() & self._sections.keys():
            reports = (await self._sections[track].receiver.getStats()).values()
            counts[track] = sum(report.packetsReceived for report in reports if report.type == "inbound-rtp")
        return counts

    # Other requests

    async def relay(self, to: ParticipantId | None, kind: str, body: bytes) -> None:
        await self._session.request("relay", to=to, kind=kind, body=body)

    async def admit(self, participant: ParticipantId) -> None:
        await self._session.request("admit", participant=participant)

    async def remove(self, participant: ParticipantId) -> None:
        await self._session.request("remove", participant=participant)

    async def end(self) -> None:
        await self._session.request("end")

    async def recording(self, action: str) -> str:
        """`start` or `stop`; the state from then on. It starts once everybody present has granted."""
        return str((await self._session.request("recording", action=action))["recording"])

    async def consent(self, kind: str, state: str) -> None:
        """Say `granted`, `refused` or `withdrawn` for ourselves."""
        await self._session.request("consent", kind=kind, state=state)

    async def report_stats(self, uplink: dict[str, float], downlink: dict[str, float]) -> None:
        """Tell the server how our two directions fare (rtt_ms, loss, jitter_ms, bitrate_bps, freezes)."""
        await self._session.request("stats", uplink=uplink, downlink=downlink)

    async def request(self, type_: str, **fields: Any) -> Message:
        """Any request, for what has no method (yet), and for tests of what the server refuses."""
        return await self._session.request(type_, **fields)

    async def cut(self) -> None:
        """Break the WebSocket without a word; the session resumes by itself unless `auto_resume` is off."""
        await self._session.cut()

    # Inside

    async def _offer(self, sdp: str, tracks: Any) -> Message:
        return await self._session.request("offer", sdp=sdp, tracks=tracks)

    def _take(self, event: Event) -> None:
        """The session's event sink: called by its reader task, in order."""
        self.room.apply(event)
        for reader in self._readers:
            self._put(reader, event)
        match event:
            # Who is let in learns of the others, and their tracks, one by one after it.
            case TrackPublished() | ParticipantAdmitted() | ParticipantJoined() | Resumed():
                self._subscribe_to_missing()  # a subscription during a cut has come to nothing
            case TrackUnpublished() | ParticipantLeft():
                self._let_go_of_ended()
            case Cut():
                pass  # media goes on; requests wait for the resume
            case _:
                pass
        self._on_event(event)
        self._nudge()

    def _subscribe_to_missing(self) -> None:
        if not self._auto_subscribe or not self.room.admitted:
            return
        for track in self.room.others_tracks():
            if track.id not in self._wanted:
                self._wanted.add(track.id)
                self._spawn(self._subscribe_quietly(track.id), f"subscribe-{track.id}")

    async def _subscribe_quietly(self, track: TrackId) -> None:
        try:
            await self.subscribe(track)
        except KeyError:
            pass  # it ended before its turn came
        except Refused as refusal:
            if refusal.code != "unknown-track":  # likewise, and the event is on its way
                self.failures.append(refusal)
        except ClientError as error:
            self.failures.append(error)

    def _let_go_of_ended(self) -> None:
        """The far side ended these tracks: the server has already stopped, the next offer will say so too."""
        for id_ in [id_ for id_ in self._wanted if id_ not in self.room.tracks]:
            self._wanted.discard(id_)
            self.received.pop(id_, None)
            section = self._sections.pop(id_, None)
            if section is not None:
                section.direction = "inactive"
                self._spawn(section.stop(), f"stop-{id_}")

    def _put(self, reader: asyncio.Queue[Event | None], event: Event | None) -> None:
        if reader.full():
            reader.get_nowait()
            self.dropped_events += 1
        reader.put_nowait(event)

    def _end_of_events(self) -> None:
        for reader in self._readers:
            self._put(reader, None)
        self._on_over()
        self._nudge()

    def _nudge(self) -> None:
        if not self._closed:
            self._spawn(self._notify(), "notify")

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _spawn(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop_tasks(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
