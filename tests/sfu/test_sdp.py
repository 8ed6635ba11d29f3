"""Reading and writing session descriptions: real offers, every value of the model, and hostile text."""

import contextlib
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import SdpError
from sfu.sdp import (
    Candidate,
    Codec,
    Direction,
    Fingerprint,
    HeaderExtension,
    IceCredentials,
    MediaSection,
    Msid,
    Rid,
    SessionDescription,
    Setup,
    Simulcast,
    SimulcastRid,
    Source,
    SourceGroup,
)
from sfu.sdp_reader import MAX_CHARACTERS, MAX_LINE, MAX_SECTIONS, read
from sfu.sdp_writer import write
from tests.sfu.offers_on_disk import OFFERS, lines_replaced

MINIMAL = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
AUDIO = MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"


# --- real offers


@pytest.mark.parametrize("name", OFFERS)
def test_a_real_offer_reads_and_what_is_kept_survives_writing(name: str) -> None:
    offer = read(OFFERS[name])
    assert offer.sections
    assert read(write(offer)) == offer


@pytest.mark.parametrize("name", OFFERS)
def test_line_ends_without_carriage_returns_are_taken_too(name: str) -> None:
    assert read(OFFERS[name].replace("\r\n", "\n")) == read(OFFERS[name])


def test_chromiums_simulcast_offer() -> None:
    offer = read(OFFERS["chromium-simulcast"])
    audio, video = offer.sections
    assert offer.bundle == ("0", "1")
    assert offer.extmap_allow_mixed
    assert (audio.mid, audio.media, audio.direction) == ("0", "audio", Direction.SENDONLY)
    assert audio.codecs[0] == Codec(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", ("transport-cc",))
    assert video.codecs[0] == Codec(
        96, "VP8", 90_000, 1, "", ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
    )
    assert [codec.payload_type for codec in video.codecs][:4] == [96, 97, 102, 103]
    assert video.rids == (Rid("l", True), Rid("m", True), Rid("h", True))
    assert video.simulcast == Simulcast(
        send=((SimulcastRid("l"),), (SimulcastRid("m"),), (SimulcastRid("h"),))
    )
    assert video.sources == ()
    assert video.setup is Setup.ACTPASS
    assert video.rtcp_mux
    assert video.rtcp_rsize
    assert HeaderExtension(4, "urn:ietf:params:rtp-hdrext:sdes:mid") in video.extensions


def test_firefox_gives_for_the_session_what_chromium_gives_for_each_section() -> None:
    audio, video = read(OFFERS["firefox-publish"]).sections
    assert audio.fingerprints == video.fingerprints
    assert audio.fingerprints[0].algorithm == "sha-256"
    assert audio.extmap_allow_mixed
    assert (
        HeaderExtension(2, "urn:ietf:params:rtp-hdrext:csrc-audio-level", Direction.RECVONLY)
        in audio.extensions
    )
    assert len(video.source_groups) == 1
    assert video.source_groups[0].semantics == "FID"
    assert {source.cname for source in video.sources} == {"cname01"}


def test_a_stopped_section_has_port_0_and_stands_outside_the_bundle() -> None:
    for browser in ("chromium", "firefox"):
        offer = read(OFFERS[f"{browser}-stopped"])
        assert offer.bundle == ("0",)
        assert offer.sections[1].refused
        assert offer.sections[1].direction is Direction.INACTIVE


def test_a_bundle_only_section_lives_in_spite_of_its_port() -> None:
    (section,) = read(AUDIO.replace("audio 9", "audio 0") + "a=bundle-only\r\n").sections
    assert not section.refused


def test_safari_lists_h264_first() -> None:
    video = read(OFFERS["safari-publish-level-5"]).sections[1]
    assert video.codecs[0].name == "H264"
    assert "profile-level-id=640c34" in video.codecs[0].fmtp


# --- what aiortc's own reader drops or raises on


@pytest.mark.parametrize(
    "line",
    [
        "a=extmap:3 urn:example:x some attributes",
        "a=extmap:3/sendonly urn:example:x",
        "a=extmap:4096 urn:example:x",
        "a=ssrc:1 cname",
        "a=ssrc:1",
        "a=fmtp:99 x=1",
        "a=fmtp:111 minptime=10; useinbandfec=1",
        "a=setup:holdconn",
        "a=rtcp-fb:* nack",
        "a=candidate:not a candidate",
        "a=candidate:1 1 udp 2113937151 0e3d.local 5000 typ host generation 0 network-cost 999",
        "a=rid:a recv pt=96;max-width=1280",
        "a=simulcast:recv a,~b;c send d",
        "a=unknown:whatever",
        "a=",
        "a=:",
        "a=mid-like",
        "b=AS:100",
        "i=é",
    ],
)
def test_legal_or_unknown_lines_do_no_harm(line: str) -> None:
    assert len(read(AUDIO + line + "\r\n").sections) == 1


def test_feedback_for_all_payload_types_goes_to_each() -> None:
    text = MINIMAL + (
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtcp-fb:* nack\r\na=rtcp-fb:96 nack pli\r\n"
        "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"
    )
    vp8, rtx = read(text).sections[0].codecs
    assert vp8.feedback == ("nack pli", "nack")
    assert rtx.feedback == ("nack",)


def test_payload_types_that_rtcp_would_shadow_are_read_not_asserted() -> None:
    text = MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 72\r\na=rtpmap:72 opus/48000/2\r\n"
    assert read(text).sections[0].codecs[0].payload_type == 72


# --- hostile text


@pytest.mark.parametrize(
    ("text", "line", "attribute"),
    [
        ("", 1, ""),
        ("hello", 1, ""),
        ("v=1\r\n", 1, "v="),
        ("o=- 1 2 IN IP4 0.0.0.0\r\n", 1, "o="),
        ("v=0\r\n", 0, "o="),
        ("v=0\r\no=secret\r\n", 2, "o="),
        ("v=0\r\no=- 1 2 IN IP4 x\r\no=- 1 2 IN IP4 x\r\n", 3, "o="),
        (MINIMAL + "q=1\r\n", 5, ""),
        (MINIMAL + "a\r\n", 5, ""),
        (MINIMAL + "a=x\ry\r\n", 5, ""),
        (MINIMAL + "m=audio\r\n", 5, "m="),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF\r\n", 5, "m="),
        (MINIMAL + "m=audio 9/1 UDP/TLS/RTP/SAVPF 111\r\n", 5, "m="),
        (MINIMAL + "m=audio 65536 UDP/TLS/RTP/SAVPF 111\r\n", 5, "m="),
        (MINIMAL + "m=audio -1 UDP/TLS/RTP/SAVPF 111\r\n", 5, "m="),
        (MINIMAL + "m=audio ٩ UDP/TLS/RTP/SAVPF 111\r\n", 5, "m="),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n", 5, "m="),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 1 1\r\n", 5, "m="),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF x\r\n", 5, "m="),
        (MINIMAL + "m=audio 9 UDP//SAVPF x\r\n", 5, "m="),
        (MINIMAL + "m=<b> 9 UDP/TLS/RTP/SAVPF 1\r\n", 5, "m="),
        (AUDIO + "a=mid:1\r\n", 7, "mid"),
        (AUDIO + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", 0, "mid"),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:\r\n", 6, "mid"),
        (MINIMAL + f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{'x' * 65}\r\n", 6, "mid"),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a b\r\n", 6, "mid"),
        (MINIMAL + "a=group:BUNDLE 0\r\n", 0, "group"),
        (MINIMAL + "a=group:BUNDLE 0 0\r\n" + AUDIO[len(MINIMAL) :], 0, "group"),
        (AUDIO + "a=ice-ufrag:abc\r\n", 7, "ice-ufrag"),
        (AUDIO + "a=ice-ufrag:abcd\r\n", 0, ""),
        (AUDIO + "a=ice-pwd:short\r\n", 7, "ice-pwd"),
        (AUDIO + f"a=ice-pwd:{'x' * 257}\r\n", 7, "ice-pwd"),
        (AUDIO + "a=fingerprint:sha-256\r\n", 7, "fingerprint"),
        (AUDIO + "a=fingerprint:sha-256 00:11\r\n", 7, "fingerprint"),
        (AUDIO + "a=fingerprint:sha-256 zz\r\n", 7, "fingerprint"),
        (AUDIO + "a=fingerprint:sha-1 00\r\n" * 9, 7, "fingerprint"),
        (AUDIO + "a=fingerprint:md5 00\r\n" * 9, 15, "fingerprint"),
        (AUDIO + "a=setup:maybe\r\n", 7, "setup"),
        (AUDIO + "a=rtpmap:111\r\n", 7, "rtpmap"),
        (AUDIO + "a=rtpmap:128 x/1\r\n", 7, "rtpmap"),
        (AUDIO + "a=rtpmap:111 opus/x\r\n", 7, "rtpmap"),
        (AUDIO + "a=rtpmap:111 a/1\r\na=rtpmap:111 b/1\r\n", 8, "rtpmap"),
        (AUDIO + "a=fmtp:x y\r\n", 7, "fmtp"),
        (AUDIO + "a=rtcp-fb:111\r\n", 7, "rtcp-fb"),
        (AUDIO + "a=rtcp-fb:x nack\r\n", 7, "rtcp-fb"),
        (AUDIO + "".join(f"a=rtcp-fb:* {n}\r\n" for n in range(17)), 23, "rtcp-fb"),
        (AUDIO + "a=extmap:0 urn:x\r\n", 7, "extmap"),
        (AUDIO + "a=extmap:1\r\n", 7, "extmap"),
        (AUDIO + "a=extmap:1/up urn:x\r\n", 7, "extmap"),
        (AUDIO + "a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\n", 8, "extmap"),
        (AUDIO + "a=ssrc:4294967296 cname:x\r\n", 7, "ssrc"),
        (AUDIO + "a=ssrc:x\r\n", 7, "ssrc"),
        (AUDIO + "a=ssrc-group:FID 1 x\r\n", 7, "ssrc-group"),
        (AUDIO + "a=ssrc-group:\r\n", 7, "ssrc-group"),
        (AUDIO + f"a=ssrc-group:FID{' 1' * 65}\r\n", 7, "ssrc-group"),
        (AUDIO + "a=msid:a b c\r\n", 7, "msid"),
        (AUDIO + "a=msid:\r\n", 7, "msid"),
        (AUDIO + "a=rid:h up\r\n", 7, "rid"),
        (AUDIO + "a=rid:h send\r\na=rid:h send\r\n", 8, "rid"),
        (AUDIO + "".join(f"a=rid:{n} send\r\n" for n in range(17)), 23, "rid"),
        (AUDIO + "a=simulcast:\r\n", 7, "simulcast"),
        (AUDIO + "a=simulcast:send\r\n", 7, "simulcast"),
        (AUDIO + "a=simulcast:up a\r\n", 7, "simulcast"),
        (AUDIO + "a=simulcast:send a send b\r\n", 7, "simulcast"),
        (AUDIO + "a=simulcast:send a;;b\r\n", 7, "simulcast"),
        (AUDIO + "a=simulcast:send a\r\na=simulcast:send a\r\n", 8, "simulcast"),
        (AUDIO + f"a=x:{'y' * MAX_LINE}\r\n", 7, ""),
        (AUDIO + "a=x\x00\r\n", 7, ""),
        (AUDIO + "a=x\ud800\r\n", 7, ""),
        (MINIMAL + "m=audio 9 UDP/TLS/RTP/SAVPF 1\r\n" * (MAX_SECTIONS + 1), 69, "m="),
        (MINIMAL + f"m=audio 9 UDP/TLS/RTP/SAVPF{' x' * 300}\r\n", 5, "m="),
        ("v" * (MAX_CHARACTERS + 1), 0, ""),
    ],
)
def test_malformed_text_is_refused_with_its_place(text: str, line: int, attribute: str) -> None:
    with pytest.raises(SdpError) as refused:
        read(text)
    assert (refused.value.line, refused.value.attribute) == (line, attribute)
    assert refused.value.code == "bad-sdp"


