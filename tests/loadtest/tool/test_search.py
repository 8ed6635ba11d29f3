"""The search for the capacity on a real server: each window is judged by joins and media of its own."""

import random
import time
from contextlib import closing

import aiohttp
import pytest

from loadtest.report import html_of
from loadtest.results import Options, Report, ScenarioName, Silent, TicketSource
from loadtest.tool.entrances import WalkIn
from loadtest.tool.fleet import Fleet
from loadtest.tool.run import Run
from loadtest.tool.sampler import Sampler
from loadtest.tool.scenarios.search import Receivers
from loadtest.tool.tester import Plan, run_test
from loadtest.traffic import NativeEngine, NativeParticipant
from media_server.loadtest_cli import mint_from
from tests.loadtest.report.reading import Page, assert_stands_alone
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def searched(server: ServerProcess, *thresholds: str, calls: int, most: int) -> Report:
    options = Options(
        scenario=ScenarioName.CONSULTATIONS,
        servers=(server.origin,),
        tickets=TicketSource.KEYS,
        calls=calls,
        most_calls=most,
        find_capacity=True,
        duration_s=0.5,
        warm_up_s=0,
        ramp_per_s=100,
        video_bps=100_000,
        thresholds=thresholds,
    )
    plan = Plan(options, metrics=[server.metrics_url], ticket_keys=server.data_dir, make_mint=mint_from)
    return await run_test(plan, Silent())


async def test_what_cannot_be_held_is_tried_twice_then_fewer_and_joins_are_judged_each_time(
    server: ServerProcess,
) -> None:
    report = await searched(server, "joins.failed<=0%", "join.dtls.max<=1us", calls=2, most=2)
    assert report.capacity is not None
    assert report.capacity.most is None
    assert [step.calls for step in report.capacity.steps] == [2, 2, 1, 1]
    for step in report.capacity.steps:
        assert step.failing == ("join.dtls.max<=1us",), "and no joins have failed, or were not measured"
    assert report.joins.succeeded == 2


async def test_it_grows_to_the_most_that_was_asked_for_and_the_report_is_of_that_window(
    server: ServerProcess,
) -> None:
    report = await searched(server, "joins.failed<=0%", "loss<=50%", calls=1, most=3)
    assert report.capacity is not None
    assert [step.calls for step in report.capacity.steps] == [1, 2, 3]
    assert (report.capacity.most, report.capacity.limited_by) == (3, "asked")
    assert report.passed
    page = Page.of(html_of(report))
    assert_stands_alone(page)
    assert page.row("3 calls")[0] == "✓ met"
    assert "3 calls were held within the thresholds; more were not asked for" in page.text


async def test_a_fan_out_whose_sender_has_fallen_out_gets_another(server: ServerProcess) -> None:
    options = Options(
        scenario=ScenarioName.FANOUT,
        servers=(server.origin,),
        tickets=TicketSource.WALK_IN,
        ramp_per_s=100,
        video_bps=100_000,
    )
    async with aiohttp.ClientSession() as http:
        with closing(NativeEngine(seed=1)) as engine:
            entrance = WalkIn(http, server.origin)
            fleet = Fleet([entrance], lambda who: NativeParticipant(engine, who), options, Silent())
            sampler = Sampler(fleet, [], Silent(), time.monotonic())
            run = Run(options, fleet, sampler, Silent(), random.Random(1), http, "search")
            try:
                receivers = Receivers(run)
                await receivers.hold(2)
                first = next(member for member in fleet.members if member.role == "doctor")
                await first.participant.request("leave")
                assert await first.until(lambda member: member.participant.over is not None, 10)
                await receivers.hold(2)
                assert sorted(member.role for member in fleet.members) == ["doctor", "guest", "guest"]
                assert first not in fleet.members
            finally:
                await fleet.close()
    assert fleet.tally.failures == {}
