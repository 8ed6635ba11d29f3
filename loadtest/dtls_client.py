"""The client's side of DTLS-SRTP (RFC 5764) on pyOpenSSL: datagrams in and out, then SRTP keys. No socket.

Lean on purpose: one certificate and one context for all participants of a process, no tasks.
"""

import datetime
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from loadtest.errors import MediaFailed

MTU = 1200
RECORD_HEADER = 13  # type 1, version 2, epoch and sequence 8, length 2 (RFC 6347 §4.1)
REPLAY_WINDOW = 1024


@dataclass(frozen=True, slots=True)
class ProfileTraits:
    openssl: bytes
    libsrtp: int
    key_length: int
    salt_length: int


class SrtpProfile(Enum):
    """RFC 7714 §14.2, RFC 5764 §4.1.2. The value is the name that OpenSSL uses."""

    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"

    @property
    def traits(self) -> ProfileTraits:
        return _TRAITS[self]


_TRAITS = {
    SrtpProfile.AEAD_AES_256_GCM: ProfileTraits(
        b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12
    ),
    SrtpProfile.AEAD_AES_128_GCM: ProfileTraits(
        b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12
    ),
    SrtpProfile.AES128_CM_SHA1_80: ProfileTraits(
        b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14
    ),
}


@dataclass(frozen=True, slots=True)
class Identity:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """For `a=fingerprint` (RFC 8122 §5), the hash function's name included."""
        return "sha-256 " + _colons(self.certificate.fingerprint(hashes.SHA256()))


@cache
def identity() -> Identity:
    """This process's certificate: made once, as nobody checks a load generator's name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loadtest")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    certificate = builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    return Identity(key, certificate)


@cache
def _context(profile: SrtpProfile) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    # WebRTC checks certificates by their fingerprint in the SDP, not by who signed them.
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
    context.use_privatekey(identity().key)
    context.use_certificate(identity().certificate)
    context.set_tlsext_use_srtp(profile.traits.openssl)
    return context


class DtlsClient:
    """One handshake. `start`, `receive` and `expire` return the datagrams to send."""

    def __init__(self, profile: SrtpProfile, peer_fingerprint: str) -> None:
        """`peer_fingerprint`: the answer's, "sha-256 AB:CD:…"."""
        self._profile = profile
        self._peer_fingerprint = peer_fingerprint
        self._ssl = SSL.Connection(_context(profile), None)
        self._ssl.set_ciphertext_mtu(MTU)
        self._ssl.set_connect_state()
        self.connected = False

    def start(self) -> list[bytes]:
        return self._advance()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Raises MediaFailed when the handshake fails, or the peer's certificate is not the announced one."""
        self._ssl.bio_write(datagram)
        if self.connected:
            with suppress(SSL.Error):  # a repeated flight, an alert, or the peer's farewell: nothing we use
                self._ssl.recv(MTU)
            return self._outgoing()
        return self._advance()

    def timeout_s(self) -> float | None:
        """Seconds until `expire` is due, None while nothing may be lost."""
        return None if self.connected else self._ssl.DTLSv1_get_timeout()

    def expire(self) -> list[bytes]:
        """Repeat the last flight."""
        self._ssl.DTLSv1_handle_timeout()
        return self._outgoing()

    def goodbye(self) -> list[bytes]:
        """The close_notify alert, so that the server need not wait for the end of consent."""
        try:
            self._ssl.shutdown()
        except SSL.Error:
            return []
        return self._outgoing()

    def keys(self) -> tuple[bytes, bytes]:
        """(receiving, sending) SRTP master keys, each followed by its salt (RFC 5764 §4.2)."""
        traits = self._profile.traits
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (traits.key_length + traits.salt_length)
        )
        keys, salts = material[: 2 * traits.key_length], material[2 * traits.key_length :]
        client = keys[: traits.key_length] + salts[: traits.salt_length]
        server = keys[traits.key_length :] + salts[traits.salt_length :]
        return server, client

    def srtp(self) -> tuple[Session, Session]:
        """(receiving, sending) SRTP sessions."""
        receiving, sending = self.keys()
        traits = self._profile.traits
        return (
            _session(receiving, Policy.SSRC_ANY_INBOUND, traits),
            _session(sending, Policy.SSRC_ANY_OUTBOUND, traits),
        )

    def _advance(self) -> list[bytes]:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return self._outgoing()
        except SSL.Error as error:
            raise MediaFailed("DTLS handshake") from error
        peer = self._ssl.get_peer_certificate(as_cryptography=True)
        hash_name, _, value = self._peer_fingerprint.partition(" ")
        if hash_name.lower() != "sha-256" or peer is None:
            raise MediaFailed("DTLS fingerprint of an unknown kind")
        if _colons(peer.fingerprint(hashes.SHA256())) != value.strip().upper():
            raise MediaFailed("DTLS fingerprint")
        if self._ssl.get_selected_srtp_profile() != self._profile.traits.openssl:
            raise MediaFailed("SRTP profile")
        self.connected = True
        return self._outgoing()

    def _outgoing(self) -> list[bytes]:
        try:
            return datagrams(self._ssl.bio_read(1 << 16))
        except SSL.Error:
            return []


def datagrams(records: bytes) -> list[bytes]:
    """Whole DTLS records in datagrams of at most MTU bytes: a memory BIO forgets where they ended."""
    packed: list[bytes] = []
    start = end = 0
    while end + RECORD_HEADER <= len(records):
        after = end + RECORD_HEADER + int.from_bytes(records[end + 11 : end + 13])
        if after - start > MTU and end > start:
            packed.append(records[start:end])
            start = end
        end = after
    if end > start:
        packed.append(records[start:end])
    return packed


def _session(key: bytes, direction: int, traits: ProfileTraits) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=traits.libsrtp)
    policy.allow_repeat_tx = True
    policy.window_size = REPLAY_WINDOW
    return Session(policy)


def _colons(digest: bytes) -> str:
    return digest.hex(":").upper()
