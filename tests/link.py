"""One direction of a bad network: which datagrams get through, and when. Knows no socket and no clock.

Seeded: the same datagrams offered at the same times have the same fate. The model is a queue in front of a
wire (tail drop when it is full), then a delay with jitter; order is kept, as on most real paths.
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a direction does to datagrams. The default does nothing.

    `loss`: share 0..1 of datagrams dropped at random. `delay_s`: added to each; `jitter_s`: up to this much
    more. `rate_bps`: bits a second of UDP payload, None: no limit. `queue_s`: how long the queue in front of
    that rate may get before it drops. `blackhole`: nothing gets through.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate_bps: float | None = None
    queue_s: float = 0.3
    blackhole: bool = False


class Link:
    """One direction. `offer` is called once for each datagram, in order; seconds of any one clock."""

    def __init__(self, seed: int, conditions: Conditions | None = None) -> None:
        self._random = Random(seed)
        self.conditions = conditions or Conditions()
        self._wire_free_at = 0.0
        self._last_departure = 0.0
        self.passed = 0
        self.dropped = 0

    def offer(self, size: int, now: float) -> float | None:
        """The time at which a datagram of `size` bytes comes out at the other end, or None: it never does."""
        departure = self._departure(size, now)
        if departure is None:
            self.dropped += 1
            return None
        self.passed += 1
        self._last_departure = departure
        return departure

    def _departure(self, size: int, now: float) -> float | None:
        conditions = self.conditions
        # Drawn for each datagram whatever the conditions: changing these must not shift the fate of the rest.
        loss_draw, jitter_draw = self._random.random(), self._random.random()
        if conditions.blackhole or loss_draw < conditions.loss:
            return None
        departure = now
        if conditions.rate_bps is not None:
            start = max(now, self._wire_free_at)
            if start - now > conditions.queue_s:
                return None
            departure = self._wire_free_at = start + size * 8 / conditions.rate_bps
        departure += conditions.delay_s + jitter_draw * conditions.jitter_s
        return max(departure, self._last_departure)
