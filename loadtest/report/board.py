"""What is known of a running test: the events that `loadtest.results.progress` names, added up. Pure.

Times are monotonic seconds, handed in.
"""

from collections import Counter
from dataclasses import dataclass, field

from loadtest.histogram import Histogram
from loadtest.results import CapacityStep, Options, Phase, Second


@dataclass(slots=True)
class Board:
    options: Options
    phase: Phase = Phase.CHECKING
    phase_began_s: float = 0.0
    phase_lasts_s: float | None = None
    joined: int = 0
    wanted: int = 0
    joins: Histogram = field(default_factory=Histogram)
    last: Second | None = None
    expected: int = 0
    """Packets since the phase began; `lost` of them."""
    lost: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    steps: list[CapacityStep] = field(default_factory=list)

    def begin(self, phase: Phase, lasts_s: float | None, now_s: float) -> None:
        self.phase, self.phase_began_s, self.phase_lasts_s = phase, now_s, lasts_s
        self.expected = self.lost = 0
        if phase is Phase.JOINING:
            self.joined = self.wanted = 0

    def take(self, second: Second) -> None:
        self.last = second
        self.expected += second.expected
        self.lost += second.lost

    @property
    def loss(self) -> float | None:
        """Of the phase, up to now."""
        return self.lost / self.expected if self.expected else None

    @property
    def join_p95_ms(self) -> float | None:
        return self.joins.percentile_ms(0.95)

    def done(self, now_s: float) -> float | None:
        """How much of the phase is over, 0 to 1; None where nobody knows."""
        if self.phase is Phase.JOINING and self.wanted:
            return self.joined / self.wanted
        if not self.phase_lasts_s:
            return None
        return min(1.0, max(0.0, (now_s - self.phase_began_s) / self.phase_lasts_s))

    def left_s(self, now_s: float) -> float | None:
        """Until the window has been measured: of a search this one, else the only one. None: nobody knows."""
        if self.phase_lasts_s is None or self.phase is Phase.CLOSING:
            return None
        left_s = max(0.0, self.phase_lasts_s - (now_s - self.phase_began_s))
        if self.phase is Phase.JOINING:
            left_s += self.options.warm_up_s
        if self.phase in (Phase.JOINING, Phase.WARMING_UP):
            left_s += self.options.duration_s
        return left_s
