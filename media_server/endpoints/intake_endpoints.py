"""Before the consultation: the questions, the texts to agree to, answers kept for later, the stop screen."""

import asyncio
import json
import re
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel
from sqlalchemy import delete, insert, select

from auth import Operation
from media_server.api import Answer, Call, Endpoint, FieldFault, Invalid, NotFound, Parameter
from media_server.consent_texts import TextKind, consent_text
from media_server.consultations import INTAKE_LIFE_S
from media_server.endpoints.models import LANGUAGES, Body, Shown
from media_server.endpoints.services import Services
from media_server.intake import (
    BadResponse,
    QuestionnaireResponse,
    accept_response,
    questionnaire,
    stop_screen,
)
from media_server.languages import Language
from media_server.records import AuditEntry, append_audit, reading, tables, writing

_LANG = (Parameter("lang", "The language of the texts", values=LANGUAGES),)
_drafts = tables.intake_drafts

MOST_RESPONSE_BYTES = 256 * 1024


class FhirDocument(Shown):
    """A FHIR R4 resource as JSON."""

    model_config = Shown.model_config | {"extra": "allow"}

    resourceType: str


class StopNumber(Shown):
    number: str
    uri: str
    label: str


class StopScreenShown(Shown):
    """The fixed screen after an alarm sign. `call`, `back` and `continue` are the three ways out."""

    title: str
    text: str
    numbers: list[StopNumber]
    call_label: str
    back_label: str
    continue_label: str
    recorded: str


class TextShown(Shown):
    kind: TextKind
    version: str
    language: Language
    title: str
    text: str


class TextsShown(RootModel[list[TextShown]]):
    """All kinds."""


_Details = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")],
        Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")],
    ],
    Field(default_factory=dict, max_length=20),
]


class Draft(Body):
    """`questionnaire_response`: a FHIR QuestionnaireResponse, in progress. `details`: what the page asks
    beside the questions, under names of its own; kept as it is.
    """

    questionnaire_response: dict[str, Any]
    language: Language
    details: _Details


class DraftShown(Shown):
    questionnaire_response: dict[str, Any]
    language: Language
    details: _Details


class IntakeWarning(Body):
    """What the patient chose at the stop screen; `flags`: the linkIds that led to it."""

    choice: Literal["call-112", "continue"]
    flags: list[str] = Field(max_length=40)
    questionnaire_version: str = Field(max_length=64)


