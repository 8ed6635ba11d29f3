"""Who is heard: when a change of audio levels is worth telling (RFC 6464). Pure."""

from collections.abc import Iterable
from typing import NewType

TrackId = NewType("TrackId", str)

# Levels are -dBov, 0 the loudest. A quiet room is 60 to 70, a voice at the microphone 15 to 40.
_AUDIBLE = 55
# A voice moves by some dB from one syllable to the next; a meter on a screen shows less.
_STEP = 6


class Speakers:
    """Remembers what was told last. A track falls silent in the report after the first that lacks it."""

    def __init__(self) -> None:
        self._told: dict[TrackId, int] = {}

    def heard(self, levels: Iterable[tuple[TrackId, int]]) -> dict[TrackId, int] | None:
        """All audible tracks with their levels when that is news, an empty map when silence is; otherwise
        None.

        `levels`: of each track heard since the last call, in -dBov.
        """
        audible = {track: level for track, level in levels if level <= _AUDIBLE}
        same_speakers = audible.keys() == self._told.keys()
        if same_speakers and all(abs(level - self._told[track]) < _STEP for track, level in audible.items()):
            return None
        self._told = audible
        return audible
