"""The codes of Belgian health insurance funds (mutualities): three digits, the first one its national union.

Every insured person has one, whoever the operator: a known union is all that is asked. The funds of a union
merge from year to year and no official list of codes was at hand, so a code that is not among the
`SEEN_CODES` is accepted like them.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from auth.identifiers.errors import BadIdentifier, IdentifierFault
from auth.private import Private


class FundUnion(Enum):
    """The national unions and the two public funds, by the code of the whole."""

    CHRISTIAN = "100"
    NEUTRAL = "200"
    SOCIALIST = "300"
    LIBERAL = "400"
    INDEPENDENT = "500"
    AUXILIARY = "600"  # HZIV/CAAMI, for those in no other
    RAILWAY = "900"  # HR Rail


SEEN_CODES: Final = frozenset({*(union.value for union in FundUnion), "101", "120", "134", "306"})

_FORM = re.compile(r"[0-9]{3}")
# The public funds have no regional ones.
_ALONE = (FundUnion.AUXILIARY, FundUnion.RAILWAY)


@dataclass(frozen=True, slots=True)
class InsuranceFund:
    """A fund that a person may be with. Made by `parse_insurance_fund`."""

    code: Private[str]
    union: Private[FundUnion]


def parse_insurance_fund(text: str) -> InsuranceFund:
    """Three digits of a known union, 600 or 900. Raises BadIdentifier."""
    code = text.strip()
    if not _FORM.fullmatch(code):
        raise BadIdentifier(IdentifierFault.FORMAT, "an insurance fund's code has 3 digits")
    union = next((each for each in FundUnion if each.value[0] == code[0]), None)
    if union is None or (union in _ALONE and code != union.value):
        raise BadIdentifier(
            IdentifierFault.UNION, "a Belgian insurance fund's code is 100 to 599, 600 or 900"
        )
    return InsuranceFund(Private(code), Private(union))
