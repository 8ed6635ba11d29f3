"""Percentile curves from histograms: how long it took for which share of them. Pure."""

from collections.abc import Mapping, Sequence

from loadtest.histogram import Histogram, bounds_of
from loadtest.report import scale, words
from loadtest.report.plot import Plot, Point, Series
from loadtest.report.scale import Scale
from loadtest.results import JoinStep, Report

FAR_APART = 12.0  # the longest against the shortest median: then each doubling has as much room
SHORTEST_MS = 0.01
STEPS: Mapping[JoinStep, str] = {
    JoinStep.TICKET: "Ticket",
    JoinStep.WEBSOCKET: "In the room",
    JoinStep.ANSWER: "Answer",
    JoinStep.ICE: "ICE",
    JoinStep.DTLS: "DTLS",
    JoinStep.FIRST_PACKET: "First packet",
    JoinStep.FIRST_KEY_FRAME: "First key frame",
    JoinStep.FIRST_DECODED_FRAME: "First decoded frame",
}


def points_of(histogram: Histogram) -> list[Point]:
    """(share, milliseconds), rising; each bucket at the middle of the ranks that it counts."""
    total, passed = histogram.count, 0
    points: list[Point] = []
    for bucket in sorted(histogram.counts):
        times = histogram.counts[bucket]
        if not times:
            continue
        least, largest = bounds_of(bucket)
        value_ms = (least + largest) / 2000
        if times > 1:
            points.append(((passed + 0.5) / total, value_ms))
        passed += times
        points.append(((passed - 0.5) / total, value_ms))
    return points


def joining(report: Report, earlier: Report | None) -> Plot | None:
    """All steps of the joins; of an earlier test only how long it took in all."""
    found = {STEPS[step]: times for step, times in _steps(report) if times.count}
    before = earlier.joins.histograms.get(JoinStep.FIRST_PACKET) if earlier else None
    return _curves(
        "joining", "How long joining took", "step by step, from the beginning of a join", found, before
    )


def latency(report: Report, earlier: Report | None) -> Plot | None:
    """Of audio and video."""
    both = (("Audio", report.audio.latency), ("Video", report.video.latency))
    found = {name: times for name, times in both if times.count}
    before = None
    if earlier is not None:
        before = earlier.audio.latency.copy()
        before.merge(earlier.video.latency)
    about = "one way, from a packet's being sent to its being received"
    return _curves("latency", "How long packets were under way", about, found, before)


def _steps(report: Report) -> list[tuple[JoinStep, Histogram]]:
    histograms = report.joins.histograms
    return [(step, histograms[step]) for step in JoinStep if step in histograms]


def _curves(
    id: str, title: str, about: str, found: Mapping[str, Histogram], before: Histogram | None
) -> Plot | None:
    if not found:
        return None
    series = [Series(name, points_of(times), line) for line, (name, times) in enumerate(found.items())]
    if before is not None and before.count:
        series.append(Series("The earlier test", points_of(before), None))
    said = "; ".join(f"{name}: {_in_short(times)}" for name, times in found.items())
    few = any(len(each.points) == 1 for each in series)
    most = max(share for each in series for share, _ in each.points)
    return Plot(
        id,
        title,
        f"{title}, {about}. {said}.",
        scale.percentiles(most),
        _milliseconds(series),
        series,
        dots=few,
    )


def _in_short(times: Histogram) -> str:
    middle, almost_all = times.percentile_ms(0.5), times.percentile_ms(0.99)
    return f"half within {words.ms(middle)}, 99 of 100 within {words.ms(almost_all)}"


def _milliseconds(series: Sequence[Series]) -> Scale:
    values = [y for each in series for _, y in each.points if y is not None]
    least, most = max(SHORTEST_MS, min(values)), max(SHORTEST_MS, *values)
    if most / least > FAR_APART:
        return scale.logarithmic("ms", least, most)
    return scale.linear("ms", 0, most)
