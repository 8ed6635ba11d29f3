"""The languages in which patients and doctors are spoken to, and packaged texts that exist in each of
them.
"""

import json
from collections.abc import Mapping
from enum import Enum
from importlib.resources import files
from types import MappingProxyType


class Language(Enum):
    """By its tag (BCP 47)."""

    NL = "nl"
    FR = "fr"
    DE = "de"
    EN = "en"


Texts = Mapping[str, str]


def packaged_texts(package: str, name: str) -> Mapping[Language, Texts]:
    """Reads `texts/{name}.{language}.json` of the package for every language.

    Raises ValueError when the languages do not have the same keys, or one has a key twice: what is missing
    in one language has to be found when the server starts, not when somebody reads that language.
    """
    folder = files(package).joinpath("texts")
    texts = {
        language: json.loads(
            folder.joinpath(f"{name}.{language.value}.json").read_text("utf-8"),
            object_pairs_hook=_without_doubles,
        )
        for language in Language
    }
    keys = {language: set(found) for language, found in texts.items()}
    uneven = set.union(*keys.values()) - set.intersection(*keys.values())
    if uneven:
        raise ValueError(f"{name}: not in every language: {', '.join(sorted(uneven))}")
    return MappingProxyType({language: MappingProxyType(found) for language, found in texts.items()})


def _without_doubles(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
