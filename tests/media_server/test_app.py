"""A node in this process: TLS, the end of everything that was begun, and failures half way."""

import asyncio
import datetime
import os
import signal
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from auth import KeysUnusable
from media_server import app
from media_server.app import node, serve_until_stopped
from media_server.errors import CannotStart, Failed
from media_server.settings import Settings, load
from signalling import MemoryRooms, NodeId
from signalling.store import NodeRecord


def settings(folder: Path, **values: Any) -> Settings:
    free: dict[str, Any] = {
        "http_port": 0,
        "metrics_port": 0,
        "media_port": 0,
        "media_host": "127.0.0.1",
        "workers": 1,
    }
    return load(environment={"TELECONSULT_DATA_DIR": str(folder / "data")}, **free, **values)


def write_certificate(folder: Path, serial: int) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key, both in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


async def serial_shown(port: int) -> int:
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


async def test_tls_ends_in_the_server_and_a_hangup_renews_the_certificate(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, serial=1)
    async with node(settings(tmp_path, tls_certificate=certificate, tls_key=key)) as running:
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"https://localhost:{running.http_port}/healthz", ssl=trusting) as response,
        ):
            assert response.status == 200
            assert "Strict-Transport-Security" in response.headers
        write_certificate(tmp_path, serial=2)
        assert await serial_shown(running.http_port) == 1
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        assert await serial_shown(running.http_port) == 2
        key.write_text("spoilt")
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        assert await serial_shown(running.http_port) == 2


async def test_a_node_leaves_nothing_behind(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    for _ in range(2):  # the second on the same folder
        async with node(settings(tmp_path)) as running:
            ports = running.http_port, running.metrics_port
            await running.drain()
            await running.drain()
    assert asyncio.all_tasks() == before
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_what_fails_half_way_closes_what_was_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = asyncio.all_tasks()

    def broken() -> None:
        raise RuntimeError("no pages")

    monkeypatch.setattr("media_server.app.read_pages", broken)
    with pytest.raises(ExceptionGroup):  # it went through task groups
        async with node(settings(tmp_path)):
            raise AssertionError("it started all the same")
    assert asyncio.all_tasks() == before


def test_a_failure_is_logged_by_place_and_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*_: object) -> None:
        raise ValueError("Annelies Verstraete")

    with pytest.raises(Failed) as failed:
        serve_until_stopped(settings(tmp_path), started=lambda origin: None, companion=failing)
    assert "Annelies" not in str(failed.value)
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["server.failed"]


def test_an_error_made_on_purpose_comes_out_of_the_task_groups_as_itself(tmp_path: Path) -> None:
    async def refusing(*_: object) -> None:
        raise CannotStart("the film cannot be read")

    with pytest.raises(CannotStart, match="film"):
        serve_until_stopped(settings(tmp_path), started=lambda origin: None, companion=refusing)


async def test_unusable_keys_stop_it_before_it_starts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys").write_text("in the way")
    with pytest.raises(KeysUnusable):
        async with node(settings(tmp_path)):
            raise AssertionError("it started all the same")


async def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="MEDIA_PORT"):
        async with node(settings(tmp_path).model_copy(update={"media_host": "192.0.2.1"})):
            raise AssertionError("it started all the same")


async def test_two_nodes_of_one_name_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_TWIN_S", 0.5)
    store = MemoryRooms(asyncio.get_running_loop().time)
    me = NodeId("node")
    await app._check_only_one(store, me)
    await store.announce(NodeRecord(me, "", 0), 0.01)  # ours, from before a crash
    await app._check_only_one(store, me)
    await store.announce(NodeRecord(me, "", 0), 60.0)
    with pytest.raises(CannotStart, match="NODE_ID"):
        await app._check_only_one(store, me)
