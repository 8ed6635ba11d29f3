"""Consultations: asked for by a patient, taken by a doctor, held in a room, ended. No HTTP, no intake
texts.
"""

from media_server.consultations.absence import doctor_is_away
from media_server.consultations.desk import (
    INTAKE_LIFE_S,
    STOP_PASSED,
    ConsentGiven,
    Desk,
    NoticeShown,
    Request,
    month_began_us,
)
from media_server.consultations.duty_desk import DutyDesk, Listed, Wanted
from media_server.consultations.errors import (
    AlreadyClaimed,
    AlreadyRated,
    BadAttachment,
    ConsentNeeded,
    ConsultationRefused,
    DoctorBusy,
    DoctorThere,
    FairUse,
    Incomplete,
    InvitationRefused,
    NoSuchConsultation,
    NotInThisState,
    PatientWaits,
    ProxyNeeded,
    Purged,
    QueueEmpty,
    RecordingForbidden,
    RedFlag,
    TextChanged,
    UnknownAttachment,
)
from media_server.consultations.guests import Guests, Invited
from media_server.consultations.participants import participant_id
from media_server.consultations.presence_keeper import PresenceKeeper
from media_server.consultations.priorities import Priority
from media_server.consultations.queue_keeper import QueueKeeper
from media_server.consultations.record import Consultation, Content, GeneralPractitioner, Medium, Proxy
from media_server.consultations.room_facts import RoomFact, RoomFacts
from media_server.consultations.room_news import (
    Claimed,
    Concluded,
    ConsentNews,
    PutOut,
    Returned,
    RoomNews,
)
from media_server.consultations.states import EndReason, State, Step
from media_server.consultations.store import ConsultationStore

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "Consultation",
    "Content",
    "GeneralPractitioner",
    "Proxy",
    "Medium",
    "State",
    "Step",
    "EndReason",
    "ConsultationStore",
    "Desk",
    "Request",
    "ConsentGiven",
    "NoticeShown",
    "STOP_PASSED",
    "INTAKE_LIFE_S",
    "month_began_us",
    "DutyDesk",
    "Listed",
    "Wanted",
    "Priority",
    "QueueKeeper",
    "PresenceKeeper",
    "doctor_is_away",
    "Guests",
    "Invited",
    "RoomNews",
    "ConsentNews",
    "Concluded",
    "PutOut",
    "Returned",
    "RoomFacts",
    "RoomFact",
    "Claimed",
    "participant_id",
    "ConsultationRefused",
    "NoSuchConsultation",
    "NotInThisState",
    "QueueEmpty",
    "AlreadyClaimed",
    "DoctorBusy",
    "DoctorThere",
    "PatientWaits",
    "FairUse",
    "ConsentNeeded",
    "RecordingForbidden",
    "TextChanged",
    "RedFlag",
    "ProxyNeeded",
    "Purged",
    "AlreadyRated",
    "UnknownAttachment",
    "BadAttachment",
    "InvitationRefused",
    "Incomplete",
]
