"""How long nothing came, of each participant and kind of media, whichever connection it came by. Pure.

Times are seconds of one monotonic clock.
"""

import math
from dataclasses import dataclass

from loadtest.events import ParticipantId


@dataclass(frozen=True, slots=True)
class Silence:
    """The longest time without a packet since one began to measure, and what is known of that time."""

    participant: ParticipantId
    kind: str  # "audio" or "video"
    longest_s: float
    ended_s: float | None  # when the longest one ended; None: it goes on, media has not come back
    last_packet_s: float | None  # None: there was none since one began to measure


class Meter:
    """One kind of media of one participant. `packet` is called for each packet, so it does little."""

    __slots__ = ("_ended_s", "_longest_s", "_silent_since_s", "last_packet_s")

    def __init__(self, now: float) -> None:
        self.last_packet_s: float | None = now
        self._silent_since_s = now
        self._longest_s = 0.0
        self._ended_s = now

    def packet(self, now: float) -> float:
        """How long it was silent before."""
        silent_s = now - self._silent_since_s
        if silent_s > self._longest_s:
            self._longest_s, self._ended_s = silent_s, now
        self._silent_since_s = self.last_packet_s = now
        return silent_s

    def measure(self, now: float) -> None:
        """Forget what was. A silence that goes on counts from now."""
        self._longest_s, self._ended_s = 0.0, now
        self.last_packet_s = None
        self._silent_since_s = max(now, self._silent_since_s)

    def rest(self, now: float) -> None:
        """Nothing is to be expected: from now to the next packet, if there will be one, is no silence."""
        last_s = self.last_packet_s
        self.packet(now)
        self.last_packet_s = last_s
        self._silent_since_s = math.inf

    def read(self, participant: ParticipantId, kind: str, now: float) -> Silence:
        running_s = now - self._silent_since_s
        if running_s > self._longest_s:
            return Silence(participant, kind, running_s, None, self.last_packet_s)
        return Silence(participant, kind, self._longest_s, self._ended_s, self.last_packet_s)


class Silences:
    """The meters of all that was ever heard."""

    def __init__(self) -> None:
        self._meters: dict[tuple[ParticipantId, str], Meter] = {}

    def meter(self, participant: ParticipantId, kind: str, now: float) -> Meter:
        """Of what is heard for the first time just now, or was heard before."""
        key = (participant, kind)
        if key not in self._meters:
            self._meters[key] = Meter(now)
        return self._meters[key]

    def measure(self, now: float) -> None:
        for meter in self._meters.values():
            meter.measure(now)

    def left(self, participant: ParticipantId, now: float) -> None:
        for (whose, _), meter in self._meters.items():
            if whose == participant:
                meter.rest(now)

    def participants(self) -> set[ParticipantId]:
        return {participant for participant, _ in self._meters}

    def all(self, now: float) -> list[Silence]:
        return [meter.read(participant, kind, now) for (participant, kind), meter in self._meters.items()]

    def longest(self, now: float) -> dict[str, Silence]:
        """The longest of each kind that was ever heard."""
        worst: dict[str, Silence] = {}
        for silence in self.all(now):
            if silence.kind not in worst or silence.longest_s > worst[silence.kind].longest_s:
                worst[silence.kind] = silence
        return worst