@pytest.mark.parametrize(
    "line",
    [
        "a=ice-ufrag:secret!",
        "a=fingerprint:secret",
        "a=setup:secret",
        "m=secret",
        "o=secret",
        "a=ssrc:secret",
        "a=rid:secret",
        "a=extmap:secret",
        "a=rtpmap:secret",
        "secret",
    ],
)
def test_an_error_never_quotes_the_text(line: str) -> None:
    with pytest.raises(SdpError) as refused:
        read(AUDIO + line + "\r\n")
    shown = f"{refused.value} {refused.value!r} {refused.value.__cause__} {refused.value.args}"
    assert "secret" not in shown


def test_credentials_and_addresses_do_not_show_in_values() -> None:
    offer = read(
        lines_replaced(
            OFFERS["chromium-publish"], "a=ice-options:trickle", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host"
        )
    )
    assert "dummypassword" not in repr(offer)
    assert "192.0.2.1" not in repr(offer)
    assert offer.sections[0].candidates[0].address == "192.0.2.1"


def mutated(text: str, dice: random.Random) -> str:
    """The text after a few of the things that fuzzers do."""
    lines = text.split("\r\n")
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(lines))
        line = lines[at]
        column = dice.randrange(len(line) + 1)
        match dice.randrange(8):
            case 0:
                del lines[at]
                lines.append("")
            case 1:
                lines.insert(at, line)
            case 2:
                lines.insert(dice.randrange(len(lines)), line)
            case 3:
                lines[at] = line[:column]
            case 4:
                lines[at] = line[:column] + chr(dice.randrange(1, 0x180)) + line[column:]
            case 5:
                lines[at] = line[:column] + line[column:] * dice.randrange(2, 40)
            case 6:
                lines[at] = line.replace(str(dice.randrange(10)), str(dice.randrange(-1, 2**33)))
            case _:
                lines[at] = line[:column] + dice.choice(lines)
    return "\r\n".join(lines)


