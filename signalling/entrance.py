"""How a connection gets its session: `join` with a ticket, or `resume` with a token (protocol §2)."""

import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from signalling import commands, messages
from signalling.codes import CloseCode
from signalling.counters import Counters, Observe, Step
from signalling.errors import (
    Draining,
    Moved,
    Refusal,
    ResumeExpired,
    RoomEnded,
    StoreUnavailable,
    TicketRefused,
    TryAgain,
)
from signalling.live_rooms import LiveRoom, LiveRooms, LiveSession
from signalling.media import ParticipantId, RoomId
from signalling.private import Private
from signalling.recorder import Attempt
from signalling.recording import RecordingRules
from signalling.replies import Joined
from signalling.room import Room, RoomLimits
from signalling.session import EventLog, SessionId, hash_token
from signalling.settings import SignallingSettings
from signalling.store import Lease, RoomRecord, RoomStore, revocation_of
from signalling.third_parties import ThirdParties
from signalling.tickets import Admission, Tickets
from signalling.used_tickets import UsedTickets
from signalling.views import Role, RoomState
from signalling.websocket import Connection
from signalling.wire import encode

log = logging.getLogger(__name__)


class Entrance:
    def __init__(
        self,
        rooms: LiveRooms,
        store: RoomStore,
        tickets: Tickets,
        settings: SignallingSettings,
        clock: Callable[[], float],
        random_token: Callable[[], str],
        counters: Counters,
        observe: Observe,
        recording: RecordingRules,
        third_parties: ThirdParties | None = None,
    ) -> None:
        """`random_token` gives at least 128 unguessable bits as text."""
        self._rooms = rooms
        self._store = store
        self._tickets = tickets
        self._used = UsedTickets(store, clock)
        self._settings = settings
        self._clock = clock
        self._random_token = random_token
        self._counters = counters
        self._observe = observe
        self._recording = recording
        self._third_parties = third_parties
        self._attempts = map(Attempt, itertools.count(1))
        self._limits = RoomLimits(
            settings.max_participants, settings.max_tracks_per_participant, settings.room_empty_s
        )
        self.draining = False

    async def join(self, connection: Connection, message: messages.Join) -> LiveSession:
        """Use the ticket up, enter its room, send the joined state. Raises a Refusal."""
        try:
            session = await self._join(connection, message)
        except TicketRefused as refusal:
            self._counters.tickets_refused[refusal.reason] += 1
            self._counters.joins[refusal.code.value] += 1
            raise
        except Refusal as refusal:
            self._counters.joins[refusal.code.value] += 1
            raise
        self._counters.joins["ok"] += 1
        return session

    async def _join(self, connection: Connection, message: messages.Join) -> LiveSession:
        started = self._clock()
        try:
            admission = self._tickets.verify(message.ticket.reveal())
            self._check_stays(admission.room)
            verified = self._clock()
            self._observe(Step.TICKET, verified - started)
            live = await self._room(admission.room)
            # Last, so that a ticket is still good where it could not open the door.
            await self._used.use_up(admission)
            await self._settle_consent(live, admission.participant)
            await self._settle_presence(live, admission)
        except StoreUnavailable:
            self._counters.store_failures += 1
            raise TryAgain from None
        self._check_stays(admission.room)  # we waited meanwhile
        if self._rooms.rooms.get(admission.room) is not live:
            raise TryAgain
        session = self._enter(connection, message, admission, live)
        self._observe(Step.ROOM, self._clock() - verified)
        self._observe(Step.JOIN, self._clock() - started)
        return session

    async def _settle_consent(self, live: LiveRoom, who: ParticipantId) -> None:
        """Where it cannot be known that a consent from another node still holds, it does not."""
        recording = live.room.recording
        consent = recording.inherited(who)
        if consent is None:
            return
        try:
            holds = not await self._store.revoked(revocation_of(consent))
        except StoreUnavailable:
            holds = False
        recording.settle_inherited(who, holds=holds)

    async def _settle_presence(self, live: LiveRoom, admission: Admission) -> None:
        """A guest who was let in before, or whose ticket lets them in, has to knock unless the patient agrees
        to it still.
        """
        if admission.role is not Role.GUEST or self._third_parties is None:
            return
        guest = admission.participant
        if live.room.would_admit(admission) and not await self._third_parties.may_enter(live.id, guest):
            live.room.forget_admission(guest)

    def _check_stays(self, room: RoomId) -> None:
        """Raises Moved for a room that was handed over, else Draining when everybody has to go."""
        live = self._rooms.rooms.get(room)
        if live is not None and live.moved_to is not None:
            raise Moved(live.moved_to.url)
        if self.draining:
            raise Draining

    async def _room(self, room: RoomId) -> LiveRoom:
        """The room, ours and alive. Raises Moved, RoomEnded, TryAgain, StoreUnavailable."""
        live = self._rooms.rooms.get(room)
        if live is not None:
            return live
        if len(self._rooms.rooms) >= self._settings.max_rooms:
            raise TryAgain("this node has as many rooms as it takes")
        settings = self._settings
        lease = await self._store.acquire(room, settings.node, settings.node_url, settings.lease_s)
        if lease.node != settings.node:
            raise Moved(lease.url)
        record = await self._store.load_room(room)
        if record is not None and record.state is RoomState.ENDED:
            await self._store.release(lease)
            raise RoomEnded
        # Two who come first at once both get here; the second finds the first one's room.
        return self._rooms.rooms.get(room) or self._open(lease, record)

    def _open(self, lease: Lease, record: RoomRecord | None) -> LiveRoom:
        if record is None:
            record = RoomRecord(
                lease.room, RoomState.WAITING, self._settings.encryption, self._settings.policy
            )
        if record.recording is not None and time.time() > record.recording.until:
            record = replace(record, recording=None)  # nobody followed while it was going on
        live = LiveRoom(
            lease.room, Room(record, self._limits, self._clock(), self._recording, self._attempts), lease
        )
        self._rooms.rooms[lease.room] = live
        log.info("room.taken", extra={"room": lease.room, "epoch": lease.epoch})
        return live

    def _enter(
        self, connection: Connection, message: messages.Join, admission: Admission, live: LiveRoom
    ) -> LiveSession:
        """The one step in which the participant comes in: room, session and reply agree, then others hear."""
        outcomes = live.room.receive(commands.Join(admission, message.encryption_key), self._clock())
        before = live.sessions.get(admission.participant)
        if before is not None:
            self._rooms.end(before, CloseCode.REPLACED)
        token = self._random_token()
        session = LiveSession(
            SessionId(self._random_token()),
            hash_token(token),
            admission.participant,
            live,
            EventLog(self._settings.replay_events, self._settings.replay_bytes),
            connection.codec,
            None,
        )
        self._rooms.begin(session)
        self._rooms.attach(session, connection)
        self._send_joined(connection, session, message.id, token)
        self._rooms.carry_out(live, outcomes)
        log.info(
            "participant.joined",
            extra={
                "room": live.id,
                "participant": session.participant,
                "session": session.id,
                "role": admission.role.value,
                "replaced": before is not None,
            },
        )
        return session

    async def resume(self, connection: Connection, message: messages.Resume) -> LiveSession:
        """Go on with a session over this connection. Raises Moved, ResumeExpired, TryAgain."""
        try:
            session = await self._resume(connection, message)
        except Refusal as refusal:
            self._counters.resumes[refusal.code.value] += 1
            raise
        self._counters.resumes["ok"] += 1
        return session

    async def _resume(self, connection: Connection, message: messages.Resume) -> LiveSession:
        token = message.resume_token.reveal()
        session = self._rooms.by_token.get(hash_token(token))
        if session is None:
            await self._look_elsewhere(token)
            raise ResumeExpired
        # From here to the last replayed event nothing else can happen, so nothing is missed or doubled.
        missed = session.log.after(message.last_seq, connection.codec)
        self._rooms.attach(session, connection)
        self._send_joined(connection, session, message.id, token)
        for payload in missed:
            connection.send(payload)
        log.info("session.resumed", extra={"session": session.id, "replayed": len(missed)})
        return session

    async def _look_elsewhere(self, token: str) -> None:
        """Raises Moved when another node that is alive has this session's room."""
        try:
            record = await self._store.find_session(hash_token(token))
            owner = None if record is None else await self._store.owner(record.room)
        except StoreUnavailable:
            self._counters.store_failures += 1
            raise TryAgain from None
        if owner is not None and owner.node != self._settings.node:
            raise Moved(owner.url)

    def _send_joined(self, connection: Connection, session: LiveSession, request: int, token: str) -> None:
        room = session.live.room
        joined = Joined(
            id=request,
            session=session.id,
            resume_token=Private(token),
            resume_window_s=self._settings.resume_window_s,
            ping_interval_s=self._settings.ping_interval_s,
            participant=room.self_view(session.participant),
            room=room.view(session.participant),
            participants=room.participants_seen_by(session.participant),
            ice_servers=self._settings.ice_servers,
            media_addresses=self._settings.media_addresses,
        )
        connection.send(encode(connection.codec, joined))
