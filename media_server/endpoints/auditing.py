"""Reads and refusals of what is sensitive, in the audit log. Blocking."""

from media_server.consultations import Consultation
from media_server.endpoints.services import Services
from media_server.records import writing


def note(
    services: Services,
    consultation: Consultation,
    actor: str,
    role: str,
    action: str,
    *,
    outcome: str = "done",
    why: str | None = None,
    details: dict[str, str | int | bool] | None = None,
) -> None:
    """Raises RecordsUnusable; then what was to be noted must not happen."""
    with writing(services.engine) as connection:
        services.store.note(
            connection, consultation, actor, role, action, outcome=outcome, why=why, details=details
        )
