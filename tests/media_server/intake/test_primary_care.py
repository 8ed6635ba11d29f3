"""The basic questionnaire: short enough, whole in every language, and changed only with its version."""

import json
from hashlib import sha256
from typing import Any

import pytest

from media_server.intake import BadQuestionnaire, Language, check_questionnaire, questionnaire
from media_server.intake.primary_care import CATEGORY, INTAKE_ANSWER, RED_FLAG, SUMMARY_SECTION, translated
from media_server.intake.questionnaire import QuestionnaireItem, all_items
from media_server.intake.values import Coding
from media_server.languages import packaged_texts
from tests.media_server.intake.builders import an_intake, asked_in, coding, faults_of

LANGUAGES = list(Language)

# Whoever changes a word changes the version, and then these. Answers are read by the version that was asked.
DIGESTS = {
    "nl": "c9204489dae2f196e9976dac183d009a4a3cdb03164dec910787578ebce01516",
    "fr": "12715d0b0bf09dcd7255b8de2193b2fc1824f9b2f71966b1bea8b69b64725f7a",
    "de": "b30bf02eefe31f9f57b88d1d2ae7301e430a6128d82b665b4662c2066e553f36",
    "en": "45dd7ae14f52b881258c7ab60a8d16ca62fcdd998cf6add257829b0458f3b7e5",
}


def items(language: Language = Language.EN) -> list[QuestionnaireItem]:
    return list(all_items(questionnaire(language).item))


def codes(item: QuestionnaireItem) -> list[str]:
    contents = [option.value.content for option in item.answer_option]
    return [content.code for content in contents if isinstance(content, Coding)]


