"""Tracks that should sound or show, and from which nothing arrives. Pure; times are monotonic seconds."""

from collections.abc import Mapping

from signalling import TrackId


class SilenceWatch:
    """Follows published tracks. Opus with DTX still sends something every 400 ms, video many times a
    second.
    """

    def __init__(self, patience_s: float = 3.0) -> None:
        self._patience_s = patience_s
        self._since: dict[TrackId, float] = {}  # when it was published, or unmuted
        self._muted: set[TrackId] = set()
        self._told: set[TrackId] = set()

    def publish(self, track: TrackId, muted: bool, now: float) -> None:
        self._since[track] = now
        self.set_muted(track, muted, now)

    def unpublish(self, track: TrackId) -> None:
        self._since.pop(track, None)
        self._muted.discard(track)
        self._told.discard(track)

    def set_muted(self, track: TrackId, muted: bool, now: float) -> None:
        """A muted track may be silent; unmuted, it has the whole patience again. Muting ends a silence: the
        room tells, and `check` does not.
        """
        if track not in self._since:
            return
        if muted:
            self._muted.add(track)
        elif track in self._muted:
            self._muted.discard(track)
            self._since[track] = now
        self._told.discard(track)

    def watches(self, track: TrackId) -> bool:
        """It is published and not muted."""
        return track in self._since and track not in self._muted

    def watched(self) -> list[TrackId]:
        """The tracks whose idle time `check` wants."""
        return [track for track in self._since if track not in self._muted]

    def check(self, idle_s: Mapping[TrackId, float | None], now: float) -> dict[TrackId, bool]:
        """Those that newly fell silent (True), and those that newly are so no more (False).

        `idle_s`: since the last packet, None when none ever came. Tracks that are not in it are left as they
        are.
        """
        news: dict[TrackId, bool] = {}
        for track, idle in idle_s.items():
            since = self._since.get(track)
            if since is None or track in self._muted:
                continue
            expected_s = now - since
            quiet_s = expected_s if idle is None else min(idle, expected_s)
            silent = quiet_s >= self._patience_s
            if silent is not (track in self._told):
                (self._told.add if silent else self._told.discard)(track)
                news[track] = silent
        return news
