"""Recordings as the recorder makes them: a real store, real seals, real signatures; media are made up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from media_server.recording import RecordingId, Start, Track, encoded, new_recording_id
from media_server.recording.account import losses
from media_server.recording.folder_store import FolderStore
from media_server.recording.identity import Identity
from media_server.recording.journal import Dated, Journal, Work, write
from media_server.recording.lines import (
    ConsentReference,
    Gap,
    GapCause,
    Line,
    Participant,
    ParticipantEvent,
    PersonPresent,
    TrackEnd,
)
from media_server.recording.sealing import RecordingKey, seal
from media_server.recording.signing import KeySigner
from sfu import TapBatch, TappedTrack

BEGAN_US = 1_795_000_000_000_000
SECOND_US = 1_000_000
NODE = "node-1"


def a_signer() -> KeySigner:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return KeySigner("kid-" + encoded(public)[:8], public, private)


def keys_of(*signers: KeySigner) -> dict[str, Ed25519PublicKey]:
    return {signer.kid: Ed25519PublicKey.from_public_bytes(signer.public_key) for signer in signers}


def a_batch(second: int, labels: Sequence[int] = (1, 2), packets: int = 5, lost: int = 0) -> TapBatch:
    """What a tap gathers in one second: `packets` of each label after `lost` that never came."""
    records: list[bytes] = []
    tracks: list[TappedTrack] = []
    at_us = BEGAN_US + second * SECOND_US
    step = packets + lost
    for label in labels:
        first = 1 + second * step + lost
        for number in range(packets):
            header = bytes([0x80, 96]) + (first + number).to_bytes(2) + bytes(4) + label.to_bytes(4)
            packet = header + b"payload %d" % number
            records.append(msgpack.packb([0, label, first + number, at_us + number, packet]))
        tracks.append(
            TappedTrack(
                label=label,
                packets=packets,
                bytes=packets * 21,
                first_seq=first,
                last_seq=first + packets - 1,
                first_us=at_us,
                last_us=at_us + packets - 1,
                ssrcs=[label],
                lost=[(first - lost, first - 1)] if lost else [],
                lost_from_us=at_us - 10 if lost else 0,
                lost_until_us=at_us if lost else 0,
            )
        )
    return TapBatch(data=b"".join(records), records=len(records), tracks=tracks)


def a_track(label: int, *, kind: str = "audio") -> Track:
    codec, rate = ("opus", 48_000) if kind == "audio" else ("vp8", 90_000)
    return Track(
        label=label,
        id=f"t-{label}",
        participant=f"p-{label}",
        kind=kind,
        source="microphone" if kind == "audio" else "camera",
        codec=codec,
        clock_rate=rate,
        encryption="none",
        muted=False,
    )


def a_consent(who: str) -> ConsentReference:
    return ConsentReference(
        id=f"c-{who}",
        hash="ab" * 32,
        participant=who,
        kind="recording",
        state="granted",
        at_us=BEGAN_US,
        text_version=None,
    )


@dataclass
class Made:
    """A recording under way, or ended."""

    store: FolderStore
    id: RecordingId
    journal: Journal
    signer: KeySigner
    sealed_key: bytes
    folder: Path

    def write(self, work: Work) -> None:
        write(self.store, [(self.journal, work)])
        assert work.failure is None, work.failure

    def lines(self, *lines: Line, second: int = 0) -> None:
        self.write(Work([Dated(line, BEGAN_US + second * SECOND_US) for line in lines]))

    def segment(self, second: int, batch: TapBatch | None = None) -> None:
        gathered = batch or a_batch(second)
        lines = [Dated(line, BEGAN_US) for line in losses(gathered, GapCause.SLOW_DISK)]
        self.write(Work(lines, self.journal.totals.segments + 1, gathered))

    def stop(self, reason: str = "stopped", second: int = 9) -> str:
        """The head that the catalogue keeps."""
        self.lines(self.journal.totals.stop(reason), second=second)
        return self.journal.head

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.jsonl"


def begun(root: Path, custodian: Identity | None = None, store: FolderStore | None = None) -> Made:
    """A recording with two tracks and nothing in it."""
    signer, id_ = a_signer(), new_recording_id()
    key = RecordingKey.generate([(custodian or Identity.generate()).recipient])
    store = store or FolderStore(root)
    clock: Callable[[], int] = lambda: BEGAN_US  # noqa: E731
    journal = Journal(store, id_, signer, seal(key.recipient), NODE, clock)
    journal.create()
    made = Made(store, id_, journal, signer, key.sealed, root / id_)
    start = Start(
        recording=id_,
        room="room-1",
        node=NODE,
        policy="consented-recording",
        encryption="transport",
        recipient=key.recipient,
        custodians=(),
        asked_by="p-1",
        participants=(PersonPresent("p-1", "doctor"), PersonPresent("p-2", "patient")),
        consents=(a_consent("p-1"), a_consent("p-2")),
        public_key=encoded(signer.public_key),
    )
    made.lines(start, a_track(1), a_track(2, kind="video"))
    return made


def a_whole_one(root: Path, custodian: Identity | None = None) -> tuple[Made, str]:
    """With everything that a manifest can tell of; and its head."""
    made = begun(root, custodian)
    made.segment(0)
    made.segment(1, a_batch(1, lost=0))
    joined = Participant(id="p-3", role="guest", event=ParticipantEvent.JOINED)
    mute = Gap(cause=GapCause.MUTE, label=1, from_us=BEGAN_US, until_us=BEGAN_US + 9, packets=0, ranges=())
    made.lines(joined, mute, second=2)
    made.segment(2)
    made.lines(TrackEnd(label=1, reason="unpublished"), second=3)
    made.segment(3, a_batch(3, labels=(2,)))
    return made, made.stop()
