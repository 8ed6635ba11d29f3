"""Who may call what over HTTP: one table of operation by standing. Deny is the default.

A standing is what somebody is to the thing asked for: a doctor is one thing to the queue, and another to a
consultation that is theirs. Whoever has no standing towards a consultation is told that there is none. What
depends on more than that (consent, being on duty, the consultation's state) belongs to whoever does it.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Standing(Enum):
    NOBODY = "nobody"  # not logged in
    PATIENT = "patient"
    DOCTOR = "doctor"
    GUEST = "guest"
    ITS_PATIENT = "its-patient"
    ITS_DOCTOR = "its-doctor"  # who claimed it
    ITS_GUEST = "its-guest"  # whom an invitation to it let in


class Operation(Enum):
    """Named as in the OpenAPI document (`operationId`)."""

    GET_LOGIN_OPTIONS = "getLoginOptions"
    GET_STOP_SCREEN = "getStopScreen"
    GET_CONSENT_TEXTS = "getConsentTexts"
    GET_RECEIPT_KEYS = "getReceiptKeys"
    GET_ME = "getMe"
    GET_QUESTIONNAIRE = "getQuestionnaire"
    GET_INTAKE_DRAFT = "getIntakeDraft"
    PUT_INTAKE_DRAFT = "putIntakeDraft"
    DELETE_INTAKE_DRAFT = "deleteIntakeDraft"
    POST_INTAKE_WARNING = "postIntakeWarning"
    GET_AUDIT_TRAIL = "getAuditTrail"
    PUT_DUTY = "putDuty"
    GET_QUEUE = "getQueue"
    CLAIM = "claimFromQueue"
    CREATE_CONSULTATION = "createConsultation"
    LIST_CONSULTATIONS = "listConsultations"
    GET_CONSULTATION = "getConsultation"
    CANCEL = "cancelConsultation"
    RETURN = "returnToQueue"
    GET_TICKET = "createTicket"
    GIVE_BACK = "giveBackConsultation"
    CALL = "callPatient"
    MISS_CALL = "reportMissedCall"
    GET_INTAKE = "getIntake"
    GET_CONSENTS = "getConsents"
    PUT_CONSENT = "putConsent"
    REQUEST_CONSENT = "requestConsent"
    GET_MEDICAL_FILE = "getMedicalFile"
    POST_ATTACHMENT = "createAttachment"
    GET_ATTACHMENT = "getAttachment"
    INVITE = "createInvitation"
    LIST_INVITATIONS = "listInvitations"
    REVOKE_INVITATION = "revokeInvitation"
    ACCEPT_INVITATION = "acceptInvitation"
    GET_NOTE = "getNote"
    PUT_NOTE = "putNote"
    PRESCRIBE = "createPrescription"
    REFER = "createReferral"
    CERTIFY = "createCertificate"
    GET_OUTCOME = "getOutcome"
    CLOSE = "closeConsultation"
    SEND_REPORT = "sendReport"
    GET_COPY = "getPatientCopy"
    RATE = "rateConsultation"
    LIST_RECORDINGS = "listRecordings"
    GET_RECORDING = "getRecording"
    GET_SEGMENT = "getRecordingSegment"
    ERASE_RECORDING = "eraseRecording"


_ANYBODY = frozenset(Standing)
_LOGGED_IN = _ANYBODY - {Standing.NOBODY}
_PATIENT = frozenset({Standing.PATIENT, Standing.ITS_PATIENT})
_DOCTOR = frozenset({Standing.DOCTOR, Standing.ITS_DOCTOR})
_ITS_PATIENT = frozenset({Standing.ITS_PATIENT})
_ITS_DOCTOR = frozenset({Standing.ITS_DOCTOR})
_ITS_TWO = _ITS_PATIENT | _ITS_DOCTOR
_ITS_PARTICIPANTS = _ITS_TWO | {Standing.ITS_GUEST}

_TABLE: Mapping[Operation, frozenset[Standing]] = MappingProxyType(
    {
        Operation.GET_LOGIN_OPTIONS: _ANYBODY,
        Operation.GET_STOP_SCREEN: _ANYBODY,
        Operation.GET_CONSENT_TEXTS: _ANYBODY,
        Operation.GET_RECEIPT_KEYS: _ANYBODY,
        Operation.ACCEPT_INVITATION: _ANYBODY,
        Operation.GET_ME: _LOGGED_IN,
        Operation.GET_QUESTIONNAIRE: _PATIENT,
        Operation.GET_INTAKE_DRAFT: _PATIENT,
        Operation.PUT_INTAKE_DRAFT: _PATIENT,
        Operation.DELETE_INTAKE_DRAFT: _PATIENT,
        Operation.POST_INTAKE_WARNING: _PATIENT,
        Operation.CREATE_CONSULTATION: _PATIENT,
        Operation.GET_AUDIT_TRAIL: _PATIENT,
        Operation.PUT_DUTY: _DOCTOR,
        Operation.GET_QUEUE: _DOCTOR,
        Operation.CLAIM: _DOCTOR,
        Operation.LIST_CONSULTATIONS: _PATIENT | _DOCTOR,
        Operation.GET_CONSULTATION: _ITS_TWO,
        Operation.CANCEL: _ITS_PATIENT,
        Operation.RETURN: _ITS_PATIENT,
        Operation.GET_TICKET: _ITS_PARTICIPANTS,
        Operation.GIVE_BACK: _ITS_DOCTOR,
        Operation.CALL: _ITS_DOCTOR,
        Operation.MISS_CALL: _ITS_DOCTOR,
        Operation.GET_INTAKE: _ITS_DOCTOR,
        Operation.GET_CONSENTS: _ITS_TWO,
        Operation.PUT_CONSENT: _ITS_PARTICIPANTS,  # whose it may be depends on the kind
        Operation.REQUEST_CONSENT: _ITS_DOCTOR,
        Operation.GET_MEDICAL_FILE: _ITS_DOCTOR,
        Operation.POST_ATTACHMENT: _ITS_TWO,
        Operation.GET_ATTACHMENT: _ITS_TWO,
        Operation.INVITE: _ITS_DOCTOR,
        Operation.LIST_INVITATIONS: _ITS_TWO,
        Operation.REVOKE_INVITATION: _ITS_DOCTOR,
        Operation.GET_NOTE: _ITS_DOCTOR,
        Operation.PUT_NOTE: _ITS_DOCTOR,
        Operation.PRESCRIBE: _ITS_DOCTOR,
        Operation.REFER: _ITS_DOCTOR,
        Operation.CERTIFY: _ITS_DOCTOR,
        Operation.GET_OUTCOME: _ITS_TWO,
        Operation.CLOSE: _ITS_DOCTOR,
        Operation.SEND_REPORT: _ITS_DOCTOR,
        Operation.GET_COPY: _ITS_PATIENT,
        Operation.RATE: _ITS_PATIENT,
        Operation.LIST_RECORDINGS: _PATIENT | _DOCTOR,
        # Whose consultation it is of is known once it is found; nobody else's is shown to be there.
        Operation.GET_RECORDING: _PATIENT | _DOCTOR,
        Operation.GET_SEGMENT: _PATIENT | _DOCTOR,
        Operation.ERASE_RECORDING: _PATIENT | _DOCTOR,
    }
)


def may_call(operation: Operation, standing: Standing) -> bool:
    return standing in _TABLE[operation]


def needs_login(operation: Operation) -> bool:
    return Standing.NOBODY not in _TABLE[operation]
