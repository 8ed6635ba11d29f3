"""What `sfu/dtls.py` relies on inside aiortc and pyOpenSSL.

When one of these fails after an upgrade, read the new `rtcdtlstransport.py` beside `sfu/dtls.py` before
touching anything.
"""

import ast
import asyncio
import importlib.metadata
import inspect
import textwrap
from pathlib import Path

import pytest
from aiortc import RTCCertificate, RTCDtlsParameters, RTCIceGatherer, RTCIceTransport, rtcdtlstransport
from aiortc.rtcdtlstransport import RTCDtlsTransport, SRTPProtectionProfile, State
from OpenSSL import SSL

import sfu
from sfu.dtls import PROFILES, Certificate
from tests.sfu.dtls_link import Link

PACKAGE = Path(sfu.__file__).parent


def test_the_version_is_the_one_this_was_written_for() -> None:
    assert importlib.metadata.version("aiortc").startswith("1.16.")


@pytest.mark.parametrize(
    ("name", "parameters", "is_coroutine"),
    [
        ("start", ["self", "remoteParameters"], True),
        ("stop", ["self"], True),
        ("_do_handshake", ["self"], True),
        ("_write_ssl", ["self"], True),
        ("_recv_next", ["self"], True),
        ("_validate_peer_identity", ["self", "remoteParameters"], False),
        ("_setup_srtp", ["self"], False),
        ("_set_role", ["self", "role"], False),
        ("_set_state", ["self", "state"], False),
    ],
)
def test_a_method_we_call_or_override_is_as_it_was(
    name: str, parameters: list[str], is_coroutine: bool
) -> None:
    method = getattr(RTCDtlsTransport, name)
    assert list(inspect.signature(method).parameters) == parameters
    assert inspect.iscoroutinefunction(method) is is_coroutine


def test_the_certificate_still_makes_the_context() -> None:
    method = RTCCertificate._create_ssl_context
    assert list(inspect.signature(method).parameters) == ["self", "srtp_profiles"]
    certificate = RTCCertificate.generateCertificate()
    assert isinstance(certificate._create_ssl_context(rtcdtlstransport.SRTP_PROFILES), SSL.Context)


def test_the_states_are_as_they_were() -> None:
    assert [state.name for state in State] == ["NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"]


def test_the_profiles_are_as_they_were() -> None:
    fields = ["libsrtp_profile", "openssl_profile", "key_length", "salt_length"]
    assert list(SRTPProtectionProfile.__dataclass_fields__) == fields
    assert list(PROFILES) == [
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AEAD_AES_256_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    ]


def test_a_new_transport_has_the_attributes_we_use() -> None:
    link_end = RTCDtlsTransport(RTCIceTransport(RTCIceGatherer()), [RTCCertificate.generateCertificate()])
    assert link_end.encrypted is False
    assert link_end._state is State.NEW
    assert link_end._ssl is None
    assert link_end._task is None
    assert link_end._role == "auto"
    assert isinstance(link_end._srtp_profiles, list)


def test_pyopenssl_has_what_we_use() -> None:
    for name in (
        "set_ciphertext_mtu",
        "DTLSv1_get_timeout",
        "DTLSv1_handle_timeout",
        "export_keying_material",
    ):
        assert callable(getattr(SSL.Connection, name))
    assert SSL.OP_NO_QUERY_MTU
    assert SSL.MODE_RELEASE_BUFFERS
    assert SSL.SESS_CACHE_OFF == 0


async def test_a_handshake_calls_our_overrides_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    link = Link(Certificate.generateCertificate())
    for name in ("_do_handshake", "_validate_peer_identity", "_setup_srtp"):
        original = getattr(link.server, name)

        def recorded(*arguments: object, name: str = name, original: object = original) -> object:
            calls.append(name)
            return original(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(link.server, name, recorded)
    await link.handshake()
    assert calls == ["_do_handshake", "_validate_peer_identity", "_setup_srtp"]
    assert isinstance(link.server._task, asyncio.Future)
    await link.close()


def test_the_stock_transport_still_has_the_defects_we_mend() -> None:
    """Once this fails, aiortc has mended them: take our overrides out instead of keeping them for ever."""
    source = textwrap.dedent(inspect.getsource(RTCDtlsTransport._write_ssl))
    assert "bio_read(1500)" in source
    assert "set_ciphertext_mtu" not in inspect.getsource(rtcdtlstransport)


async def test_starting_needs_a_fingerprint() -> None:
    link = Link(Certificate.generateCertificate())
    with pytest.raises(AssertionError):
        await link.server.start(RTCDtlsParameters())


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports."""
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
    return names


def test_one_file_only_knows_aiortc() -> None:
    users = {
        path.name
        for path in PACKAGE.glob("*.py")
        if imported(path) & {"aiortc", "aioice", "pylibsrtp", "OpenSSL"}
    }
    assert users == {"dtls.py"}
