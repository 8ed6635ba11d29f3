"""Every endpoint of the consultation, in the order of a consultation."""

from dataclasses import replace

from media_server.api import Endpoint
from media_server.endpoints.consent_endpoints import ConsentEndpoints
from media_server.endpoints.consultation_endpoints import ConsultationEndpoints
from media_server.endpoints.files import FileEndpoints
from media_server.endpoints.guest_endpoints import GuestEndpoints, GuestSessions
from media_server.endpoints.intake_endpoints import IntakeEndpoints
from media_server.endpoints.me_endpoints import MeEndpoints
from media_server.endpoints.outcome_endpoints import OutcomeEndpoints
from media_server.endpoints.queue_endpoints import QueueEndpoints
from media_server.endpoints.recording_endpoints import RecordingEndpoints
from media_server.endpoints.services import Services
from media_server.medical_file import MedicalFile
from media_server.outcome import AtcRules
from media_server.recording.catalogue import Catalogue
from media_server.recording.manifest import Signer


def all_endpoints(
    services: Services,
    sessions: GuestSessions,
    medical_file: MedicalFile | None,
    catalogue: Catalogue,
    signer: Signer,
) -> tuple[Endpoint, ...]:
    parts = {
        "Who is here": MeEndpoints(services).endpoints(),
        "Intake": IntakeEndpoints(services).endpoints(),
        "Consultation": ConsultationEndpoints(services).endpoints(),
        "Queue": QueueEndpoints(services).endpoints(),
        "Consents and medical file": ConsentEndpoints(services, medical_file).endpoints(),
        "Files": FileEndpoints(services).endpoints(),
        "Guests": GuestEndpoints(services, sessions).endpoints(),
        "Outcome and report": OutcomeEndpoints(services, AtcRules.built_in()).endpoints(),
        "Recordings": RecordingEndpoints(services, catalogue, signer).endpoints(),
    }
    return tuple(replace(each, tag=tag) for tag, endpoints in parts.items() for each in endpoints)
