"""The answer's shape, line by line where browsers look."""

from dataclasses import replace

import pytest

from sfu.answer import host_candidates
from sfu.header_extensions import AUDIO_LEVEL, MID, REPAIRED_RID, RID, TRANSPORT_CC, ExtensionIds
from sfu.sdp import Direction, HeaderExtension, Rid, Setup, Simulcast, SimulcastRid
from sfu.sdp_reader import read
from sfu.sdp_writer import write
from sfu.track import PublishWish, SubscribeWish, TrackId
from tests.sfu.negotiating import FINGERPRINT, H264, OPUS, VP8, OnPaper, a_video_offer, section
from tests.sfu.offers_on_disk import OFFERS, lines_replaced

BOTH = {"0": PublishWish(), "1": PublishWish()}


def test_the_answer_to_a_publishing_chromium_in_full() -> None:
    paper = OnPaper()
    offer = OFFERS["chromium-simulcast"]
    plan = paper.plan(offer, BOTH)
    assert write(paper.answer(offer, plan).description).split("\r\n") == [
        "v=0",
        "o=- 7 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0 1",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 40000 typ host",
        "a=end-of-candidates",
        "a=ice-ufrag:ours1",
        "a=ice-pwd:ourpasswordofenoughlength",
        f"a=fingerprint:sha-256 {FINGERPRINT.value}",
        "a=setup:passive",
        "a=mid:0",
        f"a=extmap:1 {AUDIO_LEVEL}",
        f"a=extmap:3 {TRANSPORT_CC}",
        f"a=extmap:4 {MID}",
        "a=recvonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "c=IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 40000 typ host",
        "a=end-of-candidates",
        "a=ice-ufrag:ours1",
        "a=ice-pwd:ourpasswordofenoughlength",
        f"a=fingerprint:sha-256 {FINGERPRINT.value}",
        "a=setup:passive",
        "a=mid:1",
        f"a=extmap:3 {TRANSPORT_CC}",
        f"a=extmap:4 {MID}",
        f"a=extmap:10 {RID}",
        f"a=extmap:11 {REPAIRED_RID}",
        "a=recvonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 transport-cc",
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rid:h recv",
        "a=simulcast:recv h",
        "",
    ]


def test_each_answer_has_the_next_version() -> None:
    paper = OnPaper()
    versions = [paper.offers(OFFERS["chromium-publish"], BOTH)[1].version for _ in range(3)]
    assert versions == [1, 2, 3]


def test_a_subscription_names_its_sources_and_plays_in_sync_with_its_publishers_others() -> None:
    paper = OnPaper({"voice": OPUS, "face": VP8})
    wishes = {"0": SubscribeWish(TrackId("voice")), "1": SubscribeWish(TrackId("face"))}
    _, answer = paper.offers(OFFERS["chromium-subscribe"], wishes)
    voice, face = answer.sections
    assert (voice.direction, face.direction) == (Direction.SENDONLY, Direction.SENDONLY)
    assert [(m.stream, m.track) for m in (*voice.msids, *face.msids)] == [
        ("publisher", "voice"),
        ("publisher", "face"),
    ]
    assert {source.cname for source in (*voice.sources, *face.sources)} == {"publisher"}
    assert [source.ssrc for source in face.sources] == [1001, 1002]
    assert face.source_groups[0].ssrcs == (1001, 1002)
    assert voice.source_groups == ()


def test_feedback_goes_one_way_each() -> None:
    paper = OnPaper({"face": VP8, "voice": OPUS})
    paper.offers(OFFERS["chromium-publish"], BOTH)
    wishes = {"2": SubscribeWish(TrackId("voice")), "3": SubscribeWish(TrackId("face"))}
    _, answer = paper.offers(OFFERS["chromium-renegotiated"], wishes)
    assert section(answer, "0").codecs[0].feedback == ("transport-cc",)
    assert section(answer, "1").codecs[0].feedback == ("transport-cc", "ccm fir", "nack", "nack pli")
    assert section(answer, "2").codecs[0].feedback == ()
    assert section(answer, "3").codecs[0].feedback == ("ccm fir", "nack", "nack pli")
    assert TRANSPORT_CC not in {extension.uri for extension in section(answer, "3").extensions}


def test_an_h264_subscriber_gets_its_own_numbers() -> None:
    paper = OnPaper({"face": H264})
    _, answer = paper.offers(OFFERS["chromium-subscribe"], {"1": SubscribeWish(TrackId("face"))})
    codec, rtx = answer.sections[1].codecs
    assert codec.fmtp == "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    assert rtx.fmtp == f"apt={codec.payload_type}"


