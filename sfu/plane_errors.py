"""Turns what the data plane raises into our own errors, so that nobody else needs to know it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sfu import _dataplane
from sfu.errors import DataPlaneFailed, LimitReached, UnknownTrack


@contextmanager
def translated() -> Iterator[None]:
    """Raises LimitReached, UnknownTrack or DataPlaneFailed instead of the data plane's exceptions."""
    try:
        yield
    except _dataplane.LimitReached:
        raise LimitReached("the media plane has reached a limit") from None
    except _dataplane.UnknownId:
        raise UnknownTrack("the track or transport does not exist any more") from None
    except (_dataplane.DataPlaneError, OSError) as failure:
        raise DataPlaneFailed(type(failure).__name__) from failure
