"""Offer and answer for one participant (RFC 3264, RFC 9429 §5.3): what an offer makes of the state, or why
not.

Pure: `negotiate` takes the state, an offer and wishes, and returns a plan (the new state, the steps for the
data plane); it changes nothing, so a refused offer leaves everything as it was. Random values come from the
`Mint`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sfu.codecs import Choice, Format, choose_published, choose_subscribed, keep_published
from sfu.errors import BadOffer, LimitReached, UnknownTrack, UnsupportedCodec
from sfu.sdp import Fingerprint, IceCredentials, MediaSection, SessionDescription, Setup
from sfu.track import Kind, PublishWish, SubscribeWish, TrackId, TransportId, Wish

SUPPORTED_HASHES = frozenset({"sha-256", "sha-384", "sha-512"})


@dataclass(frozen=True, slots=True)
class KnownTrack:
    """What a subscriber's negotiation needs to know of a published track."""

    kind: Kind
    format: Format
    publisher: TransportId


class Mint(Protocol):
    """Where random values come from."""

    def track_id(self) -> TrackId: ...

    def ssrc(self) -> int: ...

    def ice_credentials(self) -> IceCredentials: ...


@dataclass(frozen=True, slots=True)
class Publication:
    """The client sends this track on the section; `rid` names the one simulcast layer that was accepted."""

    track: TrackId
    choice: Choice
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """The client receives this track on the section, under these sources."""

    track: TrackId
    choice: Choice
    publisher: TransportId
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """One m-section after the exchange. A refused one may be recycled under a new mid (RFC 9429 §5.2.2)."""

    mid: str | None
    media: str
    refused: bool = False
    use: Publication | Subscription | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one participant."""

    max_tracks: int
    max_subscriptions: int


@dataclass(frozen=True, slots=True)
class Remote:
    """The client's end of the transport."""

    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What one participant's exchanges have led to."""

    local_ice: IceCredentials
    remote: Remote | None = None
    sections: tuple[Section, ...] = ()

    @property
    def publications(self) -> dict[str, Publication]:
        return {s.mid: s.use for s in self.sections if s.mid and isinstance(s.use, Publication)}

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        return {s.mid: s.use for s in self.sections if s.mid and isinstance(s.use, Subscription)}


@dataclass(frozen=True, slots=True)
class Start:
    """`ssrcs` and `rtx_ssrcs` of a publication, where the offer tells them."""

    mid: str
    media: str
    use: Publication | Subscription
    ssrcs: tuple[int, ...] = ()
    rtx_ssrcs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    mid: str
    use: Publication | Subscription


