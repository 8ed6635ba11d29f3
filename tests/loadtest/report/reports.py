"""Reports for these tests: whole ones, with everything a test can have measured, and one thing changed."""

from datetime import UTC, datetime

from loadtest.histogram import Histogram
from loadtest.results import (
    Capacity,
    CapacityStep,
    ClientFigures,
    CutKind,
    Cuts,
    Failure,
    Fidelity,
    Joins,
    JoinStep,
    Machine,
    Media,
    Options,
    Playing,
    Quantiles,
    Report,
    ScenarioName,
    Second,
    Server,
    ServerFigures,
    TicketSource,
    Trend,
    WaitingRoom,
)
from loadtest.tool.reporting import quantiles_ms
from loadtest.tool.thresholds import parse

ORIGIN = "https://video.example.org"


def some(n: int, *values: float) -> Quantiles:
    p50, p95, p99, most = values
    return Quantiles(n=n, p50=p50, p95=p95, p99=p99, max=most)


def a_second(at_s: float, **changed: object) -> Second:
    fields: dict[str, object] = {
        "at_s": at_s,
        "measured": at_s > 6,
        "participants": min(20, round(4 * at_s)),
        "joins": 4 if at_s <= 5 else 0,
        "packets": 4000,
        "bytes": 3_000_000,
        "expected": 4004,
        "lost": 4 if at_s == 20 else 0,
        "latency_p50_ms": 0.8 + at_s / 100,
        "latency_p95_ms": 1.9,
        "latency_p99_ms": 4.0 if at_s != 20 else 19.0,
        "server_cpu": 0.4 + at_s / 200,
        "server_memory_mb": 110.0,
        "client_cpu": 0.5,
    }
    return Second.model_validate(fields | changed)


def media(late_us: float = 0.0, **changed: object) -> Media:
    latency = Histogram.of(700 + late_us + 40 * number**1.4 for number in range(400))
    fields: dict[str, object] = {
        "tracks": 20,
        "packets": 59_994,
        "bytes": 60_000_000,
        "expected": 60_000,
        "lost": 6,
        "loss": 0.0001,
        "latency": latency,
        "latency_ms": quantiles_ms(latency),
        "jitter_ms": some(20, 0.5, 0.9, 1.1, 1.2),
        "frames": 9000,
        "key_frames": 30,
        "freezes": 1,
        "freezes_per_hour": 6.0,
        "freeze_ms": 240.0,
        "longest_gap_ms": 320.0,
        "gap_ms": some(20, 60, 200, 320, 320),
        "sent_packets": 60_010,
        "late_ms": some(60_010, 0.05, 0.4, 1.1, 3.0),
    }
    return Media.model_validate(fields | changed)


def joins(slower: float = 1.0) -> Joins:
    steps = {
        step: Histogram.of(slower * 1000 * (10 * place + number) for number in range(1, 21))
        for place, step in enumerate(list(JoinStep)[:7])
    }
    quantiles = {step: quantiles_ms(times) for step, times in steps.items()}
    return Joins(attempted=20, succeeded=20, failed=0, steps_ms=quantiles, histograms=steps)


def a_report(**changed: object) -> Report:
    """Ten consultations that went well. `thresholds`: texts, judged here."""
    options = Options(
        scenario=ScenarioName.CONSULTATIONS, servers=(ORIGIN,), tickets=TicketSource.KEYS, seed=7
    )
    texts = changed.pop("thresholds", ())
    assert isinstance(texts, tuple)
    fields: dict[str, object] = {
        "tool": "0.1.0",
        "options": options.model_copy(update={"thresholds": texts}),
        "machine": Machine(cpus=2, cpu_model="a processor", memory_mb=4096, system="Linux", python="3.11.2"),
        "servers": (Server(origin=ORIGIN, version="0.1.0", same_host=False),),
        "started_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "ended_at": datetime(2026, 1, 2, 3, 4, 45, tzinfo=UTC),
        "measured_from_s": 6.0,
        "measured_s": 30.0,
        "joins": joins(),
        "audio": media(),
        "video": media(300.0),
        "playing": Playing(participants=20, all_playing=20, expected_tracks=40, playing_tracks=40, share=1.0),
        "server": ServerFigures(
            cpu=0.62,
            cpu_max=0.7,
            memory_mb=112.0,
            packets_in=60_000,
            packets_out=60_000,
            packets_per_cpu_s=80_000,
            us_per_packet=12.5,
            loop_lag_ms=5.0,
            source="both",
        ),
        "client": ClientFigures(cpu=0.5, cpu_max=0.6, cpus=2, memory_mb=90, is_limit=False),
        "timeline": tuple(a_second(float(at_s)) for at_s in range(1, 37)),
    }
    report = Report.model_validate(fields | changed)
    return report.model_copy(update={"thresholds": tuple(parse(text).judge(report) for text in texts)})


def a_report_of_everything() -> Report:
    """With all that any scenario measures."""
    step = CapacityStep(
        calls=10, passed=True, loss=0.0, latency_p99_ms=2.0, join_p95_ms=80, server_cpu=0.4, client_cpu=0.3
    )
    too_many = step.model_copy(
        update={"calls": 20, "passed": False, "failing": ("loss<=0.1%",), "loss": 0.02, "server_cpu": 0.98}
    )
    return a_report(
        cuts={
            kind: Cuts(
                made=9, resumed=8, lost=1, resumed_ms=some(8, 30, 60, 70, 75), gap_ms=some(9, 40, 90, 99, 120)
            )
            for kind in CutKind
        },
        waiting_room=WaitingRoom(
            through="http",
            asked=12,
            claimed=11,
            queued_ms=some(12, 10, 20, 22, 23),
            claim_ms=some(11, 5, 8, 9, 9),
            called_ms=some(11, 6, 9, 10, 11),
            media_ms=some(11, 50, 80, 90, 95),
        ),
        trends=(
            Trend(
                figure="descriptors",
                unit="",
                compared="idle",
                before=40,
                after=90,
                per_hour=3600,
                allowed=8,
                grew=True,
            ),
        ),
        fidelity=Fidelity(
            bots=2,
            frames=900,
            psnr_db=some(900, 34, 30, 28, 41),
            ssim=some(900, 0.97, 0.95, 0.9, 0.99),
            freezes_per_hour=0.0,
            picture_delay_ms=some(900, 60, 90, 120, 180),
            audio_gaps_per_hour=2.0,
            audio_gap_ms=33.0,
            lip_sync_ms=some(90, 12, 30, 41, 44),
        ),
        failures=(Failure(kind="join: close code 4401", count=3),),
        capacity=Capacity(steps=(step, too_many), most=10, limited_by="server"),
    )
