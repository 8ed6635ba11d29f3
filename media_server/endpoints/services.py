"""What the endpoints lead to, put together once by `app`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

import auth
import signalling
from auth import PersonId, Role, TicketIssuer
from media_server.api import Caller
from media_server.consents import Ledger
from media_server.consultations import (
    Consultation,
    ConsultationStore,
    Desk,
    DutyDesk,
    Guests,
    QueueKeeper,
    RoomNews,
    participant_id,
)
from media_server.people import Doctors, Patients
from media_server.records import FieldKeys
from media_server.report_outbox import SqlOutbox
from media_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """`place`: the URL of the node for a room; `clock_us`: Unix microseconds."""

    settings: Settings
    origin: str
    engine: Engine
    keys: FieldKeys
    clock_us: Callable[[], int]
    store: ConsultationStore
    ledger: Ledger
    desk: Desk
    duty_desk: DutyDesk
    keeper: QueueKeeper
    news: RoomNews
    guests: Guests
    rooms: signalling.SignallingServer
    patients: Patients
    doctors: Doctors
    issuer: TicketIssuer
    outbox: SqlOutbox
    wake_outbox: Callable[[], None]
    place: Callable[[str], Awaitable[str]]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock_us() / 1e6, UTC)

    def participant(self, consultation: Consultation, person: str) -> str:
        """Who a person is in the consultation's room."""
        return participant_id(self.keys, consultation.id, person)

    def patient_of(self, consultation: Consultation) -> str:
        """Its patient as a participant."""
        return self.participant(consultation, consultation.patient)

    def name_of(self, caller: Caller) -> auth.Private[str]:
        """A patient's or doctor's, as the others in the room see it. Asks a RowReader, and nothing else."""
        if caller.role is Role.DOCTOR:
            return self.doctors.get(PersonId(caller.person)).details.name
        return self.patients.get(PersonId(caller.person)).details.name


def moment(at_us: int) -> datetime:
    """Of Unix microseconds."""
    return datetime.fromtimestamp(at_us / 1e6, UTC)


def moment_or_none(at_us: int | None) -> datetime | None:
    return None if at_us is None else moment(at_us)