CATEGORIES = next(codes(item) for item in items() if item.link_id == CATEGORY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_a_sound_fhir_questionnaire_that_says_its_url_version_and_language(language: Language) -> None:
    asked = questionnaire(language)
    document = asked.to_fhir()
    assert check_questionnaire(asked) == ()
    assert document["resourceType"] == "Questionnaire"
    assert document["language"] == language.value
    assert document["status"] == "active"
    assert asked.canonical == f"{document['url']}|{document['version']}"


def without_texts(value: Any) -> Any:
    texts = {"text", "display", "title", "description", "language"}
    if isinstance(value, dict):
        entry_format = str(value.get("url", "")).endswith("/entryFormat")
        return {
            key: without_texts(inner)
            for key, inner in value.items()
            if key not in texts and not (entry_format and key == "valueString")
        }
    return [without_texts(inner) for inner in value] if isinstance(value, list) else value


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value[key] for key in ("text", "display", "title", "description") if key in value]
        return own + [text for inner in value.values() for text in texts_of(inner)]
    return [text for inner in value for text in texts_of(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_asks_the_same(language: Language) -> None:
    same = without_texts(questionnaire(Language.EN).to_fhir())
    assert without_texts(questionnaire(language).to_fhir()) == same


@pytest.mark.parametrize("name", ["primary-care", "summary", "stop", "icpc2"])
def test_no_text_is_missing_or_left_over_in_any_language(name: str) -> None:
    texts = packaged_texts("media_server.intake", name)
    keys = {language: set(found) for language, found in texts.items()}
    assert all(found == keys[Language.EN] for found in keys.values())
    assert all(text.strip() == text != "" for found in texts.values() for text in found.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_is_missing_or_that_nothing_asks_for_stops_the_start(language: Language) -> None:
    structure = without_texts(questionnaire(language).to_fhir())
    texts = dict(packaged_texts("media_server.intake", "primary-care")[language])
    with pytest.raises(ValueError, match=r"nothing asks for: symptom\.left-over"):
        translated(structure, {**texts, "symptom.left-over": "?"}, language)
    del texts["symptom.onset/label"]
    with pytest.raises(ValueError, match=r"no text for symptom\.onset/label"):
        translated(structure, texts, language)


def test_a_structure_that_cannot_be_asked_stops_the_start() -> None:
    structure = {
        "resourceType": "Questionnaire",
        "url": "urn:x",
        "version": "1",
        "status": "active",
        "item": [
            {"linkId": "empty", "type": "group"},
        ],
    }
    with pytest.raises(BadQuestionnaire, match="empty-group"):
        translated(structure, {"title": "T", "description": "D", "empty": "E"}, Language.EN)


def test_no_sentence_stayed_in_another_language() -> None:
    """Short names may be the same in two languages; sentences may not."""
    spoken = {language: set(texts_of(questionnaire(language).to_fhir())) for language in Language}
    for language in Language:
        others = set.union(*(texts for other, texts in spoken.items() if other is not language))
        assert [text for text in spoken[language] & others if " " in text] == []


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_patient_with_little_to_tell_is_shown_twenty_questions_at_most(category: str) -> None:
    document = an_intake(category)
    assert faults_of(questionnaire(Language.EN), document) == []
    assert len(asked_in(document)) <= 20


def test_the_commonest_calls_stay_within_twenty_with_an_allergy_and_medicines_to_tell() -> None:
    yes = {"valueBoolean": True}
    for category in ("airways", "fever", "urinary", "skin", "mental", "medicine", "certificate"):
        document = an_intake(category, background__allergy=yes, background__medicine=yes)
        assert len(asked_in(document)) <= 20, category


def test_who_needs_a_paper_is_not_asked_about_symptoms() -> None:
    for category in ("medicine", "certificate", "result"):
        shown = [item.link_id for item in asked_in(an_intake(category))]
        assert not any(link_id.startswith("symptom.") for link_id in shown)
        assert any(link_id.startswith("alarm.") for link_id in shown)


def test_pain_is_asked_about_in_the_eight_ways_of_socrates() -> None:
    shown = [item.link_id for item in asked_in(an_intake("stomach"))]
    assert [link_id for link_id in shown if link_id.startswith("symptom.")] == [
        "symptom.site",
        "symptom.onset",
        "symptom.character",
        "symptom.radiates",
        "symptom.associated",
        "symptom.course",
        "symptom.factors",
        "symptom.severity",
    ]


def test_every_question_is_asked_of_somebody() -> None:
    yes, other = {"valueBoolean": True}, {"valueCoding": coding("other", INTAKE_ANSWER)}
    shown = {
        item.link_id
        for category in CATEGORIES
        for item in asked_in(
            an_intake(
                category,
                symptom__radiates=yes,
                background__allergy=yes,
                background__medicine=yes,
                background__chronic=other,
                expectation__kind=other,
            )
        )
    }
    assert shown == {item.link_id for item in items() if item.is_question}


def test_all_sixteen_alarm_signs_are_asked_for() -> None:
    signs = {
        found.code
        for item in items()
        for found in [*(option.value.content for option in item.answer_option), *item.code]
        if isinstance(found, Coding) and found.system == RED_FLAG
    }
    assert signs == {
        "chest-pain",
        "breathless-at-rest",
        "stroke-signs",
        "worst-headache",
        "fainted",
        "seizure",
        "heavy-bleeding",
        "anaphylaxis",
        "self-harm",
        "pregnant-abdominal-pain",
        "neck-stiffness-fever",
        "rash-not-fading",
        "infant-fever",
        "head-injury",
        "vision-loss",
        "poisoning",
    }


def test_own_words_have_280_characters_and_every_free_text_an_end() -> None:
    lengths = {item.link_id: item.max_length for item in items() if item.type.value in ("string", "text")}
    assert lengths["reason.words"] == 280
    assert None not in lengths.values()


def test_every_question_has_its_place_in_the_summary() -> None:
    sections = {"reason", "history", "alarm", "background", "expectation"}
    placed = [item.coded(SUMMARY_SECTION) for item in items() if item.is_question]
    assert all(found is not None and found.code in sections and found.display for found in placed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_is_changed_together_with_the_version(language: Language) -> None:
    document = json.dumps(questionnaire(language).to_fhir(), sort_keys=True, ensure_ascii=False)
    assert questionnaire(language).version == "1.0.0"
    assert sha256(document.encode()).hexdigest() == DIGESTS[language.value]
