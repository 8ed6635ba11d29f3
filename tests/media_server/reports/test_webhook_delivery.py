"""Reports by HTTP, to a real server that verifies what it gets with code of its own."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from media_server.reports import (
    BadDelivery,
    IdempotencyKey,
    Receipt,
    Report,
    ReportId,
    Trouble,
    TryLater,
    Undeliverable,
    open_webhook,
)
from signalling import Private
from tests.media_server.reports.builders import GP_NIHDI, a_report
from tests.media_server.reports.receiver import Receiver, listening

NOW_S = 1_795_000_000
KEY = IdempotencyKey("r-1")


class Signer:
    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = Ed25519PrivateKey.generate()

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


SIGNER = Signer("kid-1")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver({"kid-1": SIGNER.private.public_key()}, NOW_S)


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    async with listening(receiver) as address:
        yield address


async def delivered(url: str, report: Report | None = None, timeout_s: float = 30.0) -> Receipt:
    async with open_webhook(url, lambda: SIGNER, lambda: NOW_S, timeout_s=timeout_s) as webhook:
        return await webhook.deliver(report or a_report(), KEY)


async def test_a_report_arrives_signed_and_gets_the_receivers_receipt(url: str, receiver: Receiver) -> None:
    receipt = await delivered(url)
    assert receipt == Receipt("receipt-of-r-1", sha256(a_report().body).hexdigest())
    assert receiver.kept == {"r-1": a_report().body}
    assert receiver.recipients == [GP_NIHDI]


async def test_the_same_key_again_is_the_same_delivery(url: str, receiver: Receiver) -> None:
    assert await delivered(url) == await delivered(url)
    assert receiver.requests == 2
    assert len(receiver.kept) == 1


async def test_another_key_than_the_receiver_knows_would_be_noticed(url: str, receiver: Receiver) -> None:
    receiver.keys["kid-1"] = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(TryLater):  # the receiver's check fails, and aiohttp answers 500
        await delivered(url)
    assert receiver.kept == {}


async def test_the_key_that_signs_now_is_asked_for_each_time(url: str, receiver: Receiver) -> None:
    signers = [SIGNER, Signer("kid-2")]
    receiver.keys["kid-2"] = signers[1].private.public_key()
    queue = list(signers)
    async with open_webhook(url, lambda: queue.pop(0), lambda: NOW_S) as webhook:
        await webhook.deliver(a_report(1), IdempotencyKey("r-1"))
        await webhook.deliver(a_report(2), IdempotencyKey("r-2"))
    assert set(receiver.kept) == {"r-1", "r-2"}


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=204),
        web.Response(status=200, text="thank you"),
        web.json_response(["no object"]),
        web.json_response({"receipt": 5}),
        web.json_response({"receipt": "two\nlines"}),
        web.json_response({"receipt": "x" * 20_000}),
        web.Response(status=202, body=b"[" * 16_000),
    ],
)
async def test_without_a_readable_receipt_the_key_is_the_reference(
    url: str, receiver: Receiver, answer: web.Response
) -> None:
    receiver.answers = [answer]
    assert (await delivered(url)).reference == "r-1"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 415, 422])
async def test_a_refusal_is_final(url: str, receiver: Receiver, status: int) -> None:
    receiver.answers = [web.Response(status=status)]
    with pytest.raises(Undeliverable) as failure:
        await delivered(url)
    assert failure.value.trouble is Trouble.REFUSED
    assert receiver.kept == {}


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
async def test_a_receiver_that_cannot_now_is_tried_later(url: str, receiver: Receiver, status: int) -> None:
    receiver.answers = [web.Response(status=status)]
    with pytest.raises(TryLater) as failure:
        await delivered(url)
    assert failure.value.trouble is Trouble.BUSY


@pytest.mark.parametrize(
    ("header", "retry_after_s"),
    [
        ("120", 120),
        ("0", 0),
        ("999999999", 86_400),
        ("soon", None),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
async def test_the_receiver_may_say_when(
    url: str, receiver: Receiver, header: str, retry_after_s: float | None
) -> None:
    receiver.answers = [web.Response(status=503, headers={"Retry-After": header})]
    with pytest.raises(TryLater) as failure:
        await delivered(url)
    assert failure.value.retry_after_s == retry_after_s


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(url: str, receiver: Receiver, status: int) -> None:
    elsewhere = Receiver(receiver.keys, NOW_S)
    async with listening(elsewhere) as other:
        receiver.answers = [web.Response(status=status, headers={"Location": other})]
        with pytest.raises(TryLater):
            await delivered(url)
    assert (receiver.requests, elsewhere.requests) == (1, 0)


async def test_nobody_there_means_later() -> None:
    with pytest.raises(TryLater) as failure:
        await delivered("http://127.0.0.1:9/reports")
    assert failure.value.trouble is Trouble.UNREACHABLE


async def raw(reply: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> tuple[asyncio.Server, str]:
    """A server that reads a request's head and then does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await reply(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/reports"


