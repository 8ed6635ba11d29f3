"""How often one caller may do what is worth attacking. Pure: time is an argument, in seconds.

A token bucket for each caller of each limit: so many at once, and then as many as a minute brings. What is
kept is bounded; callers not heard of for longest are forgotten first, which somebody with very many
addresses can bring about, and nobody else notices.
"""

from collections import OrderedDict
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_CALLERS = 20_000


class Limit:
    """`per_minute` of each caller, and that many at once after a quiet minute."""

    def __init__(self, per_minute: int, most_callers: int = MOST_CALLERS) -> None:
        self._burst = float(per_minute)
        self._per_s = per_minute / 60
        self._most_callers = most_callers
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Callers that are remembered."""
        return len(self._left)

    def take(self, caller: str, now: float) -> float:
        """0 when it may go on; else the seconds until it may, and nothing is taken."""
        left, at = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._left[caller] = (left if wait_s else left - 1), now
        if len(self._left) > self._most_callers:
            self._left.popitem(last=False)
        return wait_s


def client_address(
    peer: str | None, forwarded_for: str, proxies: Collection[Network], *, proxied: bool
) -> Address | None:
    """Who asks: the nearest address that is none of our proxies; None when nobody can tell.

    `peer`: who is connected; `forwarded_for`: X-Forwarded-For as it came, in which each proxy has appended
    whom it heard it from. What is left of a name that we do not trust is that one's own invention.
    `proxied`: with no `proxies` named, whoever is connected is the only one.
    """
    address = _address(peer or "")
    if proxied and not proxies and address is not None:
        proxies = (ip_network(address),)
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while address is not None and any(address in network for network in proxies):
        address = _address(hops.pop()) if hops else None
    return address


def caller_of(address: Address) -> str:
    """Of IPv6 the network: a household or a phone has 2^64 addresses (RFC 6177)."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False).network_address)
    return str(address)


def _address(text: str) -> Address | None:
    """Without the port that some proxies add, of IPv4 where it is that mapped into IPv6 (RFC 4291
    §2.5.5.2).
    """
    bare = text.partition("]")[0].lstrip("[") if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
