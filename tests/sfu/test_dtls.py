"""The server's end of DTLS against a stock aiortc client, without sockets."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sfu import dtls
from sfu.dtls import (
    INBOX_DATAGRAMS,
    MTU,
    Certificate,
    DtlsFailed,
    DtlsReason,
    Pipe,
    SrtpKeys,
    client_random,
    datagrams,
)
from tests.sfu.dtls_link import Link, client_keys


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    made = Certificate.generateCertificate()
    made.warm()
    return made


def a_big_certificate(extra_bytes: int) -> Certificate:
    """A certificate whose flight does not fit one datagram."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "big")])
    now = datetime.now(UTC)
    names = [x509.DNSName(f"{number:04d}.{'x' * 40}.example") for number in range(extra_bytes // 54)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(key=key, cert=certificate)


async def test_both_ends_agree_on_the_keys_and_on_the_cheapest_profile(certificate: Certificate) -> None:
    link = Link(certificate)
    await link.handshake()
    (keys,) = link.keys
    theirs = client_keys(link)
    assert keys.profile == "AEAD_AES_128_GCM"
    assert keys.receive_key + keys.receive_salt == theirs.client
    assert keys.send_key + keys.send_salt == theirs.server
    assert (len(keys.send_key), len(keys.send_salt)) == (16, 12)
    await link.close()


async def test_no_srtp_sessions_are_made_in_python(certificate: Certificate) -> None:
    link = Link(certificate)
    await link.handshake()
    assert link.server._rx_srtp is None
    assert link.server._tx_srtp is None
    await link.close()


@pytest.mark.parametrize(
    ("only", "name", "key_bytes", "salt_bytes"),
    [
        (b"SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM", 32, 12),
        (b"SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80", 16, 14),
    ],
)
async def test_a_client_that_has_one_profile_only_gets_it(
    certificate: Certificate, only: bytes, name: str, key_bytes: int, salt_bytes: int
) -> None:
    link = Link(certificate)
    link.client._srtp_profiles = [p for p in link.client._srtp_profiles if p.openssl_profile == only]
    await link.handshake()
    (keys,) = link.keys
    assert keys.profile == name
    assert (len(keys.receive_key), len(keys.receive_salt)) == (key_bytes, salt_bytes)
    assert keys.receive_key + keys.receive_salt == client_keys(link).client
    await link.close()


@pytest.mark.parametrize("extra_bytes", [1_200, 4_000, 12_000])
async def test_a_flight_longer_than_a_datagram_arrives_whole(extra_bytes: int) -> None:
    link = Link(a_big_certificate(extra_bytes))
    await link.handshake()
    assert sum(map(len, link.from_server)) > 1_500
    assert max(map(len, link.from_server)) <= MTU
    await link.close()


async def test_a_lost_first_flight_is_repeated_before_openssl_would() -> None:
    link = Link(a_big_certificate(1_200), lose_from_server=frozenset({0, 1}), lose_repeated_hellos=True)
    await link.handshake()
    assert link.from_server[2:4] == link.from_server[:2]  # OpenSSL would have numbered its records anew
    await link.close()


@pytest.fixture
def only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was sent is repeated by our clock; OpenSSL's own repeats have other numbers."""
    monkeypatch.setattr(dtls, "RESEND_AFTER_S", ())


@pytest.mark.usefixtures("only_when_asked")
async def test_a_repeated_client_hello_is_answered_at_once(certificate: Certificate) -> None:
    link = Link(certificate, lose_from_server=frozenset({0}))
    handshake = asyncio.create_task(link.handshake())
    await link.server_sent.wait()
    await asyncio.sleep(dtls.RESEND_GAP_S)
    for datagram in list(link.from_client):
        link.server.deliver(datagram)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert link.from_server[1] == link.from_server[0]
    await handshake
    await link.close()


@pytest.mark.usefixtures("only_when_asked")
@pytest.mark.parametrize(("gap_s", "answers"), [(3_600.0, 0), (0.0, dtls.RESEND_LIMIT)])
async def test_repeated_client_hellos_are_answered_at_a_limited_rate_and_so_many_times(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, gap_s: float, answers: int
) -> None:
    monkeypatch.setattr(dtls, "RESEND_GAP_S", gap_s)
    link = Link(certificate, lose_from_server=frozenset(range(1_000)))
    handshake = asyncio.create_task(link.handshake())
    await link.server_sent.wait()
    hello = link.from_client[0]
    for _ in range(200):
        link.server.deliver(hello)
        await asyncio.sleep(0)
    assert link.from_server.count(link.from_server[0]) == 1 + answers
    handshake.cancel()
    await asyncio.wait([handshake])
    await link.close()


async def test_another_certificate_than_the_offers_is_refused(certificate: Certificate) -> None:
    link = Link(certificate)
    wrong = tuple(replace(f, value="00" + f.value[2:]) for f in link.client_fingerprints)
    with pytest.raises(DtlsFailed) as failure:
        await link.handshake(expected=wrong)
    assert failure.value.reason is DtlsReason.FINGERPRINT
    assert link.keys == []
    await link.close()


async def test_every_offered_hash_must_match(certificate: Certificate) -> None:
    link = Link(certificate)
    first, *others = link.client_fingerprints
    with pytest.raises(DtlsFailed):
        await link.handshake(expected=(first, *(replace(f, value="00" + f.value[2:]) for f in others)))
    await link.close()


async def test_hashes_are_compared_without_case(certificate: Certificate) -> None:
    link = Link(certificate)
    lower = tuple(
        replace(f, algorithm=f.algorithm.upper(), value=f.value.lower()) for f in link.client_fingerprints
    )
    await link.handshake(expected=lower)
    assert len(link.keys) == 1
    await link.close()


async def test_a_silent_client_is_given_up(certificate: Certificate) -> None:
    link = Link(certificate, lose_from_server=frozenset(range(1_000)))
    with pytest.raises(DtlsFailed) as failure:
        await link.server.handshake(link.client_fingerprints, timeout_s=0.05)
    assert failure.value.reason is DtlsReason.TIMEOUT
    await link.close()


@pytest.mark.parametrize("seed", range(8))
async def test_garbage_between_the_clients_datagrams_does_no_harm(
    certificate: Certificate, seed: int
) -> None:
    dice = random.Random(seed)
    link = Link(certificate)
    for _ in range(20):
        header = bytes([dice.randrange(20, 64)])
        link.before_client.append(header + dice.randbytes(dice.randrange(0, 200)))
    link.before_client.append(b"\x16\xfe\xfd" + bytes(8) + b"\xff\xff" + bytes(40))
    link.before_client.append(b"\x16")
    await link.handshake()
    assert len(link.keys) == 1
    for _ in range(20):
        link.server.deliver(bytes([dice.randrange(20, 64)]) + dice.randbytes(100))
    await asyncio.sleep(0)
    assert link.server.state == "connected"
    await link.close()


@pytest.mark.parametrize("lost", [{0}, {0, 1}, {0, 1, 2}, {1}])
async def test_lost_flights_delay_a_handshake_but_do_not_defeat_it(
    certificate: Certificate, lost: set[int]
) -> None:
    link = Link(certificate, lose_from_server=frozenset(lost))
    await link.handshake()
    assert len(link.keys) == 1
    assert len(link.from_server) > len(lost)
    await link.close()


async def test_a_clients_goodbye_is_told(certificate: Certificate) -> None:
    link = Link(certificate)
    await link.handshake()
    await link.client.stop()
    async with asyncio.timeout(10):
        await link.goodbye.wait()
    assert link.server.state == "closed"
    await link.close()


async def test_our_own_goodbye_reaches_the_client_and_is_not_told(certificate: Certificate) -> None:
    link = Link(certificate)
    await link.handshake()
    await link.server.close()
    await link.server.close()
    async with asyncio.timeout(10):
        await link.client_closed.wait()
    assert not link.goodbye.is_set()
    await link.close()


async def test_closing_in_mid_handshake_leaves_nothing_behind(certificate: Certificate) -> None:
    before = asyncio.all_tasks()
    link = Link(certificate, lose_from_server=frozenset(range(1_000)))
    handshake = asyncio.create_task(link.handshake())
    await link.server_sent.wait()
    handshake.cancel()
    await asyncio.wait([handshake])
    await link.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_sessions_share_the_context_of_their_certificate(certificate: Certificate) -> None:
    assert certificate._create_ssl_context([]) is certificate._create_ssl_context([])


async def test_a_full_inbox_drops_the_newest_and_counts() -> None:
    pipe = Pipe(lambda _: None)
    for number in range(INBOX_DATAGRAMS + 3):
        pipe.deliver(bytes([22, number]))
    assert pipe.dropped == 3
    assert await pipe._recv() == bytes([22, 0])


async def test_a_closed_pipe_ends_who_waits_on_it() -> None:
    pipe = Pipe(lambda _: None)
    waiting = asyncio.create_task(pipe._recv())
    await asyncio.sleep(0)
    pipe.close()
    with pytest.raises(ConnectionError):
        await waiting


def a_record(length: int, kind: int = 22) -> bytes:
    return bytes([kind, 0xFE, 0xFD]) + bytes(8) + length.to_bytes(2, "big") + bytes(length)


def test_records_share_a_datagram_while_they_fit() -> None:
    assert datagrams(a_record(100) + a_record(200)) == [a_record(100) + a_record(200)]
    assert datagrams(a_record(1_000) + a_record(174)) == [a_record(1_000) + a_record(174)]
    assert datagrams(a_record(1_000) + a_record(175)) == [a_record(1_000), a_record(175)]


def test_a_record_is_never_cut() -> None:
    assert datagrams(a_record(50) + a_record(3_000) + a_record(50)) == [
        a_record(50),
        a_record(3_000),
        a_record(50),
    ]


def test_what_is_no_record_goes_out_as_it_is() -> None:
    assert datagrams(b"") == []
    assert datagrams(b"\x16\xfe") == [b"\x16\xfe"]
    assert datagrams(a_record(10) + b"\x16\xfe") == [a_record(10) + b"\x16\xfe"]
    assert datagrams(a_record(10)[:-4]) == [a_record(10)[:-4]]


def test_dtls_1_3_records_are_told_apart_too() -> None:
    def unified(length: int) -> bytes:  # 16-bit sequence number, length present (RFC 9147 §4)
        return b"\x2e\x00\x01" + length.to_bytes(2, "big") + bytes(length)

    assert datagrams(unified(700) + unified(600)) == [unified(700), unified(600)]
    assert datagrams(unified(700) + b"\x2a\x00\x01" + bytes(300)) == [
        unified(700) + b"\x2a\x00\x01" + bytes(300)
    ]


def test_a_client_hello_is_known_by_its_random() -> None:
    body = bytes([1]) + bytes(11) + b"\xfe\xfd" + bytes(range(32)) + b"\0"
    hello = bytes([22, 0xFE, 0xFF]) + bytes(8) + len(body).to_bytes(2, "big") + body
    assert client_random(hello) == bytes(range(32))
    assert client_random(hello[:58]) is None
    assert client_random(b"\x17" + hello[1:]) is None


def test_keys_do_not_show() -> None:
    keys = SrtpKeys("AEAD_AES_128_GCM", b"k" * 16, b"s" * 12, b"K" * 16, b"S" * 12)
    assert "k" * 16 not in repr(keys)
    assert repr(keys) == "SrtpKeys(AEAD_AES_128_GCM)"
