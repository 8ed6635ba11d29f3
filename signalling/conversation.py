"""One connection's requests, each answered in its turn, and what they set in motion.

A reply is sent before the events that the same request causes. Whatever goes wrong with a request, its answer
is an error reply; only what the contract says closes the connection.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import assert_never

from signalling import commands, messages
from signalling.codes import CloseCode, ErrorCode
from signalling.consent_writer import ConsentWriter
from signalling.counters import Counters, Observe, Step
from signalling.entrance import Entrance
from signalling.errors import (
    AlreadyJoined,
    BadMessage,
    ConsentNeeded,
    Moved,
    NotJoined,
    OfferTimedOut,
    PeerViolation,
    Refusal,
    TryAgain,
    UnknownType,
)
from signalling.live_rooms import LiveRooms, LiveSession
from signalling.media import Media, MediaRefused, Negotiated
from signalling.private import Private
from signalling.quality import rate
from signalling.replies import Answered, Error, Ok, RecordingIs, Reply
from signalling.settings import SignallingSettings
from signalling.third_parties import ThirdParties
from signalling.views import LeaveReason, Role
from signalling.websocket import Connection
from signalling.wire import decode, encode

log = logging.getLogger(__name__)

_VIOLATIONS_BEFORE_CLOSE = 3


class Conversation:
    def __init__(
        self,
        connection: Connection,
        entrance: Entrance,
        rooms: LiveRooms,
        media: Media,
        consents: ConsentWriter,
        settings: SignallingSettings,
        clock: Callable[[], float],
        counters: Counters,
        observe: Observe,
        third_parties: ThirdParties | None = None,
    ) -> None:
        """`third_parties` None: a doctor alone admits guests."""
        self._connection = connection
        self._entrance = entrance
        self._rooms = rooms
        self._media = media
        self._consents = consents
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._observe = observe
        self._third_parties = third_parties
        self._violations = 0
        self._last_id = 0
        self.session: LiveSession | None = None

    async def receive(self, frame: str | bytes) -> None:
        """Answer one frame. Raises nothing but CancelledError."""
        request: int | None = None
        try:
            message = messages.parse(decode(self._connection.codec, frame), self._connection.codec.context)
            if message.id <= self._last_id:
                raise BadMessage("id: must rise from request to request", message.id)
            request = self._last_id = message.id
            self._counters.messages[message.type] += 1
            await self._handle(message)
        except MediaRefused as refusal:
            self._refuse(request, refusal.code, str(refusal))
        except Refusal as refusal:
            if isinstance(refusal, BadMessage | UnknownType):
                request = refusal.request_id
            url = refusal.url if isinstance(refusal, Moved) else None
            self._refuse(request, refusal.code.value, str(refusal), url)
            self._judge(refusal)
        except Exception as error:  # our bug: it must cost this one request, and be seen
            log.error("request.failed", extra={"error": type(error).__name__, "at": _where(error)})
            self._refuse(request, ErrorCode.INTERNAL.value, "the server failed at this")

    def _refuse(self, request: int | None, code: str, text: str, url: str | None = None) -> None:
        self._counters.errors[code] += 1
        self._reply(Error(id=request, code=code, message=text, url=url))

    def _judge(self, refusal: Refusal) -> None:
        if refusal.close is not None:
            self._connection.close(refusal.close)
        if isinstance(refusal, PeerViolation):
            self._violations += 1
            if self._violations >= _VIOLATIONS_BEFORE_CLOSE:
                self._connection.close(CloseCode.BAD_MESSAGE)
                if self.session is not None:  # a program that speaks nonsense will not resume sensibly
                    self._rooms.leave(self.session, LeaveReason.CONNECTION_LOST, CloseCode.BAD_MESSAGE)

    def _reply(self, reply: Reply) -> None:
        self._connection.send(encode(self._connection.codec, reply))

    async def _handle(self, message: messages.ClientMessage) -> None:
        if isinstance(message, messages.Join | messages.Resume):
            if self.session is not None:
                raise AlreadyJoined
            if isinstance(message, messages.Join):
                self.session = await self._entrance.join(self._connection, message)
            else:
                self.session = await self._entrance.resume(self._connection, message)
            return
        session = self.session
        if session is None or session.over:
            raise NotJoined
        if session.connection is self._connection:  # else we are being replaced, and say no more
            await self._handle_in_room(session, message)

    async def _handle_in_room(self, session: LiveSession, message: messages.InRoom) -> None:
        me = session.participant
        if session.live.moving and _decides(message):
            raise TryAgain("the room is moving: say it to the node that has it now")
        match message:
            case messages.Offer():
                await self._offer(session, message)
            case messages.Mute():
                self._do(session, message, commands.Mute(me, message.track, message.muted))
                self._media.set_muted(message.track, message.muted)
            case messages.Prefer():
                session.live.room.check_track(me, message.track)
                self._media.prefer(session.media_key, message.track, message.max_height)
                self._reply(Ok(id=message.id))
            case messages.Record():
                self._record(session, message)
            case messages.Consent():
                await self._consent(session, message)
            case messages.Relay():
                self._do(session, message, commands.Relay(me, message.to, message.kind, message.body))
            case messages.Admit():
                await self._admit(session, message)
            case messages.Remove():
                self._do(session, message, commands.Remove(me, message.participant))
            case messages.End():
                self._do(session, message, commands.End(me))
            case messages.Stats():
                self._do(session, message, _quality(session, message))
            case messages.Leave():
                self._reply(Ok(id=message.id))
                self._rooms.leave(session, LeaveReason.LEFT, CloseCode.DONE)
            case _:
                assert_never(message)

    def _do(self, session: LiveSession, message: messages.InRoom, command: commands.Command) -> None:
        outcomes = session.live.room.receive(command, self._clock())
        self._reply(Ok(id=message.id))
        self._rooms.carry_out(session.live, outcomes)

    def _record(self, session: LiveSession, message: messages.Record) -> None:
        start = message.action is messages.RecordingAction.START
        command = (commands.StartRecording if start else commands.StopRecording)(session.participant)
        room = session.live.room
        outcomes = room.receive(command, self._clock())
        self._reply(RecordingIs(id=message.id, recording=room.view().recording.state))
        self._rooms.carry_out(session.live, outcomes)

    async def _admit(self, session: LiveSession, message: messages.Admit) -> None:
        """A guest needs the patient's word, too. Raises ConsentNeeded."""
        room = session.live.room
        guest = room.admission_of(message.participant).role is Role.GUEST
        if guest and self._third_parties is not None:
            if not await self._third_parties.may_enter(session.live.id, message.participant):
                raise ConsentNeeded
            if session.over:
                raise NotJoined
        self._do(session, message, commands.Admit(session.participant, message.participant))

    async def _consent(self, session: LiveSession, message: messages.Consent) -> None:
        """A grant is written down before it counts, a no takes effect before it is written down."""
        me, live = session.participant, session.live
        recording = live.room.recording
        if message.state is messages.ConsentWord.GRANTED:
            recording.check_grant(me)
            if recording.has_granted(me):
                self._reply(Ok(id=message.id))
                return
            consent = await self._consents.grant(live.id, me, message.text_version)
            if session.over:
                raise NotJoined
            self._do(session, message, commands.Grant(me, consent))
            return
        before, granted = recording.said(me), recording.consent_of(me)
        self._do(session, message, commands.Refuse(me))
        if live.moving and granted is not None:
            self._rooms.revoke(granted)
        said = recording.said(me)
        self._consents.refuse(live.id, me, said if said is not before else None, message.text_version)

    async def _offer(self, session: LiveSession, message: messages.Offer) -> None:
        """One offer/answer exchange (RFC 3264). Offers of one participant wait for each other."""
        started = self._clock()
        wishes = message.wishes()
        async with session.media_lock:
            if session.over:
                raise NotJoined
            session.live.room.check_offer(session.participant, wishes, session.known)
            try:
                async with asyncio.timeout(self._settings.offer_timeout_s):
                    negotiated = await self._media.negotiate(session.media_key, message.sdp.reveal(), wishes)
            except TimeoutError:
                await self._start_media_anew(session)
                raise OfferTimedOut from None
            if session.over:  # ended while we waited; whoever ended it closes the transport after us
                raise NotJoined
            self._observe(Step.OFFER, self._clock() - started)
            self._reply(Answered(id=message.id, sdp=Private(negotiated.sdp), tracks=dict(negotiated.tracks)))
            self._publish(session, negotiated)

    async def _start_media_anew(self, session: LiveSession) -> None:
        """After an offer that took too long: how far the media plane got is not known."""
        try:
            async with asyncio.timeout(self._settings.offer_timeout_s):
                await self._media.close(session.media_key)
        finally:
            self._rooms.lose_media(session)

    def _publish(self, session: LiveSession, negotiated: Negotiated) -> None:
        session.known.update(negotiated.tracks)
        for track in negotiated.unpublished:
            session.tracks.discard(track)
            self._rooms.room_of.pop(track, None)
        for published in negotiated.published:
            session.tracks.add(published.id)
            self._rooms.room_of[published.id] = session.live
        self._rooms.do(session.live, commands.RegainMedia(session.participant))
        if negotiated.unpublished:
            self._rooms.do(session.live, commands.Unpublish(session.participant, negotiated.unpublished))
        if negotiated.published:
            self._rooms.do(session.live, commands.Publish(session.participant, negotiated.published))


def _decides(message: messages.InRoom) -> bool:
    """Whether the next node would have to know. A no to consent is heeded here all the same."""
    match message:
        case messages.Admit() | messages.Remove() | messages.End():
            return True
        case messages.Record(action=messages.RecordingAction.START):
            return True
        case messages.Consent(state=messages.ConsentWord.GRANTED):
            return True
        case _:
            return False


def _quality(session: LiveSession, message: messages.Stats) -> commands.ReportQuality:
    uplink, downlink = session.live.room.judged_by_client(session.participant)
    return commands.ReportQuality(
        session.participant,
        commands.Judge.CLIENT,
        uplink if message.uplink is None else rate(message.uplink, uplink),
        downlink if message.downlink is None else rate(message.downlink, downlink),
    )


def _where(error: BaseException) -> str:
    """File and line where it was raised; an exception's text may quote what must not be logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
