"""Who is heard: when a change of audio levels is worth telling (RFC 6464). Pure."""

from collections import deque
from collections.abc import Iterable

from signalling import TrackId

# Levels are -dBov, 0 the loudest. A quiet room is 60 to 70, a voice at the microphone 15 to 40.
_AUDIBLE = 55
# A voice moves by some dB from one syllable to the next; a meter on a screen shows less.
_STEP = 6
# Speech is syllables and breaths. Told as they come, everybody would get three messages a second for as long
# as anybody speaks, so a voice is as loud as it was at its loudest in so many reports, a bit over a second.
HELD = 4


class Speakers:
    """Remembers what was told last, and the loudest of each track in the last `HELD` reports."""

    def __init__(self) -> None:
        self._told: dict[TrackId, int] = {}
        self._last: deque[dict[TrackId, int]] = deque(maxlen=HELD)

    def heard(self, levels: Iterable[tuple[TrackId, int]]) -> dict[TrackId, int] | None:
        """All audible tracks with their levels when that is news, an empty map when silence is; otherwise
        None.

        `levels`: of each track heard since the last call, in -dBov. A level that moved little is told as
        before, so that a room in which nothing changed is told the same again.
        """
        self._last.append({track: level for track, level in levels if level <= _AUDIBLE})
        loudest: dict[TrackId, int] = {}
        for report in self._last:
            for track, level in report.items():
                loudest[track] = min(level, loudest.get(track, level))
        now = {track: self._steady(track, level) for track, level in loudest.items()}
        if now == self._told:
            return None
        self._told = now
        return now

    def _steady(self, track: TrackId, level: int) -> int:
        told = self._told.get(track)
        return level if told is None or abs(level - told) >= _STEP else told
