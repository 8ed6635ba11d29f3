"""What the records say of a room's consultation, as far as its room has to follow."""

from collections.abc import Collection
from dataclasses import dataclass

from media_server.consultations.participants import participant_id
from media_server.consultations.store import ConsultationStore
from media_server.records import FieldKeys


@dataclass(frozen=True, slots=True)
class RoomFact:
    """`patient` and `doctor` as participants; `doctor` None: nobody has it."""

    over: bool
    patient: str
    doctor: str | None


class RoomFacts:
    """Blocking. Raises RecordsUnusable."""

    def __init__(self, store: ConsultationStore, keys: FieldKeys) -> None:
        self._store = store
        self._keys = keys

    def of(self, rooms: Collection[str]) -> dict[str, RoomFact]:
        """Of those rooms that are consultations' rooms."""
        return {
            found.id: RoomFact(
                over=found.state.over,
                patient=participant_id(self._keys, found.id, found.patient),
                doctor=found.doctor and participant_id(self._keys, found.id, found.doctor),
            )
            for found in self._store.some(rooms)
        }
