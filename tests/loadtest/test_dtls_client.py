import asyncio

import pytest
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Error as SrtpError

from loadtest.dtls_client import MTU, DtlsClient, SrtpProfile, datagrams, identity
from loadtest.errors import MediaFailed


class InMemory:
    """What aiortc's DTLS transport needs of an ICE transport, without a network."""

    role = "controlled"
    state = "completed"

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[bytes] = asyncio.Queue()
        self.to_client: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.to_server.get()

    async def _send(self, data: bytes) -> None:
        await self.to_client.put(data)


async def a_handshake(
    profile: SrtpProfile, fingerprint: str | None = None
) -> tuple[DtlsClient, RTCDtlsTransport]:
    """Our client with aiortc's server, both done."""
    wire = InMemory()
    server = RTCDtlsTransport(wire, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    server._set_role("server")
    announced = next(f for f in server.getLocalParameters().fingerprints if f.algorithm == "sha-256")
    hash_name, _, value = identity().fingerprint.partition(" ")
    parameters = RTCDtlsParameters([RTCDtlsFingerprint(hash_name, value)], "client")
    client = DtlsClient(profile, fingerprint or f"sha-256 {announced.value}")
    starting = asyncio.create_task(server.start(parameters))
    try:
        async with asyncio.timeout(5):
            for datagram in client.start():
                wire.to_server.put_nowait(datagram)
            while not client.connected:
                for datagram in client.receive(await wire.to_client.get()):
                    wire.to_server.put_nowait(datagram)
            await starting
    finally:
        starting.cancel()
    return client, server


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_both_ends_hold_the_same_keys_in_every_profile(profile: SrtpProfile) -> None:
    client, server = await a_handshake(profile)
    receiving, sending = client.srtp()
    packet = b"\x80\x60\x00\x01" + bytes(8) + b"payload"
    assert server._rx_srtp.unprotect(sending.protect(packet)) == packet
    assert receiving.unprotect(server._tx_srtp.protect(packet)) == packet
    await server.stop()


async def test_another_certificate_than_the_announced_one_is_refused() -> None:
    with pytest.raises(MediaFailed):
        await a_handshake(SrtpProfile.AEAD_AES_128_GCM, "sha-256 " + ":".join(["00"] * 32))


async def test_a_replayed_packet_is_refused() -> None:
    client, server = await a_handshake(SrtpProfile.AEAD_AES_128_GCM)
    receiving, _ = client.srtp()
    protected = server._tx_srtp.protect(b"\x80\x60\x00\x01" + bytes(8) + b"payload")
    receiving.unprotect(protected)
    with pytest.raises(SrtpError):
        receiving.unprotect(protected)
    await server.stop()


@given(sizes=st.lists(st.integers(0, MTU - 13), max_size=12))
def test_records_are_never_split_and_datagrams_never_too_long(sizes: list[int]) -> None:
    records = [b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2) + bytes(size) for size in sizes]
    packed = datagrams(b"".join(records))
    assert b"".join(packed) == b"".join(records)
    assert all(0 < len(datagram) <= MTU for datagram in packed)
    starts = {sum(map(len, records[:index])) for index in range(len(records))}
    assert {sum(map(len, packed[:index])) for index in range(len(packed))} <= starts
