"""The seed story, as two people and a guest live through it at real pages, with a real server, Redis, a GP's
folder and a folder of medical files; and what is left of it when its time is over.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import Engine, select

from media_server.consulting import medical_file_key
from media_server.development_provider import PERSONS
from media_server.integrity import check
from media_server.medical_file import file_name
from media_server.purge import PurgeJob
from media_server.records import FieldKeys, open_records, reading, sqlite_url
from media_server.records.resealing import place_of, sealed_tables
from signalling import Private
from tests.leftovers import files_beneath, found
from tests.redis_server import RedisServer, running_redis
from tests.server_process import ServerProcess, running_server
from tests.web.browser import DESK, Site
from tests.web.story_people import Doctor, Guest, Patient

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

EMMA = PERSONS["emma"]
PLACE = "Lindenstraat 47, Hasselt"
PHONE_NUMBER = "+32 475 38 29 61"
WORDS = "Sinds zondag een jeukende rode plek die groter wordt"
SITE = "linkerkuit, net onder de knie"
FACTORS = "koelen met een natte doek helpt even"
ALLERGIES = "walnoten en cefalexine"
MEDICINES = "Microgynon 30, elke avond"
ILLNESS = "coeliakie sinds 2015"
GP_AS_ASKED = "dokter Vandersteen uit Diepenbeek"
HOPE = "zekerheid dat het geen lyme is"
NONE = ("Geen van deze",)
ANSWERS: dict[str, str | tuple[str, ...]] = {
    "in uw eigen woorden": WORDS,
    "Waar gaat het vooral over?": ("Huid, uitslag of wonde",),
    "nu één van deze klachten? Kies": NONE,
    "de laatste 24 uur gebeurd": NONE,
    "En hebt u nu één van": NONE,
    "uit het leven te stappen": ("Nee",),
    "Waar precies zit de klacht?": SITE,
    "Wanneer is het begonnen?": ("1 tot 3 dagen geleden",),
    "Wat merkt u nog?": ("Koorts", "Moe zijn"),
    "Hoe verandert het?": ("Het wordt erger",),
    "Waardoor wordt het beter of erger?": FACTORS,
    "Hoe erg is het nu": ("4",),
    "Bent u zwanger?": ("Nee",),
    "Bent u ergens allergisch voor": ("Ja",),
    "Waarvoor bent u allergisch?": ALLERGIES,
    "Neemt u geneesmiddelen": ("Ja",),
    "Welke geneesmiddelen?": MEDICINES,
    "Hebt u een langdurige ziekte?": ("Een andere",),
    "Welke andere ziekte?": ILLNESS,
    "Hoeveel is uw temperatuur": "38,2",
    "Wie is uw huisarts?": GP_AS_ASKED,
    "Wat hoopt u van de arts": ("Advies", "Iets anders"),
    "Wat dan?": HOPE,
}
DOCTORS_MESSAGE = "Kunt u een foto sturen van de plek?"
PATIENTS_MESSAGE = "Die komt eraan, ik zoek beter licht."
JPEG = b"\xff\xd8\xff"
GUEST = "Hatice Yildirim"
NOTE = "Ringvormig erytheem van vijf centimeter, past bij een tekenbeet. Controle over tien dagen."
BLOCKED = ("Diazepam 5 mg", "N05BA01", "een halve tablet voor het slapen")
PRESCRIBED = ("Doxycycline 100 mg", "J01AA02", "twee keer per dag, tien dagen lang")
SPECIALTY = "Dermatologie"
REASON = "Plek die uitbreidt ondanks behandeling"
GP = "Dr. Ilse Vandersteen"
GP_NUMBER = "10829059004"
# Messages, what was not let through, and what nobody needs.
NEVER_KEPT = {
    DOCTORS_MESSAGE, PATIENTS_MESSAGE, *BLOCKED, GP, "475382961", EMMA.name, EMMA.phone_number, EMMA.email,
}  # fmt: skip
KEPT = {
    PLACE, PHONE_NUMBER, WORDS, SITE, FACTORS, ALLERGIES, MEDICINES, ILLNESS, GP_AS_ASKED, HOPE, GUEST, NOTE,
    *PRESCRIBED, SPECIALTY, REASON, EMMA.family_name, EMMA.national_number or "",
}  # fmt: skip
DAY_S = 86_400
SSIN = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"


People = tuple[Patient, Doctor, Guest]


@dataclass(frozen=True, slots=True)
class Practice:
    """`medical_files` and `reports` are others' folders: a record keeper's, and the GP's."""

    server: ServerProcess
    redis: RedisServer
    medical_files: Path
    reports: Path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Practice]:
    folder = tmp_path_factory.mktemp("story")
    medical_files, reports = folder / "medical-files", folder / "reports"
    medical_files.mkdir()
    with running_redis() as redis:
        settings = {
            "ITSME_ENVIRONMENT": "development",
            "MEDICAL_FILES_DIR": str(medical_files),
            "REPORTS_DIR": str(reports),
            "REDIS_URL": redis.url,
            "WORKERS": "1",
        }
        async with running_server(settings, beneath=folder) as server:
            key = medical_file_key(FieldKeys.open(server.data_dir / "keys" / "fields"))
            number = Private(EMMA.national_number or "")
            (medical_files / file_name(key, number)).write_text(json.dumps(a_medical_file()))
            yield Practice(server, redis, medical_files, reports)


