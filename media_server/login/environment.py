"""Which provider this server logs people in with: from our settings to those of the relying party. Pure."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from auth import ItsmeSettings, RequestObject
from media_server.errors import RefusedSettings
from media_server.login.settings import ItsmeEnvironment

if TYPE_CHECKING:
    from media_server.settings import Settings

CALLBACK: Final = "/v1/auth/itsme/callback"
JWKS: Final = "/.well-known/jwks.json"
DEVELOPMENT_PROVIDER: Final = "/development-provider/v2"
DEVELOPMENT_CLIENT: Final = "teleconsult-development"
DEVELOPMENT_SERVICE: Final = "TELECONSULT_DEVELOPMENT"


def check_login(settings: "Settings") -> None:
    """Raises RefusedSettings."""
    match settings.itsme_environment:
        case ItsmeEnvironment.NONE:
            return
        case ItsmeEnvironment.DEVELOPMENT:
            _check_development(settings)
        case ItsmeEnvironment.E2E | ItsmeEnvironment.PRD:
            _check_itsme(settings)


def itsme_settings(settings: "Settings", port: int) -> ItsmeSettings | None:
    """What is pinned of the provider; None where nobody can log in. `port` is the one bound."""
    origin = settings.origin(port)
    match settings.itsme_environment:
        case ItsmeEnvironment.NONE:
            return None
        case ItsmeEnvironment.DEVELOPMENT:
            issuer, client, service = (
                f"{origin}{DEVELOPMENT_PROVIDER}",
                DEVELOPMENT_CLIENT,
                DEVELOPMENT_SERVICE,
            )
        case ItsmeEnvironment.E2E | ItsmeEnvironment.PRD as environment:
            issuer = settings.itsme_issuer or f"https://idp.{environment.value}.itsme.services/v2"
            client, service = str(settings.itsme_client_id), str(settings.itsme_service_code)
    return ItsmeSettings.of(
        issuer,
        client_id=client,
        service_code=service,
        redirect_uri=f"{origin}{CALLBACK}",
        request_object=RequestObject(settings.itsme_request_object),
    )


def _check_development(settings: "Settings") -> None:
    """It lets anybody be anybody, so only this machine may come near it, not through a proxy either."""
    refused = "ITSME_ENVIRONMENT: development is refused"
    if not settings.on_loopback:
        raise RefusedSettings(f"{refused} unless HTTP_HOST is a loopback address")
    if settings.behind_tls_proxy or not settings.reached_on_loopback:
        raise RefusedSettings(f"{refused} behind a proxy, or with a PUBLIC_URL off loopback")
    if settings.ends_tls:
        raise RefusedSettings(f"{refused} with TLS_CERTIFICATE: the server asks itself, over plain HTTP")


def _check_itsme(settings: "Settings") -> None:
    for name, value in (
        ("ITSME_CLIENT_ID", settings.itsme_client_id),
        ("ITSME_SERVICE_CODE", settings.itsme_service_code),
    ):
        if value is None:
            raise RefusedSettings(f"{name}: needed with itsme; it gives you one when you enrol")
    # itsme white-lists redirect addresses, https only and exactly as they are written.
    if settings.public_url is None or urlsplit(settings.public_url).scheme != "https":
        raise RefusedSettings("PUBLIC_URL: needed with itsme, https://… as it is registered there")
