"""The search for the most calls within the thresholds: grow geometrically, then bisect. Pure.

A number of calls holds as soon as one window is within the thresholds, and does not once two in a row are
not: a single bad window may be anybody's.
"""

import math
from dataclasses import dataclass, field

GROWTH = 1.5
PRECISION = 0.05  # of the number that holds
WINDOWS = 2  # in a row that must fail


@dataclass(slots=True)
class CapacitySearch:
    """`next` says how many calls to hold; `told` what came of it. `first` ≤ `most`."""

    first: int
    most: int
    holds: int | None = None
    """The most that is known to hold."""
    fails: int | None = None
    """The fewest that are known not to."""
    _tries: int = field(default=0)

    def next(self) -> int | None:
        """The number to try now; None: the search is over."""
        if self.holds is None:
            if self.fails is None:
                return min(self.first, self.most)
            return self.fails // 2 if self.fails > 1 else None
        if self.fails is None:
            return None if self.holds >= self.most else min(self.most, self._grown(self.holds))
        if self.fails - self.holds <= max(1, math.floor(PRECISION * self.holds)):
            return None
        return (self.holds + self.fails) // 2

    def told(self, passed: bool) -> None:
        tried = self.next()
        if tried is None:
            return
        if passed:
            self.holds, self._tries = tried, 0
            return
        self._tries += 1
        if self._tries == WINDOWS:
            self.fails, self._tries = tried, 0

    def _grown(self, holds: int) -> int:
        return max(holds + 1, math.ceil(holds * GROWTH))
