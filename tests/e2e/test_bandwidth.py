"""Our feedback lets a publisher find what its way out can carry, and no more than that."""

import pytest

from tests.e2e import measure
from tests.e2e.stand import a_stand, chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
async def test_a_publisher_rises_and_follows_a_bottleneck() -> None:
    async with a_stand(busy_picture=True) as stand:
        patient, doctor = await stand.pair(room="bandwidth")
        await patient.until(lambda sample: sample.video_target_bps > 500_000)
        narrow = await measure.bottleneck(stand, patient, doctor, rate_bps=250_000, seconds=6, recovery_s=1)
    assert narrow.followed_s is not None
    assert narrow.sent_bps < 275_000
    assert narrow.viewer.decoded_hz > 5
