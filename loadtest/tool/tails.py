"""The end of a stream that has stopped coming: what was sent and never came, and a freeze still going on.

Receivers count by the numbers in what they get, so they know nothing of what follows the last packet; the
sender does. Pure.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from loadtest.events import TrackId
from loadtest.participant import Kind, ParticipantFigures, ReceivedTrack

STILL_S = 1.0  # what is missing for less, the next packet tells of, or it is on its way


@dataclass(frozen=True, slots=True)
class Seen:
    """One track on its way to one receiver, up to `at_s`: counts that only grow."""

    at_s: float
    sent: int = 0
    expected: int = 0
    packets: int = 0
    frames: int = 0


@dataclass(slots=True)
class Counted:
    """What one participant's figures were before they began anew, added up."""

    packets: Counter[TrackId] = field(default_factory=Counter)
    expected: Counter[TrackId] = field(default_factory=Counter)
    frames: Counter[TrackId] = field(default_factory=Counter)
    sent: Counter[Kind] = field(default_factory=Counter)

    def add(self, figures: ParticipantFigures) -> None:
        for received in figures.received:
            self.packets[received.track] += received.packets
            self.expected[received.track] += received.expected
            self.frames[received.track] += received.frames
        for sent in figures.sent:
            self.sent[sent.kind] += sent.packets

    def seen(self, track: ReceivedTrack, sent: int, at_s: float) -> Seen:
        """With what came since; `sent` is the sender's, all in all."""
        return Seen(
            at_s=at_s,
            sent=sent,
            expected=self.expected[track.track] + track.expected,
            packets=self.packets[track.track] + track.packets,
            frames=self.frames[track.track] + track.frames,
        )


class Tail:
    """Of one track. Wants a `look` every second or so."""

    def __init__(self, first: Seen, still_s: float) -> None:
        """`still_s`: what has been silent for less may still come."""
        self._still_s = still_s
        self._came = first  # when packets were last seen to have come
        self._before = first  # the look before that: what is lost at the end was sent since
        self._shown = first  # when frames were last seen to have come

    def look(self, now: Seen) -> None:
        if now.packets > self._came.packets:
            self._before, self._came = self._came, now
        if now.frames > self._shown.frames:
            self._shown = now

    def lost(self, now: Seen) -> int:
        """Packets that were sent after the last that came, but for as many as usually are on their way."""
        if now.at_s - self._came.at_s < self._still_s:
            return 0
        return max(0, (now.sent - self._before.sent) - (now.expected - self._before.expected))

    def frozen_s(self, now: Seen) -> float | None:
        """How long the picture has stood still; None: it moves, was never there, or nothing is sent."""
        still_s = now.at_s - self._shown.at_s
        if now.frames == 0 or now.sent == self._shown.sent or still_s < self._still_s:
            return None
        return still_s


@dataclass(slots=True)
class Tails:
    """Of all tracks that one participant receives."""

    still_s: float = STILL_S
    _tails: dict[TrackId, Tail] = field(default_factory=dict)

    def with_tail(self, track: ReceivedTrack, now: Seen) -> ReceivedTrack:
        """The track's figures, and what its end adds to them."""
        tail = self._tails.get(track.track)
        if tail is None:
            tail = self._tails[track.track] = Tail(now, self.still_s)
        tail.look(now)
        lost, frozen_s = tail.lost(now), tail.frozen_s(now)
        if not lost and frozen_s is None:
            return track
        return replace(
            track,
            expected=track.expected + lost,
            lost=track.lost + lost,
            freezes=track.freezes + (frozen_s is not None),
            freeze_ms=track.freeze_ms + 1000 * (frozen_s or 0.0),
        )
