"""Questionnaires and responses to write tests with: whole ones, with one thing changed."""

from collections.abc import Mapping
from typing import Any

from media_server.intake import (
    Fault,
    Language,
    Questionnaire,
    check_response,
    parse_questionnaire,
    questionnaire,
)
from media_server.intake.primary_care import INTAKE_ANSWER, RED_FLAG
from media_server.intake.questionnaire import ExtensionUrl, ItemType, QuestionnaireItem
from media_server.intake.reading import parse_response
from media_server.intake.values import Coding
from media_server.intake.walking import Visit, walk

Json = dict[str, Any]

URL = "https://teleconsult.example/fhir/Questionnaire/test"
SYSTEM = "https://teleconsult.example/fhir/CodeSystem/test"


# --- Questionnaires ---


def a_questionnaire_document(*items: Json) -> Json:
    return {
        "resourceType": "Questionnaire",
        "url": URL,
        "version": "1",
        "status": "active",
        "item": list(items),
    }


def a_questionnaire(*items: Json) -> Questionnaire:
    return parse_questionnaire(a_questionnaire_document(*items))


def a_question(link_id: str, type: str = "string", **changed: Any) -> Json:
    return {"linkId": link_id, "type": type, "text": f"What is {link_id}?", **changed}


def a_group(link_id: str, *items: Json, **changed: Any) -> Json:
    return {"linkId": link_id, "type": "group", "item": list(items), **changed}


def options(*codes: str) -> list[Json]:
    return [{"valueCoding": coding(code)} for code in codes]


def coding(code: str, system: str = SYSTEM) -> Json:
    return {"system": system, "code": code}


def extension(url: ExtensionUrl, **value: Any) -> Json:
    return {"url": url.value, **value}


def when(question: str, operator: str, **answer: Any) -> Json:
    return {"question": question, "operator": operator, **answer}


# --- Responses ---


def a_response(*items: Json, status: str = "completed", **changed: Any) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|1",
        "status": status,
        "item": list(items),
        **changed,
    }


def answered(link_id: str, *answers: Json) -> Json:
    return {"linkId": link_id, "answer": list(answers)}


def within(link_id: str, *items: Json) -> Json:
    return {"linkId": link_id, "item": list(items)}


def told(faults: tuple[Fault, ...]) -> list[tuple[str | None, str]]:
    return [(fault.link_id, fault.code.value) for fault in faults]


def faults_of(
    asked: Questionnaire, response: object, *, complete: bool = True
) -> list[tuple[str | None, str]]:
    return told(check_response(asked, response, complete=complete))


# --- The primary-care questionnaire, filled in ---


CHOSEN = {
    "reason.words": {"valueString": "Mal au ventre depuis hier."},
    "alarm.self-harm": {"valueBoolean": False},
    "symptom.radiates": {"valueBoolean": False},
    "background.pregnancy": {"valueCoding": coding("no", INTAKE_ANSWER)},
    "background.allergy": {"valueBoolean": False},
    "background.medicine": {"valueBoolean": False},
}
"""What a patient with little to tell answers; every other choice is "none", or else the first option."""


def an_intake(category: str = "stomach", *, optional: bool = False, **changed: Any) -> Json:
    """A completed response of a French-speaking patient with little to tell. `changed`: other answers, by
    linkId with `__` for the dot and `_` for the hyphen, each one answer, a list of them, or None to leave it
    open. `optional`: questions that may be left open are answered, too.
    """
    other = {name.replace("__", ".").replace("_", "-"): answer for name, answer in changed.items()}
    wanted = {
        **CHOSEN,
        "reason.category": {"valueCoding": coding(category, INTAKE_ANSWER)},
        **other,
    }
    asked = questionnaire(Language.EN)
    document: Json = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": asked.canonical,
        "status": "completed",
        "language": "fr",
        "item": [within(item.link_id) for item in asked.item if item.type is ItemType.GROUP],
    }
    document["item"] = [group for group in document["item"] if group["linkId"] != "symptom"]
    seen: set[str] = set()
    while (visit := _next(asked, document, seen)) is not None:
        seen.add(visit.item.link_id)
        _fill(document, visit, wanted, optional=optional)
    return document


def a_flag(code: str) -> Json:
    return {"valueCoding": coding(code, RED_FLAG)}


def asked_in(document: Mapping[str, Any]) -> list[QuestionnaireItem]:
    """The questions that a patient with these answers is shown."""
    visits = walk(questionnaire(Language.EN), parse_response(document))
    return [
        entry.item
        for entry in visits
        if isinstance(entry, Visit) and entry.enabled and entry.item.is_question
    ]


def _next(asked: Questionnaire, document: Json, seen: set[str]) -> Visit | None:
    for entry in walk(asked, parse_response(document)):
        if isinstance(entry, Visit) and entry.enabled and entry.item.link_id not in seen:
            return entry
    return None


def _fill(document: Json, visit: Visit, wanted: Mapping[str, Any], *, optional: bool) -> None:
    item = visit.item
    groups = {entry["linkId"]: entry for entry in document["item"]}
    if item.type is ItemType.GROUP and item.link_id not in groups:
        document["item"].append(within(item.link_id))
    if not item.is_question or not (item.required or optional or item.link_id in wanted):
        return
    answer = wanted[item.link_id] if item.link_id in wanted else _any_answer(item)
    if answer is not None:
        answers = answer if isinstance(answer, list) else [answer]
        groups[item.link_id.partition(".")[0]]["item"].append(answered(item.link_id, *answers))


def _any_answer(item: QuestionnaireItem) -> Json:
    match item.type:
        case ItemType.CHOICE:
            chosen = next(
                (option for option in item.answer_option if option.exclusive), item.answer_option[0]
            )
            assert isinstance(chosen.value.content, Coding)
            return {"valueCoding": coding(chosen.value.content.code, chosen.value.content.system or "")}
        case ItemType.INTEGER:
            return {"valueInteger": 4}
        case ItemType.DECIMAL:
            return {"valueDecimal": 38.5}
        case ItemType.BOOLEAN:
            return {"valueBoolean": True}
        case _:
            return {"valueString": f"Réponse à {item.link_id}"}
