"""How long to wait before one looks again for a node, or for the one that took its room over. Pure."""

from collections.abc import Callable, Iterator

EAGER_S = 6.0  # most rooms are found again within this
EAGER_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
JITTER = 0.2  # of each pause, either way: those who lost a node together must not come back in step


def pauses(jitter: Callable[[], float], first_s: float = EAGER_PAUSE_S) -> Iterator[float]:
    """Seconds, without end: doubling up to half a second, after six seconds further up to four.

    `jitter` gives numbers from 0 to 1, evenly spread.
    """
    pause_s, waited_s = first_s, 0.0
    while True:
        yield pause_s * (1 - JITTER + 2 * JITTER * jitter())
        waited_s += pause_s
        pause_s = min(2 * pause_s, EAGER_PAUSE_S if waited_s < EAGER_S else LONGEST_PAUSE_S)
