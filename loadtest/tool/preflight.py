"""Before a test: are the servers there, are they Teleconsult, do they take our tickets? Else one sentence."""

import asyncio
import os
from enum import Enum

import aiohttp

from loadtest.errors import ClientError, Refused, TicketRefused, code_of
from loadtest.results import TicketSource
from loadtest.session import Session
from loadtest.tool.entrances import Entrance
from loadtest.tool.errors import CannotTest, TicketFailed
from loadtest.wire import Encoding

ANSWER_S = 10.0
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
"""What OpenSSL says of an answer that is not TLS."""

_NO_WALK_IN = (
    "{origin} lets nobody in without a login: start it with `teleconsult serve --walk-in`, "
    "or say where tickets come from with --ticket-keys or --ticket-command."
)
_NO_TICKET = {
    TicketSource.WALK_IN: "The walk-in entrance of {origin} gave no ticket ({code}).",
    TicketSource.COMMAND: "The command for tickets gave none ({code}).",
    TicketSource.KEYS: "No ticket could be signed ({code}).",
    TicketSource.TEST_LOGINS: "{origin} gave its own test person no ticket ({code}).",
}
_WRONG_KEYS = {
    TicketSource.KEYS: "{origin} refuses tickets signed with these keys: "
    "--ticket-keys has to be the data folder of that very deployment.",
    TicketSource.COMMAND: "{origin} refuses the ticket that the command printed: "
    "it is signed with other keys, or too old.",
    TicketSource.WALK_IN: "{origin} refuses the ticket that it gave itself: "
    "do several servers with different keys share this address?",
    TicketSource.TEST_LOGINS: "{origin} refuses the ticket that it gave its own test person.",
}


async def check_server(http: aiohttp.ClientSession, origin: str) -> None:
    """Raises CannotTest."""
    try:
        async with asyncio.timeout(ANSWER_S), http.get(f"{origin}/healthz") as response:
            told = await response.json(content_type=None) if response.status == 200 else None
        if not isinstance(told, dict) or told.get("status") != "ok" or "node" not in told:
            raise CannotTest(f"{origin} answers, but not as a Teleconsult server does.")
        async with asyncio.timeout(ANSWER_S), http.get(f"{origin}/readyz") as response:
            if response.status != 200:
                raise CannotTest(f"{origin} takes nobody now: it is starting or draining.")
    except TimeoutError:
        raise CannotTest(f"{origin} did not answer within {ANSWER_S:.0f} s.") from None
    except aiohttp.ClientConnectorError as error:
        raise CannotTest(f"{origin} cannot be reached: {why_not(error)}.") from None
    except (aiohttp.ClientError, ValueError):
        raise CannotTest(f"{origin} answers, but not as a Teleconsult server does.") from None


async def check_tickets(
    entrance: Entrance, source: TicketSource, origin: str, room: str, *, recording: bool = False
) -> None:
    """Join once, with neither media nor anybody there, and agree to `recording`. Raises CannotTest."""
    try:
        ticket = await entrance.ticket(room, "doctor")
    except TicketFailed as error:
        text = _NO_WALK_IN if str(error) == "http 404" else _NO_TICKET[source]
        raise CannotTest(text.format(origin=origin, code=code_of(error)) + error.aside) from None
    session = Session(ticket.url, ticket.ticket, Encoding.MSGPACK, lambda _: None)
    try:
        await session.open()
        session.start()
        if recording:
            await _agree_to_recording(session, origin)
        await session.request("leave")
    except TicketRefused:
        raise CannotTest(_WRONG_KEYS[source].format(origin=origin)) from None
    except ClientError as error:
        raise CannotTest(f"{origin} does not let us join ({code_of(error)}).") from None
    finally:
        await session.close()


async def _agree_to_recording(session: Session, origin: str) -> None:
    try:
        await session.request("consent", kind="recording", state="granted")
    except Refused as error:
        raise CannotTest(f"{origin} does not record ({code_of(error)}): leave out --recording.") from None


class Health(Enum):
    ALIVE = "alive"
    LATE = "late"
    """No answer within ANSWER_S: overloaded is not dead, but frozen and without power look the same."""
    GONE = "gone"


async def health(http: aiohttp.ClientSession, origin: str) -> Health:
    """Whether somebody answers there."""
    try:
        async with asyncio.timeout(ANSWER_S), http.get(f"{origin}/healthz") as response:
            return Health.ALIVE if response.status < 500 else Health.GONE
    except TimeoutError:
        return Health.LATE
    except aiohttp.ClientError:
        return Health.GONE


def why_not(error: aiohttp.ClientConnectorError) -> str:
    """In words, without the address."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no such name"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted here"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        reason = getattr(error.os_error, "reason", None) or "unknown"
        return "it does not speak TLS; http:// perhaps" if reason in NO_TLS else f"TLS failed ({reason})"
    number = error.os_error.errno
    return os.strerror(number).lower() if number else "no connection"
