"""From what was counted to the report. Pure."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Literal

from loadtest.histogram import Histogram
from loadtest.participant import Kind
from loadtest.results import (
    CutKind,
    Cuts,
    Failure,
    Joins,
    JoinStep,
    Media,
    Playing,
    Quantiles,
    ServerFigures,
    WaitingRoom,
)
from loadtest.tool.fleet import failures_in_order
from loadtest.tool.sampler import SHORTEST_S, cpu_between
from loadtest.tool.server_watch import Look
from loadtest.tool.tally import CutTally, JoinTally, MediaTally, PlayingTally, Tally, WaitingTally


def quantiles_ms(histogram: Histogram) -> Quantiles:
    return Quantiles(
        n=histogram.count,
        p50=histogram.percentile_ms(0.5),
        p95=histogram.percentile_ms(0.95),
        p99=histogram.percentile_ms(0.99),
        max=histogram.percentile_ms(1.0),
    )


def joins_of(tally: JoinTally) -> Joins:
    return Joins(
        attempted=tally.attempted,
        succeeded=tally.succeeded,
        failed=tally.failed,
        steps_ms={JoinStep(name): quantiles_ms(times) for name, times in tally.steps.items()},
        histograms={JoinStep(name): times for name, times in tally.steps.items()},
    )


def media_of(tally: MediaTally) -> Media:
    hours = tally.track_s / 3600
    return Media(
        tracks=tally.tracks,
        packets=tally.packets,
        bytes=tally.bytes,
        expected=tally.expected,
        lost=tally.lost,
        loss=tally.lost / tally.expected if tally.expected else None,
        mended=tally.mended,
        loss_before_repair=(tally.lost + tally.mended) / tally.expected if tally.expected else None,
        duplicates=tally.duplicates,
        reordered=tally.reordered,
        latency_ms=quantiles_ms(tally.latency),
        latency=tally.latency,
        jitter_ms=quantiles_ms(tally.jitter),
        frames=tally.frames,
        key_frames=tally.key_frames,
        freezes=tally.freezes,
        freezes_per_hour=tally.freezes / hours if hours else None,
        freeze_ms=tally.freeze_ms,
        longest_gap_ms=tally.gap.percentile_ms(1.0),
        gap_ms=quantiles_ms(tally.gap),
        sent_packets=tally.sent_packets,
        nacks=tally.nacks,
        plis=tally.plis,
        retransmitted=tally.retransmitted,
        late_ms=quantiles_ms(tally.late),
    )


def playing_of(tally: PlayingTally) -> Playing:
    return Playing(
        participants=tally.participants,
        all_playing=tally.all_playing,
        expected_tracks=tally.expected_tracks,
        playing_tracks=tally.playing_tracks,
        share=tally.all_playing / tally.participants if tally.participants else None,
    )


def cuts_of(tally: CutTally) -> Cuts:
    return Cuts(
        made=tally.made,
        resumed=tally.resumed,
        lost=tally.lost,
        resumed_ms=quantiles_ms(tally.resumed_after),
        gap_ms=quantiles_ms(tally.gap),
    )


def waiting_of(tally: WaitingTally) -> WaitingRoom:
    return WaitingRoom(
        through="http" if tally.through == "http" else "tickets",
        asked=tally.asked,
        claimed=tally.claimed,
        queued_ms=quantiles_ms(tally.queued),
        claim_ms=quantiles_ms(tally.claim),
        called_ms=quantiles_ms(tally.called),
        media_ms=quantiles_ms(tally.media),
    )


def counted(tally: Tally) -> dict[str, object]:
    """The report's fields that come from the tally."""
    kinds: tuple[Kind, ...] = ("audio", "video")
    return {
        "joins": joins_of(tally.joins),
        **{kind: media_of(tally.media[kind]) for kind in kinds},
        "playing": playing_of(tally.playing),
        "cuts": {CutKind(kind): cuts_of(cuts) for kind, cuts in tally.cuts.items()},
        "waiting_room": None if tally.waiting is None else waiting_of(tally.waiting),
        "failures": tuple(
            Failure(kind=kind, count=count) for kind, count in failures_in_order(tally.failures)
        ),
    }


def server_of(looks: Sequence[Look], tells: Sequence[str | None]) -> ServerFigures | None:
    """From the looks within the window; `tells`: of each server, what it tells. None when none tells."""
    sources = {source for source in tells if source is not None}
    told = [look for look in looks if look.cpu_s is not None]
    if not sources or not told:
        return None
    first, last = told[0], told[-1]
    cpu = cpu_between(first, last)
    cpus = [
        used
        for one, other in itertools.pairwise(told)
        if other.at_s - one.at_s >= SHORTEST_S and (used := cpu_between(one, other))
    ]
    packets_in = _grown(first.packets_in, last.packets_in)
    packets_out = _grown(first.packets_out, last.packets_out)
    cpu_s = _grown(first.cpu_s, last.cpu_s)
    return ServerFigures(
        cpu=cpu,
        cpu_max=max(cpus, default=cpu),
        memory_mb=_most(look.memory_mb for look in told),
        threads=_most(look.threads for look in told),
        descriptors=_most(look.descriptors for look in told),
        packets_in=packets_in,
        packets_out=packets_out,
        packets_per_cpu_s=packets_out / cpu_s if packets_out and cpu_s else None,
        us_per_packet=1e6 * cpu_s / packets_out if packets_out and cpu_s else None,
        loop_lag_ms=_longest_lag_ms(first, last),
        source=_source(sources),
    )


def _longest_lag_ms(first: Look, last: Look) -> float | None:
    """The upper bound of the highest bucket that was counted in; None for nothing, or beyond the last."""
    grown = {bound: count - first.loop_lag_le.get(bound, 0) for bound, count in last.loop_lag_le.items()}
    total = max(grown.values(), default=0)
    finite = [bound for bound, count in grown.items() if count >= total and bound != float("inf")]
    return 1000 * min(finite) if total and finite else None


def _source(sources: set[str]) -> Literal["metrics", "proc", "both"]:
    if sources == {"metrics"}:
        return "metrics"
    return "proc" if sources == {"proc"} else "both"


def _grown(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None or last < first else last - first


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
