"""The right to join one room, as everybody here passes it on (protocol §1)."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class Ticket(Protocol):
    """What there is to know of a ticket. It lasts a minute and one use."""

    @property
    def url(self) -> str:
        """Where the room is, `ws://…/v1/signal`."""
        ...

    @property
    def ticket(self) -> str: ...


Renew = Callable[[], Awaitable[Ticket]]
"""Fetches a new ticket of the same participant; may fail in any way."""
