"""Which codec an m-section gets, and what of its format is answered. Nothing is transcoded.

A publisher is answered with one codec and its retransmission format; a subscriber with exactly the
publisher's codec under the subscriber's own payload types.
"""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum

from sfu.errors import UnsupportedCodec
from sfu.sdp import Codec, MediaSection


class CodecName(StrEnum):
    """Encoding names as the data plane spells them."""

    OPUS = "opus"  # RFC 7587
    VP8 = "vp8"  # RFC 7741
    H264 = "h264"  # RFC 6184
    VP9 = "vp9"  # RFC 9628
    AV1 = "av1"


class H264Profile(Enum):
    """The profiles browsers list (RFC 6184 §8.1, table 5)."""

    CONSTRAINED_BASELINE = "constrained-baseline"
    BASELINE = "baseline"
    MAIN = "main"
    CONSTRAINED_HIGH = "constrained-high"
    HIGH = "high"


# profile_idc, bits of profile_iop that count, their value → profile (RFC 6184 table 5).
_H264_TABLE = (
    (0x42, 0x4F, 0x40, H264Profile.CONSTRAINED_BASELINE),
    (0x4D, 0x8F, 0x80, H264Profile.CONSTRAINED_BASELINE),
    (0x58, 0xCF, 0xC0, H264Profile.CONSTRAINED_BASELINE),
    (0x42, 0x4F, 0x00, H264Profile.BASELINE),
    (0x58, 0xCF, 0x80, H264Profile.BASELINE),
    (0x4D, 0xAF, 0x00, H264Profile.MAIN),
    (0x64, 0xFF, 0x0C, H264Profile.CONSTRAINED_HIGH),
    (0x64, 0xFF, 0x00, H264Profile.HIGH),
)

# Who else can decode a profile, nearest first: a subset of one profile's tools is a stream of the other
# (H.264 A.2).
_ALSO_DECODES = {
    H264Profile.CONSTRAINED_BASELINE: (
        H264Profile.BASELINE,
        H264Profile.CONSTRAINED_HIGH,
        H264Profile.MAIN,
        H264Profile.HIGH,
    ),
    H264Profile.CONSTRAINED_HIGH: (H264Profile.HIGH,),
}


