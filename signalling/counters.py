"""What signalling counts. Plain numbers; whoever serves metrics reads them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Step(Enum):
    """What takes time on the way into a call; `Observe` is told the seconds of each."""

    TICKET = "ticket"
    ROOM = "room"
    JOIN = "join"
    OFFER = "offer"


Observe = Callable[[Step, float], None]


def ignore_step(step: Step, seconds: float) -> None:
    """An `Observe` for when nobody looks."""


@dataclass(slots=True)
class Counters:
    """Totals since the start, but for those that say "now"."""

    connections: int = 0
    connections_now: int = 0
    connections_refused: Counter[str] = field(default_factory=Counter)  # by reason, before the upgrade
    joins: Counter[str] = field(default_factory=Counter)  # by "ok" or error code
    resumes: Counter[str] = field(default_factory=Counter)  # by "ok" or error code
    messages: Counter[str] = field(default_factory=Counter)  # by type, those that could be read
    errors: Counter[str] = field(default_factory=Counter)  # by code
    closes: Counter[int] = field(default_factory=Counter)  # by close code, those that we close
    tickets_refused: Counter[str] = field(default_factory=Counter)  # by reason
    leaves: Counter[str] = field(default_factory=Counter)  # by reason
    outbox_overflows: int = 0
    events: int = 0
    store_failures: int = 0
    consent_failures: int = 0  # of the ledger of consents
    rooms_fenced: int = 0
