"""One DTLS certificate for all sessions of a while, renewed long before it expires (RFC 8827 §6.5).

A session keeps the certificate it began with, since its fingerprint is in the answers; new sessions get the
newer.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar


class Expiring(Protocol):
    @property
    def expires(self) -> datetime: ...


C = TypeVar("C", bound=Expiring)

# aiortc's certificates last 30 days; a session that starts on the last day before renewal has still 15.
RENEW_BEFORE = timedelta(days=15)


class CertificateStore(Generic[C]):
    """Hands out the current certificate. `make` makes one; `clock` is the wall clock, with a time zone."""

    def __init__(
        self, make: Callable[[], C], clock: Callable[[], datetime], renew_before: timedelta = RENEW_BEFORE
    ) -> None:
        self._make = make
        self._clock = clock
        self._renew_before = renew_before
        self._current: C | None = None

    def current(self) -> C:
        """The certificate for a new session, a new one when the last is close to its end."""
        if self._current is None or self._clock() >= self._current.expires - self._renew_before:
            self._current = self._make()
        return self._current
