"""The shapes of the figures, as the data plane gives them; its typed face documents each."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfu._dataplane import PlaneStats, SubscriptionStats, TrackStats, TransportStats
else:
    # The native module knows these shapes only in its typed face: at run time they are plain dicts.
    PlaneStats = SubscriptionStats = TrackStats = TransportStats = dict

__all__ = ["PlaneStats", "SubscriptionStats", "TrackStats", "TransportStats"]
