"""The same call on bad networks and with a server in trouble. `prove` has the long forms and the figures."""

import asyncio

import pytest

from tests.e2e import measure
from tests.e2e.measure import assert_flows
from tests.e2e.stand import Participant, Stand

Pair = tuple[Participant, Participant]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


async def test_ice_restarts_without_a_gap(pair: Pair) -> None:
    patient, doctor = pair
    assert await measure.ice_restart(patient, doctor) < 1
    assert await measure.ice_restart(doctor, doctor) < 1  # the viewer's own path


async def test_a_call_heals_after_a_source_port_change(the_stand: Stand, pair: Pair) -> None:
    patient, doctor = pair
    outage = await measure.rebinding(the_stand, patient, doctor)
    assert max(outage.gaps_s) < 4
    await asyncio.gather(patient.until_more_frames(), doctor.until_more_frames())


async def test_five_percent_loss_each_way_is_repaired(the_stand: Stand, pair: Pair) -> None:
    patient, doctor = pair
    for watched in await measure.loss(the_stand, [patient, doctor], share=0.05, seconds=5):
        assert_flows(watched)
        assert watched.retransmitted > 0


async def test_media_goes_on_while_python_is_stopped(the_stand: Stand, pair: Pair) -> None:
    patient, doctor = pair
    stalled = await measure.stall(the_stand, [patient, doctor], quiet_s=1.5)
    assert stalled.python_stopped_s > 1.5
    assert stalled.packets > 100
    assert stalled.stalled_p50_s < 0.01
    for watched in stalled.watched:
        assert_flows(watched)
