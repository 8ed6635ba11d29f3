"""How good a connection is, in the four words of the protocol, from what the data plane measured. Pure."""

from dataclasses import dataclass
from enum import IntEnum
from math import inf


class Quality(IntEnum):
    """Higher is worse, so that the worst of several is their maximum."""

    GOOD = 0
    FAIR = 1
    POOR = 2
    LOST = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Sample:
    """One direction of one flow over the last seconds. `loss` is a share 0..1; what is unknown is None."""

    loss: float | None = None
    jitter_ms: float | None = None
    rtt_ms: float | None = None
    silent_s: float | None = None  # since anything arrived on the transport


@dataclass(frozen=True, slots=True)
class _Limits:
    loss: float = inf
    jitter_ms: float = inf
    rtt_ms: float = inf
    silent_s: float = inf

    def exceeded_by(self, sample: Sample) -> bool:
        # Asked for each flow of everybody every two seconds: written out, it takes a third of the time.
        return (
            (sample.loss is not None and sample.loss > self.loss)
            or (sample.jitter_ms is not None and sample.jitter_ms > self.jitter_ms)
            or (sample.rtt_ms is not None and sample.rtt_ms > self.rtt_ms)
            or (sample.silent_s is not None and sample.silent_s > self.silent_s)
        )


# Above these a call is worse than good, or than fair: speech stays clear with Opus' error correction up to
# about 3 % loss and breaks up beyond 10 %; a conversation becomes awkward above 300 ms there and back
# (ITU-T G.114 gives 150 ms one way) and hard above 600; jitter beyond 100 ms outruns the browsers' usual
# buffers.
_FAIR = _Limits(loss=0.03, jitter_ms=40.0, rtt_ms=300.0, silent_s=2.0)
_POOR = _Limits(loss=0.10, jitter_ms=100.0, rtt_ms=600.0, silent_s=4.0)
_LOST = _Limits(silent_s=6.0)


def judge(sample: Sample) -> Quality:
    """The worst that any of the sample's figures says."""
    if not _FAIR.exceeded_by(sample):  # then no other is
        return Quality.GOOD
    if _LOST.exceeded_by(sample):
        return Quality.LOST
    return Quality.POOR if _POOR.exceeded_by(sample) else Quality.FAIR


class Meter:
    """One participant's uplink and downlink over time; says when the verdict changes.

    It worsens at once and improves only after two better verdicts in a row, so that a link on a limit does
    not flicker.
    """

    def __init__(self) -> None:
        self._shown: tuple[Quality, Quality] | None = None
        self._better = (0, 0)
        self._path_lost = False

    def lose_path(self) -> tuple[Quality, Quality] | None:
        """There is no path any more (RFC 7675); what to show when it is news. Lost until `regain_path`."""
        self._path_lost = True
        return self.update(Quality.LOST, Quality.LOST)

    def regain_path(self) -> None:
        """From now on figures count again."""
        self._path_lost = False

    def update(self, uplink: Quality, downlink: Quality) -> tuple[Quality, Quality] | None:
        """The pair to show when it is news; otherwise None. Good from the start is no news."""
        if self._path_lost:  # the figures are those of the time when there was one
            uplink = downlink = Quality.LOST
        shown = self._shown or (Quality.GOOD, Quality.GOOD)
        up, up_better = _settle(shown[0], uplink, self._better[0])
        down, down_better = _settle(shown[1], downlink, self._better[1])
        self._better = (up_better, down_better)
        self._shown = (up, down)
        return None if self._shown == shown else self._shown


def _settle(shown: Quality, measured: Quality, better: int) -> tuple[Quality, int]:
    if measured > shown:
        return measured, 0
    if measured < shown and better:
        return measured, 0
    return shown, better + 1 if measured < shown else 0
