"""One recording while it goes on: from the first line of its manifest to the last.

What happens on the event loop are short steps; the writing is a thread's, one batch after the other. A disk
that is slow, full or gone holds up recordings and nothing else: the tap goes on gathering until its buffer is
full, what comes then is dropped and told as a gap, and the same batch is tried until the disk takes it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, assert_never

from media_server.recording.account import Account, losses
from media_server.recording.catalogue import Catalogue, Entry
from media_server.recording.errors import CatalogueError
from media_server.recording.ids import RecordingId
from media_server.recording.journal import Dated, Journal, Work
from media_server.recording.lines import (
    ConsentRecorded,
    ConsentReference,
    Gap,
    GapCause,
    Line,
    Participant,
    ParticipantEvent,
    PersonPresent,
    Start,
)
from media_server.recording.lines import Track as TrackLine
from media_server.recording.manifest import Signer, encoded
from media_server.recording.sealing import RecordingKey, seal
from media_server.recording.store import RecordingStore, StoreFailed
from media_server.recording.writer import Writer
from sfu import SfuError, Tap, TapBatch, TrackId
from signalling import Consent, Note, RecordingStart, Track, notes

log = logging.getLogger(__name__)

RETRY_S = 0.5
# A batch that takes longer is told to the room: the next one is late by now.
SLOW_S = 1.5
# The room need not wait longer for the end of a recording; it is written all the same.
CLOSE_PATIENCE_S = 5.0
ENTER_TRIES = 20
FAILED = "recorder-failed"
# What happens in a room while the disk is away waits in memory; more than this ends the recording as failed.
MOST_LINES = 10_000
CLOCK_RATES = {"audio": 48_000, "video": 90_000}  # RFC 7587 §4; RFC 6184 §8.2.1, RFC 7741 §6.1, RFC 9628 §7


class Taps(Protocol):
    """What is needed of the media plane."""

    def open_tap(self) -> Tap: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What the recordings of a node share. `custodians`: age recipients; `clock_us`: Unix microseconds."""

    taps: Taps
    writer: Writer
    store: RecordingStore
    catalogue: Catalogue
    signer: Signer
    custodians: tuple[str, ...]
    node: str
    segment_s: float
    clock_us: Callable[[], int]


@dataclass(slots=True)
class _Trouble:
    """The disk takes no data since then, and until then; None: still."""

    cause: GapCause
    from_us: int
    until_us: int | None = None

    def gap(self) -> Gap:
        """For a time in which the buffer held everything."""
        return Gap(
            cause=self.cause, label=None, from_us=self.from_us, until_us=self.until_us, packets=0, ranges=()
        )


