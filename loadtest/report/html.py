"""HTML and SVG out of small pieces: what is not markup already is text, and is escaped. Pure."""

import html
from collections.abc import Iterable

from loadtest.report.words import visible


class Html(str):
    """Markup. But for our own style sheet only the functions below make it: nothing gets in unescaped."""

    __slots__ = ()


Attribute = str | float | bool | None
VOID = frozenset({"meta", "br", "hr", "col"})


def text(value: str) -> Html:
    """Escaped, and as `words.visible` has it."""
    return Html(html.escape(visible(value)))


def joined(pieces: Iterable[str | None], between: str = "") -> Html:
    """One after the other; None is nothing."""
    return Html(text(between).join(_markup(piece) for piece in pieces if piece is not None))


def element(name: str, /, *children: str | None, **attributes: Attribute) -> Html:
    """`class_` is class, `stroke_width` stroke-width. None and False leave an attribute out, True has no
    value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f' {name}="{html.escape(shown)}"'


def _markup(piece: str) -> Html:
    return piece if isinstance(piece, Html) else text(piece)
