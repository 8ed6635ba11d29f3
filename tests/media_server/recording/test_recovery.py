"""After a crash at any moment: what was sealed stays, what was lost is told, and the recording verifies."""

import errno
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest

from media_server.recording import GapCause, Segment, Stop, folder_store, parse_manifest
from media_server.recording.folder_store import FolderStore
from media_server.recording.journal import Work, write
from media_server.recording.recovery import NeverBegun, Unrecoverable, recover
from media_server.recording.verification import State, verify
from tests.media_server.recording.builders import BEGAN_US, SECOND_US, Made, a_batch, begun, keys_of

T = TypeVar("T")

NOW_US = BEGAN_US + 60 * SECOND_US


class Crash(BaseException):
    """The process is gone: nothing that would follow happens, not even cleaning up."""


class System:
    """Stands before the store's `os`. Once `left` is set, so many more calls change something on disk, the
    next one does not, nor does any after it; of a write, half may happen.
    """

    left: int | None = None

    def __getattr__(self, name: str) -> object:
        call = getattr(os, name)
        return partial(self._change, call) if name in CHANGES else call

    def fsync(self, handle: int) -> None:
        self._change(os.fsync, handle)

    def write(self, handle: int, data: memoryview) -> int:
        if self.left == 1:
            os.write(handle, data[: len(data) // 2])
        if self.left is not None:
            self.left -= 1
        return self._change(os.write, handle, data)

    def _change(self, call: Callable[..., T], *arguments: object) -> T:
        if self.left is not None:
            if self.left <= 0:
                raise Crash
            self.left -= 1
        return call(*arguments)


CHANGES = {"open", "mkdir", "rename", "unlink", "rmdir", "ftruncate"}


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    system = System()
    monkeypatch.setattr(folder_store, "os", system)
    return system


def recovered(made: Made) -> None:
    """Recover and check what every recovery has to come to."""
    store = FolderStore(made.folder.parent)
    found = recover(store, made.id, made.signer, NOW_US)
    report = verify(store, made.id, keys_of(made.signer), closed_head=found.head)
    assert report.findings == ()
    assert (report.state, report.reason, found.reason) == (State.CRASHED, "crash", "crash")
    (gap,) = [gap for gap in report.gaps if gap.cause is GapCause.CRASH]
    assert gap.from_us == (report.last_us or BEGAN_US)
    assert found.lost_from_us in (gap.from_us, None)  # None: an earlier recovery had come to its end
    assert gap.until_us == NOW_US
    assert [path.name for path in made.folder.iterdir() if path.name.startswith(".")] == []
    assert (found.segments, found.packets, found.bytes) == (report.segments, report.packets, report.bytes)


def test_a_crash_at_any_system_call_leaves_a_recording_that_recovers(tmp_path: Path, system: System) -> None:
    listed: list[int] = []
    for calls in count():
        made = begun(tmp_path, store=FolderStore(tmp_path, system.fsync))
        made.segment(0)
        system.left = calls
        try:
            made.segment(1)
            break
        except Crash:
            system.left = None
        kept = len(list(made.folder.glob("*.age")))
        recovered(made)
        lines = [signed.line for signed in parse_manifest(made.manifest.read_bytes())]
        assert sum(isinstance(line, Segment) for line in lines) == kept  # what had its name is listed
        assert isinstance(lines[-1], Stop)
        listed.append(kept)
    assert listed == sorted(listed)
    assert listed.count(1) > 5
    assert listed.count(2) > 5


def test_a_crash_at_any_system_call_of_recovery_is_recovered_from(tmp_path: Path, system: System) -> None:
    for calls in count():
        made = begun(tmp_path)
        made.segment(0)
        whole = made.manifest.read_bytes()
        made.segment(1)
        made.manifest.write_bytes(whole + b'{"torn')
        (made.folder / ".000003.age.draft").write_bytes(b"unfinished")
        system.left = calls
        try:
            recover(FolderStore(tmp_path, system.fsync), made.id, made.signer, NOW_US)
            break
        except Crash:
            system.left = None
        recovered(made)
    assert calls > 10


def test_a_segment_that_a_power_cut_took_the_name_from_has_it_again(tmp_path: Path) -> None:
    """The line about it was written later, and yet survived: until both are durable, that may be."""
    made = begun(tmp_path)
    made.segment(0)
    made.segment(1)
    (made.folder / "000002.age").rename(made.folder / ".000002.age.draft")
    recovered(made)
    assert sorted(path.name for path in made.folder.glob("*.age")) == ["000001.age", "000002.age"]


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


@pytest.mark.parametrize("failing", range(1, 7))
def test_what_failed_and_was_tried_again_stands_once(failing: int, tmp_path: Path) -> None:
    """A disk fails once, at any step of a round: the work of both, tried again by each, is there once."""
    left: int | None = None

    def fsync(handle: int) -> None:
        nonlocal left
        if left is not None:
            left -= 1
        if left == 0:
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(handle)

    store = FolderStore(tmp_path, fsync)
    both = begun(tmp_path, store=store), begun(tmp_path, store=store)
    left = failing
    jobs = [(made.journal, Work([], 1, a_batch(0))) for made in both]
    write(store, jobs)
    assert all(work.failure is not None for _, work in jobs)
    for job in jobs:
        write(store, [job])
        assert job[1].failure is None
    for made in both:
        report = verify(store, made.id, keys_of(made.signer), closed_head=made.stop())
        assert (report.findings, report.segments, report.packets) == ((), 1, 10)
