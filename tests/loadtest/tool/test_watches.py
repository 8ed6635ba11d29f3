"""What is read of servers and of the load tester itself, and what the report makes of it."""

import os
import socket

import pytest

from loadtest.tool import proc
from loadtest.tool.client_watch import ClientCost, ClientLook, cost_between, judged
from loadtest.tool.errors import WrongUsage
from loadtest.tool.reporting import server_of
from loadtest.tool.run import Place, in_order
from loadtest.tool.server_watch import Look, added, look_of, parse_metrics
from loadtest.tool.urls import bits_per_second, origin_of, scraped_url

METRICS = """\
# HELP teleconsult_media_packets_total RTP packets
teleconsult_media_packets_total{direction="in",kind="audio"} 100.0
teleconsult_media_packets_total{direction="in",kind="video"} 200.0
teleconsult_media_packets_total{direction="out",kind="audio"} 3e+02
teleconsult_media_packets_total{direction="out",kind="video"} 400.0
teleconsult_event_loop_lag_seconds_bucket{le="0.001"} 7.0
teleconsult_event_loop_lag_seconds_bucket{le="0.25"} 9.0
teleconsult_event_loop_lag_seconds_bucket{le="+Inf"} 9.0
teleconsult_sessions 4.0
process_cpu_seconds_total 2.5
process_resident_memory_bytes 5e+07
process_open_fds 30.0
nonsense
"""


def test_a_server_elsewhere_is_known_by_its_metrics() -> None:
    look = look_of(parse_metrics(METRICS), None, at_s=5)
    assert (look.packets_in, look.packets_out) == (300, 700)
    assert (look.cpu_s, look.memory_mb, look.descriptors, look.threads) == (2.5, 50, 30, None)
    assert look.gauges == {"sessions": 4}
    assert look.loop_lag_le == {0.001: 7, 0.25: 9, float("inf"): 9}


def test_its_process_is_the_better_witness_where_it_is_here() -> None:
    process = proc.ProcessLook(cpu_s=9, memory_mb=70, threads=6, descriptors=None)
    look = look_of(parse_metrics(METRICS), process, at_s=5)
    assert (look.cpu_s, look.memory_mb, look.threads, look.descriptors) == (9, 70, 6, 30)


def test_several_servers_add_up_and_what_one_does_not_tell_is_not_told() -> None:
    one, other = look_of(parse_metrics(METRICS), None, 1), Look(at_s=1, cpu_s=1, packets_in=5)
    both = added([one, other], at_s=2)
    assert (both.cpu_s, both.packets_in, both.packets_out) == (3.5, 305, None)
    assert both.gauges == {"sessions": 4}


def test_the_servers_figures_come_from_the_windows_first_and_last_look() -> None:
    looks = [
        Look(0, cpu_s=1, memory_mb=50, packets_in=0, packets_out=0, loop_lag_le={0.01: 5, 0.1: 5}),
        Look(5, cpu_s=4, memory_mb=90, packets_in=9, packets_out=9, loop_lag_le={0.01: 8, 0.1: 9}),
        Look(10, cpu_s=5, memory_mb=80, packets_in=1e6, packets_out=2e6, loop_lag_le={0.01: 9, 0.1: 10}),
    ]
    figures = server_of(looks, ["metrics", "both"])
    assert figures is not None
    assert figures.cpu == pytest.approx(0.4)
    assert figures.cpu_max == pytest.approx(0.6)
    assert figures.memory_mb == 90
    assert (figures.packets_in, figures.packets_out) == (1e6, 2e6)
    assert figures.us_per_packet == pytest.approx(2)
    assert figures.packets_per_cpu_s == pytest.approx(500_000)
    assert figures.loop_lag_ms == pytest.approx(100)
    assert figures.source == "both"


def test_the_busiest_second_is_none_of_a_few_milliseconds() -> None:
    looks = [Look(0, cpu_s=0), Look(1, cpu_s=0.5), Look(1.004, cpu_s=0.52), Look(2, cpu_s=0.9)]
    figures = server_of(looks, ["proc"])
    assert figures is not None
    assert figures.cpu_max == pytest.approx(0.5)


def test_a_server_that_tells_nothing_has_no_figures() -> None:
    assert server_of([Look(0), Look(5)], [None]) is None


def test_the_load_tester_says_when_it_was_the_limit_itself() -> None:
    idle, full = ClientCost(0.3, 0.2, 0.5, 100), ClientCost(1.2, 0.95, 0.6, 100)
    assert judged(idle, cpu_max=0.4, cpus=4, late_p99_ms=2).warning is None
    assert "whole core" in (judged(full, cpu_max=2, cpus=4, late_p99_ms=2).warning or "")
    assert "late" in (judged(idle, cpu_max=1, cpus=4, late_p99_ms=30).warning or "")
    crowded = ClientCost(0.3, 0.2, 0.99, 100)
    assert "no CPU left" in (judged(crowded, cpu_max=1, cpus=4, late_p99_ms=None).warning or "")


def test_a_threads_cost_is_told_apart_from_the_others() -> None:
    before = ClientLook(0, 1, {"1": 1.0}, idle_s=100)
    after = ClientLook(10, 12, {"1": 2.0, "2": 9.5}, idle_s=105)
    cost = cost_between(before, after, machine_cpus=2)
    assert (cost.cpu, cost.busiest_thread, cost.machine_busy) == pytest.approx((1.1, 0.95, 0.75))


def test_who_listens_here_is_found_by_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert proc.listener_on(port) == os.getpid()
    assert proc.listener_on(port) is None
    look = proc.look_at(os.getpid())
    assert look.cpu_s > 0
    assert look.memory_mb > 5
    assert look.threads >= 1


def test_rooms_open_in_blocks_their_first_before_their_others() -> None:
    places = [Place(room, role) for room in "abc" for role in ("doctor", "patient", "guest")]
    ordered = [place.room + place.role[0] for place in in_order(places, block=2)]
    assert ordered == ["ad", "bd", "ap", "ag", "bp", "bg", "cd", "cp", "cg"]


def test_addresses_and_bitrates_are_taken_as_people_write_them() -> None:
    assert origin_of("https://video.example.org/") == "https://video.example.org"
    assert origin_of("http://[::1]:8080") == "http://[::1]:8080"
    assert scraped_url("http://10.0.0.1:9090") == "http://10.0.0.1:9090/metrics"
    assert [bits_per_second(typed) for typed in ("800k", "1.2M", "1200000")] == [
        800_000,
        1_200_000,
        1_200_000,
    ]
    for wrong in ("https://video.example.org/call", "ftp://x", "http://", "//x", "http://h:99999"):
        with pytest.raises(WrongUsage, match="--server"):
            origin_of(wrong)
