"""Who is not let in, and what is not answered: tickets that are not right, offers that are not offers."""

import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import jwt
import pytest
import pytest_asyncio

from auth import LONGEST_TICKET_S, KeyRing, Private, Role, TicketIssuer
from loadtest.client import Client
from loadtest.errors import Refused, SessionClosed
from loadtest.wire import Encoding
from tests.robustness.hostile_sdp import hostile_offers
from tests.server_process import ServerProcess, running_server

REFUSALS = {"bad-sdp", "bad-message", "unsupported-codec"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[ServerProcess]:
    async with running_server() as server:
        yield server


def ring(keys: Path) -> KeyRing:
    return KeyRing.open(keys, longest_life_s=LONGEST_TICKET_S)


def issuer(keys: Path, *, ago_s: float = 0.0) -> TicketIssuer:
    return TicketIssuer(ring(keys), clock=lambda: time.time() - ago_s)


def a_ticket(issuer: TicketIssuer) -> str:
    return issuer.issue(room="door", role=Role.DOCTOR, name=Private("Dr. Test"))


def for_another_audience(keys: Path) -> str:
    """Signed by the right key for something that is not this door."""
    key = ring(keys).signing_key()
    claims = jwt.decode(a_ticket(issuer(keys)), options={"verify_signature": False})
    headers = {"kid": key.kid, "typ": "teleconsult-ticket+jwt"}
    return jwt.encode(claims | {"aud": "teleconsult.session"}, key.private, "EdDSA", headers=headers)


async def code_of(request: Awaitable[object]) -> str:
    try:
        await request
    except Refused as refusal:
        return refusal.code
    return "ok"


async def close_code(server: ServerProcess, ticket: str, encoding: Encoding) -> int:
    with pytest.raises(SessionClosed) as refusal:
        async with Client(server.signal_url, ticket, encoding=encoding):
            pass
    return refusal.value.close_code


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_a_ticket_of_the_servers_own_key_opens_the_door_once(
    server: ServerProcess, encoding: Encoding
) -> None:
    ticket = a_ticket(issuer(server.data_dir / "keys"))
    async with Client(server.signal_url, ticket, encoding=encoding) as doctor:
        assert doctor.room.admitted
    assert await close_code(server, ticket, encoding) == 4401


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_expired_foreign_and_forged_tickets_are_refused(
    server: ServerProcess, encoding: Encoding, tmp_path: Path
) -> None:
    own = server.data_dir / "keys"
    good = a_ticket(issuer(own))
    header, claims, signature = good.split(".")
    _, other_claims, _ = a_ticket(issuer(own)).split(".")
    refused = {
        "expired": a_ticket(issuer(own, ago_s=70)),
        "from tomorrow": a_ticket(issuer(own, ago_s=-86_400)),
        "of another service's key": a_ticket(issuer(tmp_path)),
        "with another's claims": f"{header}.{other_claims}.{signature}",
        "unsigned": f"eyJhbGciOiJub25lIn0.{claims}.",
        "for another audience": for_another_audience(own),
        "no token at all": "abc",
        "very long": "a." * 2_000 + "a",
    }
    codes = {what: await close_code(server, ticket, encoding) for what, ticket in refused.items()}
    assert codes == dict.fromkeys(refused, 4401)
    async with Client(server.signal_url, good, encoding=encoding):
        pass  # none of them used up the id they borrowed


async def test_an_offer_from_hell_gets_an_error_and_the_session_lives(server: ServerProcess) -> None:
    wish = {"publish": {"source": "microphone", "muted": False, "encryption": "none"}}
    codes: dict[str, str] = {}
    for what, sdp in hostile_offers().items():
        # A session each: the third message that is malformed ends one.
        ticket = await server.ticket("doctor", room="hell")
        async with Client(ticket.url, ticket.ticket) as doctor:
            codes[what] = await code_of(doctor.request("offer", sdp=sdp, tracks={"0": wish}))
            await doctor.report_stats({"loss": 0.0}, {"loss": 0.0})
    assert {what: code for what, code in codes.items() if code not in REFUSALS} == {}
