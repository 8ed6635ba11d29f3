"""Bots beside a small load on a real server: what they saw is in the report."""

from pathlib import Path

import pytest
import pytest_asyncio

from loadtest.film import DOCTOR, Format, film
from loadtest.tool import JoinStep, Options, Report, ScenarioName, TicketSource
from loadtest.tool.errors import CannotTest
from loadtest.tool.progress import Silent
from loadtest.tool.tester import Plan, run_test
from media_server.loadtest_cli import mint_from
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

WANTED = (
    "psnr.p95>=24dB",
    "lip_sync.p95<=250ms",
    "picture_delay.p50<=1s",
    "join.first_decoded_frame.max<=10s",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def report(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("given")
    given = film(folder, DOCTOR, Format(320, 240, frames_per_s=10, duration_s=3, bit_rate=200_000))
    options = Options(
        scenario=ScenarioName.CONSULTATIONS,
        servers=(server.origin,),
        tickets=TicketSource.KEYS,
        calls=1,
        ramp_per_s=20,
        warm_up_s=0.5,
        duration_s=5,
        bots=2,
        film=True,
        thresholds=WANTED,
    )
    plan = Plan(options, ticket_keys=server.data_dir, make_mint=mint_from, film=given)
    return await run_test(plan, Silent())


async def test_the_bots_decode_and_compare_what_they_receive(report: Report) -> None:
    assert report.failures == ()
    seen = report.fidelity
    assert seen is not None
    assert seen.bots == 2
    assert seen.frames > 2 * 5 * 20 * 0.8
    assert seen.unread == 0
    assert seen.psnr_db.n == seen.ssim.n > 30
    assert (seen.psnr_db.max or 0) <= (seen.psnr_db.p50 or 0)
    assert 0.7 < (seen.ssim.p95 or 0) <= 1
    assert seen.picture_delay_ms.n == seen.frames
    assert seen.lip_sync_ms.n >= 6
    assert seen.freezes_per_hour is not None
    assert seen.audio_gaps_per_hour is not None


async def test_who_decodes_says_when_the_first_picture_was_there(report: Report) -> None:
    assert report.joins.steps_ms[JoinStep.FIRST_DECODED_FRAME].n == 1
    assert (report.joins.attempted, report.joins.succeeded) == (2, 2), "bots are no part of the load"


async def test_thresholds_on_what_they_saw_are_judged(report: Report) -> None:
    assert [result.passed for result in report.thresholds] == [True] * len(WANTED)


async def test_a_film_that_vanished_is_told_before_anything_begins(
    server: ServerProcess, tmp_path: Path
) -> None:
    options = Options(
        scenario=ScenarioName.CONSULTATIONS,
        servers=(server.origin,),
        tickets=TicketSource.WALK_IN,
        bots=2,
        film=True,
    )
    with pytest.raises(CannotTest, match="bots did not start: it cannot be played"):
        await run_test(Plan(options, film=tmp_path / "gone.mp4"), Silent())
