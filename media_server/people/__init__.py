"""Who people are: patients recognised at login, doctors from the registry, their age and their duty.

Blocking: called on threads. Knows no sessions, no HTTP and no consultations.
"""

from media_server.people.age import AGE_OF_OWN_CONSULTATION, age_on, needs_proxy
from media_server.people.doctors import Doctor, Doctors
from media_server.people.duty import DutyRules, Reason
from media_server.people.errors import (
    BadDoctorsFile,
    BadDutyLanguages,
    MayNotGoOnDuty,
    NotOnDuty,
    UnknownPerson,
)
from media_server.people.patients import Patient, Patients
from media_server.people.person import PersonDetails, Subject

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "PersonDetails",
    "Subject",
    "Patients",
    "Patient",
    "Doctors",
    "Doctor",
    "DutyRules",
    "Reason",
    "age_on",
    "needs_proxy",
    "AGE_OF_OWN_CONSULTATION",
    "UnknownPerson",
    "NotOnDuty",
    "MayNotGoOnDuty",
    "BadDutyLanguages",
    "BadDoctorsFile",
]
