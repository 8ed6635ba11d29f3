"""Offer and answer: what an offer makes of the state, and why an offer is refused."""

from collections.abc import Mapping

import pytest

from sfu.errors import BadOffer, LimitReached, SfuError, UnknownTrack, UnsupportedCodec
from sfu.negotiation import End, Limits, Publication, Start, Step, Subscription
from sfu.track import PublishWish, SubscribeWish, TrackId, Wish
from tests.sfu.negotiating import H264, OPUS, VP8, OnPaper, a_video_offer
from tests.sfu.offers_on_disk import OFFERS, lines_replaced

PUBLISH = PublishWish()
BOTH: dict[str, Wish] = {"0": PUBLISH, "1": PUBLISH}


def listen(track: str) -> SubscribeWish:
    return SubscribeWish(TrackId(track))


def told(steps: tuple[Step, ...]) -> list[tuple[str, str, str]]:
    """Steps as (verb, mid, track)."""
    verbs = {
        (Start, Publication): "publish",
        (Start, Subscription): "subscribe",
        (End, Publication): "unpublish",
        (End, Subscription): "unsubscribe",
    }
    return [(verbs[type(step), type(step.use)], step.mid, step.use.track) for step in steps]


# --- publishing


@pytest.mark.parametrize("browser", ["chromium", "firefox", "safari"])
def test_a_browser_publishes_sound_and_picture(browser: str) -> None:
    plan, _ = OnPaper().offers(OFFERS[f"{browser}-publish"], BOTH)
    assert told(plan.steps) == [("publish", "0", "new-1"), ("publish", "1", "new-2")]
    assert plan.accepted == ("0", "1")
    assert plan.restart is None


def test_sources_are_taken_from_the_offer_where_it_tells_them() -> None:
    plan, _ = OnPaper().offers(OFFERS["chromium-publish"], BOTH)
    audio, video = plan.steps
    assert isinstance(audio, Start)
    assert isinstance(video, Start)
    assert (len(audio.ssrcs), audio.rtx_ssrcs) == (1, ())
    group = f"a=ssrc-group:FID {video.ssrcs[0]} {video.rtx_ssrcs[0]}"
    assert group in OFFERS["chromium-publish"]


@pytest.mark.parametrize("browser", ["chromium", "firefox", "safari"])
def test_one_simulcast_layer_is_taken_and_its_sources_are_learnt(browser: str) -> None:
    plan, _ = OnPaper().offers(OFFERS[f"{browser}-simulcast"], BOTH)
    _, video = plan.steps
    assert isinstance(video, Start)
    assert isinstance(video.use, Publication)
    assert video.use.rid == "h"
    assert (video.ssrcs, video.rtx_ssrcs) == ((), ())


@pytest.mark.parametrize(
    ("simulcast", "taken"),
    [
        ("send l;m;h", "h"),
        ("send h;m;l", "h"),
        ("send l;m;~h", "m"),
        ("send ~l;~m;~h", "h"),
        ("send l;m", "m"),
        ("send l;x", "l"),
        ("recv l;m;h", None),
        ("send l,m;m", "m"),
    ],
)
def test_the_best_running_layer_is_taken(simulcast: str, taken: str | None) -> None:
    rids = "".join(f"a=rid:{rid} send\r\n" for rid in "lmh")
    offer = a_video_offer("96 VP8", extra=f"{rids}a=simulcast:{simulcast}\r\n")
    plan, _ = OnPaper().offers(offer, {"0": PUBLISH})
    (step,) = plan.steps
    assert isinstance(step.use, Publication)
    assert step.use.rid == taken


def test_a_section_nobody_wishes_for_stays_idle() -> None:
    plan, _ = OnPaper().offers(OFFERS["chromium-publish"])
    assert plan.steps == ()
    assert plan.accepted == ("0", "1")


def test_a_later_offer_need_not_repeat_wishes() -> None:
    paper = OnPaper()
    paper.offers(OFFERS["chromium-publish"], BOTH)
    plan, _ = paper.offers(OFFERS["chromium-publish"])
    assert plan.steps == ()
    assert set(plan.state.publications) == {"0", "1"}


def test_repeated_wishes_change_nothing_either() -> None:
    paper = OnPaper()
    paper.offers(OFFERS["chromium-publish"], BOTH)
    plan, _ = paper.offers(OFFERS["chromium-publish"], BOTH)
    assert plan.steps == ()


