"""Connections that have not joined yet: how many there may be, in all and from one source.

Without a limit for each source, one address that opens idle connections would close the door to everybody.
"""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import NewType

Source = NewType("Source", str)


def source_of(address: str | None) -> Source:
    """Whom an address stands for: a subscriber of IPv6 has at least a /64 (RFC 6177), and all of it."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return Source("unknown")
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return Source(str(IPv6Address(int(parsed) >> 64 << 64)))
    return Source(str(parsed))


class Unjoined:
    def __init__(self, limit: int, limit_per_source: int) -> None:
        self._limit = limit
        self._limit_per_source = limit_per_source
        self._by_source: Counter[Source] = Counter()
        self._total = 0

    def admits(self, source: Source) -> bool:
        return self._total < self._limit and self._by_source[source] < self._limit_per_source

    def enter(self, source: Source) -> Callable[[], None]:
        """Count one in; the result counts it out again, once, however often it is called."""
        self._total += 1
        self._by_source[source] += 1
        inside = True

        def leave() -> None:
            nonlocal inside
            if not inside:
                return
            inside = False
            self._total -= 1
            self._by_source[source] -= 1
            if self._by_source[source] <= 0:
                del self._by_source[source]

        return leave