def test_mutated_offers_read_or_are_refused_and_nothing_else_happens() -> None:
    dice = random.Random(2026)
    texts = list(OFFERS.values())
    refused = 0
    for _ in range(1_000):
        text = mutated(dice.choice(texts), dice)
        try:
            offer = read(text)
        except SdpError:
            refused += 1
        else:
            assert read(write(offer)) == offer
    assert 100 < refused < 900  # the mutations neither miss nor always kill


@given(st.text(max_size=400))
def test_any_text_reads_or_is_refused(text: str) -> None:
    for whole in (text, MINIMAL + text, AUDIO + "a=" + text):
        with contextlib.suppress(SdpError):
            read(whole)


@pytest.mark.parametrize(
    "body",
    [
        "m=video 0 x 0\r\n" * 64 + "a=rtcp-fb:96 nack\r\n" * 3_000,
        "".join(f"a=rtcp-fb:{n % 128} {n}\r\n" for n in range(3_400)),
        "".join(f"a=ssrc:{n} cname:{n}\r\n" for n in range(2_500)),
        "a=group:BUNDLE " + "0 " * 1_000 + "\r\n",
        "a=x\r\n" * 12_000,
        "\n" * 65_000,
        "a=extmap:1" + " " * 4_000 + "\r\n",
        "a=candidate:" + "1 " * 2_000 + "\r\n",
        "a=fingerprint:sha-256 " + "00:" * 1_300 + "\r\n",
    ],
)
def test_the_largest_offers_are_read_in_linear_time(body: str) -> None:
    text = (AUDIO + body)[:MAX_CHARACTERS]
    started_s = time.process_time()
    with contextlib.suppress(SdpError):
        read(text)
    # No measurement: some 10 ms of CPU time in truth, where a parser that is not linear would need minutes.
    assert time.process_time() - started_s < 2.0


