"""The rooms and sessions alive on this node, and how a room's outcomes reach connections. Never waits.

Everything here happens in one step of the event loop, so that what a room decided and what its participants
are told keep the same order.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import assert_never

from signalling.codes import CloseCode
from signalling.commands import Command, HaltRecording, Leave, LoseMedia
from signalling.consents import Consent
from signalling.counters import Counters
from signalling.errors import Refusal
from signalling.events import Event
from signalling.media import Mid, ParticipantId, RoomId, TrackId
from signalling.outcomes import CloseRecorder, Dismissed, NoteForRecorder, OpenRecorder, Outcome, Tell
from signalling.publisher import StorePublisher
from signalling.recorder import Recorder
from signalling.room import Room
from signalling.session import EventLog, SessionId, TokenHash
from signalling.settings import SignallingSettings
from signalling.store import Lease, Place, RoomRecord, RunningRecording, SessionRecord, revocation_of
from signalling.views import EndReason, LeaveReason, RoomState, StopReason
from signalling.websocket import Connection
from signalling.wire import Codec, EncodedEvent

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class LiveRoom:
    """`noted`: the room's revision that the publisher knows of. `moved_to`: the node that it was handed to;
    what happens here from then on is for those who have not followed yet. `moving`: also while that is being
    arranged; the store is written to no more.
    """

    id: RoomId
    room: Room
    lease: Lease
    noted: int = -1
    moving: bool = False
    moved_to: Place | None = None
    sessions: dict[ParticipantId, "LiveSession"] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class LiveSession:
    """One participant's stay. It outlives its `connection` by the resume window, and then is `over`.

    `deadline`: when it ends unless resumed, None while connected. `media_lock` keeps offers and the end of
    the media transport apart. `known`: what each m-section of earlier offers carries.
    """

    id: SessionId
    token: TokenHash
    participant: ParticipantId
    live: LiveRoom
    log: EventLog
    codec: Codec
    connection: Connection | None
    media_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: dict[Mid, TrackId] = field(default_factory=dict)
    tracks: set[TrackId] = field(default_factory=set)
    deadline: float | None = None
    over: bool = False

    @property
    def media_key(self) -> ParticipantId:
        """What the media plane knows this participant by: new for each session, so that a late word about an
        old transport never meets the new one.
        """
        return ParticipantId(self.id)


class LiveRooms:
    def __init__(
        self,
        settings: SignallingSettings,
        clock: Callable[[], float],
        counters: Counters,
        publisher: StorePublisher,
        end_media: Callable[[LiveSession], None],
        deadlines_changed: Callable[[], None],
        recorder: Recorder | None = None,
    ) -> None:
        """`end_media` starts closing a session's media transport, and returns at once. `recorder`: needed
        only by rooms that can be recorded.
        """
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._publisher = publisher
        self._end_media = end_media
        self._deadlines_changed = deadlines_changed
        self._recorder = recorder
        self.rooms: dict[RoomId, LiveRoom] = {}
        self.sessions: dict[SessionId, LiveSession] = {}
        self.no_sessions = asyncio.Event()
        """Set while there are none."""
        self.no_sessions.set()
        self.by_token: dict[TokenHash, LiveSession] = {}
        self.room_of: dict[TrackId, LiveRoom] = {}

    # Rooms

    def do(self, live: LiveRoom, command: Command) -> None:
        """Let the room do it and carry out what follows. Raises the room's refusal, nothing changed then."""
        self.carry_out(live, live.room.receive(command, self._clock()))

    def carry_out(self, live: LiveRoom, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Tell(to, event):
                    self.tell(live, to, event)
                case Dismissed(participant, because):
                    session = live.sessions.get(participant)
                    if session is not None:
                        self._dismiss(session, because)
                case OpenRecorder() | NoteForRecorder() | CloseRecorder():
                    self._instruct(outcome)
                case _:
                    assert_never(outcome)
        if live.noted != live.room.revision and not live.moving:
            live.noted = live.room.revision
            self._publisher.room_changed(live.id)
        if live.room.state is RoomState.ENDED or live.room.next_deadline() is not None:
            self._deadlines_changed()

    def _instruct(self, outcome: OpenRecorder | NoteForRecorder | CloseRecorder) -> None:
        assert self._recorder is not None, "no room is recorded without one"
        match outcome:
            case OpenRecorder(start):
                self._recorder.open(start)
            case NoteForRecorder(attempt, note):
                self._recorder.note(attempt, note)
            case CloseRecorder(attempt, reason):
                self._recorder.close(attempt, reason.value)

    def record_for_heir(self, live: LiveRoom) -> RoomRecord:
        """What the node needs that the room is handed to."""
        record, running = live.room.record(), live.room.recording.running
        if running is None or self._recorder is None:
            return record
        attempt, by = running
        name = self._recorder.name_of(attempt)
        until = time.time() + self._settings.drain_s
        return record if name is None else replace(record, recording=RunningRecording(by, name, until))

    def hand_over(self, live: LiveRoom, to: Place) -> None:
        """From now on it is for those who have not followed yet."""
        live.moved_to = to
        live.room.recording.moved = True

    def revoke(self, consent: Consent) -> None:
        """Taken back here, while another node may have it from us."""
        self._publisher.revoked(revocation_of(consent))

    def stay(self, live: LiveRoom) -> None:
        """It could not be given away: what happened meanwhile is still to be written."""
        live.moving = False
        self._publisher.room_changed(live.id)

    def tell(self, live: LiveRoom, to: tuple[ParticipantId, ...], event: Event) -> None:
        encoded = EncodedEvent(event)
        for participant in to:
            session = live.sessions.get(participant)
            if session is None:
                continue
            self._counters.events += 1
            payload = session.log.append(encoded, session.codec)
            if session.connection is not None:
                session.connection.send(payload)

    def let_go(self, live: LiveRoom, reason: StopReason) -> None:
        """The room is another node's now, or nobody's: its sessions end, nobody is told that it ended.

        `reason`: why it is recorded no longer.
        """
        with suppress(Refusal):  # it has ended
            self.do(live, HaltRecording(reason))
        for session in list(live.sessions.values()):
            self.end(session, CloseCode.DRAINING)
        self.forget(live)

    def forget(self, live: LiveRoom) -> None:
        if self.rooms.get(live.id) is live:
            del self.rooms[live.id]

    # Sessions

    def begin(self, session: LiveSession) -> None:
        session.live.sessions[session.participant] = session
        self.sessions[session.id] = session
        self.no_sessions.clear()
        self.by_token[session.token] = session
        self._publisher.session_began(self.record_of(session))

    def record_of(self, session: LiveSession) -> SessionRecord:
        """What other nodes need to know of it."""
        return SessionRecord(
            session.token, session.id, session.live.id, session.participant, self._settings.node
        )

    def attach(self, session: LiveSession, connection: Connection) -> None:
        """This connection serves the session from now on; one that did is closed (4409)."""
        if session.connection is not None:
            session.connection.close(CloseCode.REPLACED)
        session.connection = connection
        session.codec = connection.codec
        session.deadline = None
        connection.mark_joined()

    def detach(self, session: LiveSession, connection: Connection) -> None:
        """This connection is gone. The session waits for a resume, unless another serves it already."""
        if session.over or session.connection is not connection:
            return
        session.connection = None
        session.deadline = self._clock() + self._settings.resume_window_s
        self._deadlines_changed()

    def leave(self, session: LiveSession, reason: LeaveReason, code: CloseCode) -> None:
        """The participant leaves: the others are told, and the session ends."""
        if session.over:
            return
        outcomes = session.live.room.receive(Leave(session.participant, reason), self._clock())
        self.end(session, code)
        self._counters.leaves[reason.value] += 1
        log.info("participant.left", extra=self._about(session) | {"reason": reason.value})
        self.carry_out(session.live, outcomes)

    def lose_media(self, session: LiveSession) -> None:
        """The session's media transport is closed, the session goes on and may offer anew."""
        for track in session.tracks:
            self.room_of.pop(track, None)
        session.tracks.clear()
        session.known.clear()
        if not session.over:
            self.do(session.live, LoseMedia(session.participant))

    def end(self, session: LiveSession, code: CloseCode) -> None:
        """Close its connection and media and forget it. The room has been told, or needs no telling."""
        if session.over:
            return
        session.over = True
        if session.live.sessions.get(session.participant) is session:
            del session.live.sessions[session.participant]
        self.sessions.pop(session.id, None)
        if not self.sessions:
            self.no_sessions.set()
        self.by_token.pop(session.token, None)
        for track in session.tracks:
            self.room_of.pop(track, None)
        if session.connection is not None:
            session.connection.close(code)
            session.connection = None
        self._publisher.session_ended(session.token)
        self._end_media(session)

    def _dismiss(self, session: LiveSession, because: LeaveReason | EndReason) -> None:
        ended = isinstance(because, EndReason)
        self._counters.leaves[f"room-{because.value}" if ended else because.value] += 1
        log.info("participant.dismissed", extra=self._about(session) | {"reason": because.value})
        self.end(session, CloseCode.ROOM_ENDED if ended else CloseCode.NOT_ALLOWED)

    # Deadlines

    def next_deadline(self) -> float | None:
        """Monotonic seconds of the next session or room for which time is up."""
        sessions = (s.deadline for s in self.sessions.values() if s.deadline is not None)
        rooms = (r.room.next_deadline() for r in self.rooms.values())
        return min((*sessions, *(deadline for deadline in rooms if deadline is not None)), default=None)

    def expired(self, now: float) -> tuple[list[LiveSession], list[LiveRoom]]:
        """Sessions nobody resumed, and rooms for which something is due."""
        sessions = [s for s in self.sessions.values() if s.deadline is not None and s.deadline <= now]
        rooms = [r for r in self.rooms.values() if r.room.due(now) is not None]
        return sessions, rooms

    @staticmethod
    def _about(session: LiveSession) -> dict[str, object]:
        return {"room": session.live.id, "participant": session.participant, "session": session.id}