@pytest.mark.parametrize("end", ["inactive", "stopped"])
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_section_that_stops_sending_ends_its_track(browser: str, end: str) -> None:
    paper = OnPaper()
    paper.offers(OFFERS[f"{browser}-publish"], BOTH)
    plan, answer = paper.offers(OFFERS[f"{browser}-{end}"])
    assert told(plan.steps) == [("unpublish", "1", "new-2")]
    assert (answer.sections[1].port == 0) is (end == "stopped")


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_stopped_section_is_recycled_under_a_new_mid(browser: str) -> None:
    paper = OnPaper({"theirs": VP8})
    paper.offers(OFFERS[f"{browser}-publish"], BOTH)
    paper.offers(OFFERS[f"{browser}-stopped"])
    plan, answer = paper.offers(OFFERS[f"{browser}-recycled"], {"2": listen("theirs")})
    assert told(plan.steps) == [("subscribe", "2", "theirs")]
    assert [section.mid for section in answer.sections] == ["0", "2"]


def test_a_track_ends_with_its_codec_and_a_wish_makes_a_new_one() -> None:
    for wishes, steps in (
        ({}, [("unpublish", "0", "new-1")]),
        ({"0": PUBLISH}, [("unpublish", "0", "new-1"), ("publish", "0", "new-2")]),
    ):
        paper = OnPaper()
        paper.offers(a_video_offer("96 VP8"), {"0": PUBLISH})
        plan, _ = paper.offers(a_video_offer("98 VP9"), wishes)
        assert told(plan.steps) == steps


@pytest.mark.parametrize(
    "later",
    [
        "a=rid:l send\r\na=rid:h send\r\na=simulcast:send ~l;h\r\n",
        "a=rid:h send\r\na=simulcast:send h\r\n",
        "a=rid:h send\r\na=simulcast:send ~h\r\n",
        "",
    ],
)
def test_a_layer_in_use_stays_however_the_client_lists_the_refused_ones(later: str) -> None:
    first = "a=rid:l send\r\na=rid:h send\r\na=simulcast:send l;h\r\n"
    paper = OnPaper()
    paper.offers(a_video_offer("96 VP8", extra=first), {"0": PUBLISH})
    plan, answer = paper.offers(a_video_offer("96 VP8", extra=later))
    assert plan.steps == ()
    assert (answer.sections[0].simulcast is None) is (later == "")


def test_another_layer_is_another_track() -> None:
    paper = OnPaper()
    layers = "a=rid:l send\r\na=rid:m send\r\n"
    paper.offers(a_video_offer("96 VP8", extra=layers + "a=simulcast:send l;~m\r\n"), {"0": PUBLISH})
    offer = a_video_offer("96 VP8", extra=layers + "a=simulcast:send ~l;m\r\n")
    plan, _ = paper.offers(offer, {"0": PUBLISH})
    assert told(plan.steps) == [("unpublish", "0", "new-1"), ("publish", "0", "new-2")]


# --- subscribing


@pytest.mark.parametrize("browser", ["chromium", "firefox", "safari"])
def test_a_browser_subscribes_to_sound_and_picture(browser: str) -> None:
    paper = OnPaper({"voice": OPUS, "face": VP8})
    plan, _ = paper.offers(OFFERS[f"{browser}-subscribe"], {"0": listen("voice"), "1": listen("face")})
    assert told(plan.steps) == [("subscribe", "0", "voice"), ("subscribe", "1", "face")]
    uses = [step.use for step in plan.steps]
    assert all(isinstance(use, Subscription) for use in uses)
    sources = [(use.ssrc, use.rtx_ssrc) for use in uses if isinstance(use, Subscription)]
    assert sources == [(1000, None), (1001, 1002)]


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_subscriptions_are_added_to_a_running_connection(browser: str) -> None:
    paper = OnPaper({"voice": OPUS, "face": VP8})
    paper.offers(OFFERS[f"{browser}-publish"], BOTH)
    plan, _ = paper.offers(OFFERS[f"{browser}-renegotiated"], {"2": listen("voice"), "3": listen("face")})
    assert told(plan.steps) == [("subscribe", "2", "voice"), ("subscribe", "3", "face")]
    assert plan.restart is None


