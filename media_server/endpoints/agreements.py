"""A yes or a no as it comes over HTTP, on its way into the ledger."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated

from pydantic import Field

from media_server.api import ID_PATTERN, Caller, FieldFault, Invalid
from media_server.consent_texts import TextKind, consent_text, current_version
from media_server.consents import ConsentKind, ConsentState, Word
from media_server.consultations import ConsentGiven, Consultation, NoticeShown, TextChanged
from media_server.endpoints.models import Body, Practitioner
from media_server.endpoints.services import Services
from media_server.languages import Language

TextVersion = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._:+-]+$")]
_REPORT_LIFE_US = timedelta(days=7) // timedelta(microseconds=1)


class NoticeKind(Enum):
    """What everybody has to be told beforehand; there is nothing to agree to in it."""

    PRIVACY_NOTICE = TextKind.PRIVACY_NOTICE.value
    NOT_AN_EMERGENCY = TextKind.NOT_AN_EMERGENCY.value


class Acknowledgement(Body):
    """`text_version`: of the text that was shown."""

    acknowledged: bool
    text_version: TextVersion


class GuestNamed(Body):
    """By the invitation that they came by, or may come by."""

    invitation: Annotated[str, Field(pattern=ID_PATTERN)]


class Agreement(Body):
    """`text_version`: of the text that was shown; `recipient`: of the report; `guest`: whose presence it is
    about, left out: whoever was asked about, or the only one there is.
    """

    granted: bool
    text_version: TextVersion
    recipient: Practitioner | None = None
    guest: GuestNamed | None = None


def check_agreement(kind: ConsentKind, agreement: Agreement | None, pointer: str = "") -> None:
    """Raises TextChanged for words that are not the current ones, Invalid for a report to nobody."""
    if agreement is None or not agreement.granted:
        return
    if agreement.text_version != current_version(TextKind(kind.value)):
        raise TextChanged(f"read the text of {kind.value} again: it has changed")
    to_nobody = agreement.recipient is None or agreement.recipient.nihdi is None
    if kind is ConsentKind.REPORT_TO_GP and to_nobody:
        fault = FieldFault(f"{pointer}/recipient/nihdi", "missing", "a report goes to one GP, by number")
        raise Invalid([fault])


def notices_shown(
    acknowledged: Mapping[NoticeKind, Acknowledgement], language: Language
) -> tuple[NoticeShown, ...]:
    """All there are. Raises Invalid for one that was not acknowledged, TextChanged for words that are not the
    current ones.
    """
    shown = []
    for kind in NoticeKind:
        said = acknowledged.get(kind)
        if said is None or not said.acknowledged:
            fault = FieldFault(f"/notices/{kind.value}", "missing", "has to be shown, and acknowledged")
            raise Invalid([fault])
        text = consent_text(TextKind(kind.value), language)
        if said.text_version != text.version:
            raise TextChanged(f"read {kind.value} again: it has changed")
        shown.append(NoticeShown(kind.value, text.version, language.value, text.hash))
    return tuple(shown)


def consent_given(
    kind: ConsentKind, agreement: Agreement, language: Language, now_us: int
) -> ConsentGiven | None:
    """What a checked yes says, None for a no."""
    if not agreement.granted:
        return None
    report = kind is ConsentKind.REPORT_TO_GP
    return ConsentGiven(
        kind=kind,
        text_version=agreement.text_version,
        text_hash=consent_text(TextKind(kind.value), language).hash,
        language=language.value,
        recipient=agreement.recipient.nihdi if report and agreement.recipient is not None else None,
        expires_at_us=now_us + _REPORT_LIFE_US if report else None,
    )


def consent_word(
    services: Services,
    caller: Caller,
    consultation: Consultation,
    kind: ConsentKind,
    agreement: Agreement,
    guest: str | None = None,
) -> Word:
    """The caller's own word. Whether it is a refusal or a withdrawal is for the ledger to say. `guest`: as a
    recipient, of presence.
    """
    language = consultation.language
    given = consent_given(kind, agreement, language, services.clock_us())
    return Word(
        consultation=consultation.id,
        participant=services.participant(consultation, caller.person),
        kind=kind,
        state=ConsentState.REFUSED if given is None else ConsentState.GRANTED,
        actor=caller.person,
        role=caller.role.value,
        text_version=agreement.text_version,
        text_hash=None if given is None else given.text_hash,
        language=language.value,
        recipient=guest if given is None else given.recipient or guest,
        expires_at_us=None if given is None else given.expires_at_us,
    )
