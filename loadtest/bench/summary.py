"""Repeated measurements in three numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Summary:
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Summary":
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f}  ({self.least:.2f}–{self.most:.2f})"  # noqa: RUF001  a range
