"""Publishers with clocks of their own, and recordings of what they sent: real seals, a real manifest."""

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path

import msgpack

from media_server.recording import Line, RecordingId, Track, TrackEnd, encoded
from media_server.recording.export import Opened, open_recording
from media_server.recording.folder_store import FolderStore
from media_server.recording.format import Record, RtpPacket, SenderReport, segment_header, segment_name
from media_server.recording.identity import Identity
from media_server.recording.lines import PersonPresent, Segment, SegmentTrack, Start
from media_server.recording.manifest import ManifestWriter, parse_manifest
from media_server.recording.sealing import RecordingKey, Sealer, open_key, seal
from media_server.recording.totals import Totals
from tests.media_server.export.media import Coded
from tests.media_server.export.packetizing import payloads_of
from tests.media_server.recording.builders import a_consent, a_signer

START_US = 1_795_000_000_000_000
RATES = {"opus": 48_000}
_NTP = 1 << 32


@dataclass
class Computer:
    """A publisher's wall clock, `ahead_s` of the node's and too fast by `drift_ppm`, and its way to us."""

    name: str = "p-1"
    role: str = "patient"
    ahead_s: float = 0.0
    drift_ppm: float = 0.0
    delay_s: float = 0.04

    def ntp(self, at_s: float) -> int:
        unix_s = START_US / 1e6 + at_s * (1 + self.drift_ppm / 1e6) + self.ahead_s
        return round((unix_s + 2_208_988_800) * _NTP) % (1 << 64)


@dataclass
class Sent:
    """One track: what arrived of it. Times are seconds since the recording began, as the node counts them.

    `delay_s`: what encoding adds to the way. The media clock drifts as its computer's clock does.
    """

    label: int
    codec: str
    computer: Computer
    source: str = ""
    ssrc: int = 0
    seq: int = 1000
    timestamp: int = 0
    delay_s: float = 0.0
    records: list[Record] = field(default_factory=list)
    numbers: int = 0
    began_s: float | None = None

    def __post_init__(self) -> None:
        self.ssrc = self.ssrc or 0x1000 + self.label
        self.source = self.source or ("microphone" if self.codec == "opus" else "camera")

    @property
    def kind(self) -> str:
        return "audio" if self.codec == "opus" else "video"

    @property
    def rate(self) -> int:
        return RATES.get(self.codec, 90_000)

    def ticks(self, at_s: float) -> int:
        """The RTP timestamp of an instant."""
        return (self.timestamp + round(at_s * (1 + self.computer.drift_ppm / 1e6) * self.rate)) % (1 << 32)

    def send(self, frames: Iterable[Coded], from_s: float = 0.0) -> "Sent":
        """Media times run by the publisher's clock: a drifting one captures a little more or less often."""
        for frame in frames:
            at_s = from_s + frame.at_s / (1 + self.computer.drift_ppm / 1e6)
            self.began_s = at_s if self.began_s is None else self.began_s
            self.packets(payloads_of(self.codec, frame.data, key=frame.key), self.ticks(at_s), at_s)
        return self

    def packets(self, payloads: Sequence[bytes], timestamp: int, at_s: float) -> None:
        """One frame's packets, captured then."""
        arrival_us = self._arrival_us(at_s)
        for index, payload in enumerate(payloads):
            marker = index == len(payloads) - 1 and self.kind == "video"
            number = self.seq + self.numbers
            self.numbers += 1
            head = struct.pack("!BBHII", 0x80, marker << 7 | 96, number & 0xFFFF, timestamp, self.ssrc)
            self.records.append(RtpPacket(self.label, number, arrival_us + index * 200, head + payload))

    def report(self, from_s: float, until_s: float, every_s: float = 1.0) -> "Sent":
        for count in range(math.ceil((until_s - from_s) / every_s)):
            self.report_at(from_s + count * every_s)
        return self

    def report_at(self, at_s: float, ntp: int | None = None, timestamp: int | None = None) -> None:
        self.records.append(
            SenderReport(
                label=self.label,
                arrival_us=START_US + round((at_s + self.computer.delay_s) * 1e6),
                ssrc=self.ssrc,
                ntp=self.computer.ntp(at_s) if ntp is None else ntp,
                rtp_timestamp=self.ticks(at_s) if timestamp is None else timestamp,
                packet_count=0,
                octet_count=0,
            )
        )

    def lose(self, lost: Callable[[int], bool]) -> "Sent":
        """`lost`: by the packet's place in the stream, from 0."""
        self.records = [r for r in self.records if isinstance(r, SenderReport) or not lost(r.seq - self.seq)]
        return self

    def delay(self, late: Callable[[int], float]) -> "Sent":
        """`late`: how much later it comes, by its place in the stream."""
        self.records = [
            r
            if isinstance(r, SenderReport)
            else replace(r, arrival_us=r.arrival_us + round(late(r.seq - self.seq) * 1e6))
            for r in self.records
        ]
        return self

    def track(self) -> Track:
        return Track(
            label=self.label,
            id=f"t-{self.label}",
            participant=self.computer.name,
            kind=self.kind,
            source=self.source,
            codec=self.codec,
            clock_rate=self.rate,
            encryption="none",
            muted=False,
        )

    def _arrival_us(self, at_s: float) -> int:
        return START_US + round((at_s + self.computer.delay_s + self.delay_s) * 1e6)


