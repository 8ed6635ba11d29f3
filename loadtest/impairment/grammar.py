"""`loss=5%,burst=3,delay=50ms,jitter=200ms,rate=2mbit,queue=300ms,direction=up`: in any order, each once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_NUMBER = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([a-z%]*)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_BITS = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}


class BadImpairment(ValueError):
    """What was written describes no network; the text names the part."""


class Direction(StrEnum):
    BOTH = "both"
    UP = "up"
    """From participants to the server."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Impairment:
    """What the network between each participant and the server does to datagrams, handshakes' and media's.

    `loss`: share that is lost, 0 to 1; `burst`: how many in a row on average, None: each by itself. `delay_s`
    is added to each, and up to `jitter_s` more: drawn evenly, anew every 50 to 150 ms, and the same for all
    datagrams of that while. None overtakes another. `rate_bps`: bits a second of UDP payload, None: no limit;
    what would wait longer than `queue_s` for it is dropped.
    """

    loss: float = 0.0
    burst: float | None = None
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate_bps: int | None = None
    queue_s: float = 0.3
    direction: Direction = Direction.BOTH

    @property
    def up(self) -> bool:
        return self.direction is not Direction.DOWN

    @property
    def down(self) -> bool:
        return self.direction is not Direction.UP


def parse_impairment(text: str) -> Impairment:
    """Raises BadImpairment."""
    known = f"{', '.join(_PARTS)}, each as name=value"
    fields: dict[str, float | Direction] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            raise BadImpairment(f"has an empty part: give {known}")
        if name not in _PARTS or not equals:
            raise BadImpairment(f"{part.strip()}: give {known}")
        field, read = _PARTS[name]
        if field in fields:
            raise BadImpairment(f"{name}: give it once")
        fields[field] = read(name, value)
    impairment = Impairment(**fields)  # type: ignore[arg-type]  # each part's reader gives its field's type
    _check_bursts(impairment)
    return impairment


def _check_bursts(impairment: Impairment) -> None:
    """Between two bursts at least one datagram comes through."""
    burst, loss = impairment.burst, impairment.loss
    if burst is None:
        return
    if loss == 0:
        raise BadImpairment("burst: give loss too, which says how many are lost at all")
    if loss > burst / (burst + 1):
        raise BadImpairment(
            f"burst={burst:g}: with bursts of that length at most {burst / (burst + 1):.0%} are lost"
        )


def _amount(
    name: str, value: str, units: Mapping[str, float], low: float, high: float, example: str
) -> float:
    found = _NUMBER.fullmatch(value.lower())
    amount = float(found[1]) * units[found[2]] if found and found[2] in units else None
    if amount is None or not low <= amount <= high:
        raise BadImpairment(f"{name}={value}: give {example}")
    return amount


def _share(name: str, value: str) -> float:
    return _amount(name, value, {"%": 0.01}, 0, 1, "0% to 100%, such as 5%")


def _length(name: str, value: str) -> float:
    return _amount(
        name, value, {"": 1.0}, 1, 1000, "how many are lost in a row on average, 1 to 1000, such as 3"
    )


def _time(name: str, value: str) -> float:
    return _amount(name, value, _SECONDS, 0, 5, "a time up to 5s, such as 50ms")


def _rate(name: str, value: str) -> int:
    return round(_amount(name, value, _BITS, 8e3, 1e10, "8kbit to 10gbit (a second), such as 2mbit"))


def _direction(name: str, value: str) -> Direction:
    try:
        return Direction(value.lower())
    except ValueError:
        raise BadImpairment(f"{name}={value}: give {', '.join(Direction)}") from None


_PARTS: Mapping[str, tuple[str, Callable[[str, str], float | Direction]]] = {
    "loss": ("loss", _share),
    "burst": ("burst", _length),
    "delay": ("delay_s", _time),
    "jitter": ("jitter_s", _time),
    "rate": ("rate_bps", _rate),
    "queue": ("queue_s", _time),
    "direction": ("direction", _direction),
}
