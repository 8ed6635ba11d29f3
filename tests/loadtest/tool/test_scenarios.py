"""Every scenario once, small and short, against one real server, and what its report then says."""

import asyncio
from collections.abc import Mapping

import pytest
import pytest_asyncio

from loadtest.report import html_of
from loadtest.results import FIGURES, CutKind, JoinStep, Options, Report, ScenarioName, Silent, TicketSource
from loadtest.tool.tester import Plan, run_test
from media_server.loadtest_cli import mint_from
from tests.loadtest.report.reading import Page, assert_accessible_by_structure, assert_stands_alone
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = {"duration_s": 2.5, "warm_up_s": 0.2, "ramp_per_s": 40, "video_bps": 200_000}
LONGER = {"duration_s": 6}  # of what comes about by chance, and on a busy machine late
TOGETHER: Mapping[ScenarioName, Mapping[str, object]] = {
    ScenarioName.CONSULTATIONS: {"calls": 2},
    ScenarioName.GROUP: {"calls": 1, "participants": 4, "threads": 2},
    ScenarioName.FANOUT: {"calls": 1, "participants": 5},
    ScenarioName.CHURN: {"calls": 2, "churn_per_s": 4, **LONGER},
    ScenarioName.RECONNECT: {"calls": 4, "cut_every_s": 0.4, **LONGER},
    ScenarioName.WAITING_ROOM: {"calls": 3, "talk_s": 0.1, **LONGER},
}
LOGINS = {"calls": 3, "talk_s": 0.1, "tickets": TicketSource.TEST_LOGINS, **LONGER}


async def played(server: ServerProcess, scenario: ScenarioName, **options: object) -> Report:
    wanted = Options.model_validate(
        {"scenario": scenario, "servers": [server.origin], "tickets": TicketSource.KEYS, **SMALL, **options}
    )
    plan = Plan(wanted, metrics=[server.metrics_url], ticket_keys=server.data_dir, make_mint=mint_from)
    return await run_test(plan, Silent())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def all_reports(server: ServerProcess) -> list[Report]:
    """All at the same time: they share the server, not their rooms."""
    return await asyncio.gather(
        *(played(server, name, **options) for name, options in TOGETHER.items()),
        played(server, ScenarioName.WAITING_ROOM, **LOGINS),
    )


@pytest.fixture(scope="module")
def reports(all_reports: list[Report]) -> Mapping[ScenarioName, Report]:
    return dict(zip(TOGETHER, all_reports, strict=False))


@pytest.mark.parametrize("scenario", TOGETHER)
async def test_everybody_joins_and_nothing_fails(
    reports: Mapping[ScenarioName, Report], scenario: ScenarioName
) -> None:
    report = reports[scenario]
    assert report.failures == ()
    assert report.joins.succeeded == report.joins.attempted > 0
    assert not report.partial
    assert report.measured_s == pytest.approx(report.options.duration_s, abs=2)


@pytest.mark.parametrize("scenario", TOGETHER)
async def test_the_report_for_people_is_whole_and_has_every_figure(
    reports: Mapping[ScenarioName, Report], scenario: ScenarioName
) -> None:
    report = reports[scenario]
    page = Page.of(html_of(report, earlier=reports[ScenarioName.CONSULTATIONS]))
    assert_stands_alone(page)
    assert_accessible_by_structure(page)
    measured = {name: value for name, f in FIGURES.items() if (value := f.read(report)) is not None}
    assert page.figures() == pytest.approx(measured)


async def test_consultations_time_each_step_of_a_join_in_its_order(
    reports: Mapping[ScenarioName, Report],
) -> None:
    joins = reports[ScenarioName.CONSULTATIONS].joins
    medians = [joins.steps_ms[step].p50 or 0 for step in list(JoinStep)[:5]]
    assert medians == sorted(medians)
    assert medians[0] > 0
    assert joins.steps_ms[JoinStep.DTLS].n == 4
    assert joins.steps_ms[JoinStep.FIRST_PACKET].n == 2, "of those who found somebody there"
    assert joins.steps_ms[JoinStep.FIRST_KEY_FRAME].n == 2
    assert JoinStep.FIRST_DECODED_FRAME not in joins.steps_ms


async def test_consultations_measure_media_time_line_server_and_client(
    reports: Mapping[ScenarioName, Report],
) -> None:
    report = reports[ScenarioName.CONSULTATIONS]
    for media in (report.audio, report.video):
        assert media.tracks == 4
        assert media.packets > 100
        assert media.loss == 0
        assert media.latency_ms.n > 0
    assert report.video.frames > 100
    assert (report.playing.participants, report.playing.share) == (4, 1)
    measured = [second for second in report.timeline if second.measured]
    assert sum(second.packets for second in measured) >= 0.9 * (report.audio.packets + report.video.packets)
    assert report.server is not None
    assert report.server.source == "both"
    assert (report.server.packets_out or 0) >= report.audio.packets + report.video.packets
    assert (report.server.memory_mb or 0) > 20
    assert report.servers[0].version == report.tool
    assert report.client is not None
    assert report.client.cpu > 0


async def test_in_a_group_everybody_sees_everybody_and_in_a_fanout_one_is_seen(
    reports: Mapping[ScenarioName, Report],
) -> None:
    group, fanout = reports[ScenarioName.GROUP], reports[ScenarioName.FANOUT]
    assert (group.playing.expected_tracks, group.playing.playing_tracks) == (4 * 3 * 2, 4 * 3 * 2)
    assert (fanout.playing.expected_tracks, fanout.playing.playing_tracks) == (4 * 2, 4 * 2)
    assert fanout.video.packets > 3 * fanout.video.sent_packets


async def test_churn_replaces_who_leaves(reports: Mapping[ScenarioName, Report]) -> None:
    churn = reports[ScenarioName.CHURN]
    assert churn.joins.succeeded > 4
    assert churn.video.loss == pytest.approx(0, abs=0.01)


async def test_cuts_of_both_kinds_are_survived_and_their_silence_is_measured(
    reports: Mapping[ScenarioName, Report],
) -> None:
    cuts = reports[ScenarioName.RECONNECT].cuts
    for kind in CutKind:
        assert cuts[kind].resumed == cuts[kind].made > 0
        assert cuts[kind].resumed_ms.n == cuts[kind].gap_ms.n == cuts[kind].made
        assert (cuts[kind].gap_ms.p50 or 0) > 1
    assert reports[ScenarioName.RECONNECT].playing.share == 1


async def test_patients_by_tickets_knock_and_are_called_in(reports: Mapping[ScenarioName, Report]) -> None:
    room = reports[ScenarioName.WAITING_ROOM].waiting_room
    assert room is not None
    assert room.through == "tickets"
    assert room.asked >= room.claimed > 0
    assert room.called_ms.n == room.claimed
    assert (room.media_ms.p50 or 0) > 0


async def test_test_persons_go_through_the_servers_own_queue(all_reports: list[Report]) -> None:
    room = all_reports[-1].waiting_room
    assert room is not None
    assert room.through == "http"
    assert room.claimed > 0
    assert room.queued_ms.n == room.asked
    assert all_reports[-1].failures == ()


async def test_a_soak_finds_that_the_server_lets_everything_go(server: ServerProcess) -> None:
    report = await played(server, ScenarioName.SOAK, calls=2, churn_per_s=4, thresholds=("leaks<=0",))
    trends = {trend.figure: trend for trend in report.trends}
    assert {
        "descriptors",
        "threads",
        "transports",
        "sessions",
        "rooms",
        "tasks",
    } <= trends.keys()
    assert trends["sessions"].after <= trends["sessions"].before
    assert report.passed
