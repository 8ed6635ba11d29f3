"""The words that people agree to, by kind, version and language. Pure: read when imported, not changed after.

A published text is never edited: whoever changes a word adds a file with the next version, and everybody is
asked again. A consent names the kind, the version, the language and the hash of what the person was shown.
"""

from media_server.consent_texts.texts import (
    ConsentText,
    NoSuchText,
    TextKind,
    consent_text,
    current_version,
)
from media_server.languages import Language

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "TextKind",
    "consent_text",
    "current_version",
    "ConsentText",
    "Language",
    "NoSuchText",
]
