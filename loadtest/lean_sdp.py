"""Offers written by hand, answers read for their few facts (RFC 8866, RFC 8829)."""

import random
from dataclasses import dataclass, field

from loadtest.errors import ServerViolation
from loadtest.synthetic_media import AUDIO_LEVEL, MID, TRANSPORT_CC

OPUS, VP8, VP8_RTX = 111, 96, 97


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Payload types of a codec and of its retransmissions (RFC 4588), as we offer them."""

    name: str
    payload_type: int
    rtx_payload_type: int
    parameters: str | None = None


VIDEO_FORMATS = {
    "vp8": VideoFormat("VP8", VP8, VP8_RTX),
    # RFC 6184 §8.1: constrained baseline, level 3.1.
    "h264": VideoFormat(
        "H264", 98, 99, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    ),
}
"""By the codec's name in the protocol."""


@dataclass(slots=True)
class Section:
    """One m-section; `mid` is its place, `direction` sendonly, recvonly or inactive, `codec` video's."""

    mid: str
    kind: str
    direction: str
    ssrc: int
    rtx_ssrc: int
    codec: str = "vp8"


@dataclass(frozen=True, slots=True)
class Answer:
    """`candidates`: (address, port) of the UDP host candidates, as they came; `ssrcs`: by mid.

    `extensions`: header extension ids (RFC 8285) by URI, of all sections.
    """

    ufrag: str
    pwd: str
    fingerprint: str
    candidates: tuple[tuple[str, int], ...]
    ssrcs: dict[str, tuple[int, ...]]
    extensions: dict[str, int] = field(default_factory=dict)


def new_section(number: int, kind: str, direction: str, codec: str = "vp8") -> Section:
    return Section(str(number), kind, direction, random.getrandbits(32), random.getrandbits(32), codec)


def write_offer(sections: list[Section], ufrag: str, pwd: str, fingerprint: str, version: int) -> str:
    """The offer of all sections; all carry the same transport, as BUNDLE and rtcp-mux demand."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(section.mid for section in sections),
        "a=extmap-allow-mixed",
    ]
    transport = [
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{pwd}",
        f"a=fingerprint:{fingerprint}",
        "a=setup:active",
    ]
    for section in sections:
        lines += [*_media(section)[:2], *transport, *_media(section)[2:]]
    return "\r\n".join(lines) + "\r\n"


def _media(section: Section) -> list[str]:
    audio = section.kind == "audio"
    video = VIDEO_FORMATS[section.codec]
    formats = f"{OPUS}" if audio else f"{video.payload_type} {video.rtx_payload_type}"
    lines = [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {formats}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        f"a={section.direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=extmap:{MID} urn:ietf:params:rtp-hdrext:sdes:mid",
        f"a=extmap:{TRANSPORT_CC} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ]
    if audio:
        lines += [
            f"a=extmap:{AUDIO_LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            f"a=rtpmap:{OPUS} opus/48000/2",
            f"a=fmtp:{OPUS} minptime=10;useinbandfec=1",
            f"a=rtcp-fb:{OPUS} transport-cc",
        ]
    else:
        number, rtx_number = video.payload_type, video.rtx_payload_type
        lines.append(f"a=rtpmap:{number} {video.name}/90000")
        if video.parameters is not None:
            lines.append(f"a=fmtp:{number} {video.parameters}")
        lines += [f"a=rtpmap:{rtx_number} rtx/90000", f"a=fmtp:{rtx_number} apt={number}"]
        lines += [
            f"a=rtcp-fb:{number} {feedback}" for feedback in ("transport-cc", "ccm fir", "nack", "nack pli")
        ]
    if section.direction == "sendonly":
        lines.append(f"a=msid:- {section.mid}")
        if not audio:
            lines.append(f"a=ssrc-group:FID {section.ssrc} {section.rtx_ssrc}")
            lines.append(f"a=ssrc:{section.rtx_ssrc} cname:loadtest")
        lines.append(f"a=ssrc:{section.ssrc} cname:loadtest")
    return lines


def read_answer(sdp: str) -> Answer:
    """Raises ServerViolation when what a client needs is not there."""
    facts: dict[str, str] = {}
    candidates: list[tuple[str, int]] = []
    ssrcs: dict[str, list[int]] = {}
    extensions: dict[str, int] = {}
    mid = ""
    try:
        for line in sdp.splitlines():
            name, _, value = line.removeprefix("a=").partition(":")
            match name:
                case "mid":
                    mid = value
                    ssrcs[mid] = []
                case "ice-ufrag" | "ice-pwd" | "fingerprint":
                    facts.setdefault(name, value)
                case "candidate":
                    _, _, protocol, _, address, port, *_ = value.split()
                    if protocol.lower() == "udp" and (address, int(port)) not in candidates:
                        candidates.append((address, int(port)))
                case "extmap":
                    number, uri, *_ = value.split()
                    extensions[uri] = int(number.partition("/")[0])
                case "ssrc":
                    ssrc = int(value.split()[0])
                    if ssrc not in ssrcs.setdefault(mid, []):
                        ssrcs[mid].append(ssrc)
        return Answer(
            facts["ice-ufrag"],
            facts["ice-pwd"],
            facts["fingerprint"],
            tuple(candidates),
            {mid: tuple(those) for mid, those in ssrcs.items()},
            extensions,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ServerViolation("an answer without transport") from error