async def test_a_receiver_that_is_silent_is_tried_later() -> None:
    async def silence(writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    server, url = await raw(silence)
    try:
        with pytest.raises(TryLater) as failure:
            await delivered(url, timeout_s=0.05)
        assert failure.value.trouble is Trouble.TIMED_OUT
    finally:
        server.close()


async def test_an_answer_without_end_is_not_read_to_it() -> None:
    """The status has said that it is there; what follows is read up to a bound, and then cut."""

    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()

    server, url = await raw(flood)
    try:
        assert (await delivered(url)).reference == "r-1"
    finally:
        server.close()


async def test_a_connection_that_is_cut_before_the_answer_means_later() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server, url = await raw(cut)
    try:
        with pytest.raises(TryLater):
            await delivered(url)
    finally:
        server.close()


# --- Where reports may be sent ---


@pytest.mark.parametrize(
    "url",
    [
        "", "reports", "/reports", "ftp://gp.example/", "http://gp.example/reports", "http://10.0.0.1/", "https://",
        "http://127.0.0.1.gp.example/", "https://user:secret@gp.example/", "https://gp.example/#part",
        "https://gp.example:99999/", "https://[::1", "file:///etc/passwd",
    ],
)  # fmt: skip
async def test_an_address_that_no_report_may_go_to_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(BadDelivery) as refused:
        async with open_webhook(url, lambda: SIGNER, lambda: NOW_S):
            pass
    assert "gp.example" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://gp.example/in", "http://localhost:1/in", "http://[::1]:1/in", "http://127.1.2.3/"]
)
async def test_https_and_this_machine_are_fine(url: str) -> None:
    async with open_webhook(url, lambda: SIGNER, lambda: NOW_S):
        pass


@pytest.mark.parametrize("key", ["", "../x", "a b", 'a"b', "x" * 65, "é", "a\r\nX-Y: z"])
async def test_a_key_that_is_none_never_leaves(url: str, receiver: Receiver, key: str) -> None:
    async with open_webhook(url, lambda: SIGNER, lambda: NOW_S) as webhook:
        with pytest.raises(Undeliverable):
            await webhook.deliver(a_report(), IdempotencyKey(key))
    assert receiver.requests == 0


@pytest.mark.parametrize("recipient", ["", "1923401100", "19234011004\r\nX-Y: z", "../19234011"])
async def test_a_recipient_that_is_none_gets_nothing(url: str, receiver: Receiver, recipient: str) -> None:
    report = Report(ReportId("r-1"), "c-1", Private(recipient), "application/fhir+json", b"{}")
    with pytest.raises(Undeliverable):
        await delivered(url, report)
    assert receiver.requests == 0


# --- TLS ---


def a_certificate(folder: Path) -> Path:
    """For 127.0.0.1, signed by itself; key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, SHA256())
    )
    path = folder / "receiver.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return path


async def test_over_tls_only_a_receiver_that_proves_who_it_is_gets_the_report(
    receiver: Receiver, tmp_path: Path
) -> None:
    pem = a_certificate(tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=str(pem))
    async with listening(receiver, server_side) as url:
        with pytest.raises(TryLater) as failure:
            await delivered(url)
        assert failure.value.trouble is Trouble.UNREACHABLE
        assert receiver.requests == 0
        async with open_webhook(url, lambda: SIGNER, lambda: NOW_S, tls=trusting) as webhook:
            await webhook.deliver(a_report(), KEY)
    assert set(receiver.kept) == {"r-1"}


def test_the_receivers_own_check_can_fail() -> None:
    with pytest.raises(InvalidSignature):
        SIGNER.private.public_key().verify(Signer("other").sign(b"x"), b"x")