class IntakeEndpoints:
    def __init__(self, services: Services) -> None:
        self._services = services

    def endpoints(self) -> tuple[Endpoint, ...]:
        own = Operation
        return (
            Endpoint(
                "GET",
                "/questionnaire",
                own.GET_QUESTIONNAIRE,
                "The questions before a consultation, as a FHIR R4 Questionnaire",
                self._questionnaire,
                answer=FhirDocument,
                query=_LANG,
            ),
            Endpoint(
                "GET",
                "/stop-screen",
                own.GET_STOP_SCREEN,
                "What is shown when an answer says that this may be an emergency",
                self._stop_screen,
                answer=StopScreenShown,
                query=_LANG,
            ),
            Endpoint(
                "GET",
                "/consent-texts",
                own.GET_CONSENT_TEXTS,
                "The current texts of consents and notices",
                self._consent_texts,
                answer=TextsShown,
                query=_LANG,
            ),
            Endpoint(
                "GET",
                "/intake-draft",
                own.GET_INTAKE_DRAFT,
                "Answers kept for later",
                self._get_draft,
                answer=DraftShown,
                refusals={404: ("not-found",)},
            ),
            Endpoint(
                "PUT",
                "/intake-draft",
                own.PUT_INTAKE_DRAFT,
                "Keep answers for later, for a day",
                self._put_draft,
                body=Draft,
                most_bytes=MOST_RESPONSE_BYTES,
            ),
            Endpoint(
                "DELETE",
                "/intake-draft",
                own.DELETE_INTAKE_DRAFT,
                "Throw kept answers away",
                self._delete_draft,
            ),
            Endpoint(
                "POST",
                "/intake-warnings",
                own.POST_INTAKE_WARNING,
                "Note what the patient chose at the stop screen",
                self._warn,
                body=IntakeWarning,
            ),
        )

    async def _questionnaire(self, call: Call[None]) -> Answer:
        document = questionnaire(Language(call.query["lang"])).to_fhir()
        return Answer(FhirDocument.model_validate(document))

    async def _stop_screen(self, call: Call[None]) -> Answer:
        screen = stop_screen(Language(call.query["lang"]))
        return Answer(
            StopScreenShown(
                title=screen.title,
                text=screen.lead,
                numbers=[StopNumber(number=n.number, uri=n.uri, label=n.label) for n in screen.numbers],
                call_label=screen.call,
                back_label=screen.back,
                continue_label=screen.go_on,
                recorded=screen.recorded,
            )
        )

    async def _consent_texts(self, call: Call[None]) -> Answer:
        texts = [consent_text(kind, Language(call.query["lang"])) for kind in TextKind]
        return Answer(
            TextsShown(
                [
                    TextShown(kind=t.kind, version=t.version, language=t.language, title=t.title, text=t.text)
                    for t in texts
                ]
            )
        )

    async def _get_draft(self, call: Call[None]) -> Answer:
        sealed = await asyncio.to_thread(self._read_draft, call.who.person)
        if sealed is None:
            raise NotFound("nothing is kept")
        return Answer(DraftShown.model_validate_json(sealed))

    def _read_draft(self, patient: str) -> bytes | None:
        oldest = self._services.clock_us() - int(INTAKE_LIFE_S * 1e6)
        with reading(self._services.engine) as connection:
            sealed = connection.execute(
                select(_drafts.c.sealed).where(
                    _drafts.c.patient == patient, _drafts.c.updated_at_us >= oldest
                )
            ).scalar()
        return None if sealed is None else self._services.keys.open_sealed(_place(patient), sealed)

    async def _put_draft(self, call: Call[Draft]) -> Answer:
        response = await asyncio.to_thread(
            checked_response, call.body.questionnaire_response, call.body.language, complete=False
        )
        kept = {
            "questionnaire_response": response.to_fhir(),
            "language": call.body.language.value,
            "details": call.body.details,
        }
        await asyncio.to_thread(self._write_draft, call.who.person, json.dumps(kept).encode())
        return Answer()

    def _write_draft(self, patient: str, content: bytes) -> None:
        with writing(self._services.engine) as connection:
            # The patient's own row, so that two pages that save at once do so one after the other.
            connection.execute(
                tables.patients.select().where(tables.patients.c.id == patient).with_for_update()
            )
            connection.execute(delete(_drafts).where(_drafts.c.patient == patient))
            connection.execute(
                insert(_drafts).values(
                    patient=patient,
                    sealed=self._services.keys.seal(_place(patient), content),
                    updated_at_us=self._services.clock_us(),
                )
            )

    async def _delete_draft(self, call: Call[None]) -> Answer:
        await asyncio.to_thread(self._remove_draft, call.who.person)
        return Answer()

    def _remove_draft(self, patient: str) -> None:
        with writing(self._services.engine) as connection:
            connection.execute(delete(_drafts).where(_drafts.c.patient == patient))

    async def _warn(self, call: Call[IntakeWarning]) -> Answer:
        action = f"intake-warning.{call.body.choice}"
        # Which answers led there is health data; how many did is not.
        entry = AuditEntry(
            self._services.clock_us(),
            call.who.person,
            call.who.role.value,
            action,
            details={"flags": len(call.body.flags)},
        )
        await asyncio.to_thread(self._note, entry)
        return Answer()

    def _note(self, entry: AuditEntry) -> None:
        with writing(self._services.engine) as connection:
            append_audit(connection, entry)


def checked_response(
    document: dict[str, Any], language: Language, *, complete: bool
) -> QuestionnaireResponse:
    """The response, in `language` unless it names another. Raises Invalid with a fault for every answer that
    does not fit."""
    try:
        response = accept_response(questionnaire(language), document, complete=complete)
    except BadResponse as error:
        raise Invalid(
            [
                FieldFault(
                    "/questionnaire_response" + _pointer(fault.path),
                    fault.code.value,
                    fault.sentence,
                )
                for fault in error.faults
            ]
        ) from None
    return response.model_copy(update={"language": response.language or language.value})


def _pointer(path: str) -> str:
    """A place in FHIRPath (`item[0].answer[1]`) as a JSON pointer (RFC 6901)."""
    return "".join(f"/{part}" for part in re.findall(r"[A-Za-z]+|[0-9]+", path))


def _place(patient: str) -> str:
    return f"intake_drafts/sealed/{patient}"
