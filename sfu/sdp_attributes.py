"""The attributes we read, one small function for each, in two tables: for the session and for an m-section.

Each takes the draft it fills and the text after the colon, and raises `Malformed` with a reason from this
file.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

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
    Setup,
    Simulcast,
    SimulcastRid,
    Source,
    SourceGroup,
)

TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]+")  # RFC 8866 §9
MAX_MID = 64  # RFC 8843 sets no limit; ours keeps what we repeat small
MAX_RIDS = 16
MAX_WILDCARD_FEEDBACK = 16

_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 §5.4
_ICE_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,20}) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63})")
_HASH_BYTES = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
_RTPMAP = re.compile(r"([0-9]{1,3}) ([!#-'*+\-.0-9A-Z^-~]{1,64})/([0-9]{1,7})(?:/([0-9]{1,3}))?")
_EXTMAP = re.compile(r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? ([!-~]{1,512})(?: .*)?")
_RID = re.compile(r"([A-Za-z0-9_-]{1,64}) (send|recv)(?: .*)?")
_RID_ID = re.compile(r"~?[A-Za-z0-9_-]{1,64}")
_CANDIDATE = re.compile(
    r"([A-Za-z0-9+/]{1,32}) ([0-9]{1,3}) ([A-Za-z]{1,16}) ([0-9]{1,10}) ([!-~]{1,255}) ([0-9]{1,5})"
    r" typ ([a-z]{1,16})(?: .*)?"
)
_PAYLOAD_TYPES = {str(value): value for value in range(128)}
_DIRECTIONS = {direction.value: direction for direction in Direction}


class Malformed(Exception):
    """Something is not as its RFC says. The reason never quotes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class TransportDraft:
    """What may stand in the session or in a section, where the section's own wins (RFC 8839 §5.4, RFC 8122
    §5).
    """

    direction: Direction | None = None
    ufrag: str | None = None
    pwd: str | None = None
    fingerprints: list[Fingerprint] = field(default_factory=list)
    setup: Setup | None = None
    extmap_allow_mixed: bool = False


