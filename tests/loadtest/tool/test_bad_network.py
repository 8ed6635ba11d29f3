"""The same small test over a clean and over a bad network: the report shows the bad one as bad."""

import asyncio
from statistics import median
from typing import NamedTuple

import pytest
import pytest_asyncio

from loadtest.results import JoinStep, Options, Report, ScenarioName, Silent, TicketSource
from loadtest.tool.summary import summary
from loadtest.tool.tester import Plan, run_test
from media_server.loadtest_cli import mint_from
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD = "loss=5%,jitter=200ms"
WANTED = ("video.loss_before_repair<=1%", "latency.p95<=200ms", "playing>=100%")
ALMOST_NONE = 0.1
"""Of what the bad network does: so much the clean one may, on a machine that has other things to do."""


class Reports(NamedTuple):
    clean: Report
    bad: Report
    bad_upwards: Report


async def played(server: ServerProcess, impairment: str | None) -> Report:
    options = Options(
        scenario=ScenarioName.CONSULTATIONS,
        servers=(server.origin,),
        tickets=TicketSource.KEYS,
        calls=3,
        ramp_per_s=20,
        warm_up_s=0.5,
        duration_s=5,
        video_bps=400_000,
        seed=11,
        impairment=impairment,
        thresholds=WANTED,
    )
    return await run_test(Plan(options, ticket_keys=server.data_dir, make_mint=mint_from), Silent())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reports(server: ServerProcess) -> Reports:
    wanted = (None, BAD, f"{BAD},direction=up")
    return Reports(*await asyncio.gather(*(played(server, impairment) for impairment in wanted)))


async def test_everybody_joins_over_the_bad_network_too_and_it_takes_longer(reports: Reports) -> None:
    for report in reports:
        assert (report.joins.succeeded, report.failures) == (6, ())
    clean, bad = (report.joins.steps_ms for report in (reports.clean, reports.bad))
    for step in (JoinStep.DTLS, JoinStep.FIRST_PACKET):
        assert (bad[step].p50 or 0) > (clean[step].p50 or 0) + 100


async def test_losses_are_seen_and_repaired_in_both_directions(reports: Reports) -> None:
    clean, bad, upwards = (report.video for report in reports)
    for figure in ("loss_before_repair", "mended", "retransmitted", "nacks"):
        assert getattr(clean, figure) < ALMOST_NONE * getattr(bad, figure)
    assert 0.03 < (bad.loss_before_repair or 0) < 0.08
    assert (bad.loss or 0) < 0.5 * (bad.loss_before_repair or 0)
    assert bad.nacks >= bad.retransmitted > 0.02 * bad.sent_packets
    # What is lost on the way up the server asks for: nobody behind it has to.
    assert upwards.retransmitted > 0.02 * upwards.sent_packets
    assert (upwards.loss_before_repair or 0) < 0.5 * (bad.loss_before_repair or 0)


async def test_sound_is_not_sent_again(reports: Reports) -> None:
    clean, bad, upwards = (report.audio for report in reports)
    assert (clean.loss or 0) < ALMOST_NONE * (bad.loss or 0)
    assert 0.06 < (bad.loss or 0) < 0.14, "on the way up and on the way down"
    assert 0.02 < (upwards.loss or 0) < 0.08
    assert bad.mended == bad.retransmitted == 0


async def test_latency_jitter_gaps_and_freezes_go_up(reports: Reports) -> None:
    for kind in ("audio", "video"):
        clean, bad = getattr(reports.clean, kind), getattr(reports.bad, kind)
        # On a machine that stands still at times, the clean one has late packets and gaps as well, but few.
        for share in ("p50", "p95"):
            assert getattr(bad.latency_ms, share) > getattr(clean.latency_ms, share) + 100
        assert bad.latency_ms.p99 > 250
        assert bad.jitter_ms.p50 > clean.jitter_ms.p50
        assert bad.gap_ms.p50 > 100
    clean_video, bad_video = reports.clean.video, reports.bad.video
    assert bad_video.freezes > clean_video.freezes
    assert bad_video.freeze_ms > clean_video.freeze_ms + 500


async def test_the_time_line_shows_it_too(reports: Reports) -> None:
    clean, bad = (
        [second for second in report.timeline if second.measured] for report in (reports.clean, reports.bad)
    )
    latency_ms = [
        median(second.latency_p95_ms for second in measured if second.latency_p95_ms is not None)
        for measured in (clean, bad)
    ]
    assert latency_ms[1] > latency_ms[0] + 100
    assert sum(second.lost for second in bad) > sum(second.lost for second in clean)


async def test_the_thresholds_fail_and_the_report_says_which_network_it_was(reports: Reports) -> None:
    assert reports.clean.passed
    assert not reports.bad.passed
    failing = [result.figure for result in reports.bad.thresholds if not result.passed]
    assert {"video.loss_before_repair", "latency.p95"} <= set(failing)
    assert reports.bad.options.impairment == BAD
    assert any(BAD in line and "on purpose" in line for line in summary(reports.bad))
    assert not any("on purpose" in line for line in summary(reports.clean))