class LiveRecording:
    """`run` does the work; `note` and `close` may be called at any time, and only take note.

    `told` hears what the room must know: "opened" once packets are taken, then a word for each trouble, and
    "resumed" when it is over.
    """

    def __init__(
        self, id: RecordingId, start: RecordingStart, means: Means, told: Callable[[str], None]
    ) -> None:
        self.id = id
        self.start = start
        self.reason: str | None = None
        """Why it ends or ended; None while it goes on."""
        self._means = means
        self._told = told
        self._account = Account()
        self._roles = dict(start.participants)
        self._tap: Tap | None = None
        self._last: TapBatch | None = None
        self._ended_us = 0
        self._lines: list[Dated] = []
        self._early: list[Note] = []
        self._ending = asyncio.Event()
        self._trouble: _Trouble | None = None
        self._writing: Work | None = None

    # What signalling says

    def note(self, note: Note) -> None:
        if self.reason is not None:
            return
        if self._tap is None:
            self._early.append(note)
        else:
            self._take_note(self._tap, note)

    def close(self, reason: str) -> None:
        """From here on nothing is taken: the packets that the tap holds now are the last."""
        if self.reason is not None:
            return
        self.reason = reason
        self._ended_us = self._means.clock_us()
        if self._tap is not None:
            self._last = self._tap.stop()
        self._ending.set()

    # The work

    async def run(self) -> None:
        """Returns when the last line is on disk. Raises RecordingError or SfuError when it cannot begin."""
        tap = self._means.taps.open_tap()
        try:
            journal = await self._begin()
            if self.reason is None:
                self._take_up(tap)
            try:
                await self._feed(journal, tap)
            except StoreFailed:
                raise
            except Exception:  # our bug: it is raised again once the end is written
                tap.stop()
                await self._end_after_bug(journal)
                raise
        finally:
            tap.stop()

    async def _begin(self) -> Journal:
        """The private half of the key is sealed and forgotten before anything is recorded."""
        means, start = self._means, self.start
        key = RecordingKey.generate(means.custodians)
        now_us = means.clock_us()
        journal = Journal(means.store, self.id, means.signer, seal(key.recipient), means.node, means.clock_us)
        entry = Entry(
            id=self.id,
            room=start.room,
            node=means.node,
            policy=start.policy,
            recipient=key.recipient,
            custodians=means.custodians,
            sealed_key=key.sealed,
            started_at_us=now_us,
        )

        await means.writer.call(lambda: means.catalogue.add(entry))
        try:
            await means.writer.call(journal.create)
            await means.writer.write(journal, Work([Dated(self._start_line(key.recipient), now_us)]))
        except StoreFailed as failure:
            why = failure.reason.value
            with suppress(CatalogueError):  # then the next start enters it
                await means.writer.call(lambda: means.catalogue.close(self.id, now_us, why, None, 0, 0, 0))
            raise
        return journal

    def _start_line(self, recipient: str) -> Start:
        start = self.start
        return Start(
            recording=self.id,
            room=start.room,
            node=self._means.node,
            policy=start.policy,
            encryption=start.encryption.value,
            recipient=recipient,
            custodians=self._means.custodians,
            asked_by=start.asked_by,
            participants=tuple(PersonPresent(id=who, role=role.value) for who, role in start.participants),
            consents=tuple(_reference(consent) for consent in start.consents),
            public_key=encoded(self._means.signer.public_key),
        )

    def _take_up(self, tap: Tap) -> None:
        self._tap = tap
        for track in self.start.tracks:
            self._add_track(tap, track)
        for note in self._early:
            self._take_note(tap, note)
        self._early.clear()
        self._told("opened")

    async def _feed(self, journal: Journal, tap: Tap) -> None:
        while (reason := self.reason) is None:
            # All recordings in the same moment, so that they are written together.
            segment_s, now = self._means.segment_s, asyncio.get_running_loop().time()
            due = (now // segment_s + 1) * segment_s
            await self._write(journal, tap, tap.drain())
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._ending.wait()
        if self._last is not None:
            await self._write(journal, tap, self._last)
        self._add(self._account.close(reason, self._ended_us))
        await self._end(journal, reason)

    async def _write(self, journal: Journal, tap: Tap, batch: TapBatch) -> None:
        """In one step with the drain, so that no packet stands before the line that declares its track."""
        trouble, self._trouble = self._trouble, None
        self._add(losses(batch, GapCause.SLOW_DISK if trouble is None else trouble.cause))
        if trouble is not None and not batch.dropped:
            self._add([trouble.gap()])
        self._add(self._account.mutes())
        for track in batch.tracks:
            if track.dropped:
                self._want_keyframe(tap, track.label)
        work = Work(self._take_lines(), self._account.next_segment, batch)
        await self._persist(journal, work)
        if work.sealed is not None:
            self._account.sealed()

    async def _end(self, journal: Journal, reason: str) -> None:
        await self._persist(journal, Work(self._take_lines()))
        await self._persist(journal, Work([Dated(journal.totals.stop(reason), self._ended_us)]))
        await self._enter_end(journal, reason)

    async def _end_after_bug(self, journal: Journal) -> None:
        """What could not be written is told as missing; the rest stays a recording that verifies."""
        self.close(FAILED)
        since_us = self._ended_us
        broken, self._writing = self._writing, None
        if broken is not None:
            broken.lines = journal.tellable(broken.lines)
            with suppress(Exception):  # it was not the lines; then what this holds is missing
                await self._persist(journal, broken)
        self._lines = journal.tellable(self._lines)
        cause = GapCause.STORAGE_FAILED
        gap = Gap(cause=cause, label=None, from_us=since_us, until_us=None, packets=None, ranges=())
        self._add([gap])
        await self._end(journal, FAILED)

    async def _persist(self, journal: Journal, work: Work) -> None:
        """Try until the disk takes it; the room is told when it does not, and when it does again."""
        self._writing = work
        while not await self._persisted(journal, work):
            if len(self._lines) > MOST_LINES and work.failure is not None:
                raise work.failure
            if self.reason is not None and self._means.clock_us() - self._ended_us > CLOSE_PATIENCE_S * 1e6:
                self._told("overdue")
            await asyncio.sleep(RETRY_S)
        self._writing = None
        if self._trouble is not None and self._trouble.until_us is None:
            self._trouble.until_us = self._means.clock_us()
            self._told("resumed")

    async def _persisted(self, journal: Journal, work: Work) -> bool:
        slow = asyncio.get_running_loop().call_later(
            SLOW_S, self._be_in_trouble, GapCause.SLOW_DISK, "slow-disk"
        )
        try:
            await self._means.writer.write(journal, work)
        except StoreFailed as failure:
            self._be_in_trouble(GapCause.STORAGE_FAILED, failure.reason.value)
            return False
        finally:
            slow.cancel()
        return True

    async def _enter_end(self, journal: Journal, reason: str) -> None:
        totals = journal.totals.stop(reason)

        def enter() -> None:
            self._means.catalogue.close(
                self.id,
                ended_at_us=self._ended_us,
                reason=reason,
                manifest_head=journal.head,
                segments=totals.segments,
                packets=totals.packets,
                bytes=totals.bytes,
            )

        for _ in range(ENTER_TRIES):
            try:
                await self._means.writer.call(enter)
            except CatalogueError:
                await asyncio.sleep(RETRY_S)
            else:
                return
        # The recording itself is whole; the next start of the server enters it.
        log.error("recording.not_entered", extra={"recording": self.id})

    # Gaps

    def _be_in_trouble(self, cause: GapCause, word: str) -> None:
        if self._trouble is None or self._trouble.until_us is not None:
            self._trouble = _Trouble(cause, self._means.clock_us())
        elif self._trouble.cause is cause:
            return
        self._trouble.cause = cause  # slow first, then full
        log.warning("recording.trouble", extra={"recording": self.id, "cause": word})
        self._told(word)

    def _want_keyframe(self, tap: Tap, label: int) -> None:
        """No picture can be decoded again before the next one."""
        track = self._account.track_of(label)
        if track is not None:
            with suppress(SfuError):  # it has just ended
                tap.request_keyframe(TrackId(track))

    # Notes

    def _take_note(self, tap: Tap, note: Note) -> None:
        now_us = self._means.clock_us()
        match note:
            case notes.TrackAdded(track):
                self._add_track(tap, track)
            case notes.TrackRemoved(id):
                tap.remove(TrackId(id))
                self._add(self._account.end_track(id, "unpublished", now_us))
            case notes.TrackMuted(id, muted):
                self._account.mute(id, muted, now_us)
            case notes.Joined(id, role):
                self._roles[id] = role
                self._add([Participant(id=id, role=role.value, event=ParticipantEvent.JOINED)])
            case notes.Left(id):
                role = self._roles[id]
                self._add([Participant(id=id, role=role.value, event=ParticipantEvent.LEFT)])
            case notes.Consented(consent):
                self._add([ConsentRecorded(consent=_reference(consent))])
            case _:
                assert_never(note)

    def _add_track(self, tap: Tap, track: Track) -> None:
        now_us = self._means.clock_us()
        line = TrackLine(
            label=self._account.next_label,
            id=track.id,
            participant=track.participant,
            kind=track.kind,
            source=track.source.value,
            codec=track.codec,
            clock_rate=CLOCK_RATES[track.kind],
            encryption=track.encryption.value,
            muted=track.muted,
        )
        self._add([self._account.add_track(line, now_us)])
        try:
            tap.add(TrackId(track.id), line.label)
        except SfuError as error:  # it has just ended, or there are too many
            self._add(self._account.end_track(track.id, error.code, now_us))

    # Lines wait for the next batch, so that the disk is asked once for all of them.

    def _add(self, lines: Iterable[Line]) -> None:
        now_us = self._means.clock_us()
        self._lines += (Dated(line, now_us) for line in lines)

    def _take_lines(self) -> list[Dated]:
        lines, self._lines = self._lines, []
        return lines


def _reference(consent: Consent) -> ConsentReference:
    return ConsentReference(
        id=consent.id,
        hash=consent.hash,
        participant=consent.participant,
        kind=consent.kind.value,
        state=consent.state.value,
        at_us=consent.at_us,
        text_version=consent.text_version,
    )
