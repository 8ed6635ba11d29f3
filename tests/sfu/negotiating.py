"""A participant on paper: its state goes from offer to offer, with ids that count up instead of random
ones.
"""

from collections.abc import Mapping
from itertools import count

from sfu.answer import AnswerParts, Local, host_candidates, make_answer
from sfu.codecs import CodecName, Format
from sfu.negotiation import KnownTrack, Limits, Plan, State, negotiate
from sfu.sdp import Fingerprint, IceCredentials, MediaSection, SessionDescription
from sfu.sdp_reader import read
from sfu.sdp_writer import write
from sfu.track import Kind, TrackId, TransportId, Wish

ENOUGH = Limits(max_tracks=16, max_subscriptions=64)
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
OPUS = KnownTrack(Kind.AUDIO, Format(CodecName.OPUS), TransportId("publisher"))
VP8 = KnownTrack(Kind.VIDEO, Format(CodecName.VP8), TransportId("publisher"))
H264 = KnownTrack(Kind.VIDEO, Format(CodecName.H264, "constrained-baseline"), TransportId("publisher"))


class CountingMint:
    def __init__(self) -> None:
        self._tracks = count(1)
        self._ssrcs = count(1_000)
        self._ice = count(1)

    def track_id(self) -> TrackId:
        return TrackId(f"new-{next(self._tracks)}")

    def ssrc(self) -> int:
        return next(self._ssrcs)

    def ice_credentials(self) -> IceCredentials:
        return IceCredentials(f"ours{next(self._ice)}", "ourpasswordofenoughlength")


class OnPaper:
    """`known`: the tracks of others."""

    def __init__(self, known: Mapping[str, KnownTrack] | None = None, limits: Limits = ENOUGH) -> None:
        self.known = {TrackId(track): value for track, value in (known or {}).items()}
        self.mint = CountingMint()
        self.state = State(self.mint.ice_credentials())
        self.limits = limits
        self.version = 0

    def plan(self, offer: str, wishes: Mapping[str, Wish] | None = None) -> Plan:
        """What an offer would lead to, without going there."""
        return negotiate(self.state, read(offer), wishes or {}, self.known.get, self.mint, self.limits)

    def offers(self, offer: str, wishes: Mapping[str, Wish] | None = None) -> tuple[Plan, SessionDescription]:
        """Go there; the answer has been through its text."""
        plan = self.plan(offer, wishes)
        parts = self.answer(offer, plan)
        self.state = plan.state
        self.version += 1
        answer = read(write(parts.description))
        assert answer == parts.description
        return plan, answer

    def answer(self, offer: str, plan: Plan) -> AnswerParts:
        candidates = host_candidates([("192.0.2.1", 40_000), ("2001:db8::1", 40_000)])
        return make_answer(read(offer), plan, Local(7, self.version + 1, FINGERPRINT, candidates))


def section(answer: SessionDescription, mid: str) -> MediaSection:
    (found,) = (section for section in answer.sections if section.mid == mid)
    return found


def a_video_offer(*codecs: str, direction: str = "sendonly", extra: str = "") -> str:
    """One bundled video section with these codecs: "PT name fmtp", each followed by its rtx if it ends in
    "+rtx".
    """
    lines: list[str] = []
    formats: list[str] = []
    for codec in codecs:
        wants_rtx = codec.endswith("+rtx")
        payload_type, name, *fmtp = codec.removesuffix("+rtx").split()
        formats.append(payload_type)
        lines.append(f"a=rtpmap:{payload_type} {name}/90000")
        lines += [
            f"a=rtcp-fb:{payload_type} {kind}" for kind in ("goog-remb", "transport-cc", "nack", "nack pli")
        ]
        lines += [f"a=fmtp:{payload_type} {';'.join(fmtp)}"] if fmtp else []
        if wants_rtx:
            rtx = str(int(payload_type) + 1)
            formats.append(rtx)
            lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={payload_type}"]
    head = [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(formats)}",
        "a=mid:0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdabcdabcdabcdabcdabcd",
        f"a=fingerprint:sha-256 {':'.join(['CD'] * 32)}",
        "a=setup:actpass",
        "a=rtcp-mux",
        f"a={direction}",
    ]
    return "\r\n".join([*head, *lines]) + "\r\n" + extra
