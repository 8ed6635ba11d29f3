"""Why something cannot be done with a consultation now. What each becomes in HTTP: `problems`."""

from media_server.errors import RequestRefused


class ConsultationRefused(RequestRefused):
    """Base; texts are ours and quote nobody."""


class NoSuchConsultation(ConsultationRefused):
    """There is none of that id, or none that the caller may know of."""


class NotInThisState(ConsultationRefused):
    """The step is not one of the consultation's state."""


class DoctorThere(ConsultationRefused):
    """The doctor is in the call, or was a moment ago."""


class QueueEmpty(ConsultationRefused):
    """Nobody waits who speaks one of the doctor's languages."""


class AlreadyClaimed(ConsultationRefused):
    """Another doctor was first, or the patient waits no longer."""


class DoctorBusy(ConsultationRefused):
    """The doctor has a consultation that is not over."""


class PatientWaits(ConsultationRefused):
    """The patient has a consultation that is not over."""


class FairUse(ConsultationRefused):
    """The patient has had this month's consultations."""


class ConsentNeeded(ConsultationRefused):
    """Nothing is done without the person's word, which was not given, or taken back, or has expired."""


class RecordingForbidden(ConsultationRefused):
    """This deployment's policy rules recording out, whoever agrees."""


class TextChanged(ConsultationRefused):
    """The person agreed to words that are not the current ones."""


class RedFlag(ConsultationRefused):
    """The answers say that this may be an emergency, and the patient has not chosen to go on."""


class ProxyNeeded(ConsultationRefused):
    """A patient under sixteen needs an adult who is logged in; an adult speaks for nobody but a child."""


class Purged(ConsultationRefused):
    """The content was removed when its time had come."""


class AlreadyRated(ConsultationRefused):
    """A consultation is rated once, after its end."""


class UnknownAttachment(ConsultationRefused):
    """There is none of that id in this consultation."""


class BadAttachment(ConsultationRefused):
    """Not one of the types we take, not what its type says, or too large."""


class InvitationRefused(ConsultationRefused):
    """The invitation is unknown, used, expired or taken back."""


class Incomplete(ConsultationRefused):
    """What is to be sent lacks something that the doctor has to write first."""
