"""The file of doctors that operators import: CSV (RFC 4180), UTF-8, commas or semicolons. Pure.

    nihdi,national_number,family_name,given_name,languages,registry_verified_at,verified_by,training_completed_on
    10829059004,85073003328,Peeters,Jan,nl fr,2026-01-31,A. Janssens,2026-02-15

Dates are YYYY-MM-DD; the last three columns may be empty, and the doctor then does not go on duty yet. Every
error names line and field and says what is wrong, without quoting anything: the file is about people.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from auth import MODULI, BadIdentifier, NihdiNumber, Private, parse_national_number, parse_nihdi_number
from media_server.languages import Language
from media_server.people.errors import BadDoctorsFile

COLUMNS: Final = (
    "nihdi",
    "national_number",
    "family_name",
    "given_name",
    "languages",
    "registry_verified_at",
    "verified_by",
    "training_completed_on",
)
MOST_ERRORS: Final = 100
MOST_DOCTORS: Final = 250_000  # three times those whom Belgium has

MOST_LINE_BYTES: Final = 16 * 1024

T = TypeVar("T")

_MOST_CHARACTERS = 80
_DOCTOR = "1"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEPARATORS = re.compile(r"[\s,;/+|]+")


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """One doctor as the file has them."""

    line: int
    nihdi: NihdiNumber
    national_number: Private[str]
    family_name: Private[str]
    given_name: Private[str]
    languages: tuple[Language, ...]
    registry_verified_at: date | None
    verified_by: str | None
    training_completed_on: date | None


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong in one field of one line; without a field, in the whole line."""

    line: int
    field: str | None
    text: str

    def __str__(self) -> str:
        return (
            f"line {self.line}: {self.field}: {self.text}" if self.field else f"line {self.line}: {self.text}"
        )


@dataclass(slots=True)
class DoctorsFile:
    """What was read. With any error nothing of it may be used; `unlisted` errors were found beyond the first
    hundred.
    """

    doctors: list[DoctorLine] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)
    unlisted: int = 0

    def refuse(self, error: LineError) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(error)
        else:
            self.unlisted += 1


class _BadField(Exception):
    """Its text is for the operator."""


def read_doctors_file(lines: Iterable[bytes], today: date, moduli: Sequence[int] = MODULI) -> DoctorsFile:
    """All of a file's doctors, or what is wrong with it line by line. `lines` as a binary file yields them.

    Raises BadDoctorsFile for what is no such file at all.
    """
    decoded = _decoded(lines)
    header = next(decoded, "")
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = _names([name.strip().strip('"').lower() for name in header.split(delimiter)])
    # Strict: quotation marks in odd places are told, not guessed at.
    reader = csv.reader(decoded, delimiter=delimiter, strict=True)
    found, check = DoctorsFile(), _LineCheck(today, moduli)
    while True:
        line = reader.line_num + 2  # of the record's first line; the header was the first
        try:
            values = next(reader, None)
        except csv.Error:
            raise BadDoctorsFile(
                f"line {line}: cannot be read as CSV; see to its quotation marks and line ends"
            ) from None
        if values is None:
            return found
        if len(found.doctors) >= MOST_DOCTORS:
            raise BadDoctorsFile(f"more than {MOST_DOCTORS} doctors: divide the file")
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(names):
            found.refuse(LineError(line, None, f"has {len(values)} fields, not {len(names)}"))
            continue
        doctor = check.doctor(line, dict(zip(names, values, strict=True)), found.refuse)
        if doctor is not None:
            found.doctors.append(doctor)


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number == 1 and line[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise BadDoctorsFile("line 1: this is UTF-16; save the file as UTF-8")
        if len(line) > MOST_LINE_BYTES:
            raise BadDoctorsFile(f"line {number}: is longer than {MOST_LINE_BYTES} bytes")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadDoctorsFile(
                f"line {number}: is not UTF-8; save the file as UTF-8 (spreadsheets call it “CSV UTF-8”)"
            ) from None


def _names(names: list[str]) -> list[str]:
    """The header's, all there. Raises BadDoctorsFile."""
    missing = [name for name in COLUMNS if name not in names]
    # What else stands there is not quoted: where the header is missing, it is the first doctor.
    if missing or len(names) != len(COLUMNS):
        lacks = f" (missing: {', '.join(missing)})" if missing and len(missing) < len(COLUMNS) else ""
        raise BadDoctorsFile(f"line 1: the header has to be {','.join(COLUMNS)}{lacks}")
    return names


class _LineCheck:
    """Lines become doctors, each person once."""

    def __init__(self, today: date, moduli: Sequence[int]) -> None:
        self._today = today
        self._moduli = moduli
        self._lines: dict[tuple[str, Private[str]], int] = {}

    def doctor(
        self, line: int, values: Mapping[str, str], refuse: Callable[[LineError], None]
    ) -> DoctorLine | None:
        """None when anything was refused; all that is wrong with the line is told."""
        wrong: set[str] = set()

        def read(name: str, parse: Callable[[str], T]) -> T | None:
            try:
                return parse(values[name].strip())
            except (_BadField, BadIdentifier) as error:
                wrong.add(name)
                refuse(LineError(line, name, str(error)))
                return None

        nihdi = read("nihdi", lambda text: self._nihdi(text, line))
        number = read("national_number", lambda text: self._national_number(text, line))
        family_name, given_name = read("family_name", _name), read("given_name", _name)
        languages = read("languages", _languages)
        verified_at = read("registry_verified_at", self._past_day)
        verified_by = read("verified_by", lambda text: _name(text).reveal() if text else None)
        trained_on = read("training_completed_on", self._past_day)
        if verified_at is not None and verified_by is None and "verified_by" not in wrong:
            refuse(LineError(line, "verified_by", "say who looked the doctor up"))
            return None
        if wrong or not (nihdi and number and family_name and given_name and languages):
            return None
        return DoctorLine(
            line, nihdi, number, family_name, given_name, languages, verified_at, verified_by, trained_on
        )

    def _nihdi(self, text: str, line: int) -> NihdiNumber:
        number = parse_nihdi_number(text, self._moduli)
        if number.profession != _DOCTOR:
            raise _BadField("is not a doctor's number")
        self._once("nihdi", number.person, line)
        return number

    def _national_number(self, text: str, line: int) -> Private[str]:
        digits = parse_national_number(text).digits
        self._once("national_number", digits, line)
        return digits

    def _once(self, kind: str, value: Private[str], line: int) -> None:
        first = self._lines.setdefault((kind, value), line)
        if first != line:
            raise _BadField(f"is the same person's as in line {first}")

    def _past_day(self, text: str) -> date | None:
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None:
            raise _BadField("is not a date like 2026-01-31")
        if day > self._today:
            raise _BadField("is a day to come")
        return day


def _name(text: str) -> Private[str]:
    name = " ".join(text.split())
    # Beside control characters this refuses the bidirectional overrides, which make one name read as another.
    if not name or len(name) > _MOST_CHARACTERS or not name.isprintable():
        raise _BadField(f"has to be 1 to {_MOST_CHARACTERS} printable characters")
    return Private(name)


def _languages(text: str) -> tuple[Language, ...]:
    known = {language.value: language for language in Language}
    tags = list(dict.fromkeys(tag for tag in _SEPARATORS.split(text.lower()) if tag))
    if not tags or any(tag not in known for tag in tags):
        raise _BadField(f"has to be one or more of {' '.join(known)}")
    return tuple(known[tag] for tag in tags)
