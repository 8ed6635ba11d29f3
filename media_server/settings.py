"""The server's settings: a TOML file, overridden by `TELECONSULT_…` environment variables.

One field per setting; in the environment it is the field's name in capitals after the prefix, in the file
the name in either case. Everything is checked before anything starts, and an error names the setting. Two
kinds of error: a value that cannot be read (wrong usage), and a readable one that this server refuses to
run with.
"""

import os
import re
import socket
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from media_server.errors import BadSettings, RefusedSettings
from media_server.limit_settings import LimitSettings
from media_server.login.settings import ItsmeEnvironment

ENV_PREFIX = "TELECONSULT_"
CONFIG_VARIABLE = "TELECONSULT_CONFIG"
DEFAULT_FILE = Path("teleconsult.toml")

_REDIS = re.compile(r"(rediss?(\+sentinel|\+cluster)?|unix)://")
_DATABASE = re.compile(r"sqlite:///[^?]|postgresql://")

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
# Lists are written with commas in the environment, as arrays in TOML.
Names = Annotated[tuple[str, ...], NoDecode]


class Policy(Enum):
    """What a deployment allows; shown in every room."""

    BELGIUM = "belgium"  # nothing is ever recorded
    CONSENTED_RECORDING = "consented-recording"


class IceServer(BaseModel):
    """One STUN or TURN server told to clients (W3C WebRTC, RTCIceServer)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    urls: tuple[Annotated[str, Field(pattern=r"^(stun|stuns|turn|turns):\S+$")], ...]
    username: str | None = None
    credential: SecretStr | None = None


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _node_id() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "node"


class Settings(LimitSettings):
    """All settings with their defaults; immutable. Those of logging in: `media_server/login/settings.py`;
    limits: `media_server/limit_settings.py`.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    http_host: str = Field("127.0.0.1", description="address the HTTP and WebSocket server binds to")
    http_port: Port = Field(8080, description="its TCP port; 0 takes any free one")
    public_url: str | None = Field(None, description="https://… address clients reach the service by")
    node_url: str | None = Field(None, description="https://… address of this node alone; unset: PUBLIC_URL")
    tls_certificate: Path | None = Field(None, description="PEM file: certificate and chain")
    tls_key: Path | None = Field(None, description="PEM file: its private key")
    behind_tls_proxy: bool = Field(False, description="a proxy in front ends TLS; plain HTTP is then allowed")
    allowed_origins: Names = Field((), description="web origins whose pages may use client and socket")

    metrics_host: str = Field("127.0.0.1", description="address the metrics server binds to")
    metrics_port: Port = Field(9090, description="its TCP port; 0 takes any free one")

    # Under Linux' ephemeral range (32768 and up), so that no outgoing connection holds it when we start.
    media_port: Port = Field(10000, description="UDP port of all media; 0 takes any free one")
    media_host: str | None = Field(
        None, description="address media binds to; unset: all of the host, v4 and v6"
    )
    announced_addresses: Names = Field((), description="addresses told to clients; unset: the host's own")
    workers: int = Field(default_factory=_cores, ge=1, le=256, description="media threads; unset: one a core")
    media_longest_wait_us: int = Field(
        800, ge=0, le=10_000, description="busy media threads look for packets so far apart; 0: at once"
    )
    consent_timeout_s: Seconds = Field(30.0, description="silence after which a media path is given up")
    ice_servers: tuple[IceServer, ...] = Field((), description="STUN and TURN servers told to clients")

    join_timeout_s: Seconds = Field(5.0, description="time from connecting to `join` or `resume`")
    resume_window_s: Seconds = Field(30.0, description="how long a session outlives its WebSocket")
    ping_interval_s: Seconds = Field(15.0, description="between WebSocket pings; two unanswered end it")
    room_empty_s: Seconds = Field(60.0, description="how long an empty room is kept")
    drain_s: Seconds = Field(30.0, description="time given to callers to follow to another node on a stop")

    data_dir: Path = Field(Path("data"), description="folder of keys and records")
    keys_dir: Path | None = Field(
        None, description="folder of the keys for tickets, the same for all nodes; unset: in DATA_DIR"
    )
    node_id: str = Field(default_factory=_node_id, pattern=r"^[A-Za-z0-9._-]{1,64}$", description="this node")
    policy: Policy = Field(Policy.BELGIUM, description="belgium or consented-recording")
    redis_url: SecretStr | None = Field(None, description="room state shared by several nodes; unset: memory")
    database_url: SecretStr | None = Field(
        None, description="records: sqlite:///PATH or postgresql://…; unset: SQLite in DATA_DIR"
    )
    purge_after_s: float = Field(
        86_400.0, ge=0, le=30 * 86_400, description="from a consultation's end until its content is removed"
    )

    recording_custodians: Names = Field((), description="age recipients who can open recordings")
    recording_segment_s: float = Field(1.0, ge=0.2, le=10, description="between sealed segments")
    max_recordings: int = Field(200, ge=1, le=10_000, description="rooms recorded at a time on this node")

    fair_use_per_month: int = Field(5, ge=1, le=1000, description="consultations a patient may have")
    doctor_absence_s: float = Field(
        120.0, ge=1, le=3600, description="gone from a call so long, a doctor loses the patient who wants to"
    )
    claim_absence_s: float = Field(
        300.0, ge=1, le=3600, description="not seen for so long, a doctor loses a patient not called yet"
    )
    open_consultation_days: float = Field(
        3, ge=1, le=30, description="from its beginning until a consultation that nobody has ended is ended"
    )
    report_kept_days: float = Field(
        30, ge=7, le=365, description="until a report that failed, and that nobody sends again, is given up"
    )
    medical_files_dir: Path | None = Field(
        None, description="folder of medical files (FHIR Bundles); unset: none can be read"
    )
    reports_dir: Path | None = Field(
        None, description="folder that reports to GPs are put into; unset: `reports` in DATA_DIR"
    )
    report_webhook: str | None = Field(
        None, description="https://… that reports to GPs are posted to, signed, instead of the folder"
    )

    walk_in: bool = Field(False, description="tickets without a login, on loopback only: for trying it out")
    walk_in_admitted: bool = Field(True, description="whether walk-in patients and guests enter at once")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # `load` merges file, environment and command line itself

    @field_validator("allowed_origins", "announced_addresses", "recording_custodians", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("announced_addresses")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            _check_address(part)
        return value

    @field_validator("recording_custodians")
    @classmethod
    def _custodians(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_recipient(part, number) for number, part in enumerate(value, start=1)))

    @field_validator("media_host")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            _check_address(value)
        return value

    @field_validator("public_url", "node_url", "allowed_origins")
    @classmethod
    def _origins(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        if isinstance(value, tuple):
            return tuple(_origin(part) for part in value)
        return value and _origin(value)

    @property
    def on_loopback(self) -> bool:
        """Whether only programs of this machine reach the HTTP server."""
        return is_loopback(self.http_host)

    @property
    def reached_on_loopback(self) -> bool:
        """Whether clients are told an address of this machine only."""
        return self.public_url is None or _local_url(self.public_url)

    @property
    def ends_tls(self) -> bool:
        return self.tls_certificate is not None

    @property
    def secure(self) -> bool:
        """Whether clients reach us by https and wss."""
        return self.ends_tls or self.behind_tls_proxy

    @property
    def keys_folder(self) -> Path:
        return self.keys_dir or self.data_dir / "keys"

    @property
    def itsme_keys_folder(self) -> Path:
        return self.keys_folder / "itsme"

    @property
    def field_keys_folder(self) -> Path:
        """Beside the keys for tickets: the same for all nodes."""
        return self.keys_folder / "fields"

    @property
    def can_log_in(self) -> bool:
        """Whether there are consultations, beside rooms for whoever has a ticket."""
        return self.itsme_environment is not ItsmeEnvironment.NONE

    @property
    def reports_folder(self) -> Path:
        return self.reports_dir or self.data_dir / "reports"

    @property
    def manifest_keys_folder(self) -> Path:
        return self.data_dir / "manifest-keys"

    @property
    def recordings_folder(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def records_file(self) -> Path:
        """Of the records as long as DATABASE_URL names no other place."""
        return self.data_dir / "records.sqlite"

    @property
    def records_url(self) -> str:
        """For `open_records`. It may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        # Imported where it is wanted: most commands never need the library.
        from media_server.records import sqlite_url

        return sqlite_url(self.records_file).render_as_string(hide_password=False)

    @property
    def recording_refused(self) -> str | None:
        """Why nothing can be recorded here, for the operator; None when it can."""
        if self.policy is not Policy.CONSENTED_RECORDING:
            return f"POLICY is {self.policy.value}: nothing is ever recorded"
        if not self.recording_custodians:
            return (
                "RECORDING_CUSTODIANS names nobody who could open a recording; make an identity with "
                "`teleconsult keys generate` and put its recipient there"
            )
        return None

    def origin(self, port: int) -> str:
        """Where clients reach us, without a trailing slash; `port` is the one bound."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.http_host}]" if ":" in self.http_host else self.http_host
        return f"{'https' if self.secure else 'http'}://{host}:{port}"

    def check(self) -> Self:
        """Raises RefusedSettings for settings that can be read, but must not or cannot be run with."""
        if self.redis_url is not None and not _REDIS.match(self.redis_url.get_secret_value()):
            raise RefusedSettings(
                "REDIS_URL: has to begin with redis://, rediss:// (TLS), unix://, redis+sentinel:// or"
                " redis+cluster://"
            )
        if self.database_url is not None and not _DATABASE.match(self.database_url.get_secret_value()):
            raise RefusedSettings("DATABASE_URL: has to begin with sqlite:///PATH or postgresql://")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise RefusedSettings("TLS_CERTIFICATE and TLS_KEY: give both or neither")
        if not (self.on_loopback or self.secure):
            raise RefusedSettings(
                "HTTP_HOST: plain HTTP is served on loopback only (elsewhere browsers give it no camera); "
                "set TLS_CERTIFICATE and TLS_KEY, or BEHIND_TLS_PROXY when a proxy ends TLS"
            )
        for name, url in (("PUBLIC_URL", self.public_url), ("NODE_URL", self.node_url)):
            if url is not None and url.startswith("http:") and not _local_url(url):
                raise RefusedSettings(f"{name}: has to begin with https:// unless it is on loopback")
        if self.walk_in:
            self._check_walk_in()
        if self.itsme_environment is not ItsmeEnvironment.NONE:
            # Imported where there is something to check: most commands never need the libraries.
            from media_server.login.environment import check_login

            check_login(self)
        return self

    def _check_walk_in(self) -> None:
        """Walk-in asks for no login, so only this machine may come near it, not through a proxy either."""
        if not self.on_loopback:
            raise RefusedSettings("WALK_IN: refused unless HTTP_HOST is a loopback address")
        if self.behind_tls_proxy or not self.reached_on_loopback:
            raise RefusedSettings("WALK_IN: refused behind a proxy, or with a PUBLIC_URL off loopback")


def load(
    config: Path | None = None, *, environment: Mapping[str, str] | None = None, **overrides: Any
) -> Settings:
    """The effective settings, checked; `overrides` (the command line) win over environment and file.

    `config`: the file, else TELECONSULT_CONFIG, else ./teleconsult.toml if there is one.
    Raises BadSettings, RefusedSettings.
    """
    environment = os.environ if environment is None else environment
    path = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if path is None and DEFAULT_FILE.exists():
        path = DEFAULT_FILE
    values = _from_file(path) if path else {}
    try:
        values |= _from_environment(environment)
        return Settings(**(values | overrides)).check()
    except SettingsError as error:
        raise BadSettings(_name_only(str(error))) from None
    except ValidationError as error:
        raise BadSettings("; ".join(_say(each) for each in error.errors(include_input=False))) from None


def effective(settings: Settings) -> dict[str, Any]:
    """By name, in plain values, secrets hidden: what `check-config` prints."""
    return {name.upper(): value for name, value in settings.model_dump(mode="json").items()}


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that set nothing. Only to warn of: Kubernetes adds such (service links)."""
    known = {f"{ENV_PREFIX}{name}".upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    return sorted(n for n in environment if n.upper().startswith(ENV_PREFIX) and n.upper() not in known)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise BadSettings(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not TOML: {error}") from None
    return {name.lower(): value for name, value in values.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {
        name.lower(): value for name, value in environment.items() if value or not source.env_ignore_empty
    }
    return source()


def _check_address(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise ValueError("has to be an IPv4 or IPv6 address") from None


def _recipient(text: str, number: int) -> str:
    # Imported where there is something to check: most commands never need the library.
    from media_server.recording.errors import BadRecipient
    from media_server.recording.identity import check_recipient

    try:
        return check_recipient(text)
    except BadRecipient as error:
        raise ValueError(f"number {number}: {error}") from None


def _origin(url: str) -> str:
    """Scheme, host and port (RFC 6454 §6.1). Raises ValueError."""
    parts = urlsplit(url)
    try:
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        complete = False
    if not complete or parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has to look like https://host or https://host:port")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _local_url(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _say(error: Any) -> str:
    """One pydantic error, by our name of the setting and without its value."""
    names = [str(part) for part in error["loc"]]
    name = names[0].upper() if names else "settings"
    if error["type"] == "extra_forbidden" and len(names) == 1:
        near = get_close_matches(name.lower(), Settings.model_fields, n=1)
        return f"{name}: no such setting" + (f"; did you mean {near[0].upper()}?" if near else "")
    return f"{'.'.join([name, *names[1:]])}: {error['msg'].removeprefix('Value error, ')}"


def _name_only(message: str) -> str:
    field = re.search(r'field "(\w+)"', message)
    return f"{field[1].upper() if field else 'settings'}: not valid JSON"
