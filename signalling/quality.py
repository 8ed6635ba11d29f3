"""From a client's `stats` to a word people understand. Pure.

The bounds follow what people notice in a conversation: one-way delay over 150 ms is felt and over
400 ms spoils it (ITU-T G.114 §6), Opus with in-band FEC hides a few per cent of loss, and everybody sees a
freeze.
"""

from signalling.messages import LinkSummary
from signalling.views import Rating

_FAIR_LOSS, _POOR_LOSS = 0.02, 0.08
_FAIR_RTT_MS, _POOR_RTT_MS = 300.0, 800.0
_FAIR_JITTER_MS, _POOR_JITTER_MS = 40.0, 120.0
_EASE = 0.7
"""A connection gets its better word back only below this share of the bound, so that it does not flicker."""


def rate(link: LinkSummary, before: Rating) -> Rating:
    """The rating of one direction, given the one before."""
    bounds = (
        (link.loss, _FAIR_LOSS, _POOR_LOSS),
        (link.rtt_ms, _FAIR_RTT_MS, _POOR_RTT_MS),
        (link.jitter_ms, _FAIR_JITTER_MS, _POOR_JITTER_MS),
        (link.freezes, 1.0, 3.0),
    )
    known = [(value, fair, poor) for value, fair, poor in bounds if value is not None]
    poor_ease = _EASE if before is Rating.POOR else 1.0
    fair_ease = _EASE if before in (Rating.POOR, Rating.FAIR) else 1.0
    if any(value >= poor * poor_ease for value, _, poor in known):
        return Rating.POOR
    if any(value >= fair * fair_ease for value, fair, _ in known):
        return Rating.FAIR
    return Rating.GOOD
