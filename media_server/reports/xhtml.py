"""Blocks of text as XHTML, as much of it as a FHIR narrative may use (R4 §narrative). All is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final, assert_never

from media_server.reports.sections import Block, Facts, Prose, Quote

NAMESPACE: Final = "http://www.w3.org/1999/xhtml"


def rendered(blocks: Iterable[Block]) -> str:
    return "".join(map(_block, blocks))


def narrative(blocks: Iterable[Block], language: str) -> dict[str, str]:
    """A FHIR Narrative."""
    return {
        "status": "generated",
        "div": f'<div xmlns="{NAMESPACE}" lang="{language}">{rendered(blocks)}</div>',
    }


def text(plain: str) -> str:
    return escape(plain).replace("\n", "<br/>")


def _block(block: Block) -> str:
    match block:
        case Prose(words):
            return f"<p>{text(words)}</p>"
        case Quote(words):
            return f"<blockquote><p>{text(words)}</p></blockquote>"
        case Facts(rows):
            pairs = "".join(f"<dt>{text(label)}</dt><dd>{text(value)}</dd>" for label, value in rows)
            return f"<dl>{pairs}</dl>"
        case _:
            assert_never(block)
