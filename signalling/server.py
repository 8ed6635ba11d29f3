"""The signalling server: connections come in, rooms live, time passes. The shell around everything else here.

Made by `async with SignallingServer(...) as signalling`; `handle` is mounted at `GET /v1/signal`. The media
side brings its news by the methods named after them; those never wait.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from signalling import commands
from signalling.codes import CloseCode
from signalling.consent_writer import ConsentWriter
from signalling.consents import Consent, Consents
from signalling.conversation import Conversation
from signalling.counters import Counters, Observe, ignore_step
from signalling.entrance import Entrance
from signalling.errors import Refusal, SignallingError, StoreUnavailable
from signalling.events import Event
from signalling.leases import LeaseKeeper
from signalling.live_rooms import LiveRoom, LiveRooms, LiveSession
from signalling.media import Media, ParticipantId, RoomId, TrackId
from signalling.placement import Placement
from signalling.publisher import StorePublisher
from signalling.recorder import Attempt, Recorder
from signalling.recording import RecordingRules
from signalling.session import SessionId
from signalling.settings import SignallingSettings
from signalling.store import Lease, Place, RoomRecord, RoomStore
from signalling.third_parties import ThirdParties
from signalling.tickets import Tickets
from signalling.upgrade import Upgrades
from signalling.views import LeaveReason, Rating, Role, RoomState, StopReason
from signalling.websocket import Connection
from signalling.wire import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)


class SignallingServer:
    def __init__(
        self,
        store: RoomStore,
        media: Media,
        tickets: Tickets,
        settings: SignallingSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        random_token: Callable[[], str] = secrets.token_urlsafe,
        observe: Observe = ignore_step,
        recorder: Recorder | None = None,
        consents: Consents | None = None,
        third_parties: ThirdParties | None = None,
    ) -> None:
        """`clock` gives monotonic seconds, `random_token` 256 random bits as text; `observe` is told how long
        the steps of a join take. Without `recorder` or `consents` no room can be recorded, without
        `third_parties` a doctor alone admits guests.
        """
        self.counters = Counters()
        self._settings = settings or SignallingSettings()
        self._store = store
        self._media = media
        self._clock = clock
        self._observe = observe
        self._third_parties = third_parties
        self._publisher = StorePublisher(
            store, self._settings, self.counters, self._look_up, self._forget, self._refused_to_write
        )
        self._rooms = LiveRooms(
            self._settings,
            clock,
            self.counters,
            self._publisher,
            self._end_media,
            self._wake_housekeeping,
            # The rules below forbid; and what is not there cannot be opened.
            recorder if self._settings.recording else None,
        )
        self._consents = ConsentWriter(consents, self._settings, self.counters)
        recording = RecordingRules(
            self._settings.policy,
            self._settings.recording,
            recorder is not None and consents is not None,
            self._settings.consent_wait_s,
        )
        self._entrance = Entrance(
            self._rooms,
            store,
            tickets,
            self._settings,
            clock,
            random_token,
            self.counters,
            observe,
            recording,
            third_parties,
        )
        self._placement = Placement(store, Place(self._settings.node, self._settings.node_url))
        self._leases = LeaseKeeper(
            store,
            self._rooms,
            self._publisher,
            tickets,
            self._placement,
            self._settings,
            self.counters,
            lambda: self.draining,
            self._fenced,
        )
        self._connections: set[Connection] = set()
        self._upgrades = Upgrades(self._settings, self.counters)
        self._talking: set[RoomId] = set()
        self._deadlines_changed = asyncio.Event()
        self._no_connections = asyncio.Event()
        self._no_connections.set()
        self._tasks = asyncio.TaskGroup()
        self._own: list[asyncio.Task[None]] = []
        self._running = False
        # The last step of a drain: until then sessions may be resumed, and whoever comes is told where to go.
        self._leaving = False
        self._leases_to_release: list[Lease] = []

    # Life

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._own = [
            self._tasks.create_task(self._keep(self._publisher.run), name="signal-publisher"),
            self._tasks.create_task(self._keep(self._keep_house), name="signal-housekeeping"),
            self._tasks.create_task(self._keep(self._leases.run), name="signal-leases"),
            self._tasks.create_task(self._keep(self._consents.run), name="signal-consents"),
        ]
        self._running = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The group is told of no error: it would wrap what its body raised, which is the caller's business.
        # Its tasks end within bounds, whatever made us leave.
        try:
            await self.close()
        finally:
            await self._tasks.__aexit__(None, None, None)

    @property
    def draining(self) -> bool:
        """Whether new participants are refused; readiness follows it."""
        return self._entrance.draining

    @property
    def rooms_now(self) -> int:
        return len(self._rooms.rooms)

    @property
    def sessions_now(self) -> int:
        return len(self._rooms.sessions)

    def room_state(self, room: RoomId) -> RoomState | None:
        """None: not on this node."""
        live = self._rooms.rooms.get(room)
        return None if live is None else live.room.state

    async def place(self, room: RoomId) -> str:
        """Where a ticket for this room should lead: the URL of a node's signalling."""
        return await self._placement.place(room)

    async def drain(self) -> None:
        """Take nobody new, hand every room to another node, and wait for its participants to follow, for
        `drain_s` in all; then let go of what is left and close every connection with 4503. Idempotent.

        Nobody is told that a room ended: clients come back, with a new ticket, to another node or its heir.
        """
        if not self.draining:
            log.info("node.draining", extra={"rooms": self.rooms_now, "sessions": self.sessions_now})
            self._entrance.draining = True
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.drain_s):
                    await self._leases.hand_over_all()
                    await self._within_bounds(self._publisher.flush)  # what changed in those who stay
                    self._let_go_of_those_who_stay()
                    await self._rooms.no_sessions.wait()
        await self._take_leave()

    def _let_go_of_those_who_stay(self) -> None:
        for live in [live for live in self._rooms.rooms.values() if not live.moving]:
            self._leases_to_release.append(live.lease)
            self._rooms.let_go(live, StopReason.NODE_DRAINING)

    async def _take_leave(self) -> None:
        """Bounded by several `drain_timeout_s`."""
        self._leaving = True
        await self._within_bounds(self._publisher.flush)
        self._let_go_of_those_who_stay()
        for live in list(self._rooms.rooms.values()):
            self._rooms.let_go(live, StopReason.NODE_DRAINING)
        for connection in self._connections:
            connection.close(CloseCode.DRAINING)
        await self._within_bounds(self._no_connections.wait)
        await self._within_bounds(self._give_free)
        await self._write_consents()

    async def _give_free(self) -> None:
        await self._publisher.flush()
        while self._leases_to_release:
            await self._store.release(self._leases_to_release[-1])
            self._leases_to_release.pop()
        await self._store.withdraw(self._settings.node)

    async def _within_bounds(self, do: Callable[[], Coroutine[Any, Any, object]]) -> None:
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(self._settings.drain_timeout_s):
                await do()

    async def _write_consents(self) -> None:
        """What was refused or withdrawn and is not in the ledger yet; bounded. Never raises."""
        try:
            async with asyncio.timeout(self._settings.drain_timeout_s):
                await self._consents.flush()
        except Exception as error:
            log.error(
                "consents.unwritten",
                extra={"consents": self._consents.unwritten, "error": type(error).__name__},
            )

    async def close(self) -> None:
        """Drain, or if that was begun and given up take leave at once; then end our own tasks. Idempotent;
        media is closed by the end of `async with`.
        """
        try:
            await self.drain()
        finally:
            self._running = False
            for task in self._own:
                task.cancel()

    # Connections

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """`GET /v1/signal`. Refuses with 400 without one of our sub-protocols, 403 for a foreign origin, 503
        when too many wait to join.
        """
        if not self._running and not self.draining:
            raise RuntimeError("the signalling server is not running: use `async with`")
        codec = self._upgrades.admit(request)
        socket = web.WebSocketResponse(
            protocols=(codec.value,),
            # aiohttp refuses from this size on; a message may have exactly the most.
            max_msg_size=MAX_MESSAGE_BYTES + 1,
            compress=False,  # CPU and memory for each connection, and secrets beside others' words (CRIME)
            autoping=False,
            timeout=self._settings.close_timeout_s,
        )
        await socket.prepare(request)
        transport = request.transport
        leave = self._upgrades.enter(request)
        connection = Connection(
            socket,
            transport.abort if transport is not None else _nothing_to_abort,
            codec,
            self._settings,
            self._clock,
            self.counters,
            on_joined=leave,
        )
        try:
            await self._serve(connection)
        finally:
            leave()
        return socket

    async def _serve(self, connection: Connection) -> None:
        conversation = Conversation(
            connection,
            self._entrance,
            self._rooms,
            self._media,
            self._consents,
            self._settings,
            self._clock,
            self.counters,
            self._observe,
            self._third_parties,
        )
        self.counters.connections += 1
        self.counters.connections_now += 1
        self._connections.add(connection)
        self._no_connections.clear()
        try:
            if self._leaving:
                connection.close(CloseCode.DRAINING)
            await connection.run(conversation.receive)
        finally:
            self._connections.discard(connection)
            self.counters.connections_now -= 1
            if not self._connections:
                self._no_connections.set()
            if conversation.session is not None:
                self._rooms.detach(conversation.session, connection)

    # News of the media side, by the key the media plane was given

    def speakers(self, levels: Mapping[TrackId, int]) -> None:
        """Who is heard now: RFC 6464 levels, 0 the loudest to 127, for tracks heard since the last call."""
        by_room: dict[RoomId, dict[TrackId, int]] = {room: {} for room in self._talking}
        for track, level in levels.items():
            live = self._rooms.room_of.get(track)
            if live is not None and -level >= self._settings.speaking_dbov:
                by_room.setdefault(live.id, {})[track] = -level
        self._talking = {room for room, heard in by_room.items() if heard}
        for room, heard in by_room.items():
            self._report(self._rooms.rooms.get(room), commands.ReportLevels(heard))

    def track_silent(self, track: TrackId, silent: bool) -> None:
        """Published and unmuted, but nothing arrives; or, not `silent`, something does again."""
        self._report(self._rooms.room_of.get(track), commands.ReportSilence(track, silent))

    def layers_wanted(self, track: TrackId, rids: tuple[str, ...]) -> None:
        """Only these simulcast layers are watched."""
        self._report(self._rooms.room_of.get(track), commands.WantLayers(track, rids))

    def quality(self, participant: ParticipantId, uplink: Rating, downlink: Rating) -> None:
        """How well the media plane finds a participant's connection to be."""
        session = self._rooms.sessions.get(SessionId(participant))
        if session is not None:
            judged = commands.ReportQuality(session.participant, commands.Judge.MEDIA_PLANE, uplink, downlink)
            self._report(session.live, judged)

    def media_lost(self, participant: ParticipantId) -> None:
        """The transport is dead (consent gone, DTLS ended). Unknown participants are ignored.

        With its WebSocket gone too, the participant leaves now. Else it stays, everybody sees its quality as
        lost, and it is told to offer from a new connection (`quality`, transport "closed").
        """
        session = self._rooms.sessions.get(SessionId(participant))
        if session is None:
            return
        if session.connection is None:
            self._rooms.leave(session, LeaveReason.CONNECTION_LOST, CloseCode.DONE)
        else:
            self._spawn(self._start_media_anew(session), "signal-media-lost")

    # News of the recorder, about one attempt; of one that is over it is ignored

    def recording_opened(self, room: RoomId, attempt: Attempt, since_unix_s: float) -> None:
        """From now on packets are taken."""
        self._report(self._rooms.rooms.get(room), commands.RecorderOpened(attempt, since_unix_s))

    def recording_failed(self, room: RoomId, attempt: Attempt, reason: str) -> None:
        """Nothing is recorded, or no longer; `reason` is a word for clients."""
        self._report(self._rooms.rooms.get(room), commands.RecorderFailed(attempt, reason))

    def recording_trouble(self, room: RoomId, attempt: Attempt, reason: str) -> None:
        """It goes on, but may miss something; or, `reason` "resumed", no longer does."""
        self._report(self._rooms.rooms.get(room), commands.RecorderTroubled(attempt, reason))

    def recording_closed(self, room: RoomId, attempt: Attempt) -> None:
        """All that was taken is safe."""
        self._report(self._rooms.rooms.get(room), commands.RecorderClosed(attempt))

    def _report(self, live: LiveRoom | None, command: commands.Command) -> None:
        if live is not None:
            with suppress(Refusal):  # the room ended or the participant left meanwhile
                self._rooms.do(live, command)

    def tell(self, room: RoomId, event: Event, to: ParticipantId | None = None) -> None:
        """Send an event decided elsewhere (`queue`, `consent`) to one participant, or to all admitted."""
        live = self._rooms.rooms.get(room)
        if live is not None:
            self._rooms.tell(live, live.room.admitted() if to is None else (to,), event)

    # What is decided outside, about rooms of this node; about others nothing happens

    def waiting_patients(self) -> list[tuple[RoomId, ParticipantId]]:
        """Who is connected here, or may still resume, and has not been admitted."""
        return [
            (live.id, who)
            for live in self._rooms.rooms.values()
            for who in live.room.waiting()
            if live.room.admission_of(who).role is Role.PATIENT
        ]

    def holds(self, room: RoomId) -> bool:
        """Whether the room is this node's, and stays so."""
        live = self._rooms.rooms.get(room)
        return live is not None and not live.moving

    def admitted(self, role: Role) -> list[tuple[RoomId, ParticipantId]]:
        """Everybody of this role who has been let in, in all rooms."""
        return [
            (live.id, who)
            for live in self._rooms.rooms.values()
            for who in live.room.of_role(role)
            if who in live.room.admitted()
        ]

    def granted_recording(self) -> list[tuple[RoomId, ParticipantId]]:
        """Who lets itself be recorded, as far as rooms of this node know."""
        return [
            (live.id, consent.participant)
            for live in self._rooms.rooms.values()
            for consent in live.room.recording.consents
        ]

    def logins(self) -> dict[str, list[tuple[RoomId, ParticipantId]]]:
        """Who is here, also who may still resume, by what vouches for them."""
        found: dict[str, list[tuple[RoomId, ParticipantId]]] = {}
        for session in self._rooms.sessions.values():
            login = session.live.room.admission_of(session.participant).login
            if login:
                found.setdefault(login, []).append((session.live.id, session.participant))
        return found

    def cut_off(self, room: RoomId, participant: ParticipantId, login: str) -> None:
        """What vouched for them does so no longer; whoever joined anew meanwhile by another login stays."""
        live = self._rooms.rooms.get(room)
        session = None if live is None else live.sessions.get(participant)
        if live is not None and session is not None and live.room.admission_of(participant).login == login:
            self._rooms.leave(session, LeaveReason.LEFT, CloseCode.NOT_ALLOWED)

    def conclude(self, room: RoomId) -> None:
        """The consultation is over: everybody is told, and out."""
        self._report(self._rooms.rooms.get(room), commands.Conclude())

    def expel(self, room: RoomId, participant: ParticipantId) -> None:
        """What let them in holds no longer."""
        self._report(self._rooms.rooms.get(room), commands.Expel(participant))

    def expel_all(self, room: RoomId) -> None:
        """Whoever was let in, and guests who wait: what let them in holds no longer."""
        live = self._rooms.rooms.get(room)
        if live is not None:
            for who in {*live.room.admitted(), *live.room.of_role(Role.GUEST)}:
                self._report(live, commands.Expel(who))

    def take_grant(self, room: RoomId, consent: Consent) -> None:
        """Somebody granted to be recorded, and not by this connection; the ledger has it."""
        self._report(self._rooms.rooms.get(room), commands.Grant(consent.participant, consent))

    def take_refusal(self, room: RoomId, participant: ParticipantId) -> None:
        """Somebody refused to be recorded, or took the grant back; the ledger has it."""
        live = self._rooms.rooms.get(room)
        if live is not None and participant not in live.room:
            live.room.forget_grant(participant)  # away for a while: it is not to hold when they are back
            self._publisher.room_changed(room)
            return
        self._report(live, commands.Refuse(participant))

    # Our own tasks

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            self._tasks.create_task(work, name=name)
        except RuntimeError:  # the server has ended, and with it all media
            work.close()

    async def _keep(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a task of ours for ever: a bug in it must be seen, and must not end every call of this node."""
        while True:
            try:
                await task()
            except Exception as error:
                log.error("task.failed", extra={"task": task.__name__, "error": type(error).__name__})
                await asyncio.sleep(self._settings.store_retry_s)

    def _end_media(self, session: LiveSession) -> None:
        self._spawn(self._close_media(session), "signal-close-media")

    async def _close_media(self, session: LiveSession) -> None:
        """After a running offer, so that no transport is made once the session is over. Never raises."""
        try:
            async with session.media_lock, asyncio.timeout(self._settings.offer_timeout_s):
                await self._media.close(session.media_key)
        except Exception as error:
            log.error("media.close_failed", extra={"session": session.id, "error": type(error).__name__})

    async def _start_media_anew(self, session: LiveSession) -> None:
        await self._close_media(session)
        with suppress(SignallingError):
            self._rooms.lose_media(session)

    def _wake_housekeeping(self) -> None:
        self._deadlines_changed.set()

    async def _keep_house(self) -> None:
        """End what nobody resumed and rooms that stayed empty, each at its time."""
        while True:
            self._deadlines_changed.clear()
            deadline = self._rooms.next_deadline()
            wait_s = None if deadline is None else max(deadline - self._clock(), 0)
            try:
                async with asyncio.timeout(wait_s):
                    await self._deadlines_changed.wait()
            except TimeoutError:
                self._expire()

    def _expire(self) -> None:
        sessions, rooms = self._rooms.expired(self._clock())
        for session in sessions:
            self._rooms.leave(session, LeaveReason.CONNECTION_LOST, CloseCode.DONE)
        for live in rooms:
            command = live.room.due(self._clock())
            if command is not None:
                log.info("room.due", extra={"room": live.id, "action": type(command).__name__})
                self._report(live, command)

    def _look_up(self, room: RoomId) -> tuple[Lease, RoomRecord] | None:
        live = self._rooms.rooms.get(room)
        return None if live is None or live.moving else (live.lease, live.room.record())

    def _forget(self, room: RoomId) -> None:
        live = self._rooms.rooms.get(room)
        if live is not None:
            self._rooms.forget(live)

    def _refused_to_write(self, room: RoomId) -> None:
        live = self._rooms.rooms.get(room)
        if live is not None and not live.moving:
            self._fenced(live)

    def _fenced(self, live: LiveRoom) -> None:
        """Another node has this room now: let go, and do not touch what is its."""
        self.counters.rooms_fenced += 1
        log.warning("room.fenced", extra={"room": live.id, "epoch": live.lease.epoch})
        self._rooms.let_go(live, StopReason.FENCED)


def _nothing_to_abort() -> None:
    """The transport was gone before the connection began."""
