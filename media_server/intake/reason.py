"""Why the patient calls, in two answers: the category chosen, and their own words."""

from collections.abc import Iterator

from media_server.intake.primary_care import CATEGORY, WORDS, questionnaire
from media_server.intake.questionnaire import all_items
from media_server.intake.response import QuestionnaireResponse, ResponseItem
from media_server.intake.values import Coding
from media_server.languages import Language


def category_of(response: QuestionnaireResponse) -> str | None:
    """The code of the category; None: not answered."""
    found = (answer.coding for item in _items(response.item, CATEGORY) for answer in item.answer)
    return next((coding.code for coding in found if coding is not None and coding.code), None)


def words_of(response: QuestionnaireResponse) -> str | None:
    """What the patient wrote; None: nothing."""
    found = (answer.value.content for item in _items(response.item, WORDS) for answer in item.answer)
    return next((content for content in found if isinstance(content, str)), None)


def category_names(category: str) -> dict[Language, str]:
    """What each language calls it; empty for what is no category."""
    names = {}
    for language in Language:
        asked = next(i for i in all_items(questionnaire(language).item) if i.link_id == CATEGORY)
        for option in asked.answer_option:
            content = option.value.content
            if isinstance(content, Coding) and content.code == category and content.display:
                names[language] = content.display
    return names


def _items(items: tuple[ResponseItem, ...], link_id: str) -> Iterator[ResponseItem]:
    for item in items:
        if item.link_id == link_id:
            yield item
        yield from _items(item.item, link_id)
