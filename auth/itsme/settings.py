"""What this relying party has agreed with the provider: pinned here, and not learned from the network."""

from dataclasses import dataclass
from enum import Enum
from functools import total_ordering
from typing import Final

_CLAIM: Final = "http://itsme.services/v2/claim/"
NATIONAL_NUMBER_CLAIM: Final = f"{_CLAIM}BENationalNumber"
BIRTHDATE_AS_STRING_CLAIM: Final = f"{_CLAIM}birthdate_as_string"
UI_LOCALES: Final = ("fr", "nl", "de", "en")


@total_ordering
class Acr(Enum):
    """How the person has to prove who they are, the weaker first (itsme, authentication context)."""

    BASIC = f"{_CLAIM}acr_basic"  # fingerprint or itsme code
    ADVANCED = f"{_CLAIM}acr_advanced"  # itsme code

    def __lt__(self, other: "Acr") -> bool:
        order = list(Acr)
        return order.index(self) < order.index(other)


class RequestObject(Enum):
    """Whether what we ask for is signed (RFC 9101), so that nobody on the way can weaken it."""

    NONE = "none"
    SIGNED = "signed"
    ENCRYPTED = "encrypted"  # signed, then encrypted


@dataclass(frozen=True, slots=True)
class ItsmeSettings:
    """`issuer` has no trailing slash. Endpoints are compared with the provider's discovery document, never
    taken from it.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    client_id: str
    service_code: str
    redirect_uri: str
    scopes: tuple[str, ...] = ("profile", "phone", "email", "eid")
    acr: Acr = Acr.ADVANCED
    request_object: RequestObject = RequestObject.SIGNED
    always_ask_userinfo: bool = False
    clock_skew_s: float = 60.0

    @classmethod
    def of(
        cls,
        issuer: str,
        *,
        client_id: str,
        service_code: str,
        redirect_uri: str,
        request_object: RequestObject = RequestObject.SIGNED,
        always_ask_userinfo: bool = False,
    ) -> "ItsmeSettings":
        """With itsme's paths below the issuer (version 2)."""
        return cls(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/authorization",
            token_endpoint=f"{issuer}/token",
            userinfo_endpoint=f"{issuer}/userinfo",
            jwks_uri=f"{issuer}/jwkSet",
            client_id=client_id,
            service_code=service_code,
            redirect_uri=redirect_uri,
            request_object=request_object,
            always_ask_userinfo=always_ask_userinfo,
        )

    @property
    def scope(self) -> str:
        return " ".join(("openid", f"service:{self.service_code}", *self.scopes))

    @property
    def discovery_uri(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"
