"""The numbers by which Belgium knows persons, care providers and insurance funds. Pure; asks no register."""

from auth.identifiers.errors import BadIdentifier, IdentifierFault
from auth.identifiers.insurance_fund import SEEN_CODES, FundUnion, InsuranceFund, parse_insurance_fund
from auth.identifiers.national_number import (
    Disagreement,
    NationalNumber,
    NationalNumberKind,
    PartialDate,
    Sex,
    parse_national_number,
)
from auth.identifiers.nihdi_number import (
    MODULI,
    RECOGNISED_GENERAL_PRACTITIONERS,
    NihdiNumber,
    parse_nihdi_number,
)

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "parse_national_number",
    "NationalNumber",
    "NationalNumberKind",
    "PartialDate",
    "Sex",
    "Disagreement",
    "parse_nihdi_number",
    "NihdiNumber",
    "RECOGNISED_GENERAL_PRACTITIONERS",
    "MODULI",
    "parse_insurance_fund",
    "InsuranceFund",
    "FundUnion",
    "SEEN_CODES",
    "BadIdentifier",
    "IdentifierFault",
]
