"""After a crash at any moment: what was sealed stays, what was lost is told, and the recording verifies."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from media_server.recording import GapCause, RecordingId, Segment, Stop, parse_manifest
from media_server.recording.folder_store import FolderStore
from media_server.recording.journal import Work, write
from media_server.recording.recovery import NeverBegun, Unrecoverable, recover
from media_server.recording.verification import State, verify
from tests.media_server.recording.builders import BEGAN_US, SECOND_US, Made, a_batch, begun, keys_of

NOW_US = BEGAN_US + 60 * SECOND_US


class Crash(BaseException):
    """The process is gone: nothing that would follow happens, not even cleaning up."""


class CrashingStore(FolderStore):
    """A real folder; before its so-manieth touch of the disk the process dies."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, fsync=lambda handle: self._touch())
        self.left = -1

    def _touch(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1

    def draft_segment(self, recording: RecordingId, name: str, write):  # type: ignore[no-untyped-def]
        self._touch()
        sealed = super().draft_segment(recording, name, write)
        self._touch()
        return sealed

    def keep_segment(self, recording: RecordingId, name: str) -> None:
        self._touch()
        super().keep_segment(recording, name)
        self._touch()

    def append(self, recording: RecordingId, lines: bytes) -> None:
        self._touch()
        if self.left == 0:  # in the middle of the write
            with (self._root / recording / "manifest.jsonl").open("ab") as manifest:
                manifest.write(lines[: len(lines) // 2])
            raise Crash
        super().append(recording, lines)


def recovered(made: Made) -> None:
    """Recover and check what every recovery has to come to."""
    store = FolderStore(made.folder.parent)
    found = recover(store, made.id, made.signer, NOW_US)
    report = verify(store, made.id, keys_of(made.signer), closed_head=found.head)
    assert report.findings == ()
    assert (report.state, report.reason, found.reason) == (State.CRASHED, "crash", "crash")
    (gap,) = [gap for gap in report.gaps if gap.cause is GapCause.CRASH]
    assert gap.from_us == (report.last_us or BEGAN_US) == found.lost_from_us
    assert gap.until_us == NOW_US
    assert [path.name for path in made.folder.iterdir() if path.name.startswith(".")] == []
    assert (found.segments, found.packets, found.bytes) == (report.segments, report.packets, report.bytes)


@pytest.mark.parametrize("touches", range(8))
def test_a_crash_at_any_step_of_writing_leaves_a_recording_that_recovers(
    touches: int, tmp_path: Path
) -> None:
    store = CrashingStore(tmp_path)
    made = begun(tmp_path, store=store)
    made.segment(0)
    store.left = touches
    with pytest.raises(Crash):
        made.segment(1)
    kept = len(list(made.folder.glob("*.age")))
    recovered(made)
    lines = [signed.line for signed in parse_manifest(made.manifest.read_bytes())]
    assert sum(isinstance(line, Segment) for line in lines) == kept  # what had its name is listed
    assert isinstance(lines[-1], Stop)


def test_a_line_that_was_cut_off_anywhere_is_removed(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0)
    whole = made.manifest.read_bytes()
    made.segment(1)
    last = made.manifest.read_bytes()[len(whole) :]
    for cut in range(0, len(last), 37):
        made.manifest.write_bytes(whole + last[:cut])
        recovered(made)
        assert made.manifest.read_bytes().startswith(whole)


def test_a_sealed_segment_without_a_line_is_taken_in(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0)
    whole = made.manifest.read_bytes()
    made.segment(1)
    made.manifest.write_bytes(whole)
    found = recover(made.store, made.id, made.signer, NOW_US)
    assert (found.adopted, found.segments) == ("000002.age", 2)
    report = verify(made.store, made.id, keys_of(made.signer), closed_head=found.head)
    assert report.findings == ()


def test_a_planted_segment_is_not_taken_in(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0)
    (made.folder / "000007.age").write_bytes(b"planted")
    found = recover(made.store, made.id, made.signer, NOW_US)
    assert (found.adopted, found.unlisted) == (None, ("000007.age",))


def test_recovering_twice_changes_nothing(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0)
    first = recover(made.store, made.id, made.signer, NOW_US)
    content = made.manifest.read_bytes()
    again = recover(made.store, made.id, made.signer, NOW_US + SECOND_US)
    assert made.manifest.read_bytes() == content
    assert (again.head, again.reason, again.ended_at_us) == (first.head, "crash", NOW_US)


def test_one_that_had_ended_is_only_read(tmp_path: Path) -> None:
    made = begun(tmp_path)
    made.segment(0)
    head = made.stop()
    content = made.manifest.read_bytes()
    found = recover(made.store, made.id, made.signer, NOW_US)
    assert (found.head, found.reason, found.lost_from_us, found.segments) == (head, "stopped", None, 1)
    assert made.manifest.read_bytes() == content


def spoil_a_bit(made: Made) -> None:
    content = bytearray(made.manifest.read_bytes())
    content[200] ^= 1
    made.manifest.write_bytes(content)


def drop_a_line(made: Made) -> None:
    lines = made.manifest.read_bytes().splitlines(keepends=True)
    made.manifest.write_bytes(b"".join(lines[:1] + lines[2:]))


def empty_it(made: Made) -> None:
    made.manifest.write_bytes(b"")


@pytest.mark.parametrize("spoil", [spoil_a_bit, drop_a_line, empty_it])
def test_a_manifest_that_cannot_be_continued_is_left_alone_and_named(
    spoil: Callable[[Made], None], tmp_path: Path
) -> None:
    made = begun(tmp_path)
    made.segment(0)
    spoil(made)
    content = made.manifest.read_bytes()
    with pytest.raises(Unrecoverable, match="manifest line") as refused:
        recover(made.store, made.id, made.signer, NOW_US)
    assert isinstance(refused.value, NeverBegun) is (spoil is empty_it)
    assert made.manifest.read_bytes() == content


def test_what_failed_and_was_tried_again_stands_once(tmp_path: Path) -> None:
    """A disk that fails at any step of a write: the same work, tried again, is there exactly once."""
    for failing in range(1, 4):
        calls = 0

        def fsync(handle: int, failing: int = failing) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                raise OSError(28, "No space left on device")
            os.fsync(handle)

        root = tmp_path / str(failing)
        made = begun(root)
        flaky = FolderStore(root, fsync=fsync)
        made.store = flaky
        made.journal._store = flaky
        batch = a_batch(0)
        work = Work([], 1, lambda batch=batch: batch)  # type: ignore[misc]
        write(flaky, [(made.journal, work)])
        while work.failure is not None:
            write(flaky, [(made.journal, work)])
        head = made.stop()
        report = verify(flaky, made.id, keys_of(made.signer), closed_head=head)
        assert (report.findings, report.segments, report.packets) == ((), 1, 10)
