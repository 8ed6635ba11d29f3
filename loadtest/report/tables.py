"""Tables, key figures and boxes: the parts that sections of a report are made of. Pure."""

from collections.abc import Iterable, Sequence

from loadtest.report import words
from loadtest.report.html import Html, element
from loadtest.results import Quantiles

Cell = str | None
QUANTILES = ("p50", "p95", "p99", "max")
TIMES = ("", "of", "half within", "95 % within", "99 % within", "longest")
"""The heads of a table of times: a name, how many, and `milliseconds`."""


def section(id: str, title: str, *content: Cell) -> Html | None:
    """None when there is nothing in it."""
    inside = [piece for piece in content if piece is not None]
    if not inside:
        return None
    return element("section", element("h2", title, id=id), *inside, aria_labelledby=id)


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Html | None:
    """The first cell of a row names it. None without rows."""
    body = [_row(row) for row in rows]
    if not body:
        return None
    head = element("tr", *(element("th", each, scope="col") for each in heads)) if heads else None
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", head) if head else None,
            element("tbody", *body),
        ),
        class_="table",
        role="region",
        aria_label=caption,
        tabindex="0",
    )


def _row(cells: Sequence[Cell]) -> Html:
    name, *others = cells
    return element(
        "tr",
        element("th", name, scope="row"),
        *(element("td", "" if cell is None else cell) for cell in others),
    )


def facts(caption: str, pairs: Iterable[tuple[str, Cell]]) -> Html | None:
    """Names with what they are; those that are None are left out."""
    return table(caption, (), [pair for pair in pairs if pair[1] is not None])


def value(raw: float | None, said: str) -> Html:
    """A figure in words, with the number itself for programs."""
    if raw is None:
        return element("span", said, class_="none")
    return element("data", said, value=repr(float(raw)))


def milliseconds(quantiles: Quantiles) -> list[Cell]:
    """The last cells of a row under TIMES."""
    return [value(each := getattr(quantiles, name), words.ms(each)) for name in QUANTILES]


def folded(summary: str, *content: Cell) -> Html | None:
    inside = [piece for piece in content if piece is not None]
    return element("details", element("summary", summary), *inside) if inside else None


def tile(label: str, said: str, note: str, state: str | None = None) -> Html:
    """A key figure. `state`: good or bad where a threshold said so."""
    mark = {"good": mark_of(True), "bad": mark_of(False)}.get(state or "")
    return element(
        "div",
        element("dt", label),
        element("dd", element("strong", said), element("small", note) if note else None, mark),
        class_=f"tile {state or ''}".strip(),
    )


def mark_of(passed: bool) -> Html:
    """A sign and a word: neither colour nor picture alone says it."""
    sign, said, kind = ("✓ ", "met", "good") if passed else ("✗ ", "not met", "bad")
    return element("span", element("span", sign, aria_hidden="true"), said, class_=f"mark {kind}")


def box(kind: str, title: str, lines: Sequence[str]) -> Html | None:
    """Something that a reader must not miss; `kind`: warning, bad or plain. None without lines."""
    if not lines:
        return None
    items = (element("li", line) for line in lines)
    body = element("p", lines[0]) if len(lines) == 1 else element("ul", *items)
    return element("div", element("h2", title), body, class_=f"box {kind}")


def beside(*pieces: Cell) -> Html | None:
    """Next to each other where there is room, else one below the other."""
    inside = [piece for piece in pieces if piece is not None]
    return element("div", *inside, class_="beside") if inside else None