@dataclass(slots=True)
class SessionDraft(TransportDraft):
    origin: tuple[int, int] | None = None
    bundle: tuple[str, ...] = ()
    ice_lite: bool = False
    sections: list["SectionDraft"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SectionDraft(TransportDraft):
    media: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    payload_types: dict[int, None] = field(default_factory=dict)
    mid: str | None = None
    candidates: list[Candidate] = field(default_factory=list)
    end_of_candidates: bool = False
    bundle_only: bool = False
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    extensions: dict[int, HeaderExtension] = field(default_factory=dict)
    rtpmaps: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtps: dict[int, str] = field(default_factory=dict)
    feedback: dict[int | None, dict[str, None]] = field(default_factory=dict)
    msids: list[Msid] = field(default_factory=list)
    sources: dict[int, str] = field(default_factory=dict)
    source_groups: list[SourceGroup] = field(default_factory=list)
    rids: dict[str, Rid] = field(default_factory=dict)
    simulcast: Simulcast | None = None

    def finish(self, session: SessionDraft) -> MediaSection:
        """The section as a value, completed by what the session says for all."""
        ufrag, pwd = (self.ufrag, self.pwd) if self.ufrag else (session.ufrag, session.pwd)
        if (ufrag is None) != (pwd is None):
            raise Malformed("a section has only one of ice-ufrag and ice-pwd")
        return MediaSection(
            media=self.media,
            port=self.port,
            protocol=self.protocol,
            formats=self.formats,
            mid=self.mid,
            direction=self.direction or session.direction or Direction.SENDRECV,
            ice=None if ufrag is None or pwd is None else IceCredentials(ufrag, pwd),
            fingerprints=tuple(self.fingerprints or session.fingerprints),
            setup=self.setup or session.setup,
            candidates=tuple(self.candidates),
            end_of_candidates=self.end_of_candidates,
            bundle_only=self.bundle_only,
            rtcp_mux=self.rtcp_mux,
            rtcp_rsize=self.rtcp_rsize,
            extmap_allow_mixed=self.extmap_allow_mixed,
            extensions=tuple(self.extensions.values()),
            codecs=self._codecs(),
            msids=tuple(self.msids),
            sources=tuple(Source(ssrc, cname) for ssrc, cname in self.sources.items()),
            source_groups=tuple(self.source_groups),
            rids=tuple(self.rids.values()),
            simulcast=self.simulcast,
        )

    def _codecs(self) -> tuple[Codec, ...]:
        nothing: dict[str, None] = {}
        for_all = self.feedback.get(None, nothing)
        codecs = []
        for payload_type in self.payload_types:
            rtpmap = self.rtpmaps.get(payload_type)
            if rtpmap is None:
                continue
            name, clock_rate, channels = rtpmap
            feedback = self.feedback.get(payload_type, nothing) | for_all
            codecs.append(
                Codec(
                    payload_type,
                    name,
                    clock_rate,
                    channels,
                    self.fmtps.get(payload_type, ""),
                    tuple(feedback),
                )
            )
        return tuple(codecs)


def number(text: str, low: int, high: int) -> int:
    """A decimal number within [low, high]."""
    # `isdigit` alone would take digits of other scripts; the length keeps int() off huge inputs.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        raise Malformed(f"a number is not within {low}..{high}")
    return int(text)


def payload_type(text: str) -> int:
    """An RTP payload type; by far the most frequent number, so it is looked up."""
    value = _PAYLOAD_TYPES.get(text)
    if value is None:
        raise Malformed("not a payload type")
    return value


def _token(text: str, longest: int) -> str:
    if len(text) > longest or TOKEN.fullmatch(text) is None:
        raise Malformed(f"not a token of up to {longest} characters")
    return text


def _matched(pattern: re.Pattern[str], text: str, shape: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise Malformed(f"not {shape}")
    return match


# --- session


def _group(session: SessionDraft, value: str) -> None:
    semantics, _, mids = value.partition(" ")
    if semantics != "BUNDLE" or session.bundle:
        return  # other groupings mean nothing to us, nor do further bundles: RFC 9429 makes one
    session.bundle = tuple(_token(mid, MAX_MID) for mid in mids.split())


def _ice_lite(session: SessionDraft, _: str) -> None:
    session.ice_lite = True


# --- session or section


def _ufrag(draft: TransportDraft, value: str) -> None:
    draft.ufrag = _matched(_ICE_UFRAG, value, "4 to 256 ice-chars")[0]


def _pwd(draft: TransportDraft, value: str) -> None:
    draft.pwd = _matched(_ICE_PWD, value, "22 to 256 ice-chars")[0]


def _fingerprint(draft: TransportDraft, value: str) -> None:
    match = _matched(_FINGERPRINT, value, "a hash name and its bytes in hex with colons")
    algorithm, digest = match[1].lower(), match[2].upper()
    if _HASH_BYTES.get(algorithm, (len(digest) + 1) // 3) != (len(digest) + 1) // 3:
        raise Malformed("the length does not fit the hash")
    if len(draft.fingerprints) == 8:
        raise Malformed("more than 8 in one place")
    draft.fingerprints.append(Fingerprint(algorithm, digest))


def _setup(draft: TransportDraft, value: str) -> None:
    try:
        draft.setup = Setup(value)
    except ValueError:
        raise Malformed("not one of the four roles") from None


def _allow_mixed(draft: TransportDraft, _: str) -> None:
    draft.extmap_allow_mixed = True


def _direction(direction: Direction) -> Callable[[TransportDraft, str], None]:
    def read(draft: TransportDraft, _: str) -> None:
        draft.direction = direction

    return read


# --- section


def _mid(section: SectionDraft, value: str) -> None:
    if section.mid is not None:
        raise Malformed("given twice")
    section.mid = _token(value, MAX_MID)


def _candidate(section: SectionDraft, value: str) -> None:
    match = _CANDIDATE.fullmatch(value)
    if match is None:
        return  # RFC 8839 §5.1: a candidate that is not understood is ignored
    foundation, component, transport, priority, address, port, type_ = match.groups()
    section.candidates.append(
        Candidate(
            foundation,
            number(component, 1, 256),
            transport.lower(),
            number(priority, 0, 2**31 - 1),
            address,
            number(port, 0, 65_535),
            type_,
        )
    )


def _end_of_candidates(section: SectionDraft, _: str) -> None:
    section.end_of_candidates = True


def _bundle_only(section: SectionDraft, _: str) -> None:
    section.bundle_only = True


def _rtcp_mux(section: SectionDraft, _: str) -> None:
    section.rtcp_mux = True


def _rtcp_rsize(section: SectionDraft, _: str) -> None:
    section.rtcp_rsize = True


def _extmap(section: SectionDraft, value: str) -> None:
    match = _matched(_EXTMAP, value, "an id and a URI")
    id_ = number(match[1], 1, 65_535)
    if id_ > 255:
        return  # RFC 8285 §6: 4096-4351 are offered for choice, without an id yet; no browser does
    if id_ in section.extensions:
        raise Malformed("an id is given twice")
    direction = _DIRECTIONS[match[2]] if match[2] else Direction.SENDRECV
    section.extensions[id_] = HeaderExtension(id_, match[3], direction)


def _rtpmap(section: SectionDraft, value: str) -> None:
    match = _matched(_RTPMAP, value, "a payload type, name and clock rate")
    mapped = payload_type(match[1])
    if mapped in section.rtpmaps:
        raise Malformed("a payload type is mapped twice")
    section.rtpmaps[mapped] = (match[2], int(match[3]), int(match[4] or 1))


def _fmtp(section: SectionDraft, value: str) -> None:
    format_, _, parameters = value.partition(" ")
    if section.payload_types:  # else the format of another protocol
        section.fmtps[payload_type(format_)] = parameters.strip()


def _rtcp_fb(section: SectionDraft, value: str) -> None:
    format_, _, feedback = value.partition(" ")
    if not feedback:
        raise Malformed("no feedback type")
    key = None if format_ == "*" else payload_type(format_)
    listed = section.feedback.get(key)
    if listed is None:
        listed = section.feedback[key] = {}
    elif key is None and len(listed) == MAX_WILDCARD_FEEDBACK:
        raise Malformed(f"more than {MAX_WILDCARD_FEEDBACK} for all payload types")
    listed[feedback] = None


def _msid(section: SectionDraft, value: str) -> None:
    stream, *track = value.split(" ")
    if len(track) > 1:
        raise Malformed("more than a stream and a track")
    section.msids.append(Msid(_token(stream, 64), _token(track[0], 64) if track else ""))


def _ssrc(section: SectionDraft, value: str) -> None:
    id_, _, attribute = value.partition(" ")
    ssrc = number(id_, 0, 2**32 - 1)
    name, _, text = attribute.partition(":")
    if name == "cname" or ssrc not in section.sources:
        section.sources[ssrc] = text if name == "cname" else ""


def _ssrc_group(section: SectionDraft, value: str) -> None:
    semantics, _, rest = value.partition(" ")
    ssrcs = rest.split()
    if len(ssrcs) > 64:
        raise Malformed("more than 64 sources")
    section.source_groups.append(
        SourceGroup(_token(semantics, 32), tuple(number(ssrc, 0, 2**32 - 1) for ssrc in ssrcs))
    )


def _rid(section: SectionDraft, value: str) -> None:
    match = _matched(_RID, value, "an id and a direction")
    if match[1] in section.rids:
        raise Malformed("an id is given twice")
    if len(section.rids) == MAX_RIDS:
        raise Malformed(f"more than {MAX_RIDS}")
    section.rids[match[1]] = Rid(match[1], sends=match[2] == "send")


def _simulcast(section: SectionDraft, value: str) -> None:
    words = value.split()
    if section.simulcast is not None or len(words) not in (2, 4) or len({*words[::2]}) != len(words[::2]):
        raise Malformed("not one list for each direction")
    lists: dict[str, tuple[tuple[SimulcastRid, ...], ...]] = {}
    for direction, streams in zip(words[::2], words[1::2], strict=True):
        if direction not in ("send", "recv"):
            raise Malformed("not a direction")
        lists[direction] = tuple(
            tuple(_simulcast_rid(text) for text in alternatives.split(","))
            for alternatives in streams.split(";")
        )
    section.simulcast = Simulcast(send=lists.get("send", ()), receive=lists.get("recv", ()))


def _simulcast_rid(text: str) -> SimulcastRid:
    _matched(_RID_ID, text, "a list of rids")
    return SimulcastRid(text.removeprefix("~"), paused=text.startswith("~"))


_TRANSPORT: dict[str, Callable[[TransportDraft, str], None]] = {
    "ice-ufrag": _ufrag,
    "ice-pwd": _pwd,
    "fingerprint": _fingerprint,
    "setup": _setup,
    "extmap-allow-mixed": _allow_mixed,
    **{direction.value: _direction(direction) for direction in Direction},
}

SESSION_ATTRIBUTES: dict[str, Callable[[SessionDraft, str], None]] = {
    **_TRANSPORT,
    "group": _group,
    "ice-lite": _ice_lite,
}

MEDIA_ATTRIBUTES: dict[str, Callable[[SectionDraft, str], None]] = {
    **_TRANSPORT,
    "mid": _mid,
    "candidate": _candidate,
    "end-of-candidates": _end_of_candidates,
    "bundle-only": _bundle_only,
    "rtcp-mux": _rtcp_mux,
    "rtcp-rsize": _rtcp_rsize,
    "extmap": _extmap,
    "rtpmap": _rtpmap,
    "fmtp": _fmtp,
    "rtcp-fb": _rtcp_fb,
    "msid": _msid,
    "ssrc": _ssrc,
    "ssrc-group": _ssrc_group,
    "rid": _rid,
    "simulcast": _simulcast,
}
