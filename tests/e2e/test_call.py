"""A call between real browsers on the real pages: what people in it do, and what they see and hear of it."""

import asyncio

import pytest

from tests.e2e.measure import assert_flows, watch
from tests.e2e.stand import Participant, Stand

MICROPHONE_MUTED = "client.participants[0]?.track('microphone')?.muted"
CAMERA_MUTED = "client.participants[0]?.track('camera')?.muted"

Pair = tuple[Participant, Participant]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_two_pages_see_and_hear_each_other(stand: Stand, codec: str) -> None:
    patient, doctor = await stand.pair(room=f"call-{codec}", codec=codec)
    for watched in await watch([patient, doctor], 4):
        assert_flows(watched)
        assert watched.loudest > 0
        last = watched.samples[-1]
        assert [s.codec for s in last.received("video")] == [f"video/{codec}"]
        assert [s.codec for s in last.sent("video")] == [f"video/{codec}"]


@pytest.mark.slow
async def test_a_third_participant_comes_is_seen_by_all_and_leaves(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="three")
    guest = await stand.open("guest", room="three")
    await asyncio.gather(guest.until_receiving(2), patient.until_receiving(2), doctor.until_receiving(2))
    await guest.press("Leave")
    await patient.until_client("client.participants.length === 1")
    await doctor.until_client("client.participants.length === 1")
    await asyncio.gather(patient.until_more_frames(), doctor.until_more_frames())


@pytest.mark.slow
async def test_a_publisher_who_reloads_is_seen_again(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="reload")
    await patient.page.reload()
    await patient.until_receiving(1)
    await doctor.until_client("client.participants.length === 1")
    await doctor.until_more_frames()


@pytest.mark.slow
async def test_the_doctor_ends_the_consultation_for_both(stand: Stand) -> None:
    patient, doctor = await stand.pair(room="end")
    await doctor.client("await client.end()")
    for each in (patient, doctor):
        await each.until_client("!client || client.state === 'ended'")


@pytest.mark.slow
async def test_muting_silences_and_tells_and_unmuting_undoes_both(pair: Pair) -> None:
    patient, doctor = pair
    await doctor.until(lambda sample: sample.audio_level > 0)
    await patient.press("Mute")
    await doctor.until_client(MICROPHONE_MUTED)
    [watched] = await watch([doctor], 2.5)  # the fake microphone beeps once a second
    assert watched.samples[-1].audio_level < 0.001
    await patient.press("Unmute")
    await doctor.until_client(f"!({MICROPHONE_MUTED})")
    await doctor.until(lambda sample: sample.audio_level > 0)


@pytest.mark.slow
async def test_a_camera_goes_off_and_comes_back(pair: Pair) -> None:
    patient, doctor = pair
    await patient.press("Stop video")
    await doctor.until_client(CAMERA_MUTED)
    await patient.press("Start video")
    await doctor.until_client(f"!({CAMERA_MUTED})")
    await doctor.until_more_frames()


@pytest.mark.slow
async def test_a_cut_web_socket_is_resumed_while_media_goes_on(the_stand: Stand, pair: Pair) -> None:
    patient, doctor = pair
    before = await patient.client("window.before = client.peerConnection; return client.self.id")
    watching = asyncio.create_task(watch([patient, doctor], 4))
    await asyncio.sleep(0.5)
    assert the_stand.path.cut(refuse=True) > 0
    await patient.until_client("client.state === 'reconnecting'")
    await asyncio.sleep(1)
    the_stand.path.heal()
    await patient.until_client("client.state === 'connected'")
    assert await patient.client("return client.self.id") == before
    assert await patient.client("return client.peerConnection === window.before")
    for watched in await watching:
        assert_flows(watched)
    # And signalling works again, both ways.
    await patient.press("Mute")
    await doctor.until_client(MICROPHONE_MUTED)
    await patient.press("Unmute")
    await doctor.until_client(f"!({MICROPHONE_MUTED})")
