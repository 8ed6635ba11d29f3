"""When a frame was captured, on one clock for all tracks: seconds since the recording began. Pure.

Three steps: RTP time to seconds of its SSRC; those to the publisher's wall clock by its sender reports (RFC
3550 §6.4.1); that one to the node's clock by when the reports arrived. The tracks of a participant share the
last step, so that they stay in step with each other whatever the network did.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from media_server.recording.export.publisher_clock import Difference, difference
from media_server.recording.export.rtp_clock import RtpClock
from media_server.recording.format import SenderReport

# Between two reports a clock may run so much too fast or too slow; what does more was set anew.
_MOST_SLOPE = 1e-3


@dataclass(slots=True)
class _Stream:
    """One SSRC. `reports`: (seconds of its RTP clock, publisher's wall clock in seconds)."""

    participant: str
    clock: RtpClock
    first_us: int
    reports: list[tuple[float, float]] = field(default_factory=list)


class Timeline:
    """Told of all packets and reports first, asked for times afterwards."""

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._streams: dict[tuple[int, int], _Stream] = {}
        self._arrivals: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._differences: dict[str, Difference] = {}

    def packet(
        self, label: int, participant: str, clock_rate: int, ssrc: int, timestamp: int, at_us: int
    ) -> None:
        """The first of an SSRC sets its clock; later ones change nothing."""
        if (label, ssrc) not in self._streams:
            clock = RtpClock(clock_rate, timestamp, at_us)
            self._streams[label, ssrc] = _Stream(participant, clock, at_us)

    def report(self, report: SenderReport) -> None:
        """Of an SSRC that packets came of; others are ignored."""
        stream = self._streams.get((report.label, report.ssrc))
        if stream is None:
            return
        sent_s = report.ntp / 2**32
        stream.reports.append((stream.clock.seconds(report.rtp_timestamp, report.arrival_us), sent_s))
        self._arrivals[stream.participant].append((sent_s, report.arrival_us - sent_s * 1e6))

    def settle(self) -> None:
        """All is told."""
        for stream in self._streams.values():
            stream.reports = _rising(stream.reports)
        self._differences = {who: difference(reports) for who, reports in self._arrivals.items()}

    def seconds(self, label: int, ssrc: int, timestamp: int, arrival_us: int) -> float:
        """Since the recording began; below 0 for what was captured before. KeyError for an unknown SSRC."""
        stream = self._streams[label, ssrc]
        media_s = stream.clock.seconds(timestamp, arrival_us)
        if not stream.reports:
            return (stream.first_us - self._start_us) / 1e6 + media_s
        sent_s = _between(stream.reports, media_s)
        behind_us = self._differences[stream.participant].at(sent_s)
        return sent_s + (behind_us - self._start_us) / 1e6


def _rising(reports: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """In the order of media time, one for each."""
    return sorted(dict(sorted(reports)).items())


def _between(reports: Sequence[tuple[float, float]], media_s: float) -> float:
    """The wall clock at a media time, by the reports around it."""
    after = bisect_right(reports, (media_s, float("inf")))
    if 0 < after < len(reports):
        (m0, w0), (m1, w1) = reports[after - 1], reports[after]
        slope = (w1 - w0) / (m1 - m0)
        if abs(slope - 1) <= _MOST_SLOPE:
            return w0 + (media_s - m0) * slope
    nearest = min(reports[max(after - 1, 0) : after + 1], key=lambda pair: abs(pair[0] - media_s))
    return nearest[1] + media_s - nearest[0]
