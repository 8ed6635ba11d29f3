"""Answers to the basic questionnaire as a client gives them, made from the questionnaire itself."""

from typing import Any

Item = dict[str, Any]

WORDS = "Sinds gisteren keelpijn en koorts"


def answered(
    questionnaire: Item, *, words: str = WORDS, flag: bool = False, category: str | None = None
) -> Item:
    """A completed FHIR QuestionnaireResponse: every required question that is asked is answered, with no
    alarm sign, or with one (`flag`).
    """
    given: dict[str, list[Item]] = {}

    def choose(item: Item) -> list[Item]:
        if not _enabled(item, given):
            return []
        if item["type"] == "display":
            return []
        if item["type"] == "group":
            inner = [one for child in item["item"] for one in choose(child)]
            return [{"linkId": item["linkId"], "item": inner}] if inner else []
        if not item.get("required"):
            return []
        answer = _answer(item, words, flag, category)
        given[item["linkId"]] = [answer]
        return [{"linkId": item["linkId"], "answer": [answer]}]

    items = [one for item in questionnaire["item"] for one in choose(item)]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
        "status": "completed",
        "language": questionnaire["language"],
        "item": items,
    }


def _answer(item: Item, words: str, flag: bool, category: str | None) -> Item:
    match item["type"]:
        case "boolean":
            return {"valueBoolean": flag and item["linkId"].startswith("alarm")}
        case "integer":
            return {"valueInteger": item.get("_least", 3)}
        case "decimal":
            return {"valueDecimal": 37.5}
        case "text" | "string":
            return {"valueString": words if item["linkId"] == "reason.words" else "geen"}
        case "choice" | "open-choice":
            codings = [option["valueCoding"] for option in item["answerOption"]]
            if item["linkId"] == "reason.category" and category is not None:
                return {"valueCoding": next(c for c in codings if c["code"] == category)}
            none = [c for c in codings if c["code"].startswith("none")]
            return {"valueCoding": none[0] if none and not flag else codings[0]}
        case other:
            raise AssertionError(f"no answer for a question of type {other}")


def _enabled(item: Item, given: dict[str, list[Item]]) -> bool:
    conditions = item.get("enableWhen", [])
    met = [_met(condition, given.get(condition["question"], [])) for condition in conditions]
    if not met:
        return True
    return any(met) if item.get("enableBehavior", "all") == "any" else all(met)


def _met(condition: Item, answers: list[Item]) -> bool:
    if condition["operator"] == "exists":
        return bool(answers) is condition["answerBoolean"]
    wanted = next(value for name, value in condition.items() if name.startswith("answer"))
    if isinstance(wanted, dict):
        wanted = wanted["code"]
    found = []
    for answer in answers:
        value = next(iter(answer.values()))
        found.append(value["code"] if isinstance(value, dict) else value)
    return wanted in found if condition["operator"] == "=" else bool(found) and wanted not in found
