"""HTTP endpoints as declarations: who may, what goes in and comes out, described by the same that serves
them.
"""

from media_server.api.call import Answer, Call, Caller, Callers, standing_of
from media_server.api.endpoint import CONSULTATION, ID_PATTERN, Endpoint, Parameter
from media_server.api.errors import (
    BadParameter,
    CsrfRefused,
    FieldFault,
    InProgress,
    Invalid,
    KeyReused,
    MayNot,
    NotFound,
    NotLoggedIn,
    WrongMediaType,
)
from media_server.api.idempotency import Idempotency
from media_server.api.openapi import openapi_document
from media_server.api.serving import Api, read_at_most

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "Endpoint",
    "Parameter",
    "CONSULTATION",
    "ID_PATTERN",
    "Call",
    "Caller",
    "Callers",
    "Answer",
    "Api",
    "read_at_most",
    "standing_of",
    "Idempotency",
    "openapi_document",
    "NotLoggedIn",
    "CsrfRefused",
    "MayNot",
    "NotFound",
    "Invalid",
    "BadParameter",
    "FieldFault",
    "WrongMediaType",
    "KeyReused",
    "InProgress",
]
