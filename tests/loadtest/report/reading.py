"""A report read as a browser does, down to its parts."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

VOID = {"meta", "br", "hr"}
LOADING = {
    "src",
    "href",
    "xlink:href",
    "srcset",
    "action",
    "formaction",
    "poster",
    "data",
    "background",
    "ping",
}


@dataclass(slots=True)
class Tag:
    name: str
    attributes: dict[str, str | None]
    inside: list["Tag | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.inside)

    def all(self, name: str) -> list["Tag"]:
        """Within it, at any depth, in order."""
        found = []
        for each in self.inside:
            if isinstance(each, Tag):
                found += [each] * (each.name == name) + each.all(name)
        return found

    @property
    def tags(self) -> list["Tag"]:
        """All of them."""
        within = [each for each in self.inside if isinstance(each, Tag)]
        return [*within, *(tag for each in within for tag in each.tags)]


class Page(HTMLParser):
    """Raises AssertionError where a tag is not closed as it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Tag("", {})
        self._open = [self.root]

    @classmethod
    def of(cls, html: str) -> Self:
        page = cls()
        page.feed(html)
        page.close()
        assert page._open == [page.root], f"not closed: {[tag.name for tag in page._open]}"
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Tag(tag, dict(attrs))
        assert len(attrs) == len(made.attributes), f"an attribute twice: {attrs}"
        self._open[-1].inside.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)

    @property
    def text(self) -> str:
        return self.root.text

    def section(self, id: str) -> Tag:
        return next(tag for tag in self.root.all("section") if tag.attributes["aria-labelledby"] == id)

    @property
    def sections(self) -> list[str | None]:
        return [tag.attributes["aria-labelledby"] for tag in self.root.all("section")]

    def row(self, name: str) -> list[str]:
        """The cells of the one row that is called so, after its name."""
        rows = [row for row in self.root.all("tr") if (head := row.all("th")) and head[0].text == name]
        assert len(rows) == 1, f"{len(rows)} rows are called {name}"
        return [cell.text for cell in rows[0].all("td")]

    def figures(self) -> dict[str, float]:
        """Of the table of all figures: the numbers for programs, by the names that thresholds have."""
        rows = [row for row in self.section("figures").all("tr") if row.all("data")]
        return {row.all("th")[0].text: float(row.all("data")[0].attributes["value"] or "") for row in rows}


def assert_stands_alone(page: Page) -> None:
    """It loads nothing, runs nothing, and its own policy would stop it if it did."""
    tags = page.root.tags
    assert {"script", "img", "link", "iframe", "object", "embed", "base", "form"}.isdisjoint(
        tag.name for tag in tags
    )
    for tag in tags:
        assert LOADING.isdisjoint(tag.attributes), tag.attributes
        assert not [name for name in tag.attributes if name.startswith("on") or name == "style"]
    style = page.root.all("style")[0].text
    assert not re.search(r"url\(|@import|@font-face", style)
    (policy,) = [
        tag.attributes["content"]
        for tag in tags
        if tag.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}';" in (policy or "")


def assert_accessible_by_structure(page: Page) -> None:
    """What needs no browser: one h1, unique ids, titles and descriptions of drawings, captions of tables."""
    tags = page.root.tags
    assert len(page.root.all("h1")) == 1
    ids = [tag.attributes["id"] for tag in tags if "id" in tag.attributes]
    assert len(ids) == len(set(ids))
    for tag in tags:
        for reference in (tag.attributes.get("aria-labelledby") or "").split():
            assert reference in ids
    for drawing in page.root.all("svg"):
        if drawing.attributes.get("aria-hidden") != "true":
            assert [tag.name for tag in drawing.inside if isinstance(tag, Tag)][:2] == ["title", "desc"]
            assert drawing.all("desc")[0].text
    for table in page.root.all("table"):
        assert table.all("caption")[0].text
        for row in table.all("tr"):
            assert row.all("th")
