"""A tap: what a recording gets of the tracks it takes, in batches. One bounded buffer in the data plane.

A full buffer costs the recording packets, never the call: the batch says which. Calls are short, and any
thread may make them.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from sfu import _dataplane
from sfu._dataplane import DataPlane
from sfu.plane_errors import translated
from sfu.track import TrackId
from sfu.track_table import TrackTable

Stretch = tuple[int, int]  # first and last number


@dataclass(frozen=True, slots=True)
class TappedTrack:
    """What a batch says of one track, named by the label it was added under.

    From the lowest number that ever came under the label to the highest, each is exactly once in the data of
    a batch, or lost, or dropped. Numbers are the track's own, unwrapped; they go on over a change of SSRC.
    Times are Unix microseconds. Without packets, all that describes them is 0.
    """

    label: int
    packets: int = 0
    bytes: int = 0  # of RTP, headers included
    keyframes: int = 0
    ssrcs: list[int] = field(default_factory=list)
    first_seq: int = 0  # the lowest in the data
    last_seq: int = 0
    first_timestamp: int = 0  # RTP timestamps of these two, as sent
    last_timestamp: int = 0
    first_us: int = 0  # the earliest arrival
    last_us: int = 0
    lost: list[Stretch] = field(default_factory=list)  # never came; awaited for a second before it is told
    lost_from_us: int = 0
    lost_until_us: int = 0
    dropped: list[Stretch] = field(default_factory=list)  # came while the buffer was full
    dropped_from_us: int = 0
    dropped_until_us: int = 0


@dataclass(frozen=True, slots=True)
class TapBatch:
    """What came since the last batch.

    `data` is MessagePack objects one after the other, times as in TappedTrack:

    RTP packet: `[0, label, seq, arrival_us, packet]`. `packet` is RTP in the clear as the publisher sent it
    at first (the payload still ciphertext where a track is end-to-end encrypted), without padding. One that
    was sent again (RFC 4588) has its own number, payload type and SSRC back, and the header extensions of the
    packet that brought it. Padding and duplicates are left out.

    Sender report: `[1, label, arrival_us, ssrc, ntp, rtp_timestamp, packet_count, octet_count]`, the first of
    a track as soon as it is added, if one is known.
    """

    data: bytes = field(default=b"", repr=False)
    records: int = 0
    dropped: int = 0  # packets that came and did not fit
    dropped_from_us: int = 0
    dropped_until_us: int = 0
    tracks: list[TappedTrack] = field(default_factory=list)  # those with something to tell


class Tap:
    """Made by `Sfu.open_tap`; to be stopped."""

    def __init__(self, plane: DataPlane, native: int, tracks: TrackTable) -> None:
        self._plane = plane
        self._native = native
        self._tracks = tracks
        self._added: dict[TrackId, int] = {}

    def add(self, track: TrackId, label: int) -> None:
        """Take the track from its next packet on, and ask for a key frame.

        `label`: 0 … 2³²-1, of no other track of this tap; one track is in one tap only. Raises UnknownTrack,
        also when the tap has been stopped, and LimitReached beyond 64 tracks.
        """
        native = self._tracks.native(track)
        with translated():
            self._plane.tap_track(self._native, native, label)
        self._added[track] = native

    def remove(self, track: TrackId) -> None:
        """Nothing of the track is taken any more; what is missing is lost. May be called twice.

        A track that is unpublished removes itself.
        """
        native = self._added.pop(track, None)
        if native is not None:
            with suppress(_dataplane.UnknownId):  # the tap was stopped, and that took all tracks out
                self._plane.untap_track(self._native, native)

    def drain(self) -> TapBatch:
        """What there is; empty when the tap has been stopped."""
        try:
            return _batch(self._plane.drain_tap(self._native))
        except _dataplane.UnknownId:
            return TapBatch()

    def stop(self) -> TapBatch:
        """The last batch: nothing that arrives after this call is taken. A second call gives an empty one."""
        self._added.clear()
        try:
            return _batch(self._plane.stop_tap(self._native))
        except _dataplane.UnknownId:
            return TapBatch()

    def request_keyframe(self, track: TrackId) -> None:
        """Raises UnknownTrack."""
        with translated():
            self._plane.request_keyframe(self._tracks.native(track))


def _batch(native: "_dataplane.TapBatch") -> TapBatch:
    return TapBatch(
        data=native["data"],
        records=native["records"],
        dropped=native["dropped"],
        dropped_from_us=native["dropped_from_us"],
        dropped_until_us=native["dropped_until_us"],
        tracks=[TappedTrack(**track) for track in native["tracks"]],
    )
