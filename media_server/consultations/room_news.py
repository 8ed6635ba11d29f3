"""What happens to a consultation at one node, carried out in its room, on whichever node that is.

Decided here is nothing: the ledger and the consultation's row are the truth, this makes a room follow them
within a second. What a room rests on is held against the ledger when it is new on this node, which may have
it from another that has died since, and all of it anew after a gap (Redis was away).
"""

import asyncio
import json
import logging
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import assert_never

import signalling
from media_server.consents import ConsentKind, Ledger
from media_server.consultations.guests import Guests
from media_server.consultations.room_facts import RoomFacts
from media_server.forever import forever
from media_server.records import RecordsUnusable

log = logging.getLogger(__name__)

_MOST_UNSENT = 1000
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class ConsentNews:
    """An entry of the ledger that was not made in the room. `participant`: whose consent it is. Of presence:
    `invitation`, and `guest` the participant who came by it.
    """

    room: str
    id: str
    hash: str
    participant: str
    kind: str
    state: str
    at_us: int
    text_version: str | None
    invitation: str | None = None
    guest: str | None = None


@dataclass(frozen=True, slots=True)
class Concluded:
    """The consultation is over."""

    room: str


@dataclass(frozen=True, slots=True)
class PutOut:
    """A guest whose invitation was taken back, or a doctor who has the consultation no longer."""

    room: str
    participant: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A doctor reads the patient's answers now. `participant`: the patient."""

    room: str
    participant: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The patient waits for another doctor: nobody who was let in is in any more."""

    room: str


Item = ConsentNews | Concluded | PutOut | Claimed | Returned
_KINDS: dict[str, type[Item]] = {
    each.__name__: each for each in (ConsentNews, Concluded, PutOut, Claimed, Returned)
}


class RoomNews:
    def __init__(
        self,
        news: signalling.News,
        rooms: signalling.SignallingServer,
        ledger: Ledger,
        facts: RoomFacts,
        guests: Guests,
    ) -> None:
        self._news = news
        self._rooms = rooms
        self._ledger = ledger
        self._facts = facts
        self._guests = guests
        self._doubtful = asyncio.Event()
        self._settled: set[tuple[str, str]] = set()
        # What could not be said yet; the oldest go when it is full, and the records are looked at anyway.
        self._unsent: deque[Item] = deque(maxlen=_MOST_UNSENT)

    async def tell(self, item: Item) -> None:
        """Have the room follow, wherever it is. Never raises: what cannot be said now is said later."""
        room = signalling.RoomId(item.room)
        self._act(item)
        if not self._rooms.holds(room):
            self._unsent.append(item)
            await self._send()

    async def run(self) -> None:
        """Follow the other nodes' news, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._news.listen(self._heard, self._doubtful.set), name="news-listen")
            group.create_task(forever("news-settle", self._look, _LOOK_S), name="news-settle")

    async def _send(self) -> None:
        while self._unsent:
            item = self._unsent[0]
            try:
                await self._news.publish(_encode(item))
            except signalling.StoreUnavailable:
                log.warning("news.unpublished", extra={"waiting": len(self._unsent)})
                return
            with suppress(ValueError):  # sent by another who waited, or dropped
                self._unsent.remove(item)

    def _heard(self, item: bytes) -> None:
        try:
            self._act(_decode(item))
        except (ValueError, KeyError, TypeError):
            log.warning("news.unreadable")  # a newer version's, while nodes are being renewed

    def _act(self, item: Item) -> None:
        room = signalling.RoomId(item.room)
        match item:
            case Concluded():
                self._rooms.conclude(room)
            case PutOut(_, participant):
                self._rooms.expel(room, signalling.ParticipantId(participant))
            case Returned():
                self._rooms.expel_all(room)
            case Claimed(_, participant):
                event = signalling.Queue(position=0, estimated_wait_s=0.0)
                self._rooms.tell(room, event, signalling.ParticipantId(participant))
            case ConsentNews():
                self._follow_consent(room, item)
            case _:
                assert_never(item)

    def _follow_consent(self, room: signalling.RoomId, item: ConsentNews) -> None:
        state = signalling.ConsentState(item.state)
        participant = signalling.ParticipantId(item.participant)
        granted = state is signalling.ConsentState.GRANTED
        if item.kind == ConsentKind.RECORDING.value and state is not signalling.ConsentState.REQUESTED:
            # The room tells its participants itself.
            if granted:
                self._rooms.take_grant(
                    room,
                    signalling.Consent(
                        signalling.ConsentId(item.id),
                        item.hash,
                        participant,
                        signalling.ConsentKind.RECORDING,
                        state,
                        item.at_us,
                        item.text_version,
                    ),
                )
            else:
                self._rooms.take_refusal(room, participant)
            return
        event = signalling.ConsentChanged(
            kind=item.kind, state=state, participant=participant, invitation=item.invitation
        )
        self._rooms.tell(room, event)
        # Being asked takes nothing back: a guest who waits for the answer goes on waiting.
        asked = state is signalling.ConsentState.REQUESTED
        if item.guest is not None and not (granted or asked):
            self._rooms.expel(room, signalling.ParticipantId(item.guest))

    async def _look(self) -> None:
        """Say what is unsaid, and hold rooms of this node against the records. Raises RecordsUnusable."""
        await self._send()
        if self._doubtful.is_set():
            self._doubtful.clear()
            self._settled.clear()
        try:
            await self._settle_presence()
            await self._settle_grants()
        except RecordsUnusable:
            self._doubtful.set()
            raise

    async def _settle_presence(self) -> None:
        """Who is in a room that they have no business in any more. One question for all rooms."""
        doctors = self._rooms.admitted(signalling.Role.DOCTOR)
        guests = self._rooms.admitted(signalling.Role.GUEST)
        patients = self._rooms.admitted(signalling.Role.PATIENT)
        rooms = {room for room, _ in (*doctors, *guests, *patients)}
        if not rooms:
            return
        facts = await asyncio.to_thread(self._facts.of, rooms)
        for room, fact in facts.items():
            if fact.over:
                self._rooms.conclude(signalling.RoomId(room))
        for room, doctor in doctors:
            if room in facts and doctor != facts[room].doctor:
                self._rooms.expel(room, doctor)
        for room, patient in patients:
            if room in facts and facts[room].doctor is None:
                self._rooms.expel(room, patient)  # to wait in it again
        for room in {room for room, _ in guests if room in facts}:
            agreed = await asyncio.to_thread(self._guests.agreed, room)
            for where, guest in guests:
                if where == room and guest not in agreed:
                    self._rooms.expel(room, guest)

    async def _settle_grants(self) -> None:
        """Grants to be recorded that were not looked at yet."""
        grants = self._rooms.granted_recording()
        for room, participant in grants:
            if (room, participant) not in self._settled:
                kind = ConsentKind.RECORDING
                if await asyncio.to_thread(self._ledger.grant, room, kind, participant) is None:
                    self._rooms.take_refusal(room, participant)
        self._settled = set(grants)


def _encode(item: Item) -> bytes:
    return json.dumps({"is": type(item).__name__} | asdict(item)).encode()


def _decode(data: bytes) -> Item:
    fields = json.loads(data)
    return _KINDS[fields.pop("is")](**fields)
