"""When a frame was captured, on one clock for all tracks: seconds since the recording began. Pure.

Three steps: RTP time to seconds of its SSRC; those to the publisher's wall clock by its sender reports (RFC
3550 §6.4.1); that one to the node's clock by when the reports arrived. The tracks of a participant share the
last step, so that they stay in step with each other whatever the network did. Without reports, the packets
that arrived with the least delay stand for them.

Everything but the arrivals is a publisher's word. It is believed as far as it agrees with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from media_server.recording.export.clock_reading import ClockReading
from media_server.recording.export.publisher_clock import Difference, difference
from media_server.recording.export.rtp_clock import RtpClock
from media_server.recording.format import SenderReport

LONGEST_DELAY_S = 5.0
"""No frame arrives later after its capture; senders give up much sooner."""

# How far reports may put a frame behind its arrival: they came by a slower path than it did.
_MOST_HASTE_S = 0.5
# Of all reports in so many microseconds the least delayed one counts, of all packets likewise.
_REPORT_WINDOW_US = 500_000
_PACKET_WINDOW_US = 5_000_000
# A reload on another device brings another wall clock; on the same device it agrees within this.
_SAME_CLOCK_US = 2_000_000.0


class Moment(NamedTuple):
    """Seconds since the recording began, below 0 for what was captured before; and whether it is by its
    publisher's word.
    """

    at_s: float
    believed: bool


@dataclass(slots=True)
class _Stream:
    """One SSRC. Of each window the least delayed report, as (arrival less sent in µs, sent in seconds of the
    publisher's clock, media in seconds), and packet, as (arrival less media in µs, media in seconds).
    """

    participant: str
    clock: RtpClock
    first_us: int
    last_us: int
    reports: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    packets: dict[int, tuple[float, float]] = field(default_factory=dict)
    by_reports: ClockReading | None = None
    by_arrival: Difference | None = None

    @property
    def delay_us(self) -> float:
        return median(delay for delay, _, _ in self.reports.values())


class Timeline:
    """Told of all packets and reports first, asked for times afterwards."""

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._streams: dict[tuple[int, int], _Stream] = {}

    def packet(
        self, label: int, participant: str, clock_rate: int, ssrc: int, timestamp: int, at_us: int
    ) -> None:
        stream = self._stream(label, participant, clock_rate, ssrc, timestamp, at_us)
        media_s = stream.clock.seconds(timestamp, at_us)
        late = (at_us - self._start_us - media_s * 1e6, media_s)
        window = at_us // _PACKET_WINDOW_US
        stream.packets[window] = min(stream.packets.get(window, late), late)

    def report(self, participant: str, clock_rate: int, report: SenderReport) -> None:
        at_us = report.arrival_us
        stream = self._stream(report.label, participant, clock_rate, report.ssrc, report.rtp_timestamp, at_us)
        media_s, sent_s = stream.clock.seconds(report.rtp_timestamp, at_us), report.ntp / 2**32
        late = (at_us - self._start_us - sent_s * 1e6, sent_s, media_s)
        window = at_us // _REPORT_WINDOW_US
        stream.reports[window] = min(stream.reports.get(window, late), late)

    def settle(self) -> None:
        """All is told."""
        for stream in self._streams.values():
            if stream.packets:
                stream.by_arrival = difference([(media_s, late) for late, media_s in stream.packets.values()])
            if stream.reports:
                usual = stream.delay_us
                stream.reports = {
                    window: report
                    for window, report in stream.reports.items()
                    if abs(report[0] - usual) <= LONGEST_DELAY_S * 1e6
                }
        for shared in self._clocks():
            reports = [report for stream in shared for report in stream.reports.values()]
            behind = difference([(sent, late) for late, sent, _ in reports])
            for stream in shared:
                stream.by_reports = ClockReading(
                    [(media, sent + behind.at(sent) / 1e6) for _, sent, media in stream.reports.values()]
                )

    def read(self, label: int, ssrc: int, timestamp: int, arrival_us: int) -> Moment:
        """Where its publisher cannot be believed, it is placed as near as can be told without his word.
        KeyError for an unknown SSRC.
        """
        stream = self._streams[label, ssrc]
        media_s = stream.clock.seconds(timestamp, arrival_us)
        arrival_s = (arrival_us - self._start_us) / 1e6
        for rank, at_s in enumerate(_readings(stream, media_s, arrival_s)):
            if -_MOST_HASTE_S <= arrival_s - at_s <= LONGEST_DELAY_S:
                return Moment(at_s, rank == 0)
        return Moment(arrival_s, False)

    def _stream(
        self, label: int, participant: str, clock_rate: int, ssrc: int, timestamp: int, at_us: int
    ) -> _Stream:
        stream = self._streams.get((label, ssrc))
        if stream is None:
            stream = _Stream(participant, RtpClock(clock_rate, timestamp, at_us), at_us, at_us)
            self._streams[label, ssrc] = stream
        stream.first_us, stream.last_us = min(stream.first_us, at_us), max(stream.last_us, at_us)
        return stream

    def _clocks(self) -> list[list[_Stream]]:
        """Streams that were stamped by the same wall clock: of one participant, at one time."""
        clocks: list[list[_Stream]] = []
        for stream in sorted(self._streams.values(), key=lambda stream: stream.first_us):
            if not stream.reports:
                continue
            shared = [clock for clock in clocks if any(_same_clock(stream, other) for other in clock)]
            clocks = [clock for clock in clocks if clock not in shared]
            clocks.append([stream, *(other for clock in shared for other in clock)])
        return clocks


def _readings(stream: _Stream, media_s: float, arrival_s: float) -> Iterator[float]:
    if stream.by_reports is not None:
        yield stream.by_reports.at(media_s, arrival_s)
    if stream.by_arrival is not None:
        yield media_s + stream.by_arrival.at(media_s) / 1e6


def _same_clock(one: _Stream, other: _Stream) -> bool:
    return (
        one.participant == other.participant
        and one.first_us <= other.last_us
        and other.first_us <= one.last_us
        and abs(one.delay_us - other.delay_us) <= _SAME_CLOCK_US
    )
