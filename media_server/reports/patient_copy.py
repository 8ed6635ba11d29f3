"""The patient's copy of a report: one HTML page that stands alone, to read, to save and to print.

It says what the report to the GP says, in the patient's language; the doctor's and the patient's own words
stay in theirs. The national number is left out: the copy is what people show to others. Nothing in it runs or
is loaded, and a content security policy within holds a saved copy to that, too.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final

from media_server.languages import Language
from media_server.reports.content import ReportContent
from media_server.reports.sections import heading, sections
from media_server.reports.wording import word
from media_server.reports.xhtml import rendered, text

STYLE: Final = """
:root{color-scheme:light dark;--ink:#14213d;--faint:#4a5670;--line:#c9d2e0;--paper:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf6;--faint:#aebad0;--line:#3a465e;--paper:#10182a}}
body{margin:0 auto;padding:1.5rem;max-width:44rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
p{margin:.5rem 0}
.note,dt{color:var(--faint)}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.25rem 1rem;margin:.75rem 0}
dd{margin:0}
blockquote{margin:.5rem 0;padding-left:1rem;border-left:.25rem solid var(--line)}
@media (max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}}
@media print{:root{--ink:#000;--faint:#333;--line:#999;--paper:#fff}@page{margin:2cm}
body{padding:0;max-width:none;font-size:11pt}.note{display:none}h2{break-after:avoid}dl,blockquote{break-inside:avoid}}
"""
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
"""For the header of an answer that shows the copy; our pages' own policy has no place for a style within."""


def patient_copy(content: ReportContent, language: Language) -> str:
    """A complete HTML document. `text/html; charset=utf-8`."""
    title = word("title", language)
    body = [
        f"<h1>{text(title)}</h1>",
        f'<p class="note">{text(word("copy-note", language))}</p>',
        rendered([heading(content, language, with_number=False)]),
    ]
    for section in sections(content, language):
        body.append(f"<section><h2>{text(section.title)}</h2>{rendered(section.blocks)}</section>")
    return (
        f'<!doctype html>\n<html lang="{language.value}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">'
        '<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(word('copy-title', language))}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )
