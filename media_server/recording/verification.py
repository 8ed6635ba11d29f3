"""Is a recording complete and untouched? Told without its private key: chain, signatures, hashes, order,
sums.

Nothing that a manifest says is trusted or quoted: whatever is wrong with it becomes a finding at its place,
never an exception. One line and one piece of a segment are in memory at a time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from media_server.recording.format import segment_name
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Gap, Segment, Start, Stop
from media_server.recording.manifest import MAX_LINE, BadManifest, SignedLine, Tail, encoded, parse_line
from media_server.recording.rules import Rules
from media_server.recording.store import RecordingStore, StoreFailed, StoreTrouble

MAX_FINDINGS = 1000
"""A manifest of a million wrong lines is told in this many."""

CRASHED = "crash"
"""The reason of a stop that was written afterwards, by recovery."""

END = "end of the manifest"

_CHUNK = 1 << 20


class State(Enum):
    """By the manifest alone. `OPEN`: it has no stop, so the recording runs, or its node crashed."""

    OPEN = "open"
    CLOSED = "closed"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`place`: "manifest line 7", "segment 000003.age", "end of the manifest", …; `problem`: what is wrong
    there.
    """

    place: str
    problem: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` found. `head`: SHA-256 of the last line; `bytes`: of sealed segments; `reason`: the
    stop's.

    Times are Unix microseconds: of the start and stop lines, and of the first and the last packet kept;
    None where there is none.
    """

    findings: tuple[Finding, ...]
    state: State
    reason: str | None
    gaps: tuple[Gap, ...]
    lines: int
    head: str
    segments: int
    packets: int
    bytes: int
    started_at_us: int | None
    ended_at_us: int | None
    first_us: int | None
    last_us: int | None

    @property
    def sound(self) -> bool:
        return not self.findings


def verify(
    store: RecordingStore,
    recording: RecordingId,
    keys: Mapping[str, Ed25519PublicKey],
    *,
    closed_head: str | None,
) -> Report:
    """`keys`: the nodes' keys by key id, `closed_head`: the hash of the last line, kept elsewhere when the
    recording was closed (None: it was not, or nobody knows; whole lines cut off its end then go unseen,
    unless they leave a segment behind).
    """
    check = _Check(store, recording, keys)
    try:
        # Before the manifest is read: of a running recording, what comes after is listed in neither.
        kept = store.segments(recording)
    except StoreFailed as failure:
        check.find("segments", str(failure))
        kept = []
    try:
        with store.open_manifest(recording) as manifest:
            check.read(manifest)
    except (StoreFailed, OSError) as failure:
        missing = isinstance(failure, StoreFailed) and failure.reason is StoreTrouble.MISSING
        check.find("manifest", "missing" if missing else "cannot be read to its end")
    return check.finish(kept, closed_head)


class _Check:
    """Takes the lines in the order of the file. `_whole` until a line is damaged or out of place: the rest
    is then still held against signatures and segments, but no longer against what went before.
    """

    def __init__(
        self, store: RecordingStore, recording: RecordingId, keys: Mapping[str, Ed25519PublicKey]
    ) -> None:
        self._store = store
        self._recording = recording
        self._keys = keys
        self._rules = Rules(recording)
        self._findings: list[Finding] = []
        self._unknown_keys: set[str] = set()
        self._position = 0
        self._tail = Tail()
        self._whole = True
        self._damaged_before = False
        self._start: SignedLine | None = None
        self._stop: SignedLine | None = None
        self._listed: set[str] = set()
        self._gaps: list[Gap] = []

    def find(self, place: str, problem: str) -> None:
        if len(self._findings) == MAX_FINDINGS:
            rest = f"has more than {MAX_FINDINGS} findings; the rest is left out"
            self._findings.append(Finding("recording", rest))
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(Finding(place, problem))

    def _find_here(self, problem: str) -> None:
        self.find(f"manifest line {self._position}", problem)

    # Lines

    def read(self, manifest: BinaryIO) -> None:
        while raw := manifest.readline(MAX_LINE + 1):
            self._position += 1
            if raw.endswith(b"\n"):
                self._read_line(raw[:-1])
            else:
                digest, ended = _skip_line(manifest, raw)
                self._break("too long" if ended else "cut off: it has no end of line", digest)
        if not self._position:
            self.find("manifest line 1", "missing: the manifest is empty")

    def _read_line(self, raw: bytes) -> None:
        try:
            line = parse_line(raw, self._position)
        except BadManifest as error:
            self._break(error.what, sha256(raw).hexdigest())
            return
        if self._check_signature(line):
            self._whole = self._check_place(line) and self._whole
            self._damaged_before = False
            self._tail = line.tail
        else:  # not even its number can be believed
            self._whole = False
            self._damaged_before = True
            self._tail = Tail(self._tail.lines + 1, line.hash)
        for problem in self._rules.problems(line.line) if self._whole else ():
            self._find_here(problem)
        self._take(line)

    def _break(self, problem: str, digest: str) -> None:
        self._find_here(problem)
        self._whole = False
        self._damaged_before = True
        self._stop = None
        self._tail = Tail(self._tail.lines + 1, digest)

    def _check_signature(self, line: SignedLine) -> bool:
        """False for a wrong one. Nothing can be said of a key that is not known, but that."""
        key = self._keys.get(line.key)
        if key is None:
            if line.key not in self._unknown_keys and len(self._unknown_keys) < MAX_FINDINGS:
                self._unknown_keys.add(line.key)
                self._find_here("signed with a key that is not known here (told once for each key)")
            return True
        if not line.signed_by(key):
            self._find_here("its signature is not that of its text")
            return False
        if isinstance(line.line, Start) and line.line.public_key != encoded(key.public_bytes_raw()):
            self._find_here("names another public key than the one that signed it")
        return True

    def _check_place(self, line: SignedLine) -> bool:
        due = self._tail.lines + 1
        if line.number != due:
            self._find_here(f"says that it is line {line.number}, where line {due} is due")
            return False
        if line.previous != self._tail.head and not self._damaged_before:
            self._find_here("does not continue the line before it")
            return False
        return True

    def _take(self, signed: SignedLine) -> None:
        line = signed.line
        self._stop = signed if isinstance(line, Stop) else None
        if isinstance(line, Start) and self._start is None:
            self._start = signed
        elif isinstance(line, Gap) and signed.key in self._keys:
            self._gaps.append(line)
        elif (
            isinstance(line, Segment)
            and line.name == segment_name(line.number)
            and line.name not in self._listed
        ):
            self._listed.add(line.name)
            self._check_segment(line)
        self._rules.add(line)

    # Segments

    def _check_segment(self, line: Segment) -> None:
        place = f"segment {line.name}"
        digest, size = sha256(), 0
        try:
            with self._store.open_segment(self._recording, line.name) as file:
                while size <= line.bytes and (piece := file.read(_CHUNK)):
                    digest.update(piece)
                    size += len(piece)
        except (StoreFailed, OSError) as failure:
            missing = isinstance(failure, StoreFailed) and failure.reason is StoreTrouble.MISSING
            self.find(place, "missing" if missing else "cannot be read")
            return
        if size > line.bytes:
            self.find(place, f"longer than the {line.bytes} bytes that were sealed")
        elif size < line.bytes:
            self.find(place, f"{size} bytes are left of the {line.bytes} that were sealed")
        elif digest.hexdigest() != line.sha256:
            self.find(place, "its bytes are not those that were sealed")

    # The end

    def finish(self, kept: Iterable[str], closed_head: str | None) -> Report:
        self._check_end(closed_head)
        self._check_unlisted(kept)
        stop = self._stop.line if self._stop else None
        reason = stop.reason if isinstance(stop, Stop) else None
        state = State.OPEN if reason is None else State.CRASHED if reason == CRASHED else State.CLOSED
        return Report(
            findings=tuple(self._findings),
            state=state,
            reason=reason,
            gaps=tuple(self._gaps),
            lines=self._position,
            head=self._tail.head,
            segments=self._rules.totals.segments,
            packets=self._rules.totals.packets,
            bytes=self._rules.totals.bytes,
            started_at_us=self._start.at_us if self._start else None,
            ended_at_us=self._stop.at_us if self._stop else None,
            first_us=self._rules.totals.first_us,
            last_us=self._rules.totals.last_us,
        )

    def _check_end(self, closed_head: str | None) -> None:
        if closed_head is None or closed_head == self._tail.head:
            return
        if self._stop is None:
            self.find(END, "missing: the recording was closed, and what closed it is not here")
        else:
            self.find(END, "not the one that was kept elsewhere when the recording was closed")

    def _check_unlisted(self, kept: Iterable[str]) -> None:
        unlisted = [name for name in kept if name not in self._listed]
        due = segment_name(self._rules.totals.segments + 1)
        for name in unlisted:
            # Other names are not of our making, and not for a terminal.
            place = f"segment {name}" if _is_segment_name(name) else "segments"
            if name == due and self._stop is None and self._whole:
                self.find(place, "sealed but not in the manifest: just being written, or left by a crash")
            else:
                self.find(place, "not in the manifest" if place != "segments" else "a file that is not one")


def _is_segment_name(name: str) -> bool:
    return len(name) == 10 and name[:6].isdecimal() and name.isascii() and name.endswith(".age")


def _skip_line(manifest: BinaryIO, begun: bytes) -> tuple[str, bool]:
    """The rest of a line that is too long to hold, or has no end: its SHA-256, and whether it had one."""
    digest = sha256(begun)
    while piece := manifest.readline(_CHUNK):
        if piece.endswith(b"\n"):
            digest.update(piece[:-1])
            return digest.hexdigest(), True
        digest.update(piece)
    return digest.hexdigest(), False
