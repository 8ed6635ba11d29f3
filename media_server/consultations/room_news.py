"""What happens to a consultation at one node, carried out in its room, on whichever node that is.

Decided here is nothing: the ledger and the consultation's row are the truth, this makes a room follow them
within a second. What a room rests on is held against the ledger when it is new on this node, which may have
it from another that has died since, and all of it anew after a gap (Redis was away).
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import assert_never

import signalling
from media_server.consents import ConsentKind, Ledger
from media_server.records import RecordsUnusable

log = logging.getLogger(__name__)

_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class ConsentNews:
    """An entry of the ledger that was not made in the room. `participant`: whose consent it is."""

    room: str
    id: str
    hash: str
    participant: str
    kind: str
    state: str
    at_us: int
    text_version: str | None


@dataclass(frozen=True, slots=True)
class Concluded:
    """The consultation is over."""

    room: str


@dataclass(frozen=True, slots=True)
class GuestOut:
    """An invitation was taken back; `participant`: whom it had let in."""

    room: str
    participant: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A doctor reads the patient's answers now. `participant`: the patient."""

    room: str
    participant: str


Item = ConsentNews | Concluded | GuestOut | Claimed
_KINDS: dict[str, type[Item]] = {each.__name__: each for each in (ConsentNews, Concluded, GuestOut, Claimed)}


class RoomNews:
    def __init__(
        self,
        news: signalling.News,
        rooms: signalling.SignallingServer,
        ledger: Ledger,
        patient_of: Callable[[str], str | None],
    ) -> None:
        """`patient_of`: a consultation's patient as a participant, None if there is no such consultation;
        blocking.
        """
        self._news = news
        self._rooms = rooms
        self._ledger = ledger
        self._patient_of = patient_of
        self._doubtful = asyncio.Event()
        self._settled: set[tuple[str, str]] = set()

    async def tell(self, item: Item) -> None:
        """Have the room follow, wherever it is. Never raises: a gap is made up for when the store is back."""
        if self._rooms.room_state(signalling.RoomId(item.room)) is not None:
            self._act(item)
            return
        try:
            await self._news.publish(_encode(item))
        except signalling.StoreUnavailable:
            log.warning("news.unpublished", extra={"item": type(item).__name__, "room": item.room})

    async def run(self) -> None:
        """Follow the other nodes' news, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._news.listen(self._heard, self._doubtful.set), name="news-listen")
            group.create_task(self._settle_doubts(), name="news-settle")

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
            case GuestOut(_, participant):
                self._rooms.expel_guests(room, signalling.ParticipantId(participant))
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
        event = signalling.ConsentChanged(kind=item.kind, state=state, participant=participant)
        self._rooms.tell(room, event)
        # Being asked takes nothing back: a guest who waits for the answer goes on waiting.
        asked = state is signalling.ConsentState.REQUESTED
        if item.kind == ConsentKind.THIRD_PARTY_PRESENCE.value and not (granted or asked):
            self._rooms.expel_guests(room)

    async def _settle_doubts(self) -> None:
        while True:
            if self._doubtful.is_set():
                self._doubtful.clear()
                self._settled.clear()
            try:
                await self._settle()
            except RecordsUnusable:
                log.warning("news.unsettled")
                self._doubtful.set()
            await asyncio.sleep(_LOOK_S)

    async def _settle(self) -> None:
        """Hold what rooms of this node rest on, and was not looked at yet, against the ledger.

        Raises RecordsUnusable.
        """
        guests = [(room, "") for room in self._rooms.has_admitted_guests()]
        grants = self._rooms.granted_recording()
        for room, _ in guests:
            if (room, "") not in self._settled and not await asyncio.to_thread(self._may_be_there, room):
                self._rooms.expel_guests(room)
        for room, participant in grants:
            if (room, participant) not in self._settled:
                kind = ConsentKind.RECORDING
                if await asyncio.to_thread(self._ledger.grant, room, kind, participant) is None:
                    self._rooms.take_refusal(room, participant)
        self._settled = {*guests, *grants}

    def _may_be_there(self, room: str) -> bool:
        """Whether the patient agrees to guests; always in a room that is no consultation."""
        patient = self._patient_of(room)
        kind = ConsentKind.THIRD_PARTY_PRESENCE
        return patient is None or self._ledger.grant(room, kind, patient) is not None


def _encode(item: Item) -> bytes:
    return json.dumps({"is": type(item).__name__} | asdict(item)).encode()


def _decode(data: bytes) -> Item:
    fields = json.loads(data)
    return _KINDS[fields.pop("is")](**fields)
