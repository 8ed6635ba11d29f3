"""HTTP Message Signatures (RFC 9421) with Ed25519, and Content-Digest (RFC 9530): the sending half.

Pure. The receiver rebuilds the signature base from what arrived and verifies it with our public key, so that
neither body nor address nor key of the delivery can be another's.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Protocol

LABEL: Final = "teleconsult"
TAG: Final = "teleconsult-report"
LIFE_S: Final = 300
"""Seconds for which a signature is good: a captured request is of no use later (RFC 9421 §7.2.2)."""

_PLAIN: Final = re.compile(r"[ !#-\[\]-~]+")  # what a quoted string of RFC 8941 §3.3.3 takes without escapes
_LINE: Final = re.compile(r"[ -~]+")

Component = tuple[str, str]
"""An identifier (`@method`, or a field's name in small letters) and its value."""


class MessageSigner(Protocol):
    """An Ed25519 key (RFC 8032) and what the receiver knows it by."""

    @property
    def kid(self) -> str: ...

    def sign(self, message: bytes) -> bytes: ...


def content_digest(body: bytes) -> str:
    """The value of Content-Digest (RFC 9530 §2)."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def signature_params(names: Sequence[str], created_s: int, kid: str) -> str:
    """The covered components and the signature's parameters (RFC 9421 §2.3). `created_s`: Unix seconds."""
    listed = " ".join(map(_quoted, names))
    return (
        f"({listed});created={created_s};expires={created_s + LIFE_S};keyid={_quoted(kid)}"
        f';alg="ed25519";tag={_quoted(TAG)}'
    )


def signature_base(components: Sequence[Component], params: str) -> bytes:
    """What is signed (RFC 9421 §2.5). Raises ValueError for a value that is not one line of ASCII."""
    lines: list[str] = []
    for name, value in components:
        if not _LINE.fullmatch(value):
            raise ValueError(f"{name} is not one line of ASCII")
        lines.append(f"{_quoted(name)}: {value.strip()}")
    return "\n".join([*lines, f'"@signature-params": {params}']).encode("ascii")


def signature_fields(
    components: Sequence[Component], created_s: int, signer: MessageSigner
) -> dict[str, str]:
    """The fields Signature-Input and Signature (RFC 9421 §4)."""
    params = signature_params([name for name, _ in components], created_s, signer.kid)
    signature = b64encode(signer.sign(signature_base(components, params))).decode()
    return {"Signature-Input": f"{LABEL}={params}", "Signature": f"{LABEL}=:{signature}:"}


def _quoted(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise ValueError("a name or key id holds what no quoted string takes")
    return f'"{text}"'
