"""The DTLS handshake of one participant, on aiortc's RTCDtlsTransport (RFC 5764, RFC 6347).

The only file that touches aiortc's private names: what it relies on is checked when it is imported, and by
`tests/sfu/test_aiortc_contract.py`. It mends two defects of aiortc 1.16: a flight longer than one datagram
was cut in mid-record and its rest never sent; and a lost first flight was repeated only after OpenSSL's own
second. SRTP sessions are not made here: the keys go to the data plane.
"""

import asyncio
import importlib.metadata
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL

from sfu.sdp import Fingerprint

if not importlib.metadata.version("aiortc").startswith("1.16."):
    raise ImportError(
        "sfu.dtls is written for aiortc 1.16; check it against tests/sfu/test_aiortc_contract.py"
    )

MTU = 1_200  # bytes of UDP payload: fits every path WebRTC is expected to work on (RFC 8831 §5)
# The server's last flight is repeated by us after these times, as OpenSSL's first time-out is a fixed second.
RESEND_AFTER_S = (0.2, 0.5)
RESEND_GAP_S = 0.04  # a client's repeated ClientHello is answered at most this often …
RESEND_LIMIT = 10  # … and this many times
INBOX_DATAGRAMS = 32
CLOSE_TIMEOUT_S = 1.0

# Fastest first: the data plane's cost per packet depends on it. Only what libsrtp could do too, hence
# aiortc's values.
PROFILES: dict[bytes, tuple[SRTPProtectionProfile, str]] = {
    profile.openssl_profile: (profile, name)
    for profile, name in (
        (SRTP_AEAD_AES_128_GCM, "AEAD_AES_128_GCM"),
        (SRTP_AEAD_AES_256_GCM, "AEAD_AES_256_GCM"),
        (SRTP_AES128_CM_SHA1_80, "AES_CM_128_HMAC_SHA1_80"),
    )
}


class DtlsReason(StrEnum):
    """Why there is no DTLS association, or not any more."""

    REFUSED = "dtls-failed"
    FINGERPRINT = "dtls-wrong-certificate"
    TIMEOUT = "dtls-timeout"
    CLOSED = "dtls-closed"


