"""Plans are carried out whole or not at all, whatever the data plane says in the middle."""

from itertools import count
from typing import Any

import pytest

from sfu import _dataplane
from sfu.errors import DataPlaneFailed, LimitReached, SfuError, UnknownTrack
from sfu.header_extensions import ExtensionIds
from sfu.media_path import MediaPath
from sfu.negotiation import Plan
from sfu.track import PublishWish, SubscribeWish, TrackId, TransportId, Wish
from sfu.track_table import TrackTable
from tests.sfu.negotiating import OPUS, VP8, OnPaper
from tests.sfu.offers_on_disk import OFFERS, lines_replaced

IDS = ExtensionIds(mid=4)


class Recorder:
    """Notes what is asked of the data plane; `fails` maps a verb to what it raises."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.alive: set[int] = set()
        self.extensions: dict[str, int] = {}
        self.fails: dict[str, Exception] = {}
        self._ids = count(100)

    def _start(self, verb: str) -> int:
        self._maybe_fail(verb)
        native = next(self._ids)
        self.alive.add(native)
        self.calls.append((verb, native))
        return native

    def _end(self, verb: str, native: int) -> None:
        self._maybe_fail(verb)
        if native not in self.alive:
            raise _dataplane.UnknownId
        self.alive.discard(native)
        self.calls.append((verb, native))

    def _maybe_fail(self, verb: str) -> None:
        if verb in self.fails:
            raise self.fails[verb]

    def set_extensions(self, _: int, **ids: int) -> None:
        self.extensions = ids

    def publish(self, _: int, **description: Any) -> int:
        return self._start("publish")

    def subscribe(self, _: int, track: int, **description: Any) -> int:
        return self._start("subscribe")

    def unpublish(self, native: int) -> None:
        self._end("unpublish", native)

    def unsubscribe(self, native: int) -> None:
        self._end("unsubscribe", native)

    def restart_ice(self, *_: object) -> None:
        self._maybe_fail("restart_ice")
        self.calls.append(("restart_ice", 0))


class Scene:
    def __init__(self) -> None:
        self.plane = Recorder()
        self.tracks = TrackTable()
        self.path = MediaPath(self.plane, 1, TransportId("me"), self.tracks)  # type: ignore[arg-type]
        self.paper = OnPaper({"voice": OPUS, "face": VP8})
        for native, track in enumerate(("voice", "face"), start=1):
            self.tracks.add(TrackId(track), native, self.paper.known[TrackId(track)])

    def carry_out(self, plan: Plan, extensions: ExtensionIds = IDS) -> None:
        self.path.carry_out(plan.steps, extensions, plan.restart)

    def subscribing(self) -> Plan:
        wishes = {"0": SubscribeWish(TrackId("voice")), "1": SubscribeWish(TrackId("face"))}
        return self.paper.plan(OFFERS["chromium-subscribe"], wishes)

    def publishing(self) -> Plan:
        return self.paper.plan(OFFERS["chromium-publish"], {"0": PublishWish(), "1": PublishWish()})


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (_dataplane.LimitReached(), LimitReached),
        (_dataplane.UnknownId(), UnknownTrack),
        (_dataplane.BadParameter(), DataPlaneFailed),
        (_dataplane.DataPlaneError(), DataPlaneFailed),
        (OSError(), DataPlaneFailed),
    ],
)
def test_what_the_data_plane_raises_comes_out_as_ours(raised: Exception, expected: type[SfuError]) -> None:
    scene = Scene()
    scene.plane.fails["publish"] = raised
    with pytest.raises(expected):
        scene.carry_out(scene.publishing())


def test_the_steps_before_a_failing_one_are_taken_back() -> None:
    scene = Scene()
    both: dict[str, Wish] = {"0": SubscribeWish(TrackId("voice")), "1": PublishWish()}
    offer = lines_replaced(OFFERS["chromium-sendrecv"], "a=sendrecv", "a=sendrecv")
    plan = scene.paper.plan(offer, both)
    scene.plane.fails["publish"] = _dataplane.LimitReached()
    with pytest.raises(LimitReached):
        scene.carry_out(plan)
    assert scene.plane.alive == set()
    assert [verb for verb, _ in scene.plane.calls] == ["subscribe", "unsubscribe"]
    assert set(scene.plane.extensions.values()) == {0}
    del scene.plane.fails["publish"]
    scene.carry_out(plan)
    assert len(scene.plane.alive) == 2


def test_a_published_track_is_in_the_table_only_once_all_is_done() -> None:
    scene = Scene()
    plan = scene.publishing()
    scene.plane.fails["restart_ice"] = _dataplane.BadParameter()
    with pytest.raises(DataPlaneFailed):
        scene.path.carry_out(plan.steps, IDS, scene.paper.state.local_ice)
    assert len(scene.tracks) == 2  # those of others
    assert scene.plane.alive == set()


def test_a_subscription_is_replaced_without_a_gap() -> None:
    scene = Scene()
    scene.tracks.add(TrackId("film"), 3, VP8)
    scene.paper.known[TrackId("film")] = VP8
    plan = scene.subscribing()
    scene.carry_out(plan)
    scene.paper.state = plan.state
    scene.plane.calls.clear()
    scene.carry_out(scene.paper.plan(OFFERS["chromium-subscribe"], {"1": SubscribeWish(TrackId("film"))}))
    assert [verb for verb, _ in scene.plane.calls] == ["subscribe", "unsubscribe"]
    assert len(scene.plane.alive) == 2


def test_the_same_track_under_other_numbers_replaces_itself() -> None:
    scene = Scene()
    plan = scene.subscribing()
    scene.carry_out(plan)
    scene.paper.state = plan.state
    scene.plane.calls.clear()
    offer = OFFERS["chromium-subscribe"]
    without_rtx = "".join(line for line in offer.splitlines(keepends=True) if "apt=" not in line)
    scene.carry_out(scene.paper.plan(without_rtx))
    assert [verb for verb, _ in scene.plane.calls] == ["subscribe", "unsubscribe"]
    assert len(scene.plane.alive) == 2


def test_a_subscription_that_ended_with_its_track_ends_quietly() -> None:
    scene = Scene()
    plan = scene.subscribing()
    scene.carry_out(plan)
    scene.paper.state = plan.state
    scene.plane.alive.clear()
    scene.paper.known.clear()
    scene.carry_out(scene.paper.plan(OFFERS["chromium-subscribe"]))
    assert scene.path.subscription_stats() == {}


def test_extensions_are_told_when_they_change() -> None:
    scene = Scene()
    scene.carry_out(scene.publishing())
    assert scene.plane.extensions["mid"] == 4
    scene.plane.extensions = {}
    scene.path.carry_out((), IDS, None)
    assert scene.plane.extensions == {}
    scene.path.carry_out((), ExtensionIds(mid=5), None)
    assert scene.plane.extensions["mid"] == 5
