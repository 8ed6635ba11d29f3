"""A stock aiortc client and our server, joined in memory by a link that can lose and inject datagrams."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace

from aiortc import RTCCertificate, RTCDtlsParameters
from aiortc.rtcdtlstransport import RTCDtlsTransport

from sfu.dtls import Certificate, DtlsServer, SrtpKeys, client_random
from sfu.sdp import Fingerprint


class ClientEnd:
    """What the client takes for its ICE transport."""

    role = "controlling"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._to_server = send
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()

    def deliver(self, datagram: bytes) -> None:
        self._inbox.put_nowait(datagram)

    def close(self) -> None:
        self._inbox.put_nowait(None)

    async def _recv(self) -> bytes:
        datagram = await self._inbox.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self._to_server(datagram)


class Link:
    """`lose_from_server`: numbers (from 0) of the server's datagrams that never arrive;
    `lose_repeated_hellos`: nor does any ClientHello but the first.
    """

    def __init__(
        self,
        certificate: Certificate,
        lose_from_server: frozenset[int] = frozenset(),
        *,
        lose_repeated_hellos: bool = False,
        client_certificate: RTCCertificate | None = None,
    ) -> None:
        self.lose_from_server = lose_from_server
        self.lose_repeated_hellos = lose_repeated_hellos
        self.from_server: list[bytes] = []
        self.from_client: list[bytes] = []
        self.keys: list[SrtpKeys] = []
        self.server_sent = asyncio.Event()
        self.goodbye = asyncio.Event()
        self.client_closed = asyncio.Event()
        self.before_client: deque[bytes] = deque()
        self.server = DtlsServer(certificate, self._server_sends, self.keys.append, self.goodbye.set)
        self._client_end = ClientEnd(self._client_sends)
        self.client_certificate = client_certificate or RTCCertificate.generateCertificate()
        self.client = RTCDtlsTransport(self._client_end, [self.client_certificate])  # type: ignore[arg-type]  # a pipe
        self.client._set_role("client")
        self.client.on("statechange", self._client_changed)
        self.server_certificate = certificate

    def _client_changed(self) -> None:
        if self.client.state == "closed":
            self.client_closed.set()

    def _server_sends(self, datagram: bytes) -> None:
        number = len(self.from_server)
        self.from_server.append(datagram)
        self.server_sent.set()
        if number not in self.lose_from_server:
            self._client_end.deliver(datagram)

    def _client_sends(self, datagram: bytes) -> None:
        self.from_client.append(datagram)
        if self.lose_repeated_hellos and client_random(datagram) and len(self.from_client) > 1:
            return
        while self.before_client:
            self.server.deliver(self.before_client.popleft())
        self.server.deliver(datagram)

    @property
    def client_fingerprints(self) -> tuple[Fingerprint, ...]:
        return tuple(Fingerprint(f.algorithm, f.value) for f in self.client_certificate.getFingerprints())

    async def handshake(
        self, expected: tuple[Fingerprint, ...] | None = None, timeout_s: float = 5.0
    ) -> None:
        """Both ends at once; raises what the server raises."""
        parameters = RTCDtlsParameters(self.server_certificate.getFingerprints())
        client = asyncio.create_task(self.client.start(parameters))
        try:
            await self.server.handshake(self.client_fingerprints if expected is None else expected, timeout_s)
            await client
        finally:
            client.cancel()
            await asyncio.wait([client])

    async def close(self) -> None:
        await self.server.close()
        self._client_end.close()
        await self.client.stop()


def client_keys(link: Link) -> SimpleNamespace:
    """What the client derived, cut as RFC 5764 §4.2 says, by aiortc's own profile table."""
    connection = link.client._ssl
    assert connection is not None
    chosen = connection.get_selected_srtp_profile()
    (profile,) = (p for p in link.client._srtp_profiles if p.openssl_profile == chosen)
    material = connection.export_keying_material(
        b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
    )
    return SimpleNamespace(
        client=profile.get_key_and_salt(material, 0), server=profile.get_key_and_salt(material, 1)
    )
