"""The patient's copy: the same content as the report, readable in four languages, and nothing that runs."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from media_server.languages import Language
from media_server.reports import CONTENT_SECURITY_POLICY, patient_copy
from media_server.reports.wording import texts
from tests.media_server.reports.builders import SSIN, a_content, minutes


class Page(HTMLParser):
    """What a browser would make of it: elements, their nesting, the words."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("language", Language)
def test_the_copy_says_what_the_report_says_in_the_patients_language(language: Language) -> None:
    page = Page(patient_copy(a_content(), language))
    said = (
        "Zoé D'Hondt & <Zoon>",
        "Dr. Ann Claes",
        "1-08290-59-004",
        "Dr. Luc Maes",
        "Jeuk & uitslag <sinds> gisteren,",
        '"vooral" \'s nachts',
        "Urticaria; geen alarmtekens.",
        "Niet krabben & koelen.",
        "Cetirizine 10 mg",
        "R06AE07",
        "10 dagen",
        "dermatologie",
        "moet gezien worden",
        "S98",
        "consent-9",
    )
    assert [words for words in said if words not in page.text] == []
    titles = (
        "title",
        "reason",
        "findings",
        "prescriptions",
        "referrals",
        "certificates",
        "consent-text",
        "copy-note",
    )
    assert [key for key in titles if texts()[key][language] not in page.text] == []


def test_the_category_is_shown_in_a_language_that_has_a_word_for_it() -> None:
    assert "Peau" in patient_copy(a_content(), Language.FR)
    assert "Huid" not in patient_copy(a_content(), Language.DE)


def test_times_are_those_of_a_clock_in_belgium_in_winter_and_in_summer() -> None:
    assert "23/11/2026, 12:00" in patient_copy(a_content(), Language.NL)
    assert "23.11.2026, 12:00" in patient_copy(a_content(), Language.DE)
    summer = minutes(0).replace(month=7)
    content = a_content(requested_at=summer, started_at=summer, ended_at=summer, media=[], certificates=[])
    assert "23/07/2026, 13:00" in patient_copy(content, Language.EN)


def test_the_national_number_is_not_on_what_people_show_to_others() -> None:
    html = patient_copy(a_content(), Language.NL)
    assert SSIN not in re.sub(r"\D", "", html)


def test_without_a_gp_the_copy_is_as_good() -> None:
    page = Page(patient_copy(a_content(recipient=None), Language.EN))
    assert "Urticaria" in page.text
    assert texts()["gp"][Language.EN] not in page.text


def test_it_stands_alone_and_nothing_in_it_runs_or_loads() -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\n\"'><a href='javascript:1'>x</a>"
    html = patient_copy(
        a_content(note={"text": hostile}, reason={"words": hostile, "category": {"en": "<b>x</b>"}}),
        Language.EN,
    )
    page = Page(html)
    assert set(page.tags) <= {
        *("html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2"),
        *("p", "dl", "dt", "dd", "blockquote", "br"),
    }
    assert {name for name, _ in page.attributes} <= {
        "lang",
        "charset",
        "name",
        "http-equiv",
        "content",
        "class",
    }
    assert "<script>alert(1)</script>" in page.text
    assert "url(" not in html
    assert "@import" not in html


def test_its_own_policy_lets_its_style_in_and_nothing_else() -> None:
    html = patient_copy(a_content(), Language.NL)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert f'content="{CONTENT_SECURITY_POLICY}"' in html


def test_it_can_be_printed() -> None:
    assert "@media print" in patient_copy(a_content(), Language.NL)


def test_every_word_is_there_in_every_language_and_is_used() -> None:
    everything = "".join(patient_copy(a_content(), language) for language in Language)
    assert {
        key for key, words in texts().items() if set(words) != set(Language) or not all(words.values())
    } == set()
    # One of each closed set shows in one report; the rest are their other members, and the document's own.
    others = re.compile(
        r"(sex|to|urgency|outcome|medium|certificate)-|national-number|package|title|copy-title"
    )
    assert [
        key
        for key, words in texts().items()
        if not others.match(key) and words[Language.NL] not in everything
    ] == []