class DtlsFailed(Exception):
    """The handshake came to nothing."""

    def __init__(self, reason: DtlsReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master keys and salts of both directions (RFC 5764 §4.2). `repr` shows none."""

    profile: str
    receive_key: bytes
    receive_salt: bytes
    send_key: bytes
    send_salt: bytes

    def __repr__(self) -> str:
        return f"SrtpKeys({self.profile})"


class Certificate(RTCCertificate):
    """A self-signed certificate whose SSL context is made once and shared by all sessions that use it."""

    _context: SSL.Context | None = None

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 hash that answers carry."""
        (sha256,) = (f for f in self.getFingerprints() if f.algorithm == "sha-256")
        return Fingerprint(sha256.algorithm, sha256.value)

    def warm(self) -> None:
        """Make the context now: the first in a process takes tens of milliseconds."""
        self._create_ssl_context([profile for profile, _ in PROFILES.values()])

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            context = super()._create_ssl_context(srtp_profiles)
            context.set_options(SSL.OP_NO_QUERY_MTU)  # otherwise OpenSSL guesses 256 bytes for a memory BIO
            context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # an idle association keeps no record buffers
            # A shared context would keep every session for resumption; a resumed one shows no certificate.
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            self._context = context
        return self._context


def datagrams(flight: bytes, limit: int = MTU) -> list[bytes]:
    """DTLS records packed into datagrams of at most `limit` bytes, never cutting a record (RFC 6347 §4.1.1).

    A record that is longer itself travels alone; bytes that are no record go out as they are.
    """
    result: list[bytes] = []
    start = end = 0
    while end < len(flight):
        length = _record_length(flight, end)
        if end > start and end + length - start > limit:
            result.append(flight[start:end])
            start = end
        end = min(end + length, len(flight))
    if end > start:
        result.append(flight[start:end])
    return result


def _record_length(flight: bytes, offset: int) -> int:
    """Bytes of the record at `offset`, its header included; all that is left when that cannot be told."""
    first = flight[offset]
    if first & 0xE0 == 0x20:  # DTLS 1.3's unified header (RFC 9147 §4); we never use connection ids
        header = 1 + (2 if first & 0x08 else 1)
        if not first & 0x04 or offset + header + 2 > len(flight):
            return len(flight) - offset
        return header + 2 + int.from_bytes(flight[offset + header : offset + header + 2], "big")
    if offset + 13 > len(flight):
        return len(flight) - offset
    return 13 + int.from_bytes(flight[offset + 11 : offset + 13], "big")


def client_random(datagram: bytes) -> bytes | None:
    """The random of a ClientHello's first fragment (RFC 6347 §4.2.2), else None."""
    begins_client_hello = (
        len(datagram) >= 59
        and datagram[0] == 22  # handshake
        and datagram[3:5] == b"\0\0"  # epoch 0
        and datagram[13] == 1  # client_hello
        and datagram[19:22] == b"\0\0\0"  # fragment offset 0
    )
    return datagram[27:59] if begins_client_hello else None


class Pipe:
    """What RTCDtlsTransport takes for its ICE transport: a bounded inbox, and a function that sends.

    When the inbox is full a new datagram is dropped and counted, as a full socket buffer does; DTLS repeats
    it.
    """

    role = "controlled"  # we are ICE-lite
    state = "completed"

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._forward = send
        self._inbox: deque[bytes] = deque()  # at most INBOX_DATAGRAMS; see deliver
        self._arrival: asyncio.Future[None] | None = None
        self._closed = False
        self.dropped = 0

    def deliver(self, datagram: bytes) -> None:
        if self._closed or not datagram:
            return
        if len(self._inbox) >= INBOX_DATAGRAMS:
            self.dropped += 1
            return
        self._inbox.append(datagram)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def _recv(self) -> bytes:
        while not self._inbox:
            if self._closed:
                raise ConnectionError
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        return self._inbox.popleft()

    async def _send(self, data: bytes) -> None:
        if not self._closed:
            self._forward(data)


class DtlsServer(RTCDtlsTransport):
    """The passive end of one association.

    `on_keys` is called once, before `handshake` returns; `on_closed` when the client says goodbye afterwards.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], object],
        on_keys: Callable[[SrtpKeys], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._pipe = Pipe(send)
        super().__init__(self._pipe, [certificate])  # type: ignore[arg-type]  # Pipe has what is used of it
        self._set_role("server")
        self._srtp_profiles = [profile for profile, _ in PROFILES.values()]
        self._on_keys = on_keys
        self._on_closed = on_closed
        self._flight: list[bytes] = []
        self._flight_sent_s = 0.0
        self._client_random: bytes | None = None
        self._resends = 0
        self._last_resend_s = float("-inf")
        self._own_resends: deque[float] = deque()
        self._refusal = DtlsReason.REFUSED
        self._closing = False

    @property
    def dropped(self) -> int:
        """Datagrams that came faster than they were handled."""
        return self._pipe.dropped

    def deliver(self, datagram: bytes) -> None:
        """One DTLS datagram from the client; never blocks."""
        self._pipe.deliver(datagram)

    async def handshake(self, fingerprints: Sequence[Fingerprint], timeout_s: float) -> None:
        """Be reached by the client, whose certificate must have all these hashes. Raises DtlsFailed."""
        parameters = RTCDtlsParameters(
            [RTCDtlsFingerprint(algorithm=f.algorithm, value=f.value) for f in fingerprints]
        )
        try:
            async with asyncio.timeout(timeout_s):
                await self.start(parameters)
        except TimeoutError:
            self._set_state(State.FAILED)
            raise DtlsFailed(DtlsReason.TIMEOUT) from None
        if self._state is not State.CONNECTED:
            raise DtlsFailed(self._refusal)

    async def close(self) -> None:
        """Say goodbye, stop, and wait for the receiving task. May be called twice."""
        self._closing = True
        task = self._task
        try:
            await self.stop()
        finally:
            self._pipe.close()
            if task is not None:
                await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S)

    # --- what RTCDtlsTransport calls

    async def _do_handshake(self) -> None:
        assert self._ssl is not None  # start() made it
        self._ssl.set_ciphertext_mtu(MTU)
        try:
            while True:
                try:
                    self._ssl.do_handshake()
                except SSL.WantReadError:
                    await self._write_ssl()
                    await self._next_handshake_datagram(self._ssl)
                else:
                    break
        except SSL.Error:
            await self._write_ssl()  # the alert
            self._set_state(State.FAILED)
        except ConnectionError:
            self._set_state(State.FAILED)
        else:
            self.encrypted = True
            await self._write_ssl()
            self._flight = []

    async def _next_handshake_datagram(self, connection: SSL.Connection) -> None:
        """Feed OpenSSL one datagram of the client, or run the repeats that are due."""
        loop = asyncio.get_running_loop()
        openssl_s = connection.DTLSv1_get_timeout()
        own_s = self._own_resends[0] - loop.time() if self._own_resends else None
        due = [seconds for seconds in (openssl_s, own_s) if seconds is not None]
        try:
            async with asyncio.timeout(max(min(due), 0.0) if due else None):
                datagram = await self._pipe._recv()
        except TimeoutError:
            if own_s is not None and own_s <= min(due):
                self._own_resends.popleft()
                await self._resend()
            else:
                connection.DTLSv1_handle_timeout()
                await self._write_ssl()
            return
        random = client_random(datagram)
        if random is not None and self._flight and random == self._client_random:
            # OpenSSL would ignore it and let the client wait.
            if loop.time() - self._last_resend_s >= RESEND_GAP_S:
                await self._resend()
            return
        self._client_random = random or self._client_random
        connection.bio_write(datagram)

    async def _resend(self) -> None:
        if self._resends < RESEND_LIMIT:
            self._resends += 1
            self._last_resend_s = asyncio.get_running_loop().time()
            for datagram in self._flight:
                await self._pipe._send(datagram)

    async def _write_ssl(self) -> None:
        flight = datagrams(self._drained())
        if not flight:
            return
        if not self.encrypted:
            now_s = asyncio.get_running_loop().time()
            self._flight = flight
            self._last_resend_s = now_s  # the client can not have missed it yet
            self._own_resends = deque(now_s + after_s for after_s in RESEND_AFTER_S)
        for datagram in flight:
            await self._pipe._send(datagram)

    def _drained(self) -> bytes:
        """All that OpenSSL wants to send; its BIO has no datagram bounds."""
        chunks: list[bytes] = []
        assert self._ssl is not None
        while True:
            try:
                chunks.append(self._ssl.bio_read(16_384))
            except SSL.Error:
                return b"".join(chunks)

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:
        super()._validate_peer_identity(remoteParameters)
        if self._state is State.FAILED:
            self._refusal = DtlsReason.FINGERPRINT

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        chosen = PROFILES.get(self._ssl.get_selected_srtp_profile())
        if chosen is None:
            self._set_state(State.FAILED)
            return
        profile, name = chosen
        self._on_keys(_keys(self._ssl, profile, name))

    def _set_state(self, state: State) -> None:
        by_client = self._state is State.CONNECTED and not self._closing
        super()._set_state(state)
        if by_client and state is State.CLOSED:
            self._on_closed()


def _keys(connection: SSL.Connection, profile: SRTPProtectionProfile, name: str) -> SrtpKeys:
    """RFC 5764 §4.2: client key, server key, client salt, server salt; we are the server."""
    lengths = (profile.key_length, profile.key_length, profile.salt_length, profile.salt_length)
    material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", sum(lengths))
    client_key, server_key, client_salt, server_salt = _cut(material, lengths)
    return SrtpKeys(name, client_key, client_salt, server_key, server_salt)


def _cut(material: bytes, lengths: Iterable[int]) -> Iterable[bytes]:
    start = 0
    for length in lengths:
        yield material[start : start + length]
        start += length
