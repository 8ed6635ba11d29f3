"""Consents over HTTP: where they stand, a yes or a no, a doctor's request; and the file that one opens."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import datetime

from aiohttp import web

import auth
from auth import Operation, PersonId, Standing
from media_server.api import Answer, Call, Endpoint, MayNot, NotFound, Parameter
from media_server.consents import ConsentKind, ConsentState, Entry, Word, read_guest_recipient
from media_server.consultations import (
    Concluded,
    ConsentNeeded,
    ConsentNews,
    Consultation,
    Invited,
    NotInThisState,
    RecordingForbidden,
)
from media_server.endpoints.agreements import Agreement, check_agreement, consent_word
from media_server.endpoints.auditing import note
from media_server.endpoints.guest_endpoints import revoke_invitation
from media_server.endpoints.guests_meant import meant_by_doctor, meant_by_patient
from media_server.endpoints.models import Shown
from media_server.endpoints.services import Services, moment
from media_server.medical_file import MedicalFile
from media_server.medical_file import NotFound as NoFile
from media_server.recording.catalogue import Catalogue
from media_server.settings import Policy
from signalling import Private


class RecipientShown(Shown):
    nihdi: str


class GuestShown(Shown):
    """`label`: what they are to the patient."""

    invitation: str
    label: str


class ConsentShown(Shown):
    """`state`: requested, granted, refused, withdrawn or expired. `recipient`: of a report; `guest`: whose
    presence it is about. `receipt`: the entry of the ledger, signed (JWS), for the person to keep.
    """

    kind: ConsentKind
    state: str
    participant: str
    recipient: RecipientShown | None = None
    guest: GuestShown | None = None
    text_version: str | None = None
    at: datetime
    receipt: str


class PublicKey(Shown):
    """A JSON Web Key (RFC 8037 §2)."""

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    kid: str
    x: str


class PublicKeys(Shown):
    """A JWK Set (RFC 7517 §5)."""

    keys: list[PublicKey]


class ConsentsShown(Shown):
    consents: list[ConsentShown]


_KIND = (Parameter("kind", "What it is about", values=tuple(kind.value for kind in ConsentKind)),)


class ConsentEndpoints:
    def __init__(self, services: Services, medical_file: MedicalFile | None) -> None:
        """`medical_file` None: there is no port to one."""
        self._services = services
        self._medical_file = medical_file

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/consultations/{consultation}"
        return (
            Endpoint(
                "GET",
                "/receipt-keys",
                Operation.GET_RECEIPT_KEYS,
                "The keys that receipts of consents are signed with, old ones included",
                self._keys,
                answer=PublicKeys,
            ),
            Endpoint(
                "GET",
                f"{at}/consents",
                Operation.GET_CONSENTS,
                "Where each participant's consents stand",
                self._list,
                answer=ConsentsShown,
            ),
            Endpoint(
                "PUT",
                f"{at}/consents/{{kind}}",
                Operation.PUT_CONSENT,
                "One's own yes or no; a no after a yes takes it back",
                self._put,
                body=Agreement,
                answer=ConsentShown,
                path_parameters=_KIND,
                refusals={403: ("recording-forbidden",), 409: ("state", "text-changed")},
            ),
            Endpoint(
                "POST",
                f"{at}/consents/{{kind}}/request",
                Operation.REQUEST_CONSENT,
                "Ask the patient for it",
                self._request,
                answer=ConsentShown,
                path_parameters=_KIND,
                query=(
                    Parameter(
                        "invitation",
                        "Of third_party_presence: of whom; without it, of all not agreed to yet",
                        required=False,
                    ),
                ),
                refusals={403: ("recording-forbidden",), 409: ("state",)},
            ),
            Endpoint(
                "GET",
                f"{at}/medical-file",
                Operation.GET_MEDICAL_FILE,
                "The patient's medical file, as a FHIR Bundle",
                self._medical,
                media_types=("application/fhir+json",),
                refusals={403: ("consent-needed",), 404: ("not-found",)},
            ),
        )

    async def _keys(self, _call: Call[None]) -> Answer:
        known = await asyncio.to_thread(Catalogue(self._services.engine).verifying_keys)
        keys = [
            PublicKey(kid=kid, x=urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode())
            for kid, key in sorted(known.items())
        ]
        return Answer(PublicKeys(keys=keys))

    async def _list(self, call: Call[None]) -> Answer:
        entries = await asyncio.to_thread(self._services.ledger.current, call.about.id)
        return Answer(ConsentsShown(consents=[self._shown(entry) for entry in entries]))

    async def _put(self, call: Call[Agreement]) -> Answer:
        kind, consultation = ConsentKind(call.path["kind"]), call.about
        if call.standing is not Standing.ITS_PATIENT and kind is not ConsentKind.RECORDING:
            raise MayNot("that is the patient's to say")
        if call.body.granted:
            await self._check_open(consultation, kind, call)
        check_agreement(kind, call.body)
        if kind is ConsentKind.THIRD_PARTY_PRESENCE:
            return Answer(self._shown(await self._put_presence(call)))
        word = consent_word(self._services, call.who, consultation, kind, call.body)
        entry = await asyncio.to_thread(self._services.ledger.say, word, call.body.granted)
        # First nobody is where they may not be any more; what else follows can be late.
        await self._tell(entry)
        if kind is ConsentKind.REPORT_TO_GP and not call.body.granted:
            await asyncio.to_thread(self._services.outbox.take_back, consultation.id)
        if kind is ConsentKind.TELECONSULTATION and not call.body.granted:
            await self._end_call(consultation)
        return Answer(self._shown(entry))

    async def _put_presence(self, call: Call[Agreement]) -> Entry:
        """One word for each guest that is meant; the last of them."""
        services, consultation, body = self._services, call.about, call.body
        meant = await asyncio.to_thread(
            meant_by_patient, services, consultation, body.guest, granted=body.granted
        )
        for guest in meant:
            kind = ConsentKind.THIRD_PARTY_PRESENCE
            word = consent_word(services, call.who, consultation, kind, body, guest.recipient)
            entry = await asyncio.to_thread(services.ledger.say, word, body.granted)
            await self._tell(entry, guest)
            if not body.granted:
                await asyncio.to_thread(revoke_invitation, services, guest.invitation)
        return entry

    async def _request(self, call: Call[None]) -> Answer:
        kind, consultation, services = ConsentKind(call.path["kind"]), call.about, self._services
        await self._check_open(consultation, kind, call)
        guests: list[Invited | None] = [None]
        if kind is ConsentKind.THIRD_PARTY_PRESENCE:
            named = call.query.get("invitation")
            guests = [*await asyncio.to_thread(meant_by_doctor, services, consultation, named)]
        for guest in guests:
            word = Word(
                consultation=consultation.id,
                participant=services.patient_of(consultation),
                kind=kind,
                state=ConsentState.REQUESTED,
                actor=call.who.person,
                role="doctor",
                recipient=None if guest is None else guest.recipient,
            )
            entry = await asyncio.to_thread(services.ledger.ask, word)
            await self._tell(entry, guest)
        return Answer(self._shown(entry))

    async def _check_open(
        self, consultation: Consultation, kind: ConsentKind, call: Call[Agreement] | Call[None]
    ) -> None:
        """Raises NotInThisState for what is over, RecordingForbidden where nothing may be recorded."""
        recording = kind is ConsentKind.RECORDING
        if recording and self._services.settings.policy is not Policy.CONSENTED_RECORDING:
            await asyncio.to_thread(
                note,
                self._services,
                consultation,
                call.who.person,
                call.who.role.value,
                "consent.recording",
                outcome="refused",
                why="recording-forbidden",
            )
            raise RecordingForbidden("this service records nothing, whoever agrees")
        if consultation.state.over and kind is not ConsentKind.REPORT_TO_GP:
            raise NotInThisState("the consultation is over")

    async def _end_call(self, consultation: Consultation) -> None:
        """Without consent to it there is no teleconsultation: who waits does so no longer, who talks is cut
        off. What the doctor still has to write remains to be written.
        """
        try:
            await self._services.desk.cancel(consultation)
        except NotInThisState:
            await self._services.news.tell(Concluded(consultation.id))

    async def _tell(self, entry: Entry, guest: Invited | None = None) -> None:
        await self._services.news.tell(
            ConsentNews(
                room=entry.word.consultation,
                id=entry.id,
                hash=entry.hash,
                participant=entry.word.participant,
                kind=entry.word.kind.value,
                state=entry.word.state.value,
                at_us=entry.at_us,
                text_version=entry.word.text_version,
                invitation=None if guest is None else guest.invitation,
                guest=None if guest is None else guest.participant,
            )
        )

    async def _medical(self, call: Call[None]) -> web.Response:
        patient = await asyncio.to_thread(self._may_read, call.about, call.who.person)
        if self._medical_file is None or patient is None:
            raise NotFound("there is no medical file of this patient here")
        try:
            file = await self._medical_file.read(Private(patient.reveal()))
        except NoFile:
            raise NotFound("there is no medical file of this patient here") from None
        # Once more: it may have been taken back while the file was being fetched.
        await asyncio.to_thread(self._granted, call.about, call.who.person)
        return web.Response(
            body=file.body, content_type="application/fhir+json", headers={"Cache-Control": "no-store"}
        )

    def _may_read(self, consultation: Consultation, doctor: str) -> auth.Private[str] | None:
        """The patient's national number, if there is one, once the patient lets this file be read now.

        Raises NotInThisState, ConsentNeeded; whatever comes of it has its line in the audit log.
        """
        services, granted = self._services, self._granted(consultation, doctor)
        note(services, consultation, doctor, "doctor", "medical-file.read", details={"consent": granted.id})
        if services.store.content(consultation.id).proxy_for is not None:
            # It is about a child, whose number is what an adult typed: enough to write on a report, not to
            # open somebody's file with.
            return None
        return services.patients.get(PersonId(consultation.patient)).details.national_number

    def _granted(self, consultation: Consultation, doctor: str) -> Entry:
        services, kind = self._services, ConsentKind.MEDICAL_FILE_ACCESS
        if consultation.state.over:
            raise NotInThisState("the consultation is over, and with it what was agreed to for its time")
        granted = services.ledger.grant(consultation.id, kind, services.patient_of(consultation))
        if granted is None:
            note(
                services,
                consultation,
                doctor,
                "doctor",
                "medical-file.read",
                outcome="refused",
                why="consent-needed",
            )
            raise ConsentNeeded("the patient has not agreed that the medical file is read")
        return granted

    def _shown(self, entry: Entry) -> ConsentShown:
        ledger, word = self._services.ledger, entry.word
        about_guest = word.kind is ConsentKind.THIRD_PARTY_PRESENCE
        return ConsentShown(
            kind=word.kind,
            state="expired" if ledger.expired(entry) else word.state.value,
            participant=word.participant,
            recipient=RecipientShown(nihdi=word.recipient) if word.recipient and not about_guest else None,
            guest=_guest(word.recipient) if word.recipient and about_guest else None,
            text_version=word.text_version,
            at=moment(entry.at_us),
            receipt=ledger.receipt(entry),
        )


def _guest(recipient: str) -> GuestShown:
    label, invitation = read_guest_recipient(recipient)
    return GuestShown(invitation=invitation, label=label)