def recorded(
    folder: Path,
    *sent: Sent,
    seconds: float,
    events: Sequence[tuple[float, Line]] = (),
    track_lines: Sequence[Track] | None = None,
) -> Opened:
    """A recording that went on for so long, sealed in segments of a second, and opened by its custodian.

    Tracks are declared at the beginning. `events`: further lines and when they are written.
    """
    id, custodian, store = RecordingId("recording-of-a-test"), Identity.generate(), FolderStore(folder)
    key = RecordingKey.generate([custodian.recipient])
    store.create(id)
    lines: list[tuple[float, Line]] = [
        (0.0, track) for track in track_lines or [each.track() for each in sent]
    ]
    lines += _sealed(store, id, seal(key.recipient), [record for each in sent for record in each.records])
    signer, totals, manifest = a_signer(), Totals(), b""
    writer = ManifestWriter(signer)
    start = _start(id, key.recipient, sent, encoded(signer.public_key))
    for at_s, line in [(0.0, start), *sorted([*lines, *events], key=lambda line: line[0])]:
        totals.add(line)
        manifest += writer.add(line, START_US + round(at_s * 1e6))
    manifest += writer.add(totals.stop("stopped"), START_US + round(seconds * 1e6))
    return open_recording(store, id, parse_manifest(manifest), open_key(key.sealed, [custodian]))


def ended(label: int) -> TrackEnd:
    return TrackEnd(label=label, reason="left")


def _sealed(
    store: FolderStore, id: RecordingId, sealer: Sealer, records: Sequence[Record]
) -> list[tuple[float, Line]]:
    """A segment for each second in which something came, and its line."""
    seconds: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.arrival_us):
        seconds.setdefault((record.arrival_us - START_US) // 1_000_000, []).append(record)
    lines: list[tuple[float, Line]] = []
    for number, (second, held) in enumerate(seconds.items(), start=1):
        chunks = [segment_header(id, number, "node-1"), *map(_packed, held)]
        name = segment_name(number)
        kept = store.draft_segment(id, name, partial(sealer.write, chunks))
        store.keep_segment(id, name)
        segment = Segment(
            number=number,
            name=name,
            sha256=kept.sha256,
            bytes=kept.size,
            records=len(held),
            tracks=_by_track(held),
        )
        lines.append((second + 1.0, segment))
    return lines


def _start(id: RecordingId, recipient: str, sent: Sequence[Sent], public_key: str) -> Start:
    people = {each.computer.name: each.computer.role for each in sent}
    return Start(
        recording=id,
        room="room-1",
        node="node-1",
        policy="consented-recording",
        encryption="transport",
        recipient=recipient,
        custodians=(),
        asked_by="p-1",
        participants=tuple(PersonPresent(name, role) for name, role in people.items()),
        consents=(a_consent("p-1"),),
        public_key=public_key,
    )


def _packed(record: Record) -> bytes:
    kind = 0 if isinstance(record, RtpPacket) else 1
    packed: bytes = msgpack.packb([kind, *(getattr(record, each.name) for each in fields(record))])
    return packed


def _by_track(records: Sequence[Record]) -> tuple[SegmentTrack, ...]:
    found: dict[int, list[RtpPacket]] = {}
    for record in records:
        if isinstance(record, RtpPacket):
            found.setdefault(record.label, []).append(record)
    return tuple(
        SegmentTrack(
            label=label,
            packets=len(packets),
            bytes=sum(len(packet.packet) for packet in packets),
            first_seq=min(packet.seq for packet in packets),
            last_seq=max(packet.seq for packet in packets),
            first_timestamp=0,
            last_timestamp=0,
            first_us=min(packet.arrival_us for packet in packets),
            last_us=max(packet.arrival_us for packet in packets),
            ssrcs=(),
            keyframes=0,
        )
        for label, packets in sorted(found.items())
    )
