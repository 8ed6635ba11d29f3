"""The number of a person in Belgium: national register, or BIS for whoever is not in it (NISS, INSZ, SSIN).

Eleven digits `YYMMDD SSS CC` (Royal Decree of 3 April 1984; BIS: of 8 February 1991). Form, check digits and
date are python-stdnum's to judge, which looks at today's year: nobody is born in a year to come.

CC is 97 less the remainder of the first nine digits by 97, with a 2 before them for who was born in 2000 or
later. That 2 moves the remainder by 2·10⁹ mod 97 = 68, never by 0: one number cannot be right for both
centuries, so the check digits settle which one it is, and nothing is left to guess.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from stdnum.be import bis, nn
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError

from auth.identifiers.errors import BadIdentifier, IdentifierFault
from auth.private import Private

_MOST_CHARACTERS: Final = 32
_UNUSED_SEQUENCES: Final = ("000", "999")


class Sex(Enum):
    """As the register has it; the words are those of FHIR's administrative-gender."""

    MALE = "male"
    FEMALE = "female"


class NationalNumberKind(Enum):
    REGISTER = "register"
    BIS = "bis"


class Disagreement(Enum):
    """What a number and the person said to have it do not agree on."""

    BIRTHDATE = "birthdate"
    SEX = "sex"


@dataclass(frozen=True, slots=True, repr=False)
class PartialDate:
    """A date of birth as far as a number tells it; None for what was unknown when it was given out.

    Month and day are also unknown when the numbers of a day had all been given out.
    """

    year: int | None
    month: int | None
    day: int | None

    def allows(self, day: date) -> bool:
        """Whether nothing known contradicts `day`."""
        known = ((self.year, day.year), (self.month, day.month), (self.day, day.day))
        return all(mine is None or mine == theirs for mine, theirs in known)


@dataclass(frozen=True, slots=True)
class NationalNumber:
    """A number that may be somebody's. Made by `parse_national_number`."""

    digits: Private[str]
    kind: NationalNumberKind
    born: Private[PartialDate]
    sex: Private[Sex | None]

    @property
    def formatted(self) -> Private[str]:
        """As on an identity card: `YY.MM.DD-SSS.CC`."""
        return Private(nn.format(self.digits.reveal()))

    def disagreements(self, birthdate: date | None, sex: Sex | None) -> tuple[Disagreement, ...]:
        """Where the number contradicts what else is known of the person; None: not known.

        A BIS number contradicts nobody: its date and sex are what was thought when it was given out. Whoever
        changes sex in the national register gets another number, so there it has to agree.
        """
        if self.kind is NationalNumberKind.BIS:
            return ()
        found = []
        if birthdate is not None and not self.born.reveal().allows(birthdate):
            found.append(Disagreement.BIRTHDATE)
        own = self.sex.reveal()
        if sex is not None and own is not None and sex is not own:
            found.append(Disagreement.SEX)
        return tuple(found)


def parse_national_number(text: str) -> NationalNumber:
    """Eleven digits, with or without the usual dots, dashes and spaces. Raises BadIdentifier."""
    if len(text) > _MOST_CHARACTERS:
        raise BadIdentifier(IdentifierFault.FORMAT, "a national number has 11 digits")
    digits, kind = _validated(text)
    if kind is NationalNumberKind.REGISTER and digits[6:9] in _UNUSED_SEQUENCES:
        raise BadIdentifier(IdentifierFault.SEQUENCE, "no national number has the sequence number 000 or 999")
    return NationalNumber(Private(digits), kind, Private(_born(digits)), Private(_sex(digits, kind)))


def _validated(text: str) -> tuple[str, NationalNumberKind]:
    try:
        try:
            return bis.validate(text), NationalNumberKind.BIS
        except InvalidComponent:  # of all else both kinds think alike
            return nn.validate(text), NationalNumberKind.REGISTER
    except InvalidChecksum:
        raise BadIdentifier(
            IdentifierFault.CHECK_DIGITS, "the check digits of the national number do not fit"
        ) from None
    except InvalidComponent:
        raise BadIdentifier(IdentifierFault.DATE, "no month is like the one in the national number") from None
    except (ValidationError, ValueError):
        raise BadIdentifier(IdentifierFault.FORMAT, "a national number has 11 digits") from None


def _born(digits: str) -> PartialDate:
    year, month, exact = nn.get_birth_year(digits), nn.get_birth_month(digits), nn.get_birth_date(digits)
    # Who was registered without any date got the year 00. Those born in 2000 whose month is unknown look the
    # same: then nothing is known, rather than something wrong.
    if month is None and digits.startswith("00"):
        year = None
    return PartialDate(year, month, exact.day if exact is not None else None)


def _sex(digits: str, kind: NationalNumberKind) -> Sex | None:
    """Odd for men, even for women; a BIS number with month + 20 was given out without knowing the sex."""
    if kind is NationalNumberKind.BIS and int(digits[2:4]) < 40:
        return None
    return Sex.MALE if int(digits[6:9]) % 2 else Sex.FEMALE
