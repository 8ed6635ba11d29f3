"""The texts, from one packaged file for each kind and version: `versions/{kind}.{version}.json`."""

import json
import re
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from importlib.resources import files

from media_server.languages import Language

_FILE = re.compile(r"(?P<kind>[a-z_-]+)\.(?P<version>[1-9]\d*)\.json")


class TextKind(Enum):
    """Five consents, which can be withdrawn, and two acknowledgements, which cannot."""

    TELECONSULTATION = "teleconsultation"
    RECORDING = "recording"
    MEDICAL_FILE_ACCESS = "medical_file_access"
    REPORT_TO_GP = "report_to_gp"
    THIRD_PARTY_PRESENCE = "third_party_presence"
    PRIVACY_NOTICE = "privacy-notice"
    NOT_AN_EMERGENCY = "not-an-emergency"

    @property
    def is_consent(self) -> bool:
        return self not in (TextKind.PRIVACY_NOTICE, TextKind.NOT_AN_EMERGENCY)


class NoSuchText(Exception):
    """There is no such version of this kind."""


@dataclass(frozen=True, slots=True)
class ConsentText:
    """`hash`: SHA-256, hexadecimal, of the other five in canonical JSON: keys sorted, no spaces, UTF-8
    unescaped. It is what a receipt proves that the person was shown.
    """

    kind: TextKind
    version: str
    language: Language
    title: str
    text: str
    hash: str


def consent_text(kind: TextKind, language: Language, version: str | None = None) -> ConsentText:
    """The current version, or an earlier one that somebody once agreed to. Raises NoSuchText."""
    version = current_version(kind) if version is None else version
    try:
        return _ALL[kind, version, language]
    except KeyError:
        raise NoSuchText(f"there is no such version of {kind.value}") from None


def current_version(kind: TextKind) -> str:
    """What has to be agreed to from now on: "1", "2" and so on."""
    return _CURRENT[kind]


def _text(kind: TextKind, version: str, language: Language, title: str, text: str) -> ConsentText:
    shown = {
        "kind": kind.value,
        "language": language.value,
        "text": text,
        "title": title,
        "version": version,
    }
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return ConsentText(kind, version, language, title, text, sha256(canonical.encode("utf-8")).hexdigest())


def _all() -> dict[tuple[TextKind, str, Language], ConsentText]:
    """Raises ValueError or KeyError when a file has another name, or not every language."""
    found = {}
    for file in files(__package__).joinpath("versions").iterdir():
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file.name} is no kind and version of a text")
        kind, version = TextKind(match["kind"]), match["version"]
        texts = json.loads(file.read_text("utf-8"))
        if set(texts) != {language.value for language in Language}:
            raise ValueError(f"{file.name} is not there in every language")
        for language in Language:
            words = texts[language.value]
            found[kind, version, language] = _text(kind, version, language, words["title"], words["text"])
    return found


_ALL = _all()
_CURRENT = {kind: str(max(int(version) for other, version, _ in _ALL if other is kind)) for kind in TextKind}
