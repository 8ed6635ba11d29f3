"""The answer to an offer, from a plan (RFC 9429 §5.3, RFC 3264 §6): pure, the plan has decided everything.

Shape: ICE-lite with all candidates, `setup:passive`, one bundle, sections in the offer's order. A section
without a use stays `inactive`, so that the client can use it later; what we cannot carry is refused with
port 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.codecs import Choice, CodecName, answered, choose_published
from sfu.errors import UnsupportedCodec
from sfu.header_extensions import BundleExtensions, ExtensionIds, for_idle, for_publication, for_subscription
from sfu.negotiation import Plan, Publication, Section, Subscription, accepted_rid
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

_AUDIO_UP = frozenset({"transport-cc"})
_VIDEO_UP = frozenset({"transport-cc", "ccm fir", "nack", "nack pli"})
# No transport-cc downwards: the data plane does not estimate from it yet. No goog-remb in either direction:
# one estimator at a time, and a client that is told of both uses the worse one.
_AUDIO_DOWN = frozenset[str]()
_VIDEO_DOWN = frozenset({"ccm fir", "nack", "nack pli"})


@dataclass(frozen=True, slots=True)
class Local:
    """Our end of the transport."""

    session_id: int
    version: int
    fingerprint: Fingerprint
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class AnswerParts:
    """The description to write, and the extension ids it agrees to."""

    description: SessionDescription
    extensions: ExtensionIds


def host_candidates(addresses: Sequence[tuple[str, int]]) -> tuple[Candidate, ...]:
    """UDP host candidates (RFC 8445 §5.1.2.1) for addresses given best first."""
    return tuple(
        Candidate(
            foundation=str(index + 1),
            component=1,
            transport="udp",
            priority=(126 << 24) | (max(65_535 - index, 0) << 8) | 255,
            address=address,
            port=port,
            type="host",
        )
        for index, (address, port) in enumerate(addresses)
    )


def make_answer(offer: SessionDescription, plan: Plan, local: Local) -> AnswerParts:
    """The answer to `offer` that `plan` leads to."""
    mixed = offer.extmap_allow_mixed or any(section.extmap_allow_mixed for section in offer.sections)
    extensions = BundleExtensions(mixed)
    sections = tuple(
        _refused(offered)
        if decided.refused
        else _accepted(offered, decided, local, plan.state.local_ice, extensions)
        for offered, decided in zip(offer.sections, plan.state.sections, strict=True)
    )
    description = SessionDescription(
        local.session_id,
        local.version,
        sections,
        bundle=plan.accepted,
        ice_lite=True,
        extmap_allow_mixed=offer.extmap_allow_mixed,
    )
    return AnswerParts(description, extensions.ids)


def _refused(offered: MediaSection) -> MediaSection:
    # RFC 3264 §6 wants a format there; the offer's first will do.
    return MediaSection(
        media=offered.media,
        port=0,
        protocol=offered.protocol,
        formats=offered.formats[:1],
        mid=offered.mid,
        direction=Direction.INACTIVE,
    )


def _accepted(
    offered: MediaSection, decided: Section, local: Local, ice: IceCredentials, extensions: BundleExtensions
) -> MediaSection:
    codecs, accepted = _format(offered, decided.use, extensions)
    rids, simulcast = _simulcast(offered, decided.use)
    msids, sources, groups = _sources(decided.use)
    return MediaSection(
        media=offered.media,
        port=9,
        protocol=offered.protocol,
        formats=tuple(str(codec.payload_type) for codec in codecs),
        mid=offered.mid,
        direction=_direction(decided.use),
        ice=ice,
        fingerprints=(local.fingerprint,),
        setup=Setup.PASSIVE,
        candidates=local.candidates,
        end_of_candidates=True,
        rtcp_mux=True,
        rtcp_rsize=offered.rtcp_rsize,
        extmap_allow_mixed=offered.extmap_allow_mixed,
        extensions=accepted,
        codecs=codecs,
        msids=msids,
        sources=sources,
        source_groups=groups,
        rids=rids,
        simulcast=simulcast,
    )


def _direction(use: Publication | Subscription | None) -> Direction:
    match use:
        case Publication():
            return Direction.RECVONLY
        case Subscription():
            return Direction.SENDONLY
        case None:
            return Direction.INACTIVE


def _format(
    offered: MediaSection, use: Publication | Subscription | None, extensions: BundleExtensions
) -> tuple[tuple[Codec, ...], tuple[HeaderExtension, ...]]:
    match use:
        case Publication(choice=choice, rid=rid):
            name = choice.format.name
            wanted = for_publication(name, simulcast=rid is not None)
            feedback = _AUDIO_UP if name is CodecName.OPUS else _VIDEO_UP
        case Subscription(choice=choice):
            name = choice.format.name
            wanted = for_subscription(name)
            feedback = _AUDIO_DOWN if name is CodecName.OPUS else _VIDEO_DOWN
        case None:
            return _placeholder(offered), extensions.accept(offered, for_idle())
    return answered(choice, feedback), extensions.accept(offered, wanted)


def _placeholder(offered: MediaSection) -> tuple[Codec, ...]:
    """An inactive section has a format all the same: one that we could carry, or else the first."""
    try:
        choice: Choice = choose_published(offered)
    except UnsupportedCodec:
        return offered.codecs[:1]
    return answered(choice, frozenset())


def _simulcast(
    offered: MediaSection, use: Publication | Subscription | None
) -> tuple[tuple[Rid, ...], Simulcast | None]:
    # An idle section keeps its layer too: one that is missing in an answer Chromium switches off for good.
    match use:
        case Publication(rid=rid) if offered.simulcast is not None:
            pass
        case None:
            rid = accepted_rid(offered)
        case _:
            return (), None
    if rid is None:
        return (), None
    return (Rid(rid, sends=False),), Simulcast(receive=((SimulcastRid(rid),),))


def _sources(
    use: Publication | Subscription | None,
) -> tuple[tuple[Msid, ...], tuple[Source, ...], tuple[SourceGroup, ...]]:
    """Who is heard and seen: the publisher's transport is stream and cname, so that its tracks play in
    sync.
    """
    if not isinstance(use, Subscription):
        return (), (), ()
    cname = use.publisher
    sources: tuple[Source, ...] = (Source(use.ssrc, cname),)
    groups: tuple[SourceGroup, ...] = ()
    if use.rtx_ssrc is not None:
        sources += (Source(use.rtx_ssrc, cname),)
        groups = (SourceGroup("FID", (use.ssrc, use.rtx_ssrc)),)
    return (Msid(use.publisher, use.track),), sources, groups
