"""Medical files of the development provider's patients, so that there is something to open on one's own
machine.
"""

import json
from pathlib import Path
from typing import Any, Final

from media_server.development_provider import PATIENTS
from media_server.medical_file import file_name
from media_server.medical_file.bundle import SSIN
from signalling import Private

_ATC: Final = "http://www.whocc.no/atc"
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def write_test_files(folder: Path, key: bytes) -> None:
    """One Bundle for each test patient who has a national number; what is there already stays. Raises
    OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for person in PATIENTS:
        if person.national_number is None:
            continue
        path = folder / file_name(key, Private(person.national_number))
        if not path.exists():
            path.touch(mode=0o600)
            bundle = _bundle(person.national_number, person.family_name, person.given_name, person.birthdate)
            path.write_text(json.dumps(bundle, ensure_ascii=False), "utf-8")


def _bundle(number: str, family_name: str, given_name: str, birthdate: str) -> dict[str, Any]:
    """A FHIR R4 collection: who it is, an allergy, a medicine, a problem. All of it made up."""
    patient = {
        "resourceType": "Patient",
        "id": "patient",
        "identifier": [{"system": SSIN, "value": number}],
        "name": [{"family": family_name, "given": [given_name]}],
        "birthDate": birthdate,
    }
    subject = {"reference": "Patient/patient"}
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "allergy",
        "code": {"coding": [{"system": _ATC, "code": "J01CA04", "display": "amoxicillin"}]},
        "criticality": "high",
        "patient": subject,
        "reaction": [{"manifestation": [{"text": "Urticaria"}]}],
        "recordedDate": "2019-03-02",
    }
    medicine = {
        "resourceType": "MedicationStatement",
        "id": "medicine",
        "status": "active",
        "medicationCodeableConcept": {
            "coding": [{"system": _ATC, "code": "C09AA05", "display": "ramipril"}],
            "text": "Ramipril 5 mg",
        },
        "subject": subject,
        "dosage": [{"text": "1 every morning"}],
    }
    problem = {
        "resourceType": "Condition",
        "id": "problem",
        "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": "active"}]},
        "code": {"text": "Hypertension"},
        "subject": subject,
        "recordedDate": "2021-11-15",
    }
    resources = (patient, allergy, medicine, problem)
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }
