"""Which RTP header extensions are negotiated, and under which ids (RFC 8285).

Ids belong to one connection: an answer repeats the offerer's, and the data plane rewrites them for each
subscriber. Not negotiated on purpose: abs-send-time, as two bandwidth estimators at once disturb each other
in Safari; video-orientation, as without it the sender turns the picture itself, which recordings and
Firefox need.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sfu.codecs import CodecName
from sfu.sdp import Direction, HeaderExtension, MediaSection

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"  # RFC 9143 §15.1
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"  # RFC 8852 §3.1
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"  # RFC 8852 §3.2
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"  # RFC 6464
DEPENDENCY_DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

LARGEST_ONE_BYTE_ID = 14  # RFC 8285 §4.2; 15 is reserved


class ExtensionIds(NamedTuple):
    """The ids of one connection; 0: not negotiated."""

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    transport_cc: int = 0
    audio_level: int = 0
    dependency_descriptor: int = 0


def for_publication(codec: CodecName, simulcast: bool) -> frozenset[str]:
    """The URIs to accept where the client sends."""
    uris = {MID, TRANSPORT_CC}
    if codec is CodecName.OPUS:
        uris.add(AUDIO_LEVEL)
    if codec is CodecName.AV1:
        uris.add(DEPENDENCY_DESCRIPTOR)
    if simulcast:
        uris |= {RID, REPAIRED_RID}
    return frozenset(uris)


def for_subscription(codec: CodecName) -> frozenset[str]:
    """The URIs to accept where the client receives."""
    if codec is CodecName.OPUS:
        return frozenset({MID, AUDIO_LEVEL})
    if codec is CodecName.AV1:
        return frozenset({MID, DEPENDENCY_DESCRIPTOR})
    return frozenset({MID})


def for_idle() -> frozenset[str]:
    """The URIs to accept where nobody sends yet: all, since Chromium's next offer has only those left."""
    return frozenset({MID, RID, REPAIRED_RID, TRANSPORT_CC, AUDIO_LEVEL, DEPENDENCY_DESCRIPTOR})


class BundleExtensions:
    """Collects what is accepted in the sections of one bundle, where one id means one URI (RFC 9143 §7.1)."""

    def __init__(self, allow_mixed: bool) -> None:
        self._largest = 255 if allow_mixed else LARGEST_ONE_BYTE_ID
        self._by_id: dict[int, str] = {}
        self._by_uri: dict[str, int] = {}

    def accept(self, section: MediaSection, wanted: frozenset[str]) -> tuple[HeaderExtension, ...]:
        """The extensions of the answer for this section: offered, wanted, and not at odds with another
        section.
        """
        return tuple(self._accepted(section.extensions, wanted))

    def _accepted(
        self, offered: Iterable[HeaderExtension], wanted: frozenset[str]
    ) -> Iterable[HeaderExtension]:
        for extension in offered:
            if extension.uri not in wanted or extension.id > self._largest or extension.id == 15:
                continue
            if extension.direction is Direction.INACTIVE:
                continue
            if self._by_id.setdefault(extension.id, extension.uri) != extension.uri:
                continue
            if self._by_uri.setdefault(extension.uri, extension.id) != extension.id:
                continue
            yield HeaderExtension(extension.id, extension.uri, _mirrored(extension.direction))

    @property
    def ids(self) -> ExtensionIds:
        by_uri = self._by_uri
        return ExtensionIds(
            mid=by_uri.get(MID, 0),
            rid=by_uri.get(RID, 0),
            repaired_rid=by_uri.get(REPAIRED_RID, 0),
            transport_cc=by_uri.get(TRANSPORT_CC, 0),
            audio_level=by_uri.get(AUDIO_LEVEL, 0),
            dependency_descriptor=by_uri.get(DEPENDENCY_DESCRIPTOR, 0),
        )


def _mirrored(direction: Direction) -> Direction:
    """What the answerer says to a direction of the offer (RFC 8285 §6)."""
    return {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}.get(
        direction, direction
    )
