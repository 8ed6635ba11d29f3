"""The summary for the doctor: seven sections, own words first and untouched, nothing concluded."""

# ruff: noqa: RUF001 - the texts have typographic apostrophes and dashes, as people read them

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from auth import Private
from media_server.consent_texts import TextKind
from media_server.intake import (
    ConsentShown,
    Language,
    Line,
    NoticeRead,
    PatientFacts,
    Sex,
    Standing,
    StopPassed,
    Summary,
    parse_response,
    questionnaire,
    summarise,
)
from media_server.intake.primary_care import INTAKE_ANSWER
from tests.media_server.intake.builders import Json, a_flag, an_intake, coding

NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
PATIENT = PatientFacts(
    name=Private("Amélie Test"),
    birthdate=Private(date(1984, 11, 24)),
    sex=Sex.FEMALE,
    language="fr",
    verified_at=datetime(2026, 11, 23, 13, 20, tzinfo=UTC),
    fund=Private("306"),
    callback_number=Private("+32 400 00 00 00"),
    location=Private("Rue de la Loi 1, 1000 Bruxelles"),
)
ORDER = ["identity", "reason", "history", "alarm", "background", "expectation", "record"]


def a_summary(document: Json | None = None, language: Language = Language.EN, **changed: Any) -> Summary:
    given: dict[str, Any] = {
        "patient": PATIENT,
        "consents": [
            ConsentShown(TextKind.TELECONSULTATION, Standing.GRANTED),
            ConsentShown(TextKind.REPORT_TO_GP, Standing.WITHDRAWN),
        ],
        "notices": [NoticeRead(TextKind.NOT_AN_EMERGENCY, "3")],
        "attachments": 2,
        "taken_s": 151.4,
        "now": NOW,
    }
    response = parse_response(an_intake() if document is None else document)
    return summarise(questionnaire(language), response, **{**given, **changed})


def lines(summary: Summary, section: str) -> dict[str, Line]:
    found = next(entry for entry in summary.sections if entry.key == section)
    labels = [line.label for line in found.lines]
    assert len(labels) == len(set(labels))
    return {line.label: line for line in found.lines}


def value(summary: Summary, section: str, label: str) -> str:
    return lines(summary, section)[label].value


NO = "; ".join(
    [
        "Pain or pressure on the chest",
        "Short of breath while resting",
        "Sudden weakness, a drooping face or trouble speaking",
        "The worst headache ever",
        "Sudden loss of sight",
        "A seizure (fit)",
        "A blow to the head, and vomiting after it",
        "Heavy bleeding",
        "Something poisonous, or too much of a medicine, swallowed or breathed in",
        "Swollen face, tongue or throat, or trouble breathing, after food, a medicine or a sting",
        "Fever with a stiff neck",
        "Red or purple spots that stay when you press a glass on them",
        "Fever in a baby younger than 3 months",
        "Severe belly pain while pregnant or perhaps pregnant",
        "Thinks of ending their life",
    ]
)
WHOLE = f"""\
Summary before the consultation

Patient
  Name: Amélie Test
  Age: 41 years (born 1984-11-24)
  Sex: female
  Language: French
  Identity verified: 2026-11-23 14:20 (Belgian time)
  Insurance fund (stated): 306
  Represented by somebody: no
  Call-back number: +32 400 00 00 00
  Location now (for 112): Rue de la Loi 1, 1000 Bruxelles

Reason for the call
  In the patient’s own words (French):
    | Mal au ventre depuis hier.
  Category chosen: Belly, stomach or bowels

History
  Site (French):
    | Réponse à symptom.site
  Onset: Today
  Character: Dull or nagging
  Radiates: no
  Associated symptoms: Fever; Nausea or vomiting
  Time course: It is getting better
  Better or worse by: not answered
  Severity (0–10): 4

Alarm signs
  112 notice: shown; the patient chose to go on at 2026-11-23 14:28 (Belgian time)
  Fainted or unconscious: yes
  No: {NO}

Background
  Pregnancy: No
  Allergies: yes
  Allergic to (French):
    | Réponse à background.allergies
  Takes medicines: no
  Chronic disease: None
  Temperature (°C): 38.5
  GP: not answered
  Attachments: 2

Expectation
  Hopes for: Advice

Consents and questionnaire
  Consent: teleconsultation: given
  Consent: recording: not asked
  Consent: access to the medical file: not asked
  Consent: report to the GP: withdrawn
  Consent: presence of a third party: not asked
  “Not an emergency” notice: read and acknowledged (version 3)
  Questionnaire: https://teleconsult.example/fhir/Questionnaire/primary-care, version 1.0.0
  Time taken: 2 min 31 s
  Drawn up: 2026-11-23 14:30 (Belgian time)
"""


