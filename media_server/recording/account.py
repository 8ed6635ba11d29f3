"""The account of one recording: what happened in the room and on the tap, as lines for its manifest. Pure.

Times are Unix microseconds. What the data plane reports of packets (`sfu.TapBatch`) becomes segments and
gaps; mutes become gaps as well. What is missing later can then be told from what never was. Tracks are known
here by the id that signalling and the media plane share; in the recording each has a label, a small number
that is used once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from media_server.recording.format import segment_name
from media_server.recording.lines import Gap, GapCause, Line, Segment, SegmentTrack, Track, TrackEnd
from media_server.recording.store import Sealed
from sfu import TapBatch, TappedTrack

# Whoever drums on the mute button gets the moments between merged, not a manifest full of them.
MAX_MUTES_A_BATCH = 16


@dataclass(slots=True)
class _Track:
    """`muted_since`: None while not muted. `mutes`: those that are over and not told yet, from and until."""

    label: int
    muted_since: int | None
    mutes: list[tuple[int, int]] = field(default_factory=list)


class Account:
    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._labels = 0
        self._segments = 0

    @property
    def next_segment(self) -> int:
        return self._segments + 1

    @property
    def next_label(self) -> int:
        return self._labels + 1

    def track_of(self, label: int) -> str | None:
        """None once it has ended."""
        return next((track for track, known in self._tracks.items() if known.label == label), None)

    # What happened in the room

    def add_track(self, track: Track, now_us: int) -> Line:
        """`track.label` has to be `next_label`."""
        self._labels = track.label
        self._tracks[track.id] = _Track(track.label, now_us if track.muted else None)
        return track

    def end_track(self, track: str, reason: str, now_us: int) -> list[Line]:
        """Nothing if the track is not being recorded."""
        known = self._tracks.pop(track, None)
        return [] if known is None else [*_mutes(known, now_us), TrackEnd(label=known.label, reason=reason)]

    def mute(self, track: str, muted: bool, now_us: int) -> None:
        known = self._tracks.get(track)
        if known is None:
            return
        if muted:
            known.muted_since = now_us if known.muted_since is None else known.muted_since
        elif known.muted_since is not None:
            if len(known.mutes) < MAX_MUTES_A_BATCH:
                known.mutes.append((known.muted_since, now_us))
            else:
                known.mutes[-1] = (known.mutes[-1][0], now_us)
            known.muted_since = None

    def mutes(self) -> list[Line]:
        """Those that are over and were not told yet."""
        return [gap for track in self._tracks.values() for gap in _mutes(track, None)]

    def sealed(self) -> None:
        """The batch is on disk as segment number `next_segment`."""
        self._segments += 1

    def close(self, reason: str, now_us: int) -> list[Line]:
        """What the end leaves open, but the `Stop` itself."""
        lines = [gap for track in self._tracks.values() for gap in _mutes(track, now_us)]
        if reason == "consent-withdrawn":
            lines.append(
                Gap(
                    cause=GapCause.WITHDRAWAL,
                    label=None,
                    from_us=now_us,
                    until_us=None,
                    packets=None,
                    ranges=(),
                )
            )
        return lines


def losses(batch: TapBatch, dropped: GapCause) -> list[Line]:
    """What never arrived, and what came while the buffer was full, because of `dropped`."""
    lines: list[Line] = []
    for track in batch.tracks:
        if track.lost:
            span = (track.lost_from_us, track.lost_until_us)
            lines.append(_gap(GapCause.NETWORK_LOSS, track.label, track.lost, span))
        if track.dropped:
            span = (track.dropped_from_us, track.dropped_until_us)
            lines.append(_gap(dropped, track.label, track.dropped, span))
    return lines


def segment_line(number: int, batch: TapBatch, sealed: Sealed) -> Line:
    """What is said of a batch once it is on disk."""
    return Segment(
        number=number,
        name=segment_name(number),
        sha256=sealed.sha256,
        bytes=sealed.size,
        records=batch.records,
        tracks=tuple(_segment_track(track) for track in batch.tracks if track.packets),
    )


def _mutes(track: _Track, ended_us: int | None) -> list[Line]:
    """Mutes that are over; where the track ends (`ended_us`), also the one that is not."""
    spans, track.mutes = track.mutes, []
    if ended_us is not None and track.muted_since is not None:
        spans.append((track.muted_since, ended_us))
    return [
        Gap(cause=GapCause.MUTE, label=track.label, from_us=since, until_us=until, packets=0, ranges=())
        for since, until in spans
    ]


def _gap(cause: GapCause, label: int, ranges: Iterable[tuple[int, int]], span: tuple[int, int]) -> Gap:
    ranges = tuple(ranges)
    packets = sum(last - first + 1 for first, last in ranges)
    return Gap(cause=cause, label=label, from_us=span[0], until_us=span[1], packets=packets, ranges=ranges)


def _segment_track(track: TappedTrack) -> SegmentTrack:
    return SegmentTrack(
        label=track.label,
        packets=track.packets,
        bytes=track.bytes,
        first_seq=track.first_seq,
        last_seq=track.last_seq,
        first_timestamp=track.first_timestamp,
        last_timestamp=track.last_timestamp,
        first_us=track.first_us,
        last_us=track.last_us,
        ssrcs=tuple(track.ssrcs),
        keyframes=track.keyframes,
    )