def test_a_subscription_ends_when_its_track_has_ended() -> None:
    paper = OnPaper({"voice": OPUS, "face": VP8})
    paper.offers(OFFERS["chromium-subscribe"], {"0": listen("voice"), "1": listen("face")})
    del paper.known[TrackId("face")]
    plan, answer = paper.offers(OFFERS["chromium-subscribe"])
    assert told(plan.steps) == [("unsubscribe", "1", "face")]
    assert answer.sections[1].direction.value == "inactive"


def test_a_subscription_ends_when_the_client_stops_receiving() -> None:
    paper = OnPaper({"face": VP8})
    paper.offers(a_video_offer("96 VP8", direction="recvonly"), {"0": listen("face")})
    plan, _ = paper.offers(a_video_offer("96 VP8", direction="inactive"))
    assert told(plan.steps) == [("unsubscribe", "0", "face")]


def test_a_section_can_turn_to_another_track() -> None:
    paper = OnPaper({"face": VP8, "screen": H264})
    paper.offers(OFFERS["chromium-subscribe"], {"1": listen("face")})
    plan, answer = paper.offers(OFFERS["chromium-subscribe"], {"1": listen("screen")})
    assert told(plan.steps) == [("subscribe", "1", "screen"), ("unsubscribe", "1", "face")]
    assert answer.sections[1].codecs[0].name == "H264"
    assert answer.sections[1].sources[0].ssrc != 1000


def test_sources_of_one_connection_are_never_the_same() -> None:
    paper = OnPaper({"voice": OPUS, "face": VP8})
    values = iter([5, 5, 5, 6, 6, 7])
    paper.mint.ssrc = lambda: next(values)  # type: ignore[method-assign]
    plan, _ = paper.offers(OFFERS["chromium-subscribe"], {"0": listen("voice"), "1": listen("face")})
    uses = plan.state.subscriptions
    assert (uses["0"].ssrc, uses["1"].ssrc, uses["1"].rtx_ssrc) == (5, 6, 7)


def test_what_can_fail_comes_before_what_ends() -> None:
    paper = OnPaper({"face": VP8})
    paper.offers(OFFERS["chromium-publish"], BOTH)
    offer = lines_replaced(OFFERS["chromium-renegotiated"], "a=mid:1\r\n", "a=mid:1\r\na=inactive\r\n")
    offer = offer.replace("a=sendonly", "a=x", 2).replace("a=x", "a=sendonly", 1)
    plan, _ = paper.offers(offer, {"3": listen("face")})
    assert told(plan.steps) == [("subscribe", "3", "face"), ("unpublish", "1", "new-2")]


# --- the transport


def test_new_remote_credentials_restart_ice_and_nothing_else() -> None:
    paper = OnPaper()
    first, _ = paper.offers(OFFERS["chromium-publish"], BOTH)
    restarted = lines_replaced(OFFERS["chromium-ice-restart"], "ufrag01", "ufrag02")
    plan, answer = paper.offers(restarted)
    assert plan.restart is not None
    assert plan.state.local_ice == plan.restart != first.state.local_ice
    assert {section.ice for section in answer.sections} == {plan.restart}
    assert plan.steps == ()
    again, _ = paper.offers(restarted)
    assert again.restart is None
    assert again.state.local_ice == plan.restart


def test_credentials_of_the_first_bundled_section_count() -> None:
    offer = OFFERS["chromium-publish"]
    at = offer.rindex("a=ice-ufrag:ufrag01")
    plan, _ = OnPaper().offers(offer[:at] + offer[at:].replace("ufrag01", "other"), BOTH)
    assert plan.state.remote is not None
    assert plan.state.remote.ice.ufrag == "ufrag01"


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_data_channel_is_refused_and_the_rest_goes_on(browser: str) -> None:
    plan, answer = OnPaper().offers(OFFERS[f"{browser}-data-channel"], BOTH)
    assert [section.port for section in answer.sections] == [9, 9, 0]
    assert answer.bundle == ("0", "1")
    assert len(plan.steps) == 2


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_an_offer_of_nothing_but_a_data_channel_is_refused_section_by_section(browser: str) -> None:
    plan, answer = OnPaper().offers(OFFERS[f"{browser}-data-channel-only"])
    assert [section.port for section in answer.sections] == [0]
    assert answer.bundle == ()
    assert plan.state.remote is None


# --- refusals

PUBLISHED = OFFERS["chromium-publish"]
SUBSCRIBED = OFFERS["chromium-subscribe"]
FINGERPRINT_LINE = next(line for line in PUBLISHED.split("\r\n") if "fingerprint" in line) + "\r\n"


