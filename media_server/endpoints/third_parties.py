"""Whether guests may be let into a call: asked of the ledger each time a doctor admits one."""

import asyncio
import logging

import signalling
from media_server.consents import ConsentKind, Ledger
from media_server.consultations import ConsultationStore, NoSuchConsultation, participant_id
from media_server.records import FieldKeys, RecordsUnusable

log = logging.getLogger(__name__)


class ThirdParties:
    """Implements `signalling.ThirdParties`. A room that is no consultation has no patient's word to ask
    for.
    """

    def __init__(self, store: ConsultationStore, ledger: Ledger, keys: FieldKeys) -> None:
        self._store = store
        self._ledger = ledger
        self._keys = keys

    async def may_enter(self, room: signalling.RoomId) -> bool:
        try:
            return await asyncio.to_thread(self._may_enter, room)
        except RecordsUnusable:
            log.warning("third_party.unknown", extra={"room": room})
            return False

    def _may_enter(self, room: str) -> bool:
        patient = self.patient_of(room)
        if patient is None:
            return True
        kind = ConsentKind.THIRD_PARTY_PRESENCE
        if self._ledger.grant(room, kind, patient) is not None:
            return True
        doctor = self._store.get(room).doctor or "doctor"
        self._store.refused(room, doctor, "doctor", "guest.admit", "consent-needed")
        return False

    def patient_of(self, room: str) -> str | None:
        """A consultation's patient as a participant; blocking."""
        try:
            consultation = self._store.get(room)
        except NoSuchConsultation:
            return None
        return participant_id(self._keys, room, consultation.patient)