def a_medical_file() -> dict[str, object]:
    resources: list[dict[str, object]] = [
        {"resourceType": "Patient", "identifier": [{"system": SSIN, "value": EMMA.national_number}]},
        {
            "resourceType": "AllergyIntolerance",
            "criticality": "high",
            "code": {"text": "Cefalexine"},
            "reaction": [{"manifestation": [{"text": "Netelroos"}]}],
        },
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "medicationCodeableConcept": {"coding": [{"code": "G03AA07", "display": "Microgynon 30"}]},
            "dosage": [{"text": "1 tablet per dag"}],
        },
        {"resourceType": "Condition", "code": {"text": "Coeliakie"}, "onsetDateTime": "2015"},
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


@pytest_asyncio.fixture(loop_scope="session")
async def people(house: Site, practice: Practice) -> AsyncIterator[People]:
    origin = practice.server.origin
    patient = await Patient.at(house.browser, origin)
    doctor = await Doctor.at(house.browser, origin, viewport=DESK, locale="en-GB")
    guest = await Guest.at(house.browser, origin, locale="en-GB")
    yield patient, doctor, guest
    for somebody in (patient, doctor, guest):
        await somebody.page.context.close()


async def test_the_seed_story(practice: Practice, people: People) -> None:
    patient, doctor, guest = people
    await from_the_questions_to_the_call(patient, doctor)
    consultation = (await doctor.ask("/consultations"))["consultations"][0]["id"]
    assert found([consultation], [await in_redis(practice)])  # the room, by the only name it has there
    photo = await messages_and_a_photo(patient, doctor)
    await the_medical_file(patient, doctor)
    await somebody_else(patient, doctor, guest)
    await what_comes_of_it(patient, doctor)
    for somebody in people:
        await somebody.keep_cookies()
    await the_end(patient, doctor)
    assert [report.parent.name for report in practice.reports.rglob("*.json")] == [GP_NUMBER]
    purge_at_us = moment_us((await patient.ask("/consultations"))["consultations"][0]["purge_at"])
    await patient.click(".logout")
    await patient.page.locator("[data-action=login]").wait_for()
    tokens = set().union(*(somebody.tokens for somebody in people))
    await what_is_left(practice, photo, tokens, purge_at_us)
    assert (patient.complaints, doctor.complaints, guest.complaints) == ([], [], [])


async def from_the_questions_to_the_call(patient: Patient, doctor: Doctor) -> None:
    await patient.begin("emma")
    await patient.say_where(PLACE, PHONE_NUMBER)
    await patient.answer(ANSWERS)
    await patient.consent()
    await patient.check_devices()
    await patient.sees("U bent de volgende")
    await patient.picture("6-waiting")

    await doctor.log_in("/doctor", "claes")
    await doctor.go_on_duty()
    places = doctor.page.locator(".waiting-list .place")
    await places.first.wait_for()
    assert [place.split() for place in await places.all_inner_texts()] == [["Place", "1"]]
    await doctor.picture("1-queue")
    await doctor.click("[data-action=claim-next]")
    quote = doctor.page.locator("blockquote").first
    assert (await quote.inner_text()).strip("“”") == WORDS
    assert await quote.evaluate("(quote) => quote.closest('[lang]').lang") == "nl"
    await patient.sees("Een arts leest uw antwoorden")
    await doctor.picture("2-summary")
    await doctor.call()
    await patient.sees_and_hears()
    await doctor.sees_and_hears()
    await doctor.picture("3-call")
    await patient.picture("7-call")


async def messages_and_a_photo(patient: Patient, doctor: Doctor) -> bytes:
    """The photo's bytes."""
    await doctor.write(DOCTORS_MESSAGE)
    await patient.write(PATIENTS_MESSAGE)
    await patient.sees(DOCTORS_MESSAGE)
    await doctor.sees(PATIENTS_MESSAGE)
    await patient.picture("8-chat")
    await patient.send_photo()
    photo = await doctor.open_photo()
    assert photo.startswith(JPEG)
    return photo


async def the_medical_file(patient: Patient, doctor: Doctor) -> None:
    await doctor.tab("file")
    await doctor.click("#panel-file [data-ask]")
    await patient.allow("file")
    allergies = doctor.page.locator("[data-chapter=allergies] .grave")
    assert "Netelroos" in await allergies.inner_text()
    await doctor.picture("6-file")