def a_whole_case() -> Json:
    associated = [{"valueCoding": coding(code, INTAKE_ANSWER)} for code in ("fever", "nausea")]
    return an_intake(
        alarm__event=a_flag("fainted"),
        symptom__associated=associated,
        background__allergy={"valueBoolean": True},
        background__temperature={"valueDecimal": 38.5},
    )


def test_it_reads_like_this() -> None:
    passed = StopPassed(datetime(2026, 11, 23, 13, 28, tzinfo=UTC), still_named=True)
    assert a_summary(a_whole_case(), stop_passed=passed).text() == WHOLE


def test_an_alarm_sign_that_was_taken_back_after_the_notice_leaves_a_trace() -> None:
    passed = StopPassed(datetime(2026, 11, 23, 13, 28, tzinfo=UTC), still_named=False)
    said = value(a_summary(stop_passed=passed), "alarm", "112 notice")
    assert said == (
        "shown; the patient chose to go on at 2026-11-23 14:28 (Belgian time) and answered otherwise"
        " afterwards: no alarm sign in these answers"
    )


@pytest.mark.parametrize("language", list(Language))
def test_the_same_input_gives_the_same_bytes(language: Language) -> None:
    once, again = (a_summary(a_whole_case(), language) for _ in range(2))
    assert once.encoded() == again.encoded()
    assert once.text() == again.text()
    assert json.loads(once.encoded()) == once.as_json()


@pytest.mark.parametrize("language", list(Language))
def test_there_are_seven_sections_in_one_order_in_the_doctors_language(language: Language) -> None:
    summary = a_summary(language=language)
    assert [section.key for section in summary.sections] == ORDER
    assert summary.language == language.value
    assert all(section.lines for section in summary.sections)
    shown = [summary.title, *(section.title for section in summary.sections), summary.text()]
    assert all(shown)
    assert not any("{" in text or "}" in text for text in shown)


def test_every_language_has_the_same_lines_and_the_patients_words_alone_stay() -> None:
    every = [a_summary(a_whole_case(), language) for language in Language]
    shapes = {
        tuple(
            (section.key, line.quoted, line.language)
            for section in summary.sections
            for line in section.lines
        )
        for summary in every
    }
    assert len(shapes) == 1
    quotations = {
        tuple(line.value for section in summary.sections for line in section.lines if line.quoted)
        for summary in every
    }
    assert quotations == {
        ("Mal au ventre depuis hier.", "Réponse à symptom.site", "Réponse à background.allergies")
    }


def test_own_words_come_first_word_for_word_and_marked_with_their_language() -> None:
    words = "  J’ai « mal » depuis hier…\n😷 40°C?  "
    summary = a_summary(an_intake(reason__words={"valueString": words}), Language.NL)
    first = summary.sections[1].lines[0]
    assert (first.value, first.quoted, first.language) == (words, True, "fr")
    assert first.as_json() == {
        "label": "In de woorden van de patiënt",
        "value": words,
        "quoted": True,
        "language": "fr",
    }


def test_words_cannot_pass_for_a_line_of_the_summary() -> None:
    forged = "Ok.\r\nAlarm signs\u2028  Heavy bleeding: no\u0085\u202eon :sgnih\u202c\u2066x"
    text = a_summary(
        an_intake(reason__words={"valueString": forged.replace("\u0085", "\n")}),
        patient=replace(PATIENT, name=Private("Eve\nAllergies: none\u202e")),
    ).text()
    assert "    | Ok.\n    | Alarm signs\n    |   Heavy bleeding: no\n    | on :sgnihx\n" in text
    assert "  Name: Eve Allergies: none\n" in text


def test_a_language_that_is_not_ours_is_shown_by_its_tag_and_none_at_all_is_left_out() -> None:
    turkish = a_summary({**an_intake(), "language": "tr"})
    assert "In the patient’s own words (tr):" in turkish.text()
    assert lines(turkish, "reason")["In the patient’s own words"].language == "tr"
    unsaid = {key: found for key, found in an_intake().items() if key != "language"}
    assert "In the patient’s own words:\n" in a_summary(unsaid).text()


