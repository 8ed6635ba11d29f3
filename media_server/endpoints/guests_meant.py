"""Whose presence a word is about: each guest is agreed to, refused and asked about one by one. Blocking."""

from media_server.api import FieldFault, Invalid
from media_server.consents import ConsentKind, ConsentState
from media_server.consultations import Consultation, Invited
from media_server.endpoints.agreements import GuestNamed
from media_server.endpoints.services import Services

_FIELD = "/guest/invitation"


def meant_by_patient(
    services: Services, consultation: Consultation, named: GuestNamed | None, *, granted: bool
) -> list[Invited]:
    """Who is named. Else, for a yes, whoever was asked about, or the only one there is; a no is about all.

    Raises Invalid.
    """
    invited = services.guests.invited(consultation.id, services.clock_us())
    if named is not None:
        return [_named(invited, named.invitation, _FIELD)]
    if not granted:
        return _some(invited)
    said = {
        entry.word.recipient: entry.word.state
        for entry in services.ledger.current(consultation.id)
        if entry.word.kind is ConsentKind.THIRD_PARTY_PRESENCE
    }
    asked = [each for each in invited if said.get(each.recipient) is ConsentState.REQUESTED]
    if not asked and len(invited) > 1:
        raise Invalid([FieldFault(_FIELD, "missing", "there are several: say whom")])
    return asked or _some(invited)


def meant_by_doctor(services: Services, consultation: Consultation, named: str | None) -> list[Invited]:
    """Who is named; else everybody whom the patient has not agreed to: those who came, or else may come.

    Raises Invalid.
    """
    invited = services.guests.invited(consultation.id, services.clock_us())
    if named is not None:
        return [_named(invited, named, "invitation")]
    granted = services.ledger.guests_granted(consultation.id)
    new = [each for each in invited if each.recipient not in granted]
    return [each for each in new if each.participant is not None] or new or _some(invited)


def _named(invited: list[Invited], invitation: str, field: str) -> Invited:
    found = next((each for each in invited if each.invitation == invitation), None)
    if found is None:
        raise Invalid([FieldFault(field, "unknown", "nobody was invited by it, or it was taken back")])
    return found


def _some(invited: list[Invited]) -> list[Invited]:
    if not invited:
        raise Invalid([FieldFault(_FIELD, "missing", "nobody is invited")])
    return invited
