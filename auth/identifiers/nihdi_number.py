"""The number of a care provider at RIZIV/INAMI/NIHDI: `P-SSSSS-CC-QQQ`, eleven digits.

Profession, serial, check, qualification. CC is the modulus less the remainder of the first six digits by it:
97, and 89 for the second series of serials (INAMI note I 2012/26; doctors since 1 April 2019). Each six-digit
stem is thus given out once in each series, and the first eight digits together are the person: they stay for
a career, while the qualification changes.

A well-formed number proves no right to practise: that is for whoever verifies it in the public registry.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from auth.identifiers.errors import BadIdentifier, IdentifierFault
from auth.private import Private

MODULI: Final = (97, 89)
DOCTOR: Final = "1"
RECOGNISED_GENERAL_PRACTITIONERS: Final = frozenset({"003", "004"})
"""001 to 008 are all general medicine; these two are recognised (Order of Physicians, 6 March 2010), while
005 and 006 are in training and 000 is the basic diploma."""

# Digits with the separators that people write; `[0-9]`, since `\d` would take every script's digits.
_FORM = re.compile(r"[0-9](?:[ ./-]?[0-9]){10}")
_SEPARATORS = re.compile(r"[ ./-]")


@dataclass(frozen=True, slots=True)
class NihdiNumber:
    """A number that may be a care provider's. Made by `parse_nihdi_number`."""

    digits: Private[str]

    @property
    def profession(self) -> str:
        """One digit: 1 doctor, 3 dentist, 4 nurse or midwife, 5 physiotherapist, 6 pharmacist, …"""
        return self.digits.reveal()[0]

    @property
    def person(self) -> Private[str]:
        """The eight digits that stay the same for a career."""
        return Private(self.digits.reveal()[:8])

    @property
    def qualification(self) -> str:
        """Three digits: what the person is recognised for."""
        return self.digits.reveal()[8:]

    @property
    def formatted(self) -> Private[str]:
        """As it is printed: `P-SSSSS-CC-QQQ`."""
        digits = self.digits.reveal()
        return Private(f"{digits[0]}-{digits[1:6]}-{digits[6:8]}-{digits[8:]}")

    def is_doctor_with(self, qualifications: Collection[str] = RECOGNISED_GENERAL_PRACTITIONERS) -> bool:
        """Whether it is a doctor's, with one of these qualifications."""
        return self.profession == DOCTOR and self.qualification in qualifications


def parse_nihdi_number(text: str, moduli: Sequence[int] = MODULI) -> NihdiNumber:
    """Eleven digits, with or without the usual separators. Raises BadIdentifier."""
    if not _FORM.fullmatch(text.strip()):
        raise BadIdentifier(IdentifierFault.FORMAT, "a RIZIV/INAMI number has 11 digits")
    digits = _SEPARATORS.sub("", text.strip())
    if digits[0] == "0":
        raise BadIdentifier(IdentifierFault.PROFESSION, "no profession has a RIZIV/INAMI number from 0")
    stem, check = int(digits[:6]), int(digits[6:8])
    if all(modulus - stem % modulus != check for modulus in moduli):
        raise BadIdentifier(
            IdentifierFault.CHECK_DIGITS, "the check digits of the RIZIV/INAMI number do not fit"
        )
    return NihdiNumber(Private(digits))