@dataclass(frozen=True, slots=True)
class Format:
    """What two sides must agree on to exchange a stream unchanged. `profile` is "" where the codec has
    none.
    """

    name: CodecName
    profile: str = ""

    @property
    def clock_rate(self) -> int:
        """Ticks of the RTP clock per second."""
        return 48_000 if self.name is CodecName.OPUS else 90_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One codec of an m-section, with the payload types of that section."""

    format: Format
    codec: Codec
    rtx: Codec | None


_PARAMETER_NAMES = {
    # What an encoder may be told by the answer. Bit rates stay the congestion control's business.
    CodecName.OPUS: ("minptime", "useinbandfec", "usedtx", "stereo", "sprop-stereo"),
    CodecName.VP8: (),
    CodecName.H264: ("level-asymmetry-allowed", "packetization-mode", "profile-level-id"),
    CodecName.VP9: ("profile-id",),
    CodecName.AV1: ("level-idx", "profile", "tier"),
}
_VALUE = re.compile(r"[A-Za-z0-9.+-]{1,32}")
_PROFILE_LEVEL_ID = re.compile(r"[0-9A-Fa-f]{6}")

# Tried in the order of the offer; the second group only where the offer has none of the first.
_PUBLISHED = {
    "audio": (frozenset({Format(CodecName.OPUS)}),),
    "video": (
        frozenset({Format(CodecName.VP8), Format(CodecName.H264, H264Profile.CONSTRAINED_BASELINE.value)}),
        frozenset({Format(CodecName.H264, H264Profile.CONSTRAINED_HIGH.value)}),
        frozenset({Format(CodecName.VP9, "0"), Format(CodecName.AV1, "0")}),
    ),
}


def parameters(codec: Codec) -> dict[str, str]:
    """The `fmtp` of a codec, names in lower case (RFC 8866 §6.15); spaces after the semicolons are common."""
    pairs = (part.strip().partition("=") for part in codec.fmtp.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def format_of(codec: Codec) -> Format | None:
    """The format we forward that this codec is, or None."""
    if not _tells_from_rtcp(codec.payload_type):
        return None
    match (codec.name.lower(), codec.clock_rate, codec.channels):
        case ("opus", 48_000, 2):
            return Format(CodecName.OPUS)
        case ("vp8", 90_000, 1):
            return Format(CodecName.VP8)
        case ("h264", 90_000, 1):
            return _h264(parameters(codec))
        case ("vp9", 90_000, 1):
            return Format(CodecName.VP9, parameters(codec).get("profile-id", "0"))
        case ("av1", 90_000, 1):
            return Format(CodecName.AV1, parameters(codec).get("profile", "0"))
        case _:
            return None


def _tells_from_rtcp(payload_type: int) -> bool:
    """RFC 5761 §4: with RTCP on the same port, 64 to 95 look like RTCP."""
    return not 64 <= payload_type <= 95


def _h264(given: dict[str, str]) -> Format | None:
    # Mode 0 forbids the fragments (FU-A) that every browser sends; nobody offers it alone.
    if given.get("packetization-mode") != "1":
        return None
    # RFC 6184 §8.1 reads a missing profile as baseline 1.0; browsers mean constrained baseline.
    text = given.get("profile-level-id", "42e01f")
    if _PROFILE_LEVEL_ID.fullmatch(text) is None:
        return None
    idc, iop = int(text[:2], 16), int(text[2:4], 16)
    for profile_idc, mask, value, profile in _H264_TABLE:
        if idc == profile_idc and iop & mask == value:
            return Format(CodecName.H264, profile.value)
    return None


def choose_published(section: MediaSection) -> Choice:
    """The one codec that a publisher is told to send. Raises UnsupportedCodec."""
    for group in _PUBLISHED.get(section.media, ()):
        for codec in section.codecs:
            format_ = format_of(codec)
            if format_ in group:
                return Choice(format_, codec, _rtx(section, codec))
    raise UnsupportedCodec("none of the offered codecs can be forwarded")


def keep_published(section: MediaSection, current: Choice) -> Choice | None:
    """The codec in use, as a later offer has it; None when it is no longer offered under its number."""
    for codec in section.codecs:
        if codec.payload_type == current.codec.payload_type and format_of(codec) == current.format:
            return Choice(current.format, codec, _rtx(section, codec))
    return None


def choose_subscribed(section: MediaSection, published: Format) -> Choice:
    """The subscriber's own numbers for a published format. Raises UnsupportedCodec."""
    accepted = [published]
    if published.name is CodecName.H264:
        others = _ALSO_DECODES.get(H264Profile(published.profile), ())
        accepted += [Format(CodecName.H264, profile.value) for profile in others]
    for format_ in accepted:
        for codec in section.codecs:
            if codec.name.lower() == format_.name and format_of(codec) == format_:
                return Choice(published, codec, _rtx(section, codec))
    raise UnsupportedCodec("the subscriber does not offer the codec of the track")


def _rtx(section: MediaSection, codec: Codec) -> Codec | None:
    """The retransmission format of `codec` (RFC 4588 §8.6), if offered."""
    wanted = str(codec.payload_type)
    for candidate in section.codecs:
        if (
            candidate.name.lower() == "rtx"
            and candidate.clock_rate == codec.clock_rate
            and _tells_from_rtcp(candidate.payload_type)
            and parameters(candidate).get("apt") == wanted
        ):
            return candidate
    return None


def answered(choice: Choice, feedback: frozenset[str]) -> tuple[Codec, ...]:
    """The codec lines of the answer: the choice with those feedback types that were offered too, and its
    rtx.
    """
    given = parameters(choice.codec)
    kept = {
        name: given[name]
        for name in _PARAMETER_NAMES[choice.format.name]
        if name in given and _VALUE.fullmatch(given[name])
    }
    codec = Codec(
        choice.codec.payload_type,
        choice.codec.name,
        choice.codec.clock_rate,
        choice.codec.channels,
        fmtp=";".join(f"{name}={value}" for name, value in kept.items()),
        feedback=tuple(offered for offered in choice.codec.feedback if offered in feedback),
    )
    if choice.rtx is None:
        return (codec,)
    rtx = Codec(
        choice.rtx.payload_type, choice.rtx.name, choice.rtx.clock_rate, fmtp=f"apt={codec.payload_type}"
    )
    return (codec, rtx)
