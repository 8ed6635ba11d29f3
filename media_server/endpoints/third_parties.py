"""Whether a guest may be let into a call: asked of the ledger each time a doctor admits one."""

import asyncio
import logging

import signalling
from media_server.consultations import ConsultationStore, Guests, NoSuchConsultation
from media_server.records import RecordsUnusable

log = logging.getLogger(__name__)


class ThirdParties:
    """Implements `signalling.ThirdParties`. A room that is no consultation has no patient's word to ask
    for.
    """

    def __init__(self, store: ConsultationStore, guests: Guests) -> None:
        self._store = store
        self._guests = guests

    async def may_enter(self, room: signalling.RoomId, guest: signalling.ParticipantId) -> bool:
        try:
            return await asyncio.to_thread(self._may_enter, room, guest)
        except RecordsUnusable:
            log.warning("third_party.unknown", extra={"room": room})
            return False

    def _may_enter(self, room: str, guest: str) -> bool:
        try:
            consultation = self._store.get(room)
        except NoSuchConsultation:
            return True
        if guest in self._guests.agreed(room):
            return True
        doctor = consultation.doctor or "doctor"
        self._store.refused(room, doctor, "doctor", "guest.admit", "consent-needed")
        return False
