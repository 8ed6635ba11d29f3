"""The figures of a report that thresholds are set on, by name. Pure.

A name is read from left to right, from the whole to a part: `latency.p99` is everybody's, `video.latency.p99`
only the video's; `join.dtls.p95` is when 95 % had got to DTLS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from loadtest.results.measures import CutKind, JoinStep
from loadtest.results.options import Options, ScenarioName
from loadtest.results.report import Report


class Dimension(Enum):
    """Values: (the unit that figures are kept in, how much of it each unit is)."""

    TIME = ("ms", {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0})
    SHARE = ("", {"": 1.0, "%": 0.01})
    CORES = ("", {"": 1.0, "cores": 1.0, "%": 0.01})  # were it alike SHARE, it would be SHARE
    MEMORY = ("MB", {"kB": 0.001, "MB": 1.0, "GB": 1000.0})
    COUNT = ("", {"": 1.0})
    PER_HOUR = ("/h", {"/h": 1.0, "/min": 60.0})
    DECIBEL = ("dB", {"dB": 1.0})

    @property
    def unit(self) -> str:
        return self.value[0]

    @property
    def units(self) -> Mapping[str, float]:
        return self.value[1]

    @property
    def most(self) -> float | None:
        """Nothing can be above it."""
        return 1.0 if self is Dimension.SHARE else None


Applies = Callable[[Options], bool]
Read = Callable[[Report], float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    dimension: Dimension
    about: str
    read: Read
    applies: Applies = lambda _: True
    """Whether a test with these options measures it."""


QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def at(path: str, factor: float = 1.0) -> Read:
    """Reads a field of the report by its names with dots; None where one of them is null or absent."""

    def read(report: Report) -> float | None:
        value: Any = report
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
            if value is None:
                return None
        return float(value) * factor

    return read


def share_of(part: str, whole: str) -> Read:
    """One count of another; None when there was nothing to count."""
    read_part, read_whole = at(part), at(whole)

    def read(report: Report) -> float | None:
        parts, of = read_part(report), read_whole(report)
        return parts / of if parts is not None and of else None

    return read


def _latency(share: float) -> Read:
    def read(report: Report) -> float | None:
        together = report.audio.latency.copy()
        together.merge(report.video.latency)
        return together.percentile_ms(share)

    return read


def _loss(report: Report) -> float | None:
    expected = report.audio.expected + report.video.expected
    return (report.audio.lost + report.video.lost) / expected if expected else None


def _longest_gap(report: Report) -> float | None:
    gaps = (report.audio.longest_gap_ms, report.video.longest_gap_ms)
    return max((gap for gap in gaps if gap is not None), default=None)


def _leaks(report: Report) -> float | None:
    return sum(trend.grew for trend in report.trends) if report.trends else None


def _always(options: Options) -> bool:
    return True


def _with_video(options: Options) -> bool:
    return options.video


def _with_audio(options: Options) -> bool:
    return options.audio


def _decodes(options: Options) -> bool:
    return options.bots > 0


def _meets(options: Options) -> bool:
    """Whether somebody sends when others join: patients wait, and so find nobody."""
    return options.scenario is not ScenarioName.WAITING_ROOM


def _in(scenario: ScenarioName) -> Applies:
    return lambda options: options.scenario is scenario


@dataclass(frozen=True, slots=True)
class Times:
    """A field of the report with quantiles of times, each of which is a figure."""

    name: str
    path: str
    about: str
    applies: Applies = _always
    dimension: Dimension = Dimension.TIME


_RECONNECT, _WAITING = _in(ScenarioName.RECONNECT), _in(ScenarioName.WAITING_ROOM)
_JOIN = "from the beginning of a join to"

TIMES = (
    Times("join", "joins.steps_ms.first_packet", f"{_JOIN} the first packet, where somebody sends", _meets),
    *(
        Times(
            f"join.{step}",
            f"joins.steps_ms.{step}",
            f"{_JOIN} {step.replace('_', ' ')}",
            _meets if step.startswith("first_") else _always,
        )
        for step in JoinStep
        if step is not JoinStep.FIRST_DECODED_FRAME
    ),
    Times(
        "join.first_decoded_frame",
        "joins.steps_ms.first_decoded_frame",
        f"{_JOIN} the first decoded frame",
        _decodes,
    ),
    Times("audio.latency", "audio.latency_ms", "one way, of audio", _with_audio),
    Times("audio.jitter", "audio.jitter_ms", "over audio tracks", _with_audio),
    Times("audio.gap", "audio.gap_ms", "the longest silence of each audio track", _with_audio),
    Times("video.latency", "video.latency_ms", "one way, of video", _with_video),
    Times("video.jitter", "video.jitter_ms", "over video tracks", _with_video),
    Times("video.gap", "video.gap_ms", "the longest silence of each video track", _with_video),
    *(
        Times(f"cut.{kind}.{what}", f"cuts.{kind}.{what}_ms", f"after {kind} cuts: {about}", _RECONNECT)
        for kind in CutKind
        for what, about in (("resumed", "to the resumed session"), ("gap", "the longest silence"))
    ),
    Times("waiting.queued", "waiting_room.queued_ms", "from asking to being in the queue", _WAITING),
    Times("waiting.claim", "waiting_room.claim_ms", "a doctor's claim, until it was answered", _WAITING),
    Times("waiting.called", "waiting_room.called_ms", "from the claim to the patient's knowing", _WAITING),
    Times("waiting.media", "waiting_room.media_ms", "from there to the patient's first packet", _WAITING),
    Times("picture_delay", "fidelity.picture_delay_ms", "from sending a frame to decoding it", _decodes),
    Times("lip_sync", "fidelity.lip_sync_ms", "how far sound is from picture", _decodes),
    Times("psnr", "fidelity.psnr_db", "of the picture against its source", _decodes, Dimension.DECIBEL),
    Times("ssim", "fidelity.ssim", "of the picture against its source", _decodes, Dimension.SHARE),
)

SINGLE = {
    "joins.failed": Figure(
        Dimension.SHARE, "joins that did not come about", share_of("joins.failed", "joins.attempted")
    ),
    "playing": Figure(Dimension.SHARE, "participants with every expected track playing", at("playing.share")),
    "failures": Figure(
        Dimension.COUNT, "failures of all kinds", lambda report: sum(f.count for f in report.failures)
    ),
    "loss": Figure(Dimension.SHARE, "packets that never came", _loss),
    "audio.loss": Figure(Dimension.SHARE, "audio packets that never came", at("audio.loss"), _with_audio),
    "video.loss": Figure(Dimension.SHARE, "video packets that never came", at("video.loss"), _with_video),
    "video.loss_before_repair": Figure(
        Dimension.SHARE,
        "video packets lost on the way from the server, those sent again included",
        at("video.loss_before_repair"),
        _with_video,
    ),
    "gap.max": Figure(Dimension.TIME, "the longest that any track was silent", _longest_gap),
    "freezes": Figure(
        Dimension.PER_HOUR, "of video, per track and hour", at("video.freezes_per_hour"), _with_video
    ),
    **{
        f"cut.{kind}.lost": Figure(
            Dimension.SHARE,
            f"{kind} cuts after which the session was over",
            share_of(f"cuts.{kind}.lost", f"cuts.{kind}.made"),
            _RECONNECT,
        )
        for kind in CutKind
    },
    "leaks": Figure(
        Dimension.COUNT, "figures of the server that kept growing", _leaks, _in(ScenarioName.SOAK)
    ),
    "server.cpu": Figure(Dimension.CORES, "cores used, on average", at("server.cpu")),
    "server.cpu.max": Figure(Dimension.CORES, "cores used in the busiest second", at("server.cpu_max")),
    "server.memory": Figure(Dimension.MEMORY, "resident memory, the most", at("server.memory_mb")),
    "server.packet": Figure(
        Dimension.TIME, "CPU time for each forwarded packet", at("server.us_per_packet", 0.001)
    ),
    "server.lag": Figure(Dimension.TIME, "how late its event loop was", at("server.loop_lag_ms")),
    "client.cpu": Figure(Dimension.CORES, "cores the load tester used", at("client.cpu")),
}

FIGURES: Mapping[str, Figure] = {
    **{
        f"{times.name}.{name}": Figure(
            times.dimension, times.about, at(f"{times.path}.{name}"), times.applies
        )
        for times in TIMES
        for name in QUANTILES
    },
    **{
        f"latency.{name}": Figure(Dimension.TIME, "one way, audio and video", _latency(share))
        for name, share in QUANTILES.items()
    },
    **SINGLE,
}
