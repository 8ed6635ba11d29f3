"""The clock that people read: whatever a document says of a time is said as a clock in Belgium shows it.

The one place that decides so. What programs read is UTC.
"""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Brussels")


def local(moment: datetime) -> datetime:
    """The same moment by that clock. `moment` has a time zone."""
    return moment.astimezone(ZONE)