@pytest.mark.parametrize("name", OFFERS)
def test_every_answer_mirrors_its_offer(name: str) -> None:
    offer = read(OFFERS[name])
    _, answer = OnPaper().offers(OFFERS[name])
    assert len(answer.sections) == len(offer.sections)
    assert answer.ice_lite
    for offered, answered in zip(offer.sections, answer.sections, strict=True):
        assert (answered.media, answered.protocol, answered.mid) == (
            offered.media,
            offered.protocol,
            offered.mid,
        )
        assert set(answered.formats) <= set(offered.formats)
        assert answered.formats
        assert answered.refused or answered.setup is Setup.PASSIVE
        assert answered.direction is Direction.INACTIVE
        assert answered.refused is (answered.mid not in answer.bundle)


def test_an_idle_section_with_codecs_we_cannot_carry_is_inactive_not_refused() -> None:
    _, answer = OnPaper().offers(a_video_offer("96 H265"))
    assert (answer.sections[0].port, answer.sections[0].formats) == (9, ("96",))


def test_an_idle_section_keeps_extensions_and_layer_for_later() -> None:
    paper = OnPaper()
    paper.offers(OFFERS["chromium-simulcast"], BOTH)
    idle = lines_replaced(OFFERS["chromium-simulcast"], "a=sendonly", "a=inactive")
    _, answer = paper.offers(idle)
    uris = {extension.uri for extension in section(answer, "1").extensions}
    assert {MID, RID, REPAIRED_RID, TRANSPORT_CC} <= uris
    assert section(answer, "1").rids == (Rid("h", sends=False),)


def test_the_rid_answer_has_one_layer() -> None:
    _, answer = OnPaper().offers(OFFERS["firefox-simulcast"], BOTH)
    video = section(answer, "1")
    assert video.rids == (Rid("h", sends=False),)
    assert video.simulcast == Simulcast(receive=((SimulcastRid("h"),),))


# --- header extensions


def ids(name: str, known: dict[str, object] | None = None) -> ExtensionIds:
    paper = OnPaper()
    return paper.answer(OFFERS[name], paper.plan(OFFERS[name], BOTH)).extensions


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chromium-publish", ExtensionIds(mid=4, transport_cc=3, audio_level=1)),
        (
            "chromium-simulcast",
            ExtensionIds(mid=4, rid=10, repaired_rid=11, transport_cc=3, audio_level=1),
        ),
        ("firefox-publish", ExtensionIds(mid=3, transport_cc=7, audio_level=1)),
        (
            "firefox-simulcast",
            ExtensionIds(mid=3, rid=9, repaired_rid=10, transport_cc=7, audio_level=1),
        ),
    ],
)
def test_the_ids_are_the_offers_own(name: str, expected: ExtensionIds) -> None:
    assert ids(name) == expected


def test_a_one_way_extension_is_answered_the_other_way() -> None:
    _, answer = OnPaper().offers(OFFERS["firefox-simulcast"], BOTH)
    assert HeaderExtension(9, RID, Direction.RECVONLY) in section(answer, "1").extensions


def test_what_we_do_not_want_is_not_negotiated() -> None:
    for name in ("chromium-simulcast", "firefox-simulcast", "safari-simulcast"):
        _, answer = OnPaper().offers(OFFERS[name], BOTH)
        uris = {extension.uri for s in answer.sections for extension in s.extensions}
        assert uris == {MID, RID, REPAIRED_RID, TRANSPORT_CC, AUDIO_LEVEL}


def test_ids_beyond_14_need_mixed_headers() -> None:
    offer = lines_replaced(
        OFFERS["chromium-publish"], f"a=extmap:3 {TRANSPORT_CC}", f"a=extmap:16 {TRANSPORT_CC}"
    )
    paper = OnPaper()
    assert paper.answer(offer, paper.plan(offer, BOTH)).extensions.transport_cc == 16
    plain = lines_replaced(offer, "a=extmap-allow-mixed\r\n", "")
    assert paper.answer(plain, paper.plan(plain, BOTH)).extensions.transport_cc == 0


def test_an_id_that_means_two_things_in_one_bundle_keeps_the_first_meaning() -> None:
    offer = read(OFFERS["chromium-publish"])
    audio, video = offer.sections
    confused = replace(
        offer,
        sections=(
            audio,
            replace(video, extensions=(HeaderExtension(1, TRANSPORT_CC), HeaderExtension(9, MID))),
        ),
    )
    paper = OnPaper()
    parts = paper.answer(write(confused), paper.plan(write(confused), BOTH))
    assert parts.extensions == ExtensionIds(mid=4, transport_cc=3, audio_level=1)
    assert parts.description.sections[1].extensions == ()


def test_candidates_rank_as_given_and_below_nothing() -> None:
    candidates = host_candidates([("192.0.2.1", 5), ("2001:db8::1", 5)])
    assert [candidate.priority for candidate in candidates] == [2_130_706_431, 2_130_706_175]
    assert [candidate.foundation for candidate in candidates] == ["1", "2"]
