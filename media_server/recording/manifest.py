"""The manifest's lines in writing: canonical JSON, each bound to the one before by its SHA-256, each signed.

Canonical: keys sorted, no spaces, UTF-8 unescaped, one "\\n" at the end. A line has one spelling only, so
that no bit of it can change unseen. Signatures are Ed25519 (RFC 8032) over the canonical line without
`signature`.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, TypeAdapter, ValidationError

from media_server.recording.errors import RecordingError
from media_server.recording.lines import TYPES, Hash, Line, Segment, Start, Text, Time

NO_LINE = "0" * 64
"""What the first line gives as the hash of the one before."""

MAX_LINE = 4 << 20
"""Bytes; no line that we write comes near, and nobody need hold a longer one in memory to refuse it."""


class BadManifest(RecordingError):
    """Not a line of a manifest. `line` counts from 1, 0 means that its place is not known; the text quotes
    nothing.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"manifest line {line}: {what}" if line else what)
        self.line = line
        self.what = what


class Signer(Protocol):
    """The node's key: its id, its raw 32 bytes, and signatures of 64."""

    @property
    def kid(self) -> str: ...

    @property
    def public_key(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes: ...


class Tail(NamedTuple):
    """Where a manifest ends: how many lines it has, and the SHA-256 of the last one."""

    lines: int = 0
    head: str = NO_LINE


@dataclass(frozen=True, slots=True)
class SignedLine:
    """A line as it was read, well-formed; nothing is said yet of its place or its signature.

    `previous` and `hash` are SHA-256 in hex, of the line before and of this one. `key` is the signer's key
    id.
    """

    number: int
    previous: str
    at_us: int
    key: str
    signature: bytes
    line: Line
    signed: bytes
    hash: str

    @property
    def tail(self) -> Tail:
        return Tail(self.number, self.hash)

    def signed_by(self, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(self.signature, self.signed)
        except InvalidSignature:
            return False
        return True


class ManifestWriter:
    """Signs line after line. A line that `parse_line` would refuse raises BadManifest, and nothing has
    changed.
    """

    def __init__(self, signer: Signer, resume_from: Tail | None = None) -> None:
        self._signer = signer
        self._tail = resume_from or Tail()

    @property
    def tail(self) -> Tail:
        """To go on from with another writer: from before a line that could not be kept, say."""
        return self._tail

    @property
    def head(self) -> str:
        """SHA-256 of the last line."""
        return self._tail.head

    def add(self, line: Line, at_us: int) -> bytes:
        """The next line, with its newline."""
        number = self._tail.lines + 1
        if isinstance(line, Start) is not (number == 1):
            raise BadManifest(number, "a manifest begins with start, and has one")
        kind = _NAMES[type(line)]
        fields = _fields(kind, line, number, self._tail.head, at_us, self._signer.kid)
        signature = self._signer.sign(_canonical(fields, number))
        raw = _canonical(fields | {"signature": encoded(signature)}, number)
        self._tail = parse_line(raw, number).tail
        return raw + b"\n"


def parse_line(raw: bytes, position: int = 0) -> SignedLine:
    """Read one line, without its newline; `position` says which it is, for the error. Raises BadManifest."""
    if len(raw) > MAX_LINE:
        raise BadManifest(position, "too long")
    try:
        envelope = _ENVELOPE.validate_json(raw, strict=True)
        adapter = _ADAPTERS.get(envelope.type)
        if adapter is None:
            raise BadManifest(position, "of a type that this version does not know")
        line = adapter.validate_json(raw, strict=True)
    except ValidationError as error:
        raise BadManifest(position, _problem(error)) from None
    signature = decoded(envelope.signature)
    fields = _fields(envelope.type, line, envelope.line, envelope.previous, envelope.at_us, envelope.key)
    # One spelling only: unknown or repeated fields, spaces, another order, spare bits of base64url, 1.0 for
    # 1.
    if _canonical(fields | {"signature": encoded(signature)}, position) != raw:
        raise BadManifest(position, "not written as this format is (unknown fields, order, spacing)")
    return SignedLine(
        number=envelope.line,
        previous=envelope.previous,
        at_us=envelope.at_us,
        key=envelope.key,
        signature=signature,
        line=line,
        signed=_canonical(fields, position),
        hash=sha256(raw).hexdigest(),
    )


def parse_manifest(data: bytes) -> list[SignedLine]:
    """All lines, read but not verified. Raises BadManifest, also when the last one has no end."""
    *whole, rest = data.split(b"\n")
    lines = [parse_line(raw, position) for position, raw in enumerate(whole, 1)]
    if rest:
        raise BadManifest(len(whole) + 1, "cut off")
    return lines


def encoded(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5), as signatures and `Start.public_key` are written."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """The bytes of well-formed base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What every line has besides its own fields."""

    line: Annotated[int, Field(ge=1, lt=2**63)]
    previous: Hash
    type: Text
    at_us: Time
    key: Text
    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]


_ENVELOPE = TypeAdapter(_Envelope)
_ADAPTERS: dict[str, TypeAdapter[Line]] = {kind: TypeAdapter(line) for kind, line in TYPES.items()}
_NAMES: dict[type[Line], str] = {line: kind for kind, line in TYPES.items()}


def _fields(kind: str, line: Line, number: int, previous: str, at_us: int, key: str) -> dict[str, Any]:
    fields: dict[str, Any] = _ADAPTERS[kind].dump_python(line, mode="json", warnings=False)
    if isinstance(line, Segment) and not line.recovered:
        del fields["recovered"]
    return fields | {"line": number, "previous": previous, "type": kind, "at_us": at_us, "key": key}


def _canonical(fields: dict[str, Any], position: int) -> bytes:
    try:
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadManifest(position, "holds half of a surrogate pair") from None


def _problem(error: ValidationError) -> str:
    """The first thing wrong, by the names of our own fields; never what was given instead."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    if first["type"] == "json_invalid":
        return "not JSON"
    return f"{place}: {first['type'].replace('_', ' ')}" if place else "not a JSON object"