async def somebody_else(patient: Patient, doctor: Doctor, guest: Guest) -> None:
    await guest.knock(await doctor.invite(), GUEST)
    await doctor.let_in()
    await doctor.sees("The patient has not agreed to guests yet")
    await doctor.picture("7-guest")
    await doctor.ask_for("third_party_presence")
    await patient.allow("guest")
    assert await guest.received() == {"pictures": 0, "packets": 0, "loudness": 0}
    await doctor.let_in()
    await guest.sees_and_hears()
    await guest.picture("1-call")
    await patient.withdraw("third_party_presence")
    await guest.page.locator(".ended").wait_for()
    await doctor.page.locator(".tile").nth(1).wait_for(state="detached")


async def what_comes_of_it(patient: Patient, doctor: Doctor) -> None:
    await doctor.note(NOTE)
    await doctor.tab("outcome")
    await doctor.click("[data-part=prescription] summary")
    await doctor.prescribe(*BLOCKED)
    await doctor.page.locator(".verdict", has_text="is not prescribed by video").wait_for()
    await doctor.picture("8-blocked")
    await doctor.prescribe(*PRESCRIBED)
    await doctor.page.locator("[data-part=prescription] .items li", has_text=PRESCRIBED[0]).wait_for()
    await doctor.refer(SPECIALTY, REASON)
    await doctor.ask_for("report_to_gp")
    await patient.allow("report", **{"Uw huisarts": GP, "RIZIV-nummer": GP_NUMBER})
    await doctor.page.locator("[data-kind=report_to_gp][data-state=granted]").wait_for()


async def the_end(patient: Patient, doctor: Doctor) -> None:
    await doctor.tab("outcome")
    await doctor.close("S12")
    await patient.sees("De consultatie is afgelopen")
    await patient.picture("10-after")
    await doctor.report()
    await patient.rate(5)
    copy = await patient.copy()
    assert all(text in copy for text in (NOTE, PRESCRIBED[0], REASON))
    assert "medisch dossier" in await patient.trail()


async def what_is_left(practice: Practice, photo: bytes, tokens: set[str], purge_at_us: int) -> None:
    """The purge's clock is turned; the server goes on. The GP's number is not looked for in the records: whom
    a report may go to is what was consented to, and stays with the consent.
    """
    data_dir = practice.server.data_dir
    typed: set[str | bytes] = {*KEPT, *NEVER_KEPT, photo}
    engine = open_records(sqlite_url(data_dir / "records.sqlite").render_as_string())
    keys = FieldKeys.open(data_dir / "keys" / "fields")

    def left() -> set[str | bytes]:
        """What whoever has the keys can read."""
        opened = list(unsealed(engine, keys))
        return {each for each in typed if found([each], opened)}

    try:
        before = check(engine, keys)
        await purged(engine, purge_at_us - 1)
        assert left() == {*KEPT, photo}
        await purged(engine, purge_at_us)
        assert left() == set()
        after = check(engine, keys)
    finally:
        engine.dispose()
    assert (before.findings, after.findings) == ((), ())
    assert after.consents == before.consents >= 6
    assert after.entries > before.entries
    assert len(tokens) >= 10
    assert found([*typed, *tokens], files_beneath(data_dir)) == []
    await practice.redis.age(DAY_S)
    assert found([*typed, *tokens], [await in_redis(practice)]) == []
    told = [("the log", practice.server.log().encode()), ("the metrics", await in_metrics(practice))]
    assert found([*typed, GP_NUMBER, *tokens], told) == []
    assert found([NOTE], files_beneath(practice.reports))  # it was the GP's from when it was delivered


async def purged(engine: Engine, now_us: int) -> None:
    assert await PurgeJob(engine, lambda: now_us).once() is not None


def unsealed(engine: Engine, keys: FieldKeys) -> Iterator[tuple[str, bytes]]:
    """All sealed fields as whoever has the keys reads them."""
    with reading(engine) as connection:
        for table in sealed_tables():
            (key,) = table.primary_key.columns
            for id_, sealed in connection.execute(select(key, table.c.sealed)):
                if sealed is not None:
                    place = place_of(table, id_)
                    yield place, keys.open_sealed(place, sealed)


async def in_redis(practice: Practice) -> tuple[str, bytes]:
    """All that it would write down."""
    client: Any = Redis.from_url(practice.redis.url)
    try:
        await client.config_set("rdbcompression", "no")
        await client.save()
        folder = (await client.config_get("dir"))["dir"]
    finally:
        await client.aclose()
    return "Redis", (Path(folder) / "dump.rdb").read_bytes()


async def in_metrics(practice: Practice) -> bytes:
    async with aiohttp.ClientSession() as http, http.get(practice.server.metrics_url) as answer:
        return await answer.read()


def moment_us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)