@pytest.mark.parametrize(
    ("offer", "wishes", "error"),
    [
        (PUBLISHED, {"7": PUBLISH}, BadOffer),
        (PUBLISHED, {"0": listen("voice")}, BadOffer),
        (SUBSCRIBED, {"0": PUBLISH}, BadOffer),
        (SUBSCRIBED, {"0": listen("nobody")}, UnknownTrack),
        (SUBSCRIBED, {"0": listen("face")}, UnsupportedCodec),
        (SUBSCRIBED, {"1": listen("voice")}, UnsupportedCodec),
        (OFFERS["firefox-subscribe"], {"1": listen("film")}, UnsupportedCodec),
        (a_video_offer("96 H265"), {"0": PUBLISH}, UnsupportedCodec),
        (OFFERS["chromium-data-channel"], {"2": PUBLISH}, BadOffer),
        (OFFERS["chromium-stopped"], {"1": PUBLISH}, BadOffer),
        (lines_replaced(PUBLISHED, "a=group:BUNDLE 0 1\r\n", ""), BOTH, BadOffer),
        (lines_replaced(PUBLISHED, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0"), BOTH, BadOffer),
        (lines_replaced(PUBLISHED, FINGERPRINT_LINE, ""), BOTH, BadOffer),
        (lines_replaced(PUBLISHED, FINGERPRINT_LINE, "a=fingerprint:md5 00\r\n"), BOTH, BadOffer),
        (
            lines_replaced(PUBLISHED, "a=ice-ufrag:ufrag01\r\na=ice-pwd:dummypasswordofenough01\r\n", ""),
            BOTH,
            BadOffer,
        ),
        (lines_replaced(PUBLISHED, "a=setup:actpass", "a=setup:passive"), BOTH, BadOffer),
        (lines_replaced(PUBLISHED, "a=setup:actpass", "a=setup:holdconn"), BOTH, BadOffer),
        (lines_replaced(PUBLISHED, "a=setup:actpass\r\n", ""), BOTH, BadOffer),
        (lines_replaced(PUBLISHED, "a=rtcp-mux\r\n", ""), BOTH, BadOffer),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused(
    offer: str, wishes: Mapping[str, Wish], error: type[SfuError]
) -> None:
    with pytest.raises(error):
        OnPaper({"voice": OPUS, "face": VP8, "film": H264}).plan(offer, wishes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([("a=mid:1\r\n", "a=mid:9\r\n"), ("BUNDLE 0 1", "BUNDLE 0 9")], "another mid"),
        ([(FINGERPRINT_LINE, FINGERPRINT_LINE.replace("00:01", "11:01"))], "certificate"),
        ([("m=video 9 UDP/TLS/RTP/SAVPF", "m=text 9 UDP/TLS/RTP/SAVPF")], "kind"),
    ],
)
def test_a_later_offer_keeps_to_the_first(changes: list[tuple[str, str]], why: str) -> None:
    paper = OnPaper()
    paper.offers(PUBLISHED, BOTH)
    offer = PUBLISHED
    for old, new in changes:
        offer = lines_replaced(offer, old, new)
    with pytest.raises(BadOffer, match=why):
        paper.plan(offer)


def test_sections_never_go_away() -> None:
    paper = OnPaper()
    paper.offers(PUBLISHED, BOTH)
    with pytest.raises(BadOffer, match="fewer"):
        paper.plan(a_video_offer("96 VP8"))


def test_a_participant_publishes_and_receives_a_limited_number_of_tracks() -> None:
    paper = OnPaper({"voice": OPUS, "face": VP8}, Limits(max_tracks=1, max_subscriptions=1))
    with pytest.raises(LimitReached):
        paper.plan(PUBLISHED, BOTH)
    with pytest.raises(LimitReached):
        paper.plan(SUBSCRIBED, {"0": listen("voice"), "1": listen("face")})
    plan, _ = paper.offers(PUBLISHED, {"0": PUBLISH})
    assert len(plan.steps) == 1


def test_a_refused_offer_leaves_the_state_as_it_was() -> None:
    paper = OnPaper()
    paper.offers(PUBLISHED, BOTH)
    before = paper.state
    with pytest.raises(UnknownTrack):
        paper.offers(OFFERS["chromium-renegotiated"], {"2": listen("nobody")})
    assert paper.state is before
