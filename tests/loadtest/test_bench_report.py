import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.bench import native
from loadtest.bench.calls import ENGINE, SERVER, Flow
from loadtest.bench.forwarding import LOADS, Cost, built_yardstick
from loadtest.bench.joins import Joins
from loadtest.bench.memory import Memory
from loadtest.bench.native import Unavailable, run_json
from loadtest.bench.process_cost import cpu_s, resident_kb
from loadtest.bench.report import Report
from loadtest.bench.summary import Summary
from loadtest.participant import JoinSteps


def a_report() -> Report:
    steps = tuple(JoinSteps(None, 1, 2, 3, 4, float(ms)) for ms in range(1, 21))
    ours, allocations, yardstick = Summary.of([2.0, 3.0, 4.0]), Summary.of([0.01]), Summary.of([2.0])
    return Report(
        costs=[Cost(load, ours, allocations, yardstick) for load in LOADS],
        flows=[
            Flow(20, SERVER, 5.0, 50.0, 20.0, 7200.0, 0, 0.99),
            Flow(20, ENGINE, 0.1, 0.9, 10.0, 7200.0, 0, None),
        ],
        joins=(Joins(steps, 4.0, 2.0), Joins(steps, 5.0, 2.0)),
        memory=Memory(300.0, 28_000, 4_000.0),
    )


def test_the_figures_have_the_names_that_others_read() -> None:
    figures = json.loads(json.dumps(a_report().figures()))
    assert figures["ratio_to_yardstick"] == {"1": 1.5, "5": 1.5, "20": 1.5}
    assert figures["us_per_packet"] == {"1": 3.0, "2": 3.0, "5": 3.0, "20": 3.0, "audio": 3.0}
    assert {
        (each["profile"], each["kind"], each["subscribers"], each["threads"])
        for each in figures["forwarding"]
    } >= {("cm80", "audio", 20, 1), ("gcm256", "video", 2, 1), ("gcm128", "video", 5, 2)}
    assert figures["forwarding"][0] == {
        "profile": "gcm128",
        "kind": "video",
        "payload_bytes": 1150,
        "subscribers": 1,
        "threads": 1,
        "us_per_packet": {"median": 3.0, "min": 2.0, "max": 4.0},
        "yardstick_us_per_packet": 2.0,
        "ratio_to_yardstick": 1.5,
        "allocations_per_packet": 0.01,
    }
    assert figures["latency_ms"] == {"p50": 0.1, "p99": 0.9}
    assert figures["latency_of"] == "data plane alone"
    assert (figures["join_cpu_ms"], figures["join_ms"]) == (5.0, {"p50": 10.0, "p95": 19.0})
    assert figures["kb_per_participant"] == 300.0
    assert figures["memory"] == {"grown_kb": 28_000, "history_kb": 4_000.0}


def test_what_was_not_measured_is_null_and_says_why() -> None:
    figures = Report(notes=["no yardstick: no C compiler"]).figures()
    assert figures["ratio_to_yardstick"] is None
    assert figures["latency_ms"] == {"p50": None, "p99": None}
    assert figures["notes"] == ["no yardstick: no C compiler"]


def test_the_latency_of_the_whole_server_never_stands_in_for_that_of_the_data_plane() -> None:
    report = a_report()
    report.flows = [flow for flow in report.flows if flow.what == SERVER]
    figures = report.figures()
    assert figures["latency_ms"] == {"p50": None, "p99": None}
    assert figures["calls"][SERVER]["p99_ms"] == 50.0


def test_the_tables_show_medians_with_their_spread() -> None:
    shown = io.StringIO()
    a_report().show(Console(file=shown, width=200))
    assert "3.00  (2.00" in shown.getvalue()


def test_without_a_yardstick_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TELECONSULT_YARDSTICK", str(tmp_path))
    with built_yardstick() as (binary, reason):
        assert binary is None
        assert reason is not None
        assert reason.startswith("no yardstick")


def test_a_program_is_taken_at_its_last_line_of_json() -> None:
    assert run_json(["/bin/echo", 'warming up\n{"a": 1}\n{"a": 2}\nbye']) == {"a": 2}
    with pytest.raises(Unavailable):
        run_json(["/bin/echo", "nothing"])
    with pytest.raises(Unavailable):
        run_json(["/bin/false"])


def test_ready_built_programs_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(native.FOLDER_VARIABLE, str(tmp_path))
    native._folder.cache_clear()
    try:
        (tmp_path / "forward").touch()
        assert native.program("forward") == tmp_path / "forward"
        with pytest.raises(Unavailable):
            native.program("other")
    finally:
        native._folder.cache_clear()


def test_a_process_tells_its_cpu_time_and_memory() -> None:
    pid = int(Path("/proc/self").readlink().name)
    before = cpu_s(pid)
    sum(range(200_000))
    assert cpu_s(pid) > before > 0
    assert resident_kb(pid) > 1000
