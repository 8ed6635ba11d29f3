"""The report to a GP as a FHIR R4 document: right by the standard's definitions, saying what it should."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from media_server.languages import Language
from media_server.reports import NoRecipient, document, document_bytes
from tests.media_server.reports.builders import DOCTOR_NIHDI, GP_NIHDI, SSIN, WORDS, a_content, minutes

XHTML = "{http://www.w3.org/1999/xhtml}"
NAMING = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem"


def resources(bundle: Any, kind: str) -> list[Any]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def resource(bundle: Any, kind: str) -> Any:
    (only,) = resources(bundle, kind)
    return only


def at(bundle: Any, reference: Any) -> Any:
    (found,) = [entry["resource"] for entry in bundle["entry"] if entry["fullUrl"] == reference["reference"]]
    return found


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON document."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from walk(member)
    elif isinstance(value, list):
        for member in value:
            yield from walk(member)


def references(value: Any) -> set[str]:
    return {found["reference"] for found in walk(value) if isinstance(found.get("reference"), str)}


def a_minimal_content() -> Any:
    return a_content(
        patient={"family_name": "Maes", "language": "nl"},
        media=[],
        reason={"words": "hoest"},
        note={"text": "niets"},
        prescriptions=[],
        referrals=[],
        certificates=[],
        closure={"kind": "advice"},
    )


@pytest.mark.parametrize("content", [a_content(), a_minimal_content()], ids=["full", "minimal"])
class TestStructure:
    """R4 §documents and the invariants of Bundle (bdl-…)."""

    def test_hl7s_definitions_accept_it(self, content: Any) -> None:
        Bundle.model_validate_json(document_bytes(content))

    def test_it_is_a_document_with_identifier_time_and_the_composition_first(self, content: Any) -> None:
        bundle: Any = document(content)
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "document")
        assert bundle["identifier"]["value"].startswith("urn:uuid:")
        assert bundle["timestamp"] == "2026-11-23T11:13:00Z"
        assert bundle["entry"][0]["resource"]["resourceType"] == "Composition"
        assert len(resources(bundle, "Composition")) == 1

    def test_every_entry_has_an_address_of_its_own(self, content: Any) -> None:
        bundle: Any = document(content)
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(set(urls)) == len(urls)
        assert urls == [f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"]]

    def test_every_reference_leads_to_an_entry(self, content: Any) -> None:
        bundle: Any = document(content)
        assert references(bundle) <= {entry["fullUrl"] for entry in bundle["entry"]}

    def test_every_entry_is_reached_from_the_composition(self, content: Any) -> None:
        bundle: Any = document(content)
        linked = {entry["fullUrl"]: references(entry["resource"]) for entry in bundle["entry"]}
        reached, ahead = set[str](), {bundle["entry"][0]["fullUrl"]}
        while ahead:
            reached |= ahead
            ahead = set[str]().union(*(linked[url] for url in ahead)) - reached
        assert reached == set(linked)

    def test_every_section_has_a_title_and_words_that_are_well_formed(self, content: Any) -> None:
        composition = resource(document(content), "Composition")
        for section in composition["section"]:
            assert section["title"]
            root = ElementTree.fromstring(section["text"]["div"])
            assert root.tag == f"{XHTML}div"
            assert "".join(root.itertext()).strip()

    def test_nothing_in_it_is_empty(self, content: Any) -> None:
        """An element has a value or children; arrays are not empty (R4 §json)."""
        assert [found for found in walk(document(content)) if not all(found.values())] == []


def test_the_standards_definitions_would_have_noticed() -> None:
    bundle: Any = document(a_content())
    del resource(bundle, "MedicationRequest")["intent"]
    with pytest.raises(ValueError, match="intent"):
        Bundle.model_validate(bundle)


# --- What it says ---


def test_the_same_content_gives_the_same_bytes_and_other_words_another_version_of_the_same_report() -> None:
    assert document_bytes(a_content()) == document_bytes(a_content())
    first, second = document(a_content()), document(a_content(note={"text": "iets anders"}))
    assert first["identifier"] != second["identifier"]
    assert resource(first, "Composition")["identifier"] == resource(second, "Composition")["identifier"]
    other: Any = document(a_content(consultation="c-other"))
    mine: Any = first
    assert not {entry["fullUrl"] for entry in other["entry"]} & {entry["fullUrl"] for entry in mine["entry"]}


def test_the_patient_is_known_by_the_national_number_when_there_is_one() -> None:
    patient = resource(document(a_content()), "Patient")
    assert patient["identifier"] == [{"system": f"{NAMING}/ssin", "value": SSIN}]
    assert patient["birthDate"] == "1985-07-30"
    assert patient["name"] == [
        {"text": "Zoé D'Hondt & <Zoon>", "family": "D'Hondt & <Zoon>", "given": ["Zoé"]}
    ]
    assert "identifier" not in resource(document(a_minimal_content()), "Patient")


def test_doctor_and_gp_are_known_by_their_numbers() -> None:
    bundle: Any = document(a_content())
    composition = resource(bundle, "Composition")
    role = at(bundle, composition["author"][0])
    assert role["code"][0]["coding"][0]["code"] == "persphysician"
    assert at(bundle, role["practitioner"])["identifier"] == [
        {"system": f"{NAMING}/nihdi", "value": DOCTOR_NIHDI}
    ]
    assert at(bundle, composition["attester"][0]["party"])["name"] == [{"text": "Dr. Ann Claes"}]
    gp = at(bundle, resource(bundle, "Patient")["generalPractitioner"][0])
    assert at(bundle, gp["practitioner"])["identifier"] == [{"system": f"{NAMING}/nihdi", "value": GP_NIHDI}]


def test_the_consent_permits_the_named_gp_and_nobody_else() -> None:
    bundle: Any = document(a_content())
    provision = resource(bundle, "Consent")["provision"]
    assert provision["type"] == "permit"
    assert provision["period"] == {"start": "2026-11-23T11:05:00Z", "end": "2026-11-30T11:05:00Z"}
    (actor,) = provision["actor"]
    assert actor["role"]["coding"][0]["code"] == "IRCP"
    gp = at(bundle, at(bundle, actor["reference"])["practitioner"])
    assert gp["identifier"][0]["value"] == GP_NIHDI


def test_the_encounter_is_virtual_and_says_which_medium_carried_it_and_how_long() -> None:
    bundle: Any = document(a_content())
    whole, *parts = resources(bundle, "Encounter")
    assert whole["class"]["code"] == "VR"
    assert whole["period"] == {"start": "2026-11-23T11:00:00Z", "end": "2026-11-23T11:12:00Z"}
    assert whole["statusHistory"][0] == {
        "status": "arrived",
        "period": {"start": "2026-11-23T10:52:00Z", "end": "2026-11-23T11:00:00Z"},
    }
    assert [(part["type"][0]["coding"][0]["code"], part["length"]["value"]) for part in parts] == [
        ("VIDEOCONF", 420),
        ("PHONE", 120),
        ("VIDEOCONF", 180),
    ]
    assert all(at(bundle, part["partOf"]) == whole for part in parts)
    contact = "".join(ElementTree.fromstring(section_of(bundle, "Contact")["text"]["div"]).itertext())
    assert "Met beeld en geluid10 min 0 s" in contact
    assert "Alleen met geluid2 min 0 s" in contact


def section_of(bundle: Any, title: str) -> Any:
    (found,) = [
        section for section in resource(bundle, "Composition")["section"] if section["title"] == title
    ]
    return found


def test_the_reason_quotes_the_patient_letter_for_letter() -> None:
    bundle: Any = document(a_content())
    why = resources(bundle, "Encounter")[0]["reasonCode"][0]
    assert why["text"] == WORDS
    assert why["coding"] == [{"system": "http://hl7.org/fhir/sid/icpc-2", "code": "S98"}]
    section = section_of(bundle, "Reden van het contact, in de woorden van de patiënt")
    quote = ElementTree.fromstring(section["text"]["div"]).find(f"{XHTML}blockquote")
    assert quote is not None
    assert "".join("\n" if element.tag == f"{XHTML}br" else "" for element in quote.iter()) == "\n"
    assert "".join(quote.itertext()) == WORDS.replace("\n", "")


def test_a_code_is_there_only_if_the_doctor_confirmed_one() -> None:
    assert resources(document(a_minimal_content()), "Encounter")[0]["reasonCode"] == [{"text": "hoest"}]


def test_a_medicine_is_a_proposal_and_a_referral_a_plan() -> None:
    bundle: Any = document(a_content())
    medicine = resource(bundle, "MedicationRequest")
    assert medicine["intent"] == "proposal"
    assert medicine["medicationCodeableConcept"] == {
        "coding": [{"system": "http://www.whocc.no/atc", "code": "R06AE07"}],
        "text": "Cetirizine 10 mg",
    }
    assert medicine["dosageInstruction"] == [{"text": "1 per dag\n10 dagen"}]
    assert medicine["dispenseRequest"]["quantity"]["value"] == 2
    referral = resource(bundle, "ServiceRequest")
    assert (referral["intent"], referral["priority"]) == ("plan", "urgent")
    assert referral["performerType"] == {"text": "arts-specialist: dermatologie"}
    assert referral["reasonCode"] == [{"text": "moet gezien worden"}]
    linked = section_of(bundle, "Verwijzingen")["entry"]
    assert [at(bundle, each) for each in linked] == [referral]


def test_an_emergency_is_stat() -> None:
    referral = {"to": "emergency", "urgency": "emergency", "reason": "pijn"}
    assert resource(document(a_content(referrals=[referral])), "ServiceRequest")["priority"] == "stat"


@pytest.mark.parametrize("language", Language)
def test_it_is_written_in_the_doctors_language(language: Language) -> None:
    bundle: Any = document(a_content(language=language))
    composition = resource(bundle, "Composition")
    assert bundle["language"] == composition["language"] == language.value
    titles = {section["title"] for section in composition["section"]}
    others = {other for other in Language if other is not language}
    for other in others:
        assert titles != {
            section["title"]
            for section in resource(document(a_content(language=other)), "Composition")["section"]
        }
    Bundle.model_validate(bundle)


def test_without_a_gp_there_is_no_report_to_one() -> None:
    with pytest.raises(NoRecipient):
        document(a_content(recipient=None))


@given(st.text(min_size=1, max_size=60).filter(str.strip))
def test_whatever_is_typed_the_document_stays_well_formed(words: str) -> None:
    try:
        content = a_content(reason={"words": words}, note={"text": words})
    except ValueError:
        return  # no text: control characters
    bundle: Any = json.loads(document_bytes(content))
    for found in walk(bundle):
        if "div" in found:
            ElementTree.fromstring(found["div"])
    assert resources(bundle, "Encounter")[0]["reasonCode"][0]["text"] == content.reason.words.reveal()


@pytest.mark.parametrize(
    "changed",
    [
        {"ended_at": minutes(-1)},
        {"requested_at": minutes(1)},
        {"written_at": minutes(11)},
        {"media": [{"medium": "video", "started_at": minutes(-1), "ended_at": minutes(1)}]},
        {"media": [{"medium": "video", "started_at": minutes(5), "ended_at": minutes(4)}]},
        {"media": [{"medium": "smoke", "started_at": minutes(1), "ended_at": minutes(4)}]},
        {"consultation": "../c"},
        {"patient": {"family_name": "Maes", "language": "nl", "ssin": "8507300332"}},
        {"doctor": {"name": "Dr. Ann Claes", "nihdi": "1-08290-59-004"}},
        {"remarks": "x"},
    ],
)
def test_content_that_cannot_be_is_refused_without_being_quoted(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error") as refused:
        a_content(**changed)
    assert "Zoé" not in str(refused.value)
    assert SSIN not in str(refused.value)


def test_content_shows_nothing_of_a_person() -> None:
    shown = repr(a_content()) + str(a_content())
    assert not [
        word
        for word in ("Zoé", "Hondt", SSIN, GP_NIHDI, "Claes", "uitslag", "Cetirizine", "S98", "1985")
        if word in shown
    ]
