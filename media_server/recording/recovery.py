"""After a crash: brings a recording that was cut short to an honest end. Every sealed segment stays valid.

May itself be cut short at any moment, and be run again.
"""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from media_server.recording.errors import RecordingError
from media_server.recording.format import segment_name
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Gap, GapCause, Line, Segment, Start, Stop
from media_server.recording.manifest import (
    MAX_LINE,
    BadManifest,
    ManifestWriter,
    SignedLine,
    Signer,
    Tail,
    decoded,
    parse_line,
)
from media_server.recording.store import RecordingStore, StoreFailed, StoreTrouble
from media_server.recording.totals import Totals
from media_server.recording.verification import CRASHED

_CHUNK = 1 << 20


class Unrecoverable(RecordingError):
    """The manifest is damaged before its end; nothing was changed. `place` and `problem` as in a Finding."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class NeverBegun(Unrecoverable):
    """The node crashed before the first line was written: there is nothing to bring to an end."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the recording. `head`: SHA-256 of the last line; `lost_from_us`: where the crash gap
    begins, None where the manifest was closed already and nothing was changed.

    `adopted`: a segment that had not been listed yet; `unlisted`: others, which were left alone.
    """

    head: str
    reason: str
    ended_at_us: int
    segments: int
    packets: int
    bytes: int
    lost_from_us: int | None = None
    adopted: str | None = None
    unlisted: tuple[str, ...] = ()
    torn_bytes: int = 0
    drafts: int = 0


def recover(store: RecordingStore, recording: RecordingId, signer: Signer, now_us: int) -> Recovered:
    """Close the manifest of a recording that nobody writes any more.

    Raises Unrecoverable, StoreFailed. Signatures are checked as far as the key is known from `signer` or
    from the first line; for the others the chain has to do.
    """
    try:
        found = _read(store, recording, signer)
    except StoreFailed as failure:
        if failure.reason is StoreTrouble.MISSING:
            raise NeverBegun("manifest", "missing: nothing had been recorded") from None
        raise
    if isinstance(stop := found.last, Stop):
        head, ended_at_us = found.tail.head, found.last_at_us
        return Recovered(head, stop.reason, ended_at_us, stop.segments, stop.packets, stop.bytes)
    totals = found.totals
    torn_bytes = store.cut_torn_line(recording)
    _name_again(store, recording, segment_name(totals.segments))
    drafts = store.clear_drafts(recording)
    lines: list[Line] = []
    adopted = _unlisted_segment(store, recording, totals.segments + 1)
    if adopted is not None:
        totals.add(adopted)
        lines.append(adopted)
    lost_from_us = totals.last_us or found.started_at_us
    # A recovery that was itself cut short may have written its gap already.
    if not (isinstance(found.last, Gap) and found.last.cause is GapCause.CRASH):
        lines.append(_crash(lost_from_us, now_us))
    lines.append(totals.stop(CRASHED))
    writer = ManifestWriter(signer, resume_from=found.tail)
    store.append(recording, b"".join([writer.add(line, now_us) for line in lines]))
    store.sync()
    listed = {segment_name(number) for number in range(1, totals.segments + 1)}
    return Recovered(
        head=writer.head,
        reason=CRASHED,
        lost_from_us=lost_from_us,
        ended_at_us=now_us,
        segments=totals.segments,
        packets=totals.packets,
        bytes=totals.bytes,
        adopted=adopted.name if adopted else None,
        unlisted=tuple(name for name in store.segments(recording) if name not in listed),
        torn_bytes=torn_bytes,
        drafts=drafts,
    )


@dataclass(slots=True)
class _Found:
    """What there is of a manifest: where it ends, what it adds up to, its last line."""

    tail: Tail
    totals: Totals
    started_at_us: int
    last: Line
    last_at_us: int = 0


def _read(store: RecordingStore, recording: RecordingId, signer: Signer) -> _Found:
    keys = {signer.kid: Ed25519PublicKey.from_public_bytes(signer.public_key)}
    found: _Found | None = None
    with store.open_manifest(recording) as manifest:
        while (raw := manifest.readline(MAX_LINE + 1)).endswith(b"\n"):
            number = found.tail.lines + 1 if found else 1
            try:
                signed = parse_line(raw[:-1], number)
            except BadManifest as error:
                raise Unrecoverable(f"manifest line {number}", error.what) from None
            if isinstance(signed.line, Start) and found is None:
                public_key = Ed25519PublicKey.from_public_bytes(decoded(signed.line.public_key))
                keys.setdefault(signed.key, public_key)
            problem = _problem(signed, found, recording, keys)
            if problem is not None:
                raise Unrecoverable(f"manifest line {number}", problem)
            found = found or _Found(Tail(), Totals(), signed.at_us, signed.line)
            found.tail, found.last, found.last_at_us = signed.tail, signed.line, signed.at_us
            found.totals.add(signed.line)
    if len(raw) > MAX_LINE:
        raise Unrecoverable(f"manifest line {found.tail.lines + 1 if found else 1}", "too long")
    if found is None:
        raise NeverBegun("manifest line 1", "missing: nothing had been recorded")
    return found


def _problem(
    signed: SignedLine, found: _Found | None, recording: RecordingId, keys: dict[str, Ed25519PublicKey]
) -> str | None:
    """Why the manifest cannot be continued behind this line."""
    line = signed.line
    tail = found.tail if found else Tail()
    if (signed.number, signed.previous) != (tail.lines + 1, tail.head):
        return "does not continue the line before it"
    if signed.key in keys and not signed.signed_by(keys[signed.key]):
        return "its signature is not that of its text"
    if isinstance(line, Start) is not (found is None):
        return "a manifest begins with start, and has one"
    if isinstance(line, Start) and line.recording != recording:
        return "belongs to another recording"
    if found is not None and isinstance(found.last, Stop):
        return "comes after the stop"
    return None


def _name_again(store: RecordingStore, recording: RecordingId, last: str) -> None:
    """After a power cut, some file systems have the last line, written second, and not the last segment's
    name.
    """
    if last not in store.segments(recording):
        with suppress(StoreFailed):  # there is no draft of it either: verification will miss it
            store.keep_segment(recording, last)


def _unlisted_segment(store: RecordingStore, recording: RecordingId, number: int) -> Segment | None:
    """A segment that was sealed just before the crash, too late for its line."""
    name = segment_name(number)
    if name not in store.segments(recording):
        return None
    digest, size = sha256(), 0
    with store.open_segment(recording, name) as file:
        try:
            while piece := file.read(_CHUNK):
                digest.update(piece)
                size += len(piece)
        except OSError as error:
            raise StoreFailed(StoreTrouble.OTHER, f"cannot read {name}: {error.strerror}") from error
    return Segment(
        number=number,
        name=name,
        sha256=digest.hexdigest(),
        bytes=size,
        records=None,
        tracks=(),
        recovered=True,
    )


def _crash(lost_from_us: int, now_us: int) -> Gap:
    return Gap(
        cause=GapCause.CRASH,
        label=None,
        from_us=lost_from_us,
        until_us=max(lost_from_us, now_us),
        packets=None,
        ranges=(),
    )
