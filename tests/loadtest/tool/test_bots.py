"""Bots beside a small load on a real server: what they saw is in the report.

How good that was is the machine's doing as well, and not judged here; how it is judged, test_judge.py says.
"""

import asyncio
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from loadtest.fidelity import Bots
from loadtest.film import DOCTOR, Format, film
from loadtest.results import JoinStep, Options, Report, ScenarioName, Silent, TicketSource
from loadtest.tool.decoding import Decoding
from loadtest.tool.entrances import OneTicket
from loadtest.tool.errors import CannotTest
from loadtest.tool.fleet import Fleet
from loadtest.tool.tester import Plan, run_test
from media_server.loadtest_cli import mint_from
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALWAYS = ("ssim.p50<=100%", "lip_sync.max<=4s", "picture_delay.p50<=8s")
NEVER = ("psnr.p50>=1000dB", "join.first_decoded_frame.max<=1us")


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
        thresholds=ALWAYS + NEVER,
    )
    plan = Plan(options, ticket_keys=server.data_dir, make_mint=mint_from, film=given)
    return await run_test(plan, Silent())


async def test_the_bots_decode_and_compare_what_they_receive(report: Report) -> None:
    assert report.failures == ()
    seen = report.fidelity
    assert seen is not None
    assert seen.bots == 2
    assert 0 <= seen.unread < seen.frames
    assert 0 < seen.psnr_db.n == seen.ssim.n < seen.frames
    assert (seen.psnr_db.max or 0) <= (seen.psnr_db.p50 or 0)
    assert 0 < (seen.ssim.p50 or 0) <= 1
    assert 0 < seen.picture_delay_ms.n <= seen.frames
    assert seen.lip_sync_ms.n > 0
    assert seen.freezes_per_hour is not None
    assert seen.audio_gaps_per_hour is not None


async def test_who_decodes_says_when_the_first_picture_was_there(report: Report) -> None:
    assert report.joins.steps_ms[JoinStep.FIRST_DECODED_FRAME].n == 1
    assert (report.joins.attempted, report.joins.succeeded) == (2, 2), "bots are no part of the load"


class SlowEntrance:
    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> OneTicket:
        await asyncio.sleep(0.2 if role == "patient" else 0)
        return OneTicket("ws://there", "ticket")


async def test_the_way_to_the_first_picture_begins_before_the_ticket() -> None:
    options = Options(
        scenario=ScenarioName.CONSULTATIONS, servers=("http://there",), tickets=TicketSource.KEYS
    )
    fleet = Fleet([SlowEntrance()], lambda _: pytest.fail("bots are no part of it"), options, Silent())
    answers = ("{}", '{"first_decoded_ms": 1000}', '{"fidelity": {}, "lost": 0}')
    script = f"for answer in {answers}: print(answer, flush=True); input()"
    async with Bots(command=(sys.executable, "-c", script)) as bots:
        decoding = Decoding(bots, fleet)
        await decoding.join("room-0")
        await decoding.end_window()
    assert fleet.tally.failures == {}
    took_ms = fleet.tally.joins.steps["first_decoded_frame"].percentile_ms(1.0)
    assert took_ms is not None
    assert took_ms > 1150


async def test_thresholds_on_what_they_saw_are_judged(report: Report) -> None:
    passed = {result.text: result.passed for result in report.thresholds}
    assert passed == dict.fromkeys(ALWAYS, True) | dict.fromkeys(NEVER, False)


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
    with pytest.raises(CannotTest, match="bots did not start: there is no such file"):
        await run_test(Plan(options, film=tmp_path / "gone.mp4"), Silent())
