"""All published tracks of a node: our ids, the data plane's numbers, and what subscribers need to know."""

from collections.abc import Iterable

from sfu.errors import UnknownTrack
from sfu.negotiation import KnownTrack
from sfu.track import TrackId


class TrackTable:
    """Its size follows from the limits on transports and on tracks of each."""

    def __init__(self) -> None:
        self._by_id: dict[TrackId, tuple[int, KnownTrack]] = {}
        self._by_native: dict[int, TrackId] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, track: TrackId, native: int, known: KnownTrack) -> None:
        self._by_id[track] = (native, known)
        self._by_native[native] = track

    def remove(self, track: TrackId) -> int | None:
        """The data plane's number of the track that was removed; None if it was not there."""
        native, _ = self._by_id.pop(track, (None, None))
        if native is not None:
            del self._by_native[native]
        return native

    def known(self, track: TrackId) -> KnownTrack | None:
        return self._by_id[track][1] if track in self._by_id else None

    def native(self, track: TrackId) -> int:
        """Raises UnknownTrack."""
        if track not in self._by_id:
            raise UnknownTrack("the track does not exist")
        return self._by_id[track][0]

    def natives(self, tracks: Iterable[TrackId]) -> dict[TrackId, int]:
        """The data plane's numbers of those that exist."""
        return {track: self._by_id[track][0] for track in tracks if track in self._by_id}

    def id_of(self, native: int) -> TrackId | None:
        return self._by_native.get(native)
