"""The settings of logging in: with which provider, and back to which apps. A part of all settings."""

import re
from enum import Enum
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

_APPLE: Final = re.compile(r"[A-Z0-9]{10}\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ANDROID: Final = re.compile(
    r"(?P<package>[A-Za-z]\w*(\.[A-Za-z]\w*)+)=(?P<fingerprint>[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31})", re.ASCII
)
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


class ItsmeEnvironment(Enum):
    """Who vouches for people."""

    NONE = "none"  # nobody can log in
    DEVELOPMENT = "development"  # our own provider of test persons, on loopback
    E2E = "e2e"  # itsme's sandbox
    PRD = "prd"


def _app_link(text: str) -> str:
    parts = urlsplit(text)
    bare = not (parts.query or parts.fragment or "@" in parts.netloc or text.endswith(("?", "#")))
    if parts.scheme != "https" or not parts.hostname or not bare or not _PATH.fullmatch(parts.path):
        raise ValueError(
            "has to look like https://host/path, as the app claims it (universal link, app link)"
        )
    return f"https://{parts.netloc.lower()}{parts.path}"


def _apple_app_id(text: str) -> str:
    if not _APPLE.fullmatch(text):
        raise ValueError("has to look like ABCDE12345.org.example.app: team and bundle")
    return text


def _android_app(text: str) -> str:
    if not _ANDROID.fullmatch(text):
        raise ValueError("has to look like org.example.app=AB:CD:…: package and its certificate's SHA-256")
    return text


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has to look like https://host/path")
    return text.rstrip("/")


AppLink = Annotated[str, AfterValidator(_app_link)]
AppleAppId = Annotated[str, AfterValidator(_apple_app_id)]
AndroidApp = Annotated[str, AfterValidator(_android_app)]
Issuer = Annotated[str, AfterValidator(_issuer)]


class LoginSettings(BaseSettings):
    """Checked against each other in `environment.py`."""

    itsme_environment: ItsmeEnvironment = Field(
        ItsmeEnvironment.NONE, description="who people log in with: none, development, e2e or prd"
    )
    itsme_client_id: str | None = Field(None, pattern=r"^[!-~]{1,128}$", description="ours, given by itsme")
    itsme_service_code: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="of the service at itsme that people log in to"
    )
    itsme_issuer: Issuer | None = Field(None, description="unset: itsme's own of that environment")
    itsme_request_object: Literal["none", "signed", "encrypted"] = Field(
        "signed", description="how what is asked of itsme is protected"
    )
    app_links: Annotated[tuple[AppLink, ...], NoDecode] = Field(
        (), description="https://… links of our apps, to which logins may go back"
    )
    apple_app_ids: Annotated[tuple[AppleAppId, ...], NoDecode] = Field(
        (), description="iOS apps that open the links: TEAM.bundle"
    )
    android_apps: Annotated[tuple[AndroidApp, ...], NoDecode] = Field(
        (), description="Android apps that open the links: package=SHA-256 of the certificate"
    )

    @field_validator("app_links", "apple_app_ids", "android_apps", mode="before")
    @classmethod
    def _split_lists(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())


def android_parts(app: AndroidApp) -> tuple[str, str]:
    """Package and fingerprint in capitals, as in `assetlinks.json`."""
    package, _, fingerprint = app.partition("=")
    return package, fingerprint.upper()
