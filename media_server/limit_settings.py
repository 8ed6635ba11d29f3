"""The settings of what hostile callers may do, and how often. A part of all settings."""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import NoDecode

from media_server.login.settings import LoginSettings
from media_server.rate_limits import Network


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("has to look like 10.0.0.5 or 10.0.0.0/24: an address, or a network") from None


PerMinute = Annotated[int, Field(ge=0, le=100_000)]


class LimitSettings(LoginSettings):
    """0 is no limit."""

    trusted_proxies: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode] = Field(
        (), description="addresses or networks of proxies whose X-Forwarded-For is believed"
    )
    limit_logins_per_minute: PerMinute = Field(60, description="of one address: logins begun, and come back")
    limit_tokens_per_minute: PerMinute = Field(120, description="of one address: tokens asked for by apps")
    limit_invitations_per_minute: PerMinute = Field(20, description="of one address: invitations tried")
    limit_uploads_per_minute: PerMinute = Field(
        60, description="of one session: files added; ten times that of one address"
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        return tuple(ip_network(text) for text in self.trusted_proxies)
