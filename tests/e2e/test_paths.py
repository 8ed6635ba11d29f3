"""The same call on bad networks and with a server in trouble. `prove` has the long forms and the figures."""

import asyncio

import pytest

from tests.e2e import measure
from tests.e2e.measure import assert_flows
from tests.e2e.stand import Stand

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.slow]


async def test_ice_restarts_without_a_gap(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="restart")
    assert await measure.ice_restart(patient, doctor) < 1
    assert await measure.ice_restart(doctor, doctor) < 1  # the viewer's own path


async def test_a_call_heals_after_a_source_port_change(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="rebinding")
    outage = await measure.rebinding(stand, patient, doctor)
    assert max(outage.gaps_s) < 4
    await asyncio.gather(patient.until_more_frames(), doctor.until_more_frames())


async def test_five_percent_loss_each_way_is_repaired(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="loss")
    for watched in await measure.loss(stand, [patient, doctor], share=0.05, seconds=8):
        assert_flows(watched)
        assert watched.retransmitted > 0


async def test_media_goes_on_while_python_is_stopped(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="stall")
    stalled = await measure.stall(stand, [patient, doctor], quiet_s=3)
    assert stalled.python_stopped_s > 1.5
    assert stalled.packets > 100
    assert stalled.stalled_p50_s < 0.01
    for watched in stalled.watched:
        assert_flows(watched)
