"""Which codec a section gets: one for the publisher, the same for its subscribers."""

import pytest

from sfu.codecs import (
    Choice,
    CodecName,
    Format,
    answered,
    choose_published,
    choose_subscribed,
    keep_published,
)
from sfu.errors import UnsupportedCodec
from sfu.sdp import MediaSection
from sfu.sdp_reader import read
from tests.sfu.negotiating import a_video_offer
from tests.sfu.offers_on_disk import OFFERS

CBP = "packetization-mode=1;profile-level-id=42e01f"
MODE_0 = "packetization-mode=0;profile-level-id=42e01f"
BASELINE = "packetization-mode=1;profile-level-id=42001f"
MAIN = "packetization-mode=1;profile-level-id=4d001f"
HIGH = "packetization-mode=1;profile-level-id=64001f"
CONSTRAINED_HIGH = "packetization-mode=1;profile-level-id=640c1f"


def video(*codecs: str) -> MediaSection:
    return read(a_video_offer(*codecs)).sections[0]


def numbers(choice: Choice) -> tuple[int, int | None]:
    return choice.codec.payload_type, None if choice.rtx is None else choice.rtx.payload_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chromium-publish", ("vp8", 96, 97)),
        ("chromium-h264-first", ("h264", 108, 109)),
        ("chromium-vp9-first", ("vp8", 96, 97)),
        ("chromium-av1-first", ("vp8", 96, 97)),
        ("chromium-simulcast", ("vp8", 96, 97)),
        ("firefox-publish", ("vp8", 120, 124)),
        ("firefox-av1-first", ("vp8", 120, 124)),
        ("safari-publish", ("h264", 98, 99)),
        ("safari-publish-level-5", ("h264", 98, 99)),
    ],
)
def test_a_publishing_browser_gets_vp8_or_constrained_baseline_whichever_it_prefers(
    name: str, expected: tuple[str, int, int]
) -> None:
    choice = choose_published(read(OFFERS[name]).sections[1])
    assert (choice.format.name.value, *numbers(choice)) == expected


@pytest.mark.parametrize("name", ["chromium-vp9-only", "firefox-vp9-only"])
def test_vp9_is_taken_where_nothing_better_is_offered(name: str) -> None:
    assert choose_published(read(OFFERS[name]).sections[0]).format == Format(CodecName.VP9, "0")


@pytest.mark.parametrize("name", [name for name in OFFERS if name.endswith("-publish")])
def test_audio_is_opus(name: str) -> None:
    choice = choose_published(read(OFFERS[name]).sections[0])
    assert choice.format == Format(CodecName.OPUS)
    assert choice.rtx is None


@pytest.mark.parametrize(
    ("codecs", "chosen"),
    [
        ((f"96 H264 {CBP}", "97 VP8"), 96),
        ((f"96 H264 {MODE_0}", "97 VP8"), 97),
        ((f"96 H264 {BASELINE}", "97 VP8"), 97),
        ((f"96 H264 {MAIN}", f"97 H264 {CBP}"), 97),
        ((f"96 H264 {CONSTRAINED_HIGH}", "97 VP8"), 97),
        ((f"96 H264 {CONSTRAINED_HIGH}", "97 VP9"), 96),
        (("96 H264 packetization-mode=1;profile-level-id=42e034", "97 VP8"), 96),
        (("96 H264 packetization-mode=1;profile-level-id=42C01F", "97 VP8"), 96),
        (("96 H264 packetization-mode=1;profile-level-id=4d801f", "97 VP8"), 96),
        (("96 H264 packetization-mode=1", "97 VP8"), 96),
        (("96 H264 packetization-mode=1;profile-level-id=zz", "97 VP8"), 97),
        (("96 H264", "97 VP8"), 97),
        (("96 AV1", "97 VP9"), 96),
        (("96 VP9 profile-id=2", "97 AV1 profile=0"), 97),
        (("96 vp8",), 96),
        (("64 VP8", "95 VP8", "63 VP8"), 63),
    ],
)
def test_the_first_usable_one_in_the_offers_order_is_published(codecs: tuple[str, ...], chosen: int) -> None:
    assert choose_published(video(*codecs)).codec.payload_type == chosen


@pytest.mark.parametrize(
    "codecs",
    [("96 H265",), (f"96 H264 {MODE_0}",), (f"96 H264 {HIGH}",), ("96 VP9 profile-id=2",), ("96 red",)],
)
def test_nothing_usable_is_an_error(codecs: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedCodec) as refused:
        choose_published(video(*codecs))
    assert refused.value.code == "unsupported-codec"


