"""What happens in a consultation, in steps that tests put together. Everything over HTTP."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.consultation.answers import WORDS, answered
from tests.consultation.person import Answer, Person, a_person

GP = {"name": "Dr. Marie Wouters", "nihdi": "10829059004"}
LOCATION = "Kerkstraat 12, Gent"
PHONE = "+32 470 12 34 56"
GUEST = "Amira Haddad"
ALLERGY = "penicilline"
_SSIN = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"
MEDICAL_FILE = json.dumps(
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {
                "resource": {
                    "resourceType": "Patient",
                    "identifier": [{"system": _SSIN, "value": "05061500215"}],
                }
            },
            {
                "resource": {
                    "resourceType": "AllergyIntolerance",
                    "code": {"text": ALLERGY},
                    "patient": {"identifier": {"system": _SSIN, "value": "05061500215"}},
                }
            },
        ],
    }
).encode()
"""Emma's."""


NOTICES = ("privacy-notice", "not-an-emergency")


async def text_versions(person: Person, lang: str = "nl") -> dict[str, str]:
    """By kind."""
    return {each["kind"]: each["version"] for each in (await person.get(f"/consent-texts?lang={lang}")).json}


async def text_version(person: Person, kind: str, lang: str = "nl") -> str:
    return (await text_versions(person, lang))[kind]


async def a_request(
    patient: Person, *, words: str = WORDS, flag: bool = False, **changes: Any
) -> dict[str, Any]:
    """The body of POST /consultations."""
    questionnaire = (await patient.get("/questionnaire?lang=nl")).json
    versions = await text_versions(patient)
    body = {
        "questionnaire_response": answered(questionnaire, words=words, flag=flag),
        "language": "nl",
        "insurance_fund": "306",
        "location": LOCATION,
        "callback_number": PHONE,
        "general_practitioner": GP,
        "consents": {
            "teleconsultation": {"granted": True, "text_version": versions["teleconsultation"]},
        },
        "notices": {kind: {"acknowledged": True, "text_version": versions[kind]} for kind in NOTICES},
    }
    return body | changes


async def ask(patient: Person, **changes: Any) -> str:
    """The patient waits; the consultation's id."""
    answer = await patient.post("/consultations", await a_request(patient, **changes))
    assert answer.status == 201, answer
    return str(answer.json["id"])


async def on_duty(doctor: Person, *languages: str) -> None:
    answer = await doctor.put("/duty", {"on_duty": True, "languages": list(languages or ("nl",))})
    assert answer.status == 200, answer


async def claim(doctor: Person, consultation: str | None = None) -> Answer:
    return await doctor.post("/queue/claim", {"consultation": consultation} if consultation else {})


async def called(patient: Person, doctor: Person, **changes: Any) -> str:
    """Asked, claimed and called: the consultation's id."""
    consultation = await ask(patient, **changes)
    await on_duty(doctor)
    assert (await claim(doctor, consultation)).status == 200
    assert (await doctor.post(f"/consultations/{consultation}/call")).status == 200
    return consultation


async def consent(person: Person, consultation: str, kind: str, granted: bool = True, **more: Any) -> Answer:
    body = {"granted": granted, "text_version": await text_version(person, kind)} | more
    return await person.put(f"/consultations/{consultation}/consents/{kind}", body)


@asynccontextmanager
async def a_guest(doctor: Person, consultation: str, name: str = GUEST) -> AsyncIterator[Person]:
    """Invited by the doctor, and come by the link."""
    made = await doctor.post(f"/consultations/{consultation}/invitations", {"label": "interpreter"})
    assert made.status == 201, made
    token = made.json["url"].partition("#")[2]
    async with a_person(doctor.origin) as guest:
        accepted = await guest.post("/invitations/accept", {"token": token, "name": name})
        assert accepted.status == 200, accepted
        guest.take_csrf(accepted.json["csrf_token"])
        yield guest


async def end_everything(doctors: Sequence[Person], patients: Sequence[Person]) -> None:
    for doctor in doctors:
        for open_one in await _not_over(doctor):
            at = f"/consultations/{open_one['id']}"
            if open_one["state"] == "triaged":
                assert (await doctor.post(f"{at}/give-back")).status == 204
            else:
                assert (await doctor.post(f"{at}/close", {"outcome": "advice"})).status == 200
        await doctor.put("/duty", {"on_duty": False})
    for patient in patients:
        for open_one in await _not_over(patient):
            assert (await patient.post(f"/consultations/{open_one['id']}/cancel")).status == 200


async def _not_over(person: Person) -> list[dict[str, Any]]:
    listed = (await person.get("/consultations")).json["consultations"]
    return [each for each in listed if each["state"] not in ("finished", "cancelled")]