# --- every value of the model

tokens = st.text("abcdefXYZ0189-_+.!", min_size=1, max_size=16)
rid_ids = st.text("abcdefXYZ0189-_", min_size=1, max_size=8)
ssrcs = st.integers(0, 2**32 - 1)
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
fingerprints = st.binary(min_size=32, max_size=32).map(
    lambda digest: Fingerprint("sha-256", digest.hex(":").upper())
)
credentials = st.builds(
    IceCredentials,
    st.text("abcXYZ019+/", min_size=4, max_size=20),
    st.text("abcXYZ019+/", min_size=22, max_size=40),
)
candidates = st.builds(
    Candidate,
    st.text("abc019+/", min_size=1, max_size=8),
    st.integers(1, 256),
    st.sampled_from(["udp", "tcp"]),
    st.integers(0, 2**31 - 1),
    st.sampled_from(["192.0.2.1", "2001:db8::1", "x.local"]),
    st.integers(0, 65_535),
    st.sampled_from(["host", "srflx", "relay"]),
)
directions = st.sampled_from(Direction)


@st.composite
def simulcasts(draw: st.DrawFn) -> Simulcast:
    streams = st.lists(
        st.lists(st.builds(SimulcastRid, rid_ids, st.booleans()), min_size=1, max_size=2).map(tuple),
        min_size=1,
        max_size=3,
    ).map(tuple)
    return draw(
        st.one_of(
            st.builds(Simulcast, send=streams),
            st.builds(Simulcast, receive=streams),
            st.builds(Simulcast, send=streams, receive=streams),
        )
    )