Step = Start | End


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, and what then holds.

    `accepted`: mids of the bundle in the offer's order; `restart`: new local credentials, if the client
    restarts ICE.
    """

    state: State
    accepted: tuple[str, ...]
    steps: tuple[Step, ...]
    restart: IceCredentials | None


Catalogue = Callable[[TrackId], KnownTrack | None]


def negotiate(
    state: State,
    offer: SessionDescription,
    wishes: Mapping[str, Wish],
    catalogue: Catalogue,
    mint: Mint,
    limits: Limits,
) -> Plan:
    """The plan for an offer. Raises BadOffer, UnknownTrack, UnsupportedCodec, LimitReached.

    `wishes` need not repeat what earlier exchanges settled; one for a section in use replaces its use.
    """
    _check_sections(state, offer, wishes)
    bundled = frozenset(offer.bundle)
    taken = {ssrc for use in state.subscriptions.values() for ssrc in (use.ssrc, use.rtx_ssrc)}
    sections: list[Section] = []
    starts: list[Start] = []
    ends: list[End] = []
    for index, offered in enumerate(offer.sections):
        before = state.sections[index] if index < len(state.sections) else None
        current = before.use if before is not None and before.mid == offered.mid else None
        section = _section(offered, bundled, current, wishes, _Sources(catalogue, mint, taken))
        sections.append(section)
        old = None if before is None else before.use
        if section.use != old:
            if before is not None and old is not None:
                ends.append(End(before.mid or "", old))
            if section.use is not None:
                starts.append(_start(section, section.use, offered))
    _check_limits(sections, limits)
    live = {section.mid for section in sections if not section.refused}
    accepted = tuple(mid for mid in offer.bundle if mid in live)
    remote, restart = _transport(state, offer, accepted, mint)
    return Plan(
        State(restart or state.local_ice, remote, tuple(sections)), accepted, _ordered(starts, ends), restart
    )


def _check_sections(state: State, offer: SessionDescription, wishes: Mapping[str, Wish]) -> None:
    """Sections stay where they are; only refused ones change their mid (RFC 9429 §5.2.2)."""
    if len(offer.sections) < len(state.sections):
        raise BadOffer("the offer has fewer sections than the one before")
    for before, now in zip(state.sections, offer.sections, strict=False):
        if before.mid != now.mid and not before.refused:
            raise BadOffer("the offer moves a section, or gives it another mid")
        if before.mid == now.mid and before.media != now.media:
            raise BadOffer("the offer changes the kind of a section")
    if not {section.mid for section in offer.sections}.issuperset(wishes):
        raise BadOffer("a wish names a mid that the offer does not have")


def _check_limits(sections: list[Section], limits: Limits) -> None:
    if sum(isinstance(section.use, Publication) for section in sections) > limits.max_tracks:
        raise LimitReached("too many tracks published by one participant")
    if sum(isinstance(section.use, Subscription) for section in sections) > limits.max_subscriptions:
        raise LimitReached("too many tracks received by one participant")


@dataclass(frozen=True, slots=True)
class _Sources:
    catalogue: Catalogue
    mint: Mint
    taken: set[int | None]

    def fresh_ssrc(self) -> int:
        ssrc = self.mint.ssrc()
        while ssrc in self.taken:
            ssrc = self.mint.ssrc()
        self.taken.add(ssrc)
        return ssrc


def _section(
    offered: MediaSection,
    bundled: frozenset[str],
    current: Publication | Subscription | None,
    wishes: Mapping[str, Wish],
    sources: _Sources,
) -> Section:
    wish = None if offered.mid is None else wishes.get(offered.mid)
    if not _usable(offered, bundled):
        if wish is not None:
            raise BadOffer("a wish names a section that is refused, not bundled, or not audio or video")
        return Section(offered.mid, offered.media, refused=True)
    use: Publication | Subscription | None = None
    match wish:
        case PublishWish():
            use = _publication(offered, current, sources, demanded=True)
        case SubscribeWish(track):
            use = _subscription(offered, current, track, sources)
        case None if isinstance(current, Publication):
            use = _publication(offered, current, sources, demanded=False)
        case None if isinstance(current, Subscription):
            use = _continued(offered, current, sources)
    return Section(offered.mid, offered.media, use=use)


def _usable(offered: MediaSection, bundled: frozenset[str]) -> bool:
    return (
        not offered.refused
        and offered.media in ("audio", "video")
        and offered.mid in bundled
        and offered.protocol.endswith("TLS/RTP/SAVPF")
        and bool(offered.codecs)
    )


def _publication(
    offered: MediaSection,
    current: Publication | Subscription | None,
    sources: _Sources,
    demanded: bool,
) -> Publication | None:
    """The track in use, while the offer still has its codec; else a new one, if there is a wish for it."""
    if not offered.direction.sends:
        if demanded:
            raise BadOffer("a section to publish on does not send")
        return None
    if isinstance(current, Publication) and _still_offered(offered, current):
        return current
    if not demanded:
        return None
    return Publication(sources.mint.track_id(), choose_published(offered), accepted_rid(offered))


def _still_offered(offered: MediaSection, current: Publication) -> bool:
    kept = keep_published(offered, current.choice)
    if kept is None or _numbers(kept) != _numbers(current.choice):
        return False
    # A client may leave out its rids once only one is left to send; another in its place is a new stream.
    return accepted_rid(offered) in (current.rid, None)


def _continued(offered: MediaSection, current: Subscription, sources: _Sources) -> Subscription | None:
    """A subscription that this offer says nothing new of: it ends with its track, or when the client stops
    it.
    """
    if not offered.direction.receives or sources.catalogue(current.track) is None:
        return None
    return _subscription(offered, current, current.track, sources)


def _subscription(
    offered: MediaSection,
    current: Publication | Subscription | None,
    track: TrackId,
    sources: _Sources,
) -> Subscription:
    known = sources.catalogue(track)
    if known is None:
        raise UnknownTrack("the track does not exist")
    if not offered.direction.receives:
        raise BadOffer("a section to subscribe on does not receive")
    if offered.media != known.kind.value:
        raise UnsupportedCodec("the section is of another kind than the track")
    choice = choose_subscribed(offered, known.format)
    if (
        isinstance(current, Subscription)
        and current.track == track
        and _numbers(choice) == _numbers(current.choice)
    ):
        return current
    return Subscription(
        track,
        choice,
        known.publisher,
        ssrc=sources.fresh_ssrc(),
        rtx_ssrc=None if choice.rtx is None else sources.fresh_ssrc(),
    )


def _numbers(choice: Choice) -> tuple[int, int | None]:
    return choice.codec.payload_type, None if choice.rtx is None else choice.rtx.payload_type


def accepted_rid(offered: MediaSection) -> str | None:
    """The one simulcast layer to take: `h`, else the last (RFC 8853 §5.2); None without simulcast.

    Layers that the client has paused count only when it has paused all: it may wake one later.
    """
    if offered.simulcast is None or not offered.simulcast.send:
        return None
    sent = {rid.id for rid in offered.rids if rid.sends}
    layers = [choices[0] for choices in offered.simulcast.send if choices[0].id in sent]
    ids = [layer.id for layer in layers if not layer.paused] or [layer.id for layer in layers]
    if not ids:
        return None
    return "h" if "h" in ids else ids[-1]


def _start(section: Section, use: Publication | Subscription, offered: MediaSection) -> Start:
    ssrcs: tuple[int, ...] = ()
    rtx_ssrcs: tuple[int, ...] = ()
    # With rids the sources follow from the header extensions, which is what RFC 8853 §6.3 counts on.
    if isinstance(use, Publication) and use.rid is None:
        pairs = [g.ssrcs for g in offered.source_groups if g.semantics == "FID" and len(g.ssrcs) == 2]
        repairs = {repair for _, repair in pairs}
        ssrcs = tuple(source.ssrc for source in offered.sources if source.ssrc not in repairs)[:1]
        rtx_ssrcs = tuple(repair for media, repair in pairs if media in ssrcs)
    return Start(section.mid or "", section.media, use, ssrcs, rtx_ssrcs)


def _ordered(starts: list[Start], ends: list[End]) -> tuple[Step, ...]:
    """Subscriptions start first, as their track may have ended meanwhile, and nothing has ended by then.

    A publication that replaces another on its mid starts after that has ended: packets are told apart by mid.
    """
    republished = {start.mid for start in starts if isinstance(start.use, Publication)}
    return (
        *(start for start in starts if isinstance(start.use, Subscription)),
        *(end for end in ends if end.mid in republished),
        *(start for start in starts if isinstance(start.use, Publication)),
        *(end for end in ends if end.mid not in republished),
    )


def _transport(
    state: State, offer: SessionDescription, accepted: tuple[str, ...], mint: Mint
) -> tuple[Remote | None, IceCredentials | None]:
    """The client's end as the offer has it, and new local credentials when it restarts ICE (RFC 8839
    §4.4.3).
    """
    if not accepted:
        return state.remote, None
    tagged = next(section for section in offer.sections if section.mid == accepted[0])
    for section in offer.sections:
        if section.mid in accepted and not section.rtcp_mux:
            raise BadOffer("a section does not multiplex RTCP")  # RFC 9143 §9.3
    if tagged.ice is None:
        raise BadOffer("the offer has no ICE credentials")
    if not any(fingerprint.algorithm in SUPPORTED_HASHES for fingerprint in tagged.fingerprints):
        raise BadOffer("the offer has no certificate fingerprint with a hash we know")
    if tagged.setup not in (Setup.ACTPASS, Setup.ACTIVE):
        raise BadOffer("the client does not offer to start the DTLS handshake")
    remote = Remote(tagged.ice, tagged.fingerprints)
    if state.remote is None:
        return remote, None
    if state.remote.fingerprints != remote.fingerprints:
        raise BadOffer("the certificate changed; a new connection is needed")
    return remote, mint.ice_credentials() if state.remote.ice != remote.ice else None
