"""A histogram of microseconds whose buckets are always the same, so that any two can be added up. Pure.

The buckets are log-linear, as HdrHistogram's: up to 63 µs each microsecond has its own, then every doubling
has 32 of equal width. Bucket `i` of a value `v`, with `e = max(0, bits(v) - 6)`, is `32 e + (v >> e)`; a
percentile is the middle of its bucket, at most 1.6 % from the value. The native traffic client counts in the
same ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

LINEAR_BITS = 6
PER_DOUBLING = 1 << (LINEAR_BITS - 1)
LARGEST_US = (1 << 32) - 1  # 71 minutes; what is longer counts as this


def bucket_of(value_us: int) -> int:
    """Which bucket counts a value; below 0 counts as 0, as two clocks that differ a little would have it."""
    value_us = min(max(value_us, 0), LARGEST_US)
    exponent = max(0, value_us.bit_length() - LINEAR_BITS)
    return PER_DOUBLING * exponent + (value_us >> exponent)


def bounds_of(bucket: int) -> tuple[int, int]:
    """The least and the largest value that a bucket counts."""
    exponent = max(0, bucket // PER_DOUBLING - 1)
    least = (bucket - PER_DOUBLING * exponent) << exponent
    return least, least + (1 << exponent) - 1


BUCKETS = bucket_of(LARGEST_US) + 1


@dataclass(slots=True)
class Histogram:
    """Counts by bucket, those of empty buckets left out. Values are microseconds."""

    counts: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values_us: Iterable[float]) -> Self:
        made = cls()
        for value in values_us:
            made.record(value)
        return made

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def record(self, value_us: float, times: int = 1) -> None:
        bucket = bucket_of(int(value_us))
        self.counts[bucket] = self.counts.get(bucket, 0) + times

    def merge(self, other: "Histogram") -> None:
        """Count what the other counted, too."""
        for bucket, times in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + times

    def since(self, earlier: "Histogram") -> "Histogram":
        """What was counted after `earlier`, a copy of this one from before. Nothing goes below zero."""
        left = {b: times - earlier.counts.get(b, 0) for b, times in self.counts.items()}
        return Histogram({bucket: times for bucket, times in left.items() if times > 0})

    def copy(self) -> "Histogram":
        return Histogram(dict(self.counts))

    def percentile(self, share: float) -> float | None:
        """The nearest-rank percentile in µs, `share` 0..1; None of nothing."""
        total = self.count
        if total == 0:
            return None
        rank = max(1, -int(-share * total // 1))  # rounded up
        passed = 0
        for bucket in sorted(self.counts):
            passed += self.counts[bucket]
            if passed >= rank:
                break
        least, largest = bounds_of(bucket)
        return (least + largest) / 2

    def percentile_ms(self, share: float) -> float | None:
        value = self.percentile(share)
        return None if value is None else value / 1000

    def to_json(self) -> dict[str, int]:
        """Counts by the least microsecond of their bucket, rising: readable without this module."""
        return {str(bounds_of(bucket)[0]): self.counts[bucket] for bucket in sorted(self.counts)}

    @classmethod
    def from_json(cls, written: Mapping[str, int]) -> Self:
        """Raises ValueError for what `to_json` did not write."""
        counts: dict[int, int] = {}
        for least, times in written.items():
            if not least.isascii() or not least.isdigit() or times < 0:
                raise ValueError("a histogram has counts by microseconds, both from 0 up")
            bucket = bucket_of(int(least))
            counts[bucket] = counts.get(bucket, 0) + times
        return cls(counts)
