"""The session description as values (RFC 8866, with the attributes of RFC 9429 that an SFU needs).

Read by `sdp_reader`, written by `sdp_writer`; reading what was written gives an equal value. What we neither
need nor answer (bandwidth, `rtcp`, `ice-options`, rid restrictions …) is not kept. Attributes given for the
whole session are found in each section, which is where they apply.
"""

from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """RFC 8866 §6.7, as seen by the side that wrote it."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)


class Setup(Enum):
    """Who starts the DTLS handshake (RFC 8842 §5)."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"
    HOLDCONN = "holdconn"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's hash (RFC 8122 §5): algorithm in lower case, value in upper case hex with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """RFC 8839 §5.4. `repr` shows neither."""

    ufrag: str
    pwd: str

    def __repr__(self) -> str:
        return "IceCredentials(<private>)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address that can be tried (RFC 8839 §5.1), without the extensions."""

    foundation: str
    component: int
    transport: str  # "udp" or "tcp", lower case
    priority: int
    address: str
    port: int
    type: str  # "host", "srflx", "prflx", "relay"

    def __repr__(self) -> str:
        return "Candidate(<private>)"


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type: `rtpmap`, `fmtp` and `rtcp-fb` together (RFC 8866 §6.6, §6.15; RFC 4585 §4.2)."""

    payload_type: int
    name: str  # as written; compare without case
    clock_rate: int  # Hz
    channels: int = 1
    fmtp: str = ""
    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """RFC 8285 §8: the id that stands for a URI on this connection, and who may send it."""

    id: int
    uri: str
    direction: Direction = Direction.SENDRECV


@dataclass(frozen=True, slots=True)
class Rid:
    """RFC 8851 §10, without restrictions. `sends`: the side that wrote it will send this stream."""

    id: str
    sends: bool


@dataclass(frozen=True, slots=True)
class SimulcastRid:
    id: str
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Simulcast:
    """RFC 8853 §5.1: streams, each a choice of alternatives in order of preference."""

    send: tuple[tuple[SimulcastRid, ...], ...] = ()
    receive: tuple[tuple[SimulcastRid, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Msid:
    """RFC 8830 §2: the media stream and the track in it."""

    stream: str
    track: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """RFC 5576 §4.1, §6.1."""

    ssrc: int
    cname: str = ""


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """RFC 5576 §4.2, such as `FID`: a media source and its retransmissions (RFC 4588 §8.8)."""

    semantics: str
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One m-section (RFC 8866 §5.14)."""

    media: str  # "audio", "video", "application" …
    port: int  # 0: refused or ended, unless `bundle_only`
    protocol: str
    formats: tuple[str, ...]
    mid: str | None = None
    direction: Direction = Direction.SENDRECV
    ice: IceCredentials | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    setup: Setup | None = None
    candidates: tuple[Candidate, ...] = ()
    end_of_candidates: bool = False
    bundle_only: bool = False
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    extmap_allow_mixed: bool = False
    extensions: tuple[HeaderExtension, ...] = ()
    codecs: tuple[Codec, ...] = ()  # in the order of `formats`; those without an rtpmap are left out
    msids: tuple[Msid, ...] = ()
    sources: tuple[Source, ...] = ()
    source_groups: tuple[SourceGroup, ...] = ()
    rids: tuple[Rid, ...] = ()
    simulcast: Simulcast | None = None

    @property
    def refused(self) -> bool:
        """Port 0 ends a section (RFC 3264 §6, §8.2), but not one that lives in its bundle (RFC 9143 §6)."""
        return self.port == 0 and not self.bundle_only


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """An offer or an answer. Mids are unique, and every mid of the bundle names a section."""

    session_id: int
    version: int
    sections: tuple[MediaSection, ...] = ()
    bundle: tuple[str, ...] = ()
    ice_lite: bool = False
    extmap_allow_mixed: bool = False
