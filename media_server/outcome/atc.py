"""Codes of the Anatomical Therapeutic Chemical classification (WHO): their form, and the groups there are.

Five levels: `N` anatomical, `N05` therapeutic, `N05B` pharmacological, `N05BA` chemical, `N05BA01` substance.
Which groups exist at the first two levels changes hardly ever, and comes with the rules as data.
"""

import re
from collections.abc import Mapping
from typing import Final

SUBSTANCE: Final = 7
"""Characters of a code that names one substance, or one combination."""
CHEMICAL_GROUP: Final = 5
"""Characters of the coarsest code that a medicine is registered with."""

CODE: Final = re.compile(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?")
_LONGEST_TYPED: Final = 32


def normal(typed: str) -> str | None:
    """A well-formed code of any level as it is written, or None. Case and white space around it don't matter.

    ASCII alone counts: letters of other alphabets that look alike, or turn into these as capitals, do not.
    """
    if len(typed) > _LONGEST_TYPED or not typed.isascii():
        return None
    code = typed.strip().upper()
    return code if CODE.fullmatch(code) else None


def is_known(code: str, groups: Mapping[str, frozenset[str]]) -> bool:
    """Whether a well-formed code stands in a group that there is; `groups` maps `N` to {`01`, `02`, …}."""
    return code[0] in groups and (len(code) == 1 or code[1:3] in groups[code[0]])
