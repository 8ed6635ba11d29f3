"""Writes a session description (RFC 8866 §5), in the order browsers expect."""

from collections.abc import Iterator

from sfu.sdp import (
    Candidate,
    Codec,
    Direction,
    HeaderExtension,
    MediaSection,
    SessionDescription,
    Simulcast,
    SimulcastRid,
)


def write(description: SessionDescription) -> str:
    """The text, with CRLF line ends."""
    lines = [
        "v=0",
        f"o=- {description.session_id} {description.version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
    ]
    if description.ice_lite:
        lines.append("a=ice-lite")
    if description.bundle:
        lines.append(f"a=group:BUNDLE {' '.join(description.bundle)}")
    if description.extmap_allow_mixed:
        lines.append("a=extmap-allow-mixed")
    lines.append("a=msid-semantic: WMS *")
    for section in description.sections:
        lines.extend(_section(section))
    lines.append("")
    return "\r\n".join(lines)


def _section(section: MediaSection) -> Iterator[str]:
    yield f"m={section.media} {section.port} {section.protocol} {' '.join(section.formats)}"
    yield "c=IN IP4 0.0.0.0"  # RFC 8839 §4.2.1.3: the candidates say where
    yield from _transport(section)
    if section.mid is not None:
        yield f"a=mid:{section.mid}"
    if section.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    for extension in section.extensions:
        yield _extmap(extension)
    yield f"a={section.direction.value}"
    for msid in section.msids:
        yield f"a=msid:{msid.stream} {msid.track}" if msid.track else f"a=msid:{msid.stream}"
    if section.rtcp_mux:
        yield "a=rtcp-mux"
    if section.rtcp_rsize:
        yield "a=rtcp-rsize"
    for codec in section.codecs:
        yield from _codec(codec)
    for group in section.source_groups:
        yield f"a=ssrc-group:{group.semantics} {' '.join(map(str, group.ssrcs))}"
    for source in section.sources:
        yield f"a=ssrc:{source.ssrc} cname:{source.cname}"
    for rid in section.rids:
        yield f"a=rid:{rid.id} {'send' if rid.sends else 'recv'}"
    if section.simulcast is not None:
        yield f"a=simulcast:{_simulcast(section.simulcast)}"


def _transport(section: MediaSection) -> Iterator[str]:
    for candidate in section.candidates:
        yield _candidate(candidate)
    if section.end_of_candidates:
        yield "a=end-of-candidates"
    if section.ice is not None:
        yield f"a=ice-ufrag:{section.ice.ufrag}"
        yield f"a=ice-pwd:{section.ice.pwd}"
    for fingerprint in section.fingerprints:
        yield f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}"
    if section.setup is not None:
        yield f"a=setup:{section.setup.value}"
    if section.bundle_only:
        yield "a=bundle-only"


def _candidate(candidate: Candidate) -> str:
    return (
        f"a=candidate:{candidate.foundation} {candidate.component} {candidate.transport} {candidate.priority}"
        f" {candidate.address} {candidate.port} typ {candidate.type}"
    )


def _extmap(extension: HeaderExtension) -> str:
    direction = "" if extension.direction is Direction.SENDRECV else f"/{extension.direction.value}"
    return f"a=extmap:{extension.id}{direction} {extension.uri}"


def _codec(codec: Codec) -> Iterator[str]:
    channels = "" if codec.channels == 1 else f"/{codec.channels}"
    yield f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
    for feedback in codec.feedback:
        yield f"a=rtcp-fb:{codec.payload_type} {feedback}"
    if codec.fmtp:
        yield f"a=fmtp:{codec.payload_type} {codec.fmtp}"


def _simulcast(simulcast: Simulcast) -> str:
    return " ".join(
        f"{direction} {_streams(streams)}"
        for direction, streams in (("send", simulcast.send), ("recv", simulcast.receive))
        if streams
    )


def _streams(streams: tuple[tuple[SimulcastRid, ...], ...]) -> str:
    return ";".join(
        ",".join(f"~{rid.id}" if rid.paused else rid.id for rid in alternatives) for alternatives in streams
    )