@pytest.mark.parametrize(
    ("published", "codecs", "chosen"),
    [
        (Format(CodecName.VP8), ("100 VP8+rtx", f"102 H264 {CBP}"), (100, 101)),
        (Format(CodecName.VP8), ("100 VP8",), (100, None)),
        (Format(CodecName.H264, "constrained-baseline"), (f"96 H264 {HIGH}", f"98 H264 {CBP}"), (98, None)),
        (
            Format(CodecName.H264, "constrained-baseline"),
            (f"96 H264 {HIGH}", f"98 H264 {BASELINE}"),
            (98, None),
        ),
        (Format(CodecName.H264, "constrained-baseline"), (f"96 H264 {CONSTRAINED_HIGH}",), (96, None)),
        (Format(CodecName.H264, "constrained-high"), (f"96 H264 {HIGH}",), (96, None)),
        (Format(CodecName.VP9, "0"), ("96 VP9 profile-id=2", "98 VP9"), (98, None)),
    ],
)
def test_a_subscriber_gets_the_same_codec_under_its_own_numbers(
    published: Format, codecs: tuple[str, ...], chosen: tuple[int, int | None]
) -> None:
    choice = choose_subscribed(video(*codecs), published)
    assert numbers(choice) == chosen
    assert choice.format == published


@pytest.mark.parametrize(
    ("published", "codecs"),
    [
        (Format(CodecName.VP8), (f"96 H264 {CBP}",)),
        (Format(CodecName.H264, "constrained-baseline"), ("96 VP8", f"98 H264 {MODE_0}")),
        (Format(CodecName.H264, "constrained-high"), (f"96 H264 {CBP}", f"98 H264 {MAIN}")),
        (Format(CodecName.VP9, "0"), ("96 VP9 profile-id=2",)),
    ],
)
def test_a_subscriber_that_cannot_decode_it_is_refused(published: Format, codecs: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedCodec):
        choose_subscribed(video(*codecs), published)


@pytest.mark.parametrize(
    ("publisher", "subscriber"),
    [
        (publisher, subscriber)
        for publisher in ("chromium-publish", "firefox-publish", "safari-publish", "chromium-h264-first")
        for subscriber in ("chromium-subscribe", "safari-subscribe")
    ],
)
def test_every_browser_sees_every_other(publisher: str, subscriber: str) -> None:
    format_ = choose_published(read(OFFERS[publisher]).sections[1]).format
    assert choose_subscribed(read(OFFERS[subscriber]).sections[1], format_).format == format_


def test_a_codec_in_use_is_kept_while_it_is_offered_under_its_number() -> None:
    current = choose_published(video("96 VP8+rtx"))
    assert keep_published(video(f"98 H264 {CBP}", "96 VP8+rtx"), current) == current
    assert keep_published(video(f"96 H264 {CBP}"), current) is None
    assert keep_published(video("98 VP8"), current) is None


def test_the_answer_repeats_what_it_understands_of_the_format() -> None:
    offer = (
        "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
        "a=fmtp:111 minptime=10; useinbandfec=1;maxplaybackrate=48000;x=<evil>;usedtx=1\r\n"
    )
    opus = choose_published(read(offer).sections[0])
    (codec,) = answered(opus, frozenset())
    assert codec.fmtp == "minptime=10;useinbandfec=1;usedtx=1"


def test_a_value_that_is_no_plain_word_is_left_out() -> None:
    choice = choose_published(video("96 VP9 profile-id=0")).codec
    assert answered(Choice(Format(CodecName.VP9, "0"), choice, None), frozenset())[0].fmtp == "profile-id=0"
    evil = video("96 H264 packetization-mode=1 level-asymmetry-allowed=<1>").codecs[0]
    answer = answered(Choice(Format(CodecName.H264, "constrained-baseline"), evil, None), frozenset())
    assert answer[0].fmtp == "packetization-mode=1"


def test_feedback_is_answered_when_offered_and_wanted() -> None:
    codec, rtx = answered(choose_published(video("96 VP8+rtx")), frozenset({"nack", "ccm fir"}))
    assert codec.feedback == ("nack",)
    assert (rtx.payload_type, rtx.fmtp, rtx.feedback) == (97, "apt=96", ())
