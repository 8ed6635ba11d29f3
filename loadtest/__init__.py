"""Synthetic patients and doctors, and what they measured. Speaks the public contract only.

`Client` is a participant on aiortc for applications and tests; `LeanParticipant` a cheap one with made-up
media for measurements; `running_server` starts a real server for either.
"""

from loadtest.client import Client, Publication, Source
from loadtest.errors import ClientError, Refused, SessionClosed
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.server_process import ServerProcess, running_server
from loadtest.wire import Encoding

__all__ = [  # noqa: RUF022  in the order a newcomer should read them
    "Client",
    "Publication",
    "Source",
    "Encoding",
    "ClientError",
    "Refused",
    "SessionClosed",
    "LeanParticipant",
    "Traffic",
    "ServerProcess",
    "running_server",
]
