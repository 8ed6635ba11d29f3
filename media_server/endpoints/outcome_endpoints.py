"""What comes of a consultation: note, medicines, referrals, certificates, its end, the report, a rating."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field
from sqlalchemy import Connection, delete, insert

from auth import Operation, PersonId, Standing
from media_server.api import Answer, Call, Endpoint, FieldFault, Invalid, NotFound, Parameter
from media_server.consultations import (
    AlreadyRated,
    Consultation,
    Medium,
    NotInThisState,
    Purged,
    State,
    Step,
)
from media_server.endpoints.auditing import note
from media_server.endpoints.models import LANGUAGES, Body, ConsultationShown, ReportState, Shown
from media_server.endpoints.reporting import gather, place, queue_report, written
from media_server.endpoints.services import Services
from media_server.endpoints.showing import show
from media_server.languages import Language
from media_server.outcome import (
    AtcRules,
    Certificate,
    CertificateKind,
    Closure,
    MedicineBlocked,
    MedicineUnknown,
    Moment,
    Note,
    OutcomeKind,
    OutcomeModel,
    Prescription,
    PrescriptionIntent,
    Rating,
    Referral,
    prescribe,
)
from media_server.records import tables, writing
from media_server.reports import CONTENT_SECURITY_POLICY, patient_copy

_outcomes = tables.outcomes


class ItemMade(Shown):
    id: str


class PrescriptionMade(Shown):
    """`rule_version`: of the rules that allowed it."""

    id: str
    decision: str
    rule_version: str


class CertificateWanted(Body):
    """Attendance, from one time to another; doctor and number are added."""

    kind: CertificateKind = CertificateKind.ATTENDANCE
    attended_from: Annotated[Moment, Field(alias="from")]
    attended_to: Annotated[Moment, Field(alias="to")]


class Close(Body):
    """`icpc2`: a code that the doctor has confirmed; `medium`: what carried the call for the most part."""

    outcome: OutcomeKind
    icpc2: Annotated[str, Field(max_length=8)] | None = None
    medium: Medium = Medium.VIDEO


class PrescriptionShown(PrescriptionIntent):
    id: str


class ReferralShown(Referral):
    id: str


class CertificateShown(Shown):
    id: str
    kind: CertificateKind
    attended_from: datetime = Field(serialization_alias="from")
    attended_to: datetime = Field(serialization_alias="to")


class OutcomeShown(Shown):
    note: Note | None = None
    prescriptions: list[PrescriptionShown] = Field(default_factory=list)
    referrals: list[ReferralShown] = Field(default_factory=list)
    certificates: list[CertificateShown] = Field(default_factory=list)
    closure: Closure | None = None


class OutcomeEndpoints:
    def __init__(self, services: Services, rules: AtcRules) -> None:
        self._services = services
        self._rules = rules

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/consultations/{consultation}"
        in_call = {409: ("state",)}
        return (
            Endpoint(
                "GET",
                f"{at}/note",
                Operation.GET_NOTE,
                "The note as it was last kept",
                self._get_note,
                answer=Note,
                refusals={404: ("not-found",)},
            ),
            Endpoint(
                "PUT",
                f"{at}/note",
                Operation.PUT_NOTE,
                "Keep the note",
                self._put_note,
                body=Note,
                refusals=in_call,
            ),
            Endpoint(
                "POST",
                f"{at}/prescriptions",
                Operation.PRESCRIBE,
                "Note a medicine to be prescribed, if the rules allow it",
                self._prescribe,
                body=PrescriptionIntent,
                answer=PrescriptionMade,
                status=201,
                refusals=in_call | {422: ("medicine-blocked", "unknown-code")},
            ),
            Endpoint(
                "POST",
                f"{at}/referrals",
                Operation.REFER,
                "Refer the patient to somebody",
                self._refer,
                body=Referral,
                answer=ItemMade,
                status=201,
                refusals=in_call,
            ),
            Endpoint(
                "POST",
                f"{at}/certificates",
                Operation.CERTIFY,
                "Certify that the patient was here",
                self._certify,
                body=CertificateWanted,
                answer=ItemMade,
                status=201,
                refusals=in_call,
            ),
            Endpoint(
                "GET",
                f"{at}/outcome",
                Operation.GET_OUTCOME,
                "All of it; for the patient once the consultation is over",
                self._outcome,
                answer=OutcomeShown,
                refusals={409: ("state",), 410: ("purged",)},
            ),
            Endpoint(
                "POST",
                f"{at}/close",
                Operation.CLOSE,
                "End the consultation; the room ends with it",
                self._close,
                body=Close,
                answer=ConsultationShown,
                refusals=in_call,
            ),
            Endpoint(
                "POST",
                f"{at}/report",
                Operation.SEND_REPORT,
                "Send the report to the GP whom the patient named",
                self._report,
                answer=ReportState,
                status=202,
                refusals={403: ("consent-needed",), 409: ("incomplete",), 410: ("purged",)},
            ),
            Endpoint(
                "GET",
                f"{at}/copy",
                Operation.GET_COPY,
                "The report, for the patient to read, print and keep",
                self._copy,
                query=(Parameter("lang", "The language of the copy", values=LANGUAGES),),
                media_types=("text/html",),
                refusals={409: ("incomplete",), 410: ("purged",)},
            ),
            Endpoint(
                "POST",
                f"{at}/rating",
                Operation.RATE,
                "Rate the consultation, once; kept without saying whose it is",
                self._rate,
                body=Rating,
                refusals={409: ("state", "already-rated")},
            ),
        )

    async def _get_note(self, call: Call[None]) -> Answer:
        items = await asyncio.to_thread(written, self._services, call.about)
        kept = next((item for _, _, item in reversed(items) if isinstance(item, Note)), None)
        if kept is None:
            raise NotFound("nothing was written yet")
        return Answer(kept)

    async def _put_note(self, call: Call[Note]) -> Answer:
        await asyncio.to_thread(self._keep_note, call)
        return Answer()

    def _keep_note(self, call: Call[Note]) -> None:
        """Kept again and again while it is being written. Raises NotInThisState."""
        services = self._services
        with writing(services.engine) as connection:
            now = services.store.get_within(connection, call.about.id, for_update=True)
            if now.state not in (State.TRIAGED, State.IN_PROGRESS):
                raise NotInThisState("a consultation is written about while it is held")
            self._replace(connection, now, "note", call.body)

    async def _prescribe(self, call: Call[PrescriptionIntent]) -> Answer:
        decision = self._rules.decide(call.body.atc.reveal())
        try:
            prescription = prescribe(call.body, self._rules)
        except (MedicineBlocked, MedicineUnknown):
            await asyncio.to_thread(
                note,
                self._services,
                call.about,
                call.who.person,
                "doctor",
                "prescription.decided",
                outcome="refused",
                why=decision.verdict.value,
                details={"rules": self._rules.version},
            )
            raise
        details: dict[str, str | int | bool] = {"rules": self._rules.version}
        id_ = await asyncio.to_thread(
            self._keep, call, "prescription", prescription, "prescription.decided", details
        )
        made = PrescriptionMade(id=id_, decision=decision.verdict.value, rule_version=self._rules.version)
        return Answer(made, status=201)

    async def _refer(self, call: Call[Referral]) -> Answer:
        id_ = await asyncio.to_thread(self._keep, call, "referral", call.body, "referral.made", {})
        return Answer(ItemMade(id=id_), status=201)

    async def _certify(self, call: Call[CertificateWanted]) -> Answer:
        doctor = await asyncio.to_thread(self._services.doctors.get, PersonId(call.who.person))
        try:
            certificate = Certificate(
                kind=call.body.kind,
                attended_from=call.body.attended_from,
                attended_to=call.body.attended_to,
                doctor_name=doctor.details.name,
                doctor_nihdi=doctor.nihdi.digits,
                issued_at=self._services.now(),
            )
        except ValueError:
            fault = FieldFault("/to", "times", "has to be later than from, by a day at most, and not to come")
            raise Invalid([fault]) from None
        id_ = await asyncio.to_thread(self._keep, call, "certificate", certificate, "certificate.made", {})
        return Answer(ItemMade(id=id_), status=201)

    def _keep(
        self,
        call: Call[Any],
        kind: str,
        item: OutcomeModel,
        action: str,
        details: dict[str, str | int | bool],
    ) -> str:
        """Write it down. Raises NotInThisState before the first call and after the end."""
        services = self._services
        with writing(services.engine) as connection:
            now = services.store.get_within(connection, call.about.id, for_update=True)
            if now.state is not State.IN_PROGRESS:
                raise NotInThisState("a consultation is written about while it is held")
            id_ = self._insert(connection, now, kind, item)
            services.store.note(connection, now, call.who.person, "doctor", action, details=details)
        return id_

    def _replace(
        self, connection: Connection, consultation: Consultation, kind: str, item: OutcomeModel
    ) -> None:
        """What there is once in a consultation."""
        of_kind = (_outcomes.c.consultation == consultation.id) & (_outcomes.c.kind == kind)
        connection.execute(delete(_outcomes).where(of_kind))
        self._insert(connection, consultation, kind, item)

    def _insert(
        self, connection: Connection, consultation: Consultation, kind: str, item: OutcomeModel
    ) -> str:
        services, id_ = self._services, f"o-{secrets.token_hex(12)}"
        connection.execute(
            insert(_outcomes).values(
                id=id_,
                consultation=consultation.id,
                kind=kind,
                created_at_us=services.clock_us(),
                sealed=services.keys.seal(place(id_), item.model_dump_json().encode()),
            )
        )
        return id_

    async def _outcome(self, call: Call[None]) -> Answer:
        if call.standing is Standing.ITS_PATIENT and not call.about.state.over:
            raise NotInThisState("the doctor is still writing")
        if call.about.purged_at_us is not None:
            raise Purged("its content was removed when its time had come")
        items = await asyncio.to_thread(written, self._services, call.about)
        notes = [item for _, _, item in items if isinstance(item, Note)]
        closures = [item for _, _, item in items if isinstance(item, Closure)]
        return Answer(
            OutcomeShown(
                note=notes[-1] if notes else None,
                prescriptions=[
                    PrescriptionShown(id=id_, **dict(item.intent))
                    for id_, _, item in items
                    if isinstance(item, Prescription)
                ],
                referrals=[
                    ReferralShown(id=id_, **dict(item))
                    for id_, _, item in items
                    if isinstance(item, Referral)
                ],
                certificates=[
                    CertificateShown(
                        id=id_,
                        kind=item.kind,
                        attended_from=item.attended_from,
                        attended_to=item.attended_to,
                    )
                    for id_, _, item in items
                    if isinstance(item, Certificate)
                ],
                closure=closures[-1] if closures else None,
            )
        )

    async def _close(self, call: Call[Close]) -> Answer:
        body, consultation = call.body, call.about
        try:
            closure = Closure(kind=body.outcome, icpc2=body.icpc2)
        except ValueError:
            raise Invalid([FieldFault("/icpc2", "pattern", "is no code of ICPC-2")]) from None

        def keep(connection: Connection) -> None:
            self._replace(connection, consultation, "closure", closure)

        over = await self._services.desk.end(
            consultation,
            Step.CLOSE,
            call.who.person,
            "doctor",
            keep,
            outcome=body.outcome.value,
            medium=body.medium.value,
        )
        return Answer(await show(self._services, over, call.standing))

    async def _report(self, call: Call[None]) -> Answer:
        state = await asyncio.to_thread(queue_report, self._services, call.about, call.who)
        return Answer(ReportState(state=state.value), status=202)

    async def _copy(self, call: Call[None]) -> web.Response:
        content = await asyncio.to_thread(gather, self._services, call.about, None)
        return web.Response(
            text=patient_copy(content, Language(call.query["lang"])),
            content_type="text/html",
            charset="utf-8",
            headers={"Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY},
        )

    async def _rate(self, call: Call[Rating]) -> Answer:
        await asyncio.to_thread(self._write_rating, call.about, call.body.score)
        return Answer()

    def _write_rating(self, consultation: Consultation, score: int) -> None:
        services = self._services
        with writing(services.engine) as connection:
            now = services.store.get_within(connection, consultation.id, for_update=True)
            if now.state is not State.FINISHED:
                raise NotInThisState("a consultation is rated after its end")
            if now.rated:
                raise AlreadyRated("it was rated before")
            services.store.change(connection, now.id, rated=True)
            # The month is all that is kept beside it: a day with one consultation would say whose it is.
            month = datetime.fromtimestamp(services.clock_us() / 1e6, UTC).strftime("%Y-%m")
            connection.execute(
                insert(tables.ratings).values(id=secrets.token_hex(12), month=month, score=score)
            )