def test_no_is_no_and_what_was_never_put_is_not_asked() -> None:
    summary = a_summary(an_intake("medicine"))
    assert list(lines(summary, "alarm")) == ["No"]
    assert {line.value for line in lines(summary, "history").values()} == {"not asked"}
    assert value(summary, "background", "Temperature (°C)") == "not asked"
    assert value(summary, "background", "GP") == "not answered"


def test_before_anything_is_answered_every_alarm_sign_is_not_asked() -> None:
    empty = {**an_intake(), "item": [], "status": "in-progress"}
    summary = a_summary(empty)
    assert [section.key for section in summary.sections] == ORDER
    assert list(lines(summary, "alarm")) == ["Not asked"]
    assert len(value(summary, "alarm", "Not asked").split("; ")) == 16
    assert {line.value for line in lines(summary, "reason").values()} == {"not asked"}
    assert value(summary, "record", "Questionnaire").endswith("version 1.0.0, not completed")


def test_what_a_no_makes_moot_is_left_out() -> None:
    assert "Allergic to" not in lines(a_summary(), "background")
    assert "Radiates to" not in lines(a_summary(), "history")


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (date(2026, 11, 23), "0 days"),
        (date(2026, 11, 22), "1 day"),
        (date(2026, 10, 24), "30 days"),
        (date(2026, 10, 23), "1 month"),
        (date(2024, 11, 24), "23 months"),
        (date(2024, 11, 23), "2 years"),
        (date(2008, 2, 29), "18 years"),
        (date(1926, 11, 24), "99 years"),
        (date(2026, 11, 24), "0 days"),
    ],
)
def test_small_children_are_counted_in_months_and_days(born: date, age: str) -> None:
    summary = a_summary(patient=replace(PATIENT, birthdate=Private(born)))
    assert value(summary, "identity", "Age") == f"{age} (born {born.isoformat()})"


@pytest.mark.parametrize(
    ("utc", "age", "drawn_up"),
    [
        (datetime(2026, 7, 1, 21, 59, tzinfo=UTC), "41 years", "2026-07-01 23:59 (Belgian time)"),
        (datetime(2026, 11, 23, 23, 5, tzinfo=UTC), "42 years", "2026-11-24 00:05 (Belgian time)"),
    ],
)
def test_days_and_times_are_those_of_a_clock_in_belgium(utc: datetime, age: str, drawn_up: str) -> None:
    summary = a_summary(now=utc)
    assert value(summary, "identity", "Age").startswith(age)
    assert value(summary, "record", "Drawn up") == drawn_up


def test_what_is_not_known_of_a_patient_is_said_to_be_not_known() -> None:
    stranger = PatientFacts(name=Private("A"), birthdate=None, sex=Sex.UNKNOWN, language="fr")
    summary = a_summary(patient=stranger)
    unknown = {label for label, line in lines(summary, "identity").items() if line.value == "not known"}
    assert unknown == {
        "Age",
        "Sex",
        "Identity verified",
        "Insurance fund (stated)",
        "Call-back number",
        "Location now (for 112)",
    }


def test_who_answers_for_somebody_else_is_named() -> None:
    summary = a_summary(patient=replace(PATIENT, proxy=Private("{name} Test")))
    assert value(summary, "identity", "Represented by somebody") == "yes, {name} Test"


def test_several_guests_each_have_their_consent() -> None:
    consents = [
        ConsentShown(TextKind.THIRD_PARTY_PRESENCE, Standing.GRANTED),
        ConsentShown(TextKind.THIRD_PARTY_PRESENCE, Standing.REFUSED),
    ]
    summary = a_summary(consents=consents)
    assert value(summary, "record", "Consent: presence of a third party") == "given; refused"


def test_numbers_are_written_as_the_doctor_writes_them() -> None:
    temperature = {"valueDecimal": 39.5}
    document = an_intake("fever", background__temperature=temperature)
    assert value(a_summary(document, Language.EN), "background", "Temperature (°C)") == "39.5"
    assert value(a_summary(document, Language.NL), "background", "Temperatuur (°C)") == "39,5"


def test_a_summary_is_not_shown_when_printed() -> None:
    summary = a_summary(a_whole_case())
    shown = f"{summary!r} {summary.sections} {PATIENT!r}"
    for private in ("Amélie", "Mal au ventre", "Rue de la Loi", "306", "1984"):
        assert private not in shown
