"""What arrived of the made-up media: counts, loss and latency of each stream, by the stamps inside. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from loadtest.synthetic_media import Stamp

LATENCIES = 100_000  # kept per stream; later ones are counted but not kept


@dataclass(slots=True)
class Reception:
    """One received stream."""

    packets: int = 0
    bytes: int = 0
    duplicates: int = 0
    first: int | None = None
    last: int = 0
    latencies_us: list[float] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def receive(self, stamp: Stamp, size: int, now_ns: int) -> None:
        if stamp.number in self._seen:
            self.duplicates += 1
            return
        self._seen.add(stamp.number)
        self.packets += 1
        self.bytes += size
        self.first = stamp.number if self.first is None else min(self.first, stamp.number)
        self.last = max(self.last, stamp.number)
        if len(self.latencies_us) < LATENCIES:
            self.latencies_us.append((now_ns - stamp.sent_ns) / 1000)

    @property
    def lost(self) -> int:
        """Packets missing between the first and the last that came."""
        return 0 if self.first is None else self.last - self.first + 1 - self.packets


def percentile(values: Iterable[float], share: float) -> float | None:
    """The nearest-rank percentile, `share` 0..1; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
