"""Failures in words, with the code that programs know them by; no addresses."""

import errno

import aiohttp
import pytest

from loadtest.errors import ConnectionLost, Draining, Refused, SessionClosed, code_of


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Draining(), "server draining (close code 4503)"),
        (ConnectionLost(), "connection lost (close code 1006)"),
        (SessionClosed(4999), "close code 4999"),
        (Refused("limit-reached"), "refused as limit-reached"),
        (TimeoutError(), "not in time"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused (ConnectionRefusedError)"),
        (ConnectionResetError(), "no connection (ConnectionResetError)"),
        (aiohttp.ServerDisconnectedError(), "the server hung up (ServerDisconnectedError)"),
        (KeyError("ticket"), "an answer that makes no sense (KeyError)"),
    ],
)
def test_a_failure_is_said_in_words_with_its_code(error: Exception, said: str) -> None:
    assert code_of(error) == said
