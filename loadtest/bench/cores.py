"""Which core carries what is measured, and which its clients."""

import os


def divided() -> tuple[set[int] | None, set[int] | None]:
    """(the server's, the clients'); None where there is nothing to divide."""
    available = sorted(os.sched_getaffinity(0))
    return ({available[0]}, {available[1]}) if len(available) > 1 else (None, None)
