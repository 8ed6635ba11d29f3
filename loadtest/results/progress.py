"""What a running test tells of itself, for whoever shows it; nothing that is shown changes the test."""

from enum import StrEnum
from typing import Protocol

from loadtest.results.measures import CapacityStep, Second


class Phase(StrEnum):
    CHECKING = "checking"  # that the servers are there, and take our tickets
    JOINING = "joining"
    WARMING_UP = "warming up"
    MEASURING = "measuring"
    CLOSING = "closing"


class Progress(Protocol):
    def phase(self, phase: Phase, expected_s: float | None) -> None:
        """A phase begins, and should last so long. A capacity search goes through them several times."""
        ...

    def joined(self, participants: int, of: int) -> None: ...

    def join_took(self, took_ms: float) -> None:
        """Somebody has joined and has media, so long after wanting to; only where somebody was sending."""
        ...

    def second(self, second: Second) -> None:
        """About once a second from the first join on."""
        ...

    def capacity_step(self, step: CapacityStep) -> None: ...

    def failed(self, kind: str) -> None:
        """Something went wrong; the test goes on. `kind` as in the report's failures."""
        ...


class Silent:
    """Shows nothing."""

    def phase(self, phase: Phase, expected_s: float | None) -> None:
        pass

    def joined(self, participants: int, of: int) -> None:
        pass

    def join_took(self, took_ms: float) -> None:
        pass

    def second(self, second: Second) -> None:
        pass

    def capacity_step(self, step: CapacityStep) -> None:
        pass

    def failed(self, kind: str) -> None:
        pass
