"""A track from which nothing comes, though something should."""

import pytest

from media_server.silence import SilenceWatch
from signalling import TrackId

CAMERA = TrackId("camera")


@pytest.fixture
def watch() -> SilenceWatch:
    watch = SilenceWatch(patience_s=3.0)
    watch.publish(CAMERA, muted=False, now=100.0)
    return watch


def test_a_track_that_never_starts_is_told_after_the_patience(watch: SilenceWatch) -> None:
    assert watch.check({CAMERA: None}, now=102.9) == {}
    assert watch.check({CAMERA: None}, now=103.0) == {CAMERA: True}


def test_silence_is_told_once_and_so_is_its_end(watch: SilenceWatch) -> None:
    assert watch.check({CAMERA: 5.0}, now=110.0) == {CAMERA: True}
    assert watch.check({CAMERA: 6.0}, now=111.0) == {}
    assert watch.check({CAMERA: 0.0}, now=112.0) == {CAMERA: False}
    assert watch.check({CAMERA: 0.1}, now=113.0) == {}
    assert watch.check({CAMERA: 4.0}, now=117.0) == {CAMERA: True}


def test_a_track_that_flows_is_never_told(watch: SilenceWatch) -> None:
    assert all(watch.check({CAMERA: 0.4}, now=float(now)) == {} for now in range(100, 200))


def test_a_muted_track_may_be_silent_and_has_its_time_again_when_unmuted(watch: SilenceWatch) -> None:
    watch.set_muted(CAMERA, True, now=101.0)
    assert watch.watched() == []
    assert not watch.watches(CAMERA)
    assert watch.check({CAMERA: 50.0}, now=150.0) == {}
    watch.set_muted(CAMERA, False, now=150.0)
    assert watch.check({CAMERA: 51.0}, now=151.0) == {}
    assert watch.check({CAMERA: 53.0}, now=153.0) == {CAMERA: True}


def test_muting_what_is_silent_needs_no_telling_of_its_end(watch: SilenceWatch) -> None:
    assert watch.check({CAMERA: None}, now=110.0) == {CAMERA: True}
    watch.set_muted(CAMERA, True, now=111.0)  # the room itself says then that it is silent no more
    watch.set_muted(CAMERA, False, now=112.0)
    assert watch.check({CAMERA: 0.1}, now=113.0) == {}


def test_a_track_that_ended_is_forgotten(watch: SilenceWatch) -> None:
    watch.unpublish(CAMERA)
    assert watch.watched() == []
    assert watch.check({CAMERA: 50.0}, now=150.0) == {}


def test_muting_what_is_not_published_changes_nothing(watch: SilenceWatch) -> None:
    watch.set_muted(TrackId("other"), True, now=1.0)
    assert watch.watched() == [CAMERA]
    assert watch.watches(CAMERA)