@st.composite
def sections(draw: st.DrawFn, mid: str | None) -> MediaSection:
    payload_types = draw(st.lists(st.integers(0, 127), min_size=1, max_size=5, unique=True))
    codecs = tuple(
        Codec(
            payload_type,
            draw(tokens),
            draw(st.integers(1, 192_000)),
            draw(st.integers(1, 8)),
            draw(st.just("") | words),
            tuple(draw(st.lists(words, max_size=3, unique=True))),
        )
        for payload_type in payload_types
        if draw(st.booleans())
    )
    ids = draw(st.lists(st.integers(1, 255), max_size=4, unique=True))
    return MediaSection(
        media=draw(st.sampled_from(["audio", "video"])),
        port=draw(st.integers(0, 65_535)),
        protocol="UDP/TLS/RTP/SAVPF",
        formats=tuple(map(str, payload_types)),
        mid=mid,
        direction=draw(directions),
        ice=draw(st.none() | credentials),
        fingerprints=tuple(draw(st.lists(fingerprints, max_size=3))),
        setup=draw(st.none() | st.sampled_from(Setup)),
        candidates=tuple(draw(st.lists(candidates, max_size=3))),
        end_of_candidates=draw(st.booleans()),
        bundle_only=draw(st.booleans()),
        rtcp_mux=draw(st.booleans()),
        rtcp_rsize=draw(st.booleans()),
        extmap_allow_mixed=draw(st.booleans()),
        extensions=tuple(HeaderExtension(id_, draw(words), draw(directions)) for id_ in ids),
        codecs=codecs,
        msids=tuple(draw(st.lists(st.builds(Msid, tokens, st.just("") | tokens), max_size=2))),
        sources=tuple(Source(ssrc, draw(words)) for ssrc in draw(st.lists(ssrcs, max_size=3, unique=True))),
        source_groups=tuple(
            draw(st.lists(st.builds(SourceGroup, tokens, st.lists(ssrcs, max_size=3).map(tuple)), max_size=2))
        ),
        rids=tuple(Rid(id_, draw(st.booleans())) for id_ in draw(st.lists(rid_ids, max_size=3, unique=True))),
        simulcast=draw(st.none() | simulcasts()),
    )


@st.composite
def descriptions(draw: st.DrawFn) -> SessionDescription:
    mids = draw(st.lists(tokens, max_size=4, unique=True))
    return SessionDescription(
        session_id=draw(st.integers(0, 2**63 - 1)),
        version=draw(st.integers(0, 2**31)),
        sections=tuple(draw(sections(mid)) for mid in mids),
        bundle=tuple(mid for mid in mids if draw(st.booleans())),
        ice_lite=draw(st.booleans()),
        extmap_allow_mixed=draw(st.booleans()),
    )


@settings(max_examples=60)
@given(descriptions())
def test_what_is_written_reads_as_the_same_value(description: SessionDescription) -> None:
    assert read(write(description)) == description
