"""What a manifest says, line by line (docs/recording.md): one class for each type of line.

All times are Unix microseconds, all sequence numbers a track's own unwrapped ones, all hashes SHA-256 in hex.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal

from pydantic import Field

FORMAT = "teleconsult-recording"
VERSION = 1

Count = Annotated[int, Field(ge=0, lt=2**63)]
Time = Annotated[int, Field(ge=0, lt=2**63)]
Sequence = Annotated[int, Field(ge=0, lt=2**63)]
Uint32 = Annotated[int, Field(ge=0, lt=2**32)]
Label = Annotated[int, Field(ge=0, lt=2**16)]
# No control characters: what a foreign manifest says may come to stand on somebody's terminal.
Text = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PublicKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Range = tuple[Sequence, Sequence]


class ParticipantEvent(Enum):
    JOINED = "joined"
    LEFT = "left"


class GapCause(Enum):
    """Why something is missing. `MUTE`: its owner had said that nothing was meant to be heard or seen; what
    was sent all the same is kept. `SLOW_DISK`, `STORAGE_FAILED`: it arrived, but the disk took no data for
    too long, or refused it.
    """

    NETWORK_LOSS = "network-loss"
    MUTE = "mute"
    SLOW_DISK = "slow-disk"
    STORAGE_FAILED = "storage-failed"
    CRASH = "crash"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class PersonPresent:
    id: Text
    role: Text


@dataclass(frozen=True, slots=True)
class ConsentReference:
    """One entry of the consent ledger; `hash` is the ledger's."""

    id: Text
    hash: Text
    participant: Text
    kind: Text
    state: Text
    at_us: Time
    text_version: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first line. `recipient` and `custodians`: age recipients, of this recording and of who holds its
    key. `public_key`: of the node, Ed25519, raw, as `encoded` writes it.
    """

    recording: Text
    room: Text
    node: Text
    policy: Text
    encryption: Text
    recipient: Text
    custodians: tuple[Text, ...]
    asked_by: Text
    participants: tuple[PersonPresent, ...]
    consents: tuple[ConsentReference, ...]
    public_key: PublicKey
    format: Literal["teleconsult-recording"] = "teleconsult-recording"
    version: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody came or went."""

    id: Text
    role: Text
    event: ParticipantEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecorded:
    """Somebody who came granted. (An object of its own: the line has an `at_us` too.)"""

    consent: ConsentReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track is recorded from here on; `label` stands for it, in the other lines and in the segments."""

    label: Label
    id: Text
    participant: Text
    kind: Text
    source: Text
    codec: Text
    clock_rate: Uint32
    encryption: Text
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEnd:
    label: Label
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTrack:
    """What one segment holds of one track; all 0 when that is nothing. `bytes`: of RTP packets.

    First and last are by sequence number for `seq` and `timestamp` (RTP), by arrival for `us`.
    """

    label: Label
    packets: Count
    bytes: Count
    first_seq: Sequence
    last_seq: Sequence
    first_timestamp: Uint32
    last_timestamp: Uint32
    first_us: Time
    last_us: Time
    ssrcs: tuple[Uint32, ...]
    keyframes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment is on disk. `sha256` and `bytes` are of the sealed file, `records` is how many it holds.

    `recovered`: found sealed but unlisted after a crash; then `records` is None and `tracks` empty, since
    only the key holder can look inside.
    """

    number: Annotated[int, Field(ge=1, le=999_999)]
    name: Text
    sha256: Hash
    bytes: Count
    records: Count | None
    tracks: tuple[SegmentTrack, ...]
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something is missing. `label` None: of all tracks; `until_us` None: to the end, or not known; `packets`
    None: not known. `ranges`: the missing numbers, first and last inclusive, where there are any to name;
    their sizes then add up to `packets`.
    """

    cause: GapCause
    label: Label | None
    from_us: Time
    until_us: Time | None
    packets: Count | None
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPacket:
    """The highest packet that was kept of a track; None when there is none."""

    label: Label
    seq: Sequence | None
    timestamp: Uint32 | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The last line. `last`: every track that was declared, by label; the totals are those of `Totals`."""

    reason: Text
    last: tuple[LastPacket, ...]
    segments: Count
    packets: Count
    bytes: Count


Line = Start | Participant | ConsentRecorded | Track | TrackEnd | Segment | Gap | Stop

TYPES: dict[str, type[Line]] = {
    "start": Start,
    "participant": Participant,
    "consent": ConsentRecorded,
    "track": Track,
    "track-end": TrackEnd,
    "segment": Segment,
    "gap": Gap,
    "stop": Stop,
}
