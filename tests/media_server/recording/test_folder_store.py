"""The folder of recordings: whole files or none, a manifest that ends where it did, and no way out of it."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from media_server.recording import RecordingId, StoreFailed, StoreTrouble, new_recording_id
from media_server.recording.folder_store import FolderStore
from tests.recording.disk import Disk, Unavailable, a_disk

ID = new_recording_id()


def writing(content: bytes) -> Callable[[BinaryIO], None]:
    return lambda file: file.write(content) and None  # type: ignore[return-value]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "recordings")
    store.create(ID)
    return store


def kept(store: FolderStore, name: str, content: bytes) -> None:
    store.draft_segment(ID, name, writing(content))
    store.sync()
    store.keep_segment(ID, name)
    store.sync()


def test_what_is_kept_is_read_back_and_only_its_owner_may(store: FolderStore, tmp_path: Path) -> None:
    kept(store, "000001.age", b"sealed")
    store.append(ID, b"one\n")
    store.append(ID, b"two\n")
    store.sync()
    with store.open_segment(ID, "000001.age") as file:
        assert file.read() == b"sealed"
    assert store.manifest(ID) == b"one\ntwo\n"
    assert (store.segments(ID), store.recordings()) == (["000001.age"], [ID])
    for path in [tmp_path / "recordings", *(tmp_path / "recordings").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_draft_is_out_of_sight_until_it_is_kept(store: FolderStore) -> None:
    sealed = store.draft_segment(ID, "000001.age", writing(b"sealed"))
    assert sealed.size == 6
    assert store.segments(ID) == []
    assert store.clear_drafts(ID) == 1
    with pytest.raises(StoreFailed):
        store.keep_segment(ID, "000001.age")


def test_files_are_made_durable_before_the_names_that_promise_them(tmp_path: Path) -> None:
    synced: list[str] = []

    def fsync(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        os.fsync(handle)

    store = FolderStore(tmp_path, fsync)
    store.create(ID)
    store.draft_segment(ID, "000001.age", writing(b"sealed"))
    store.sync()
    store.keep_segment(ID, "000001.age")
    store.append(ID, b"line\n")
    store.sync()
    assert synced == [".000001.age.draft", ID, "manifest.jsonl"]


def test_a_name_that_is_taken_is_refused(store: FolderStore) -> None:
    kept(store, "000001.age", b"first")
    with pytest.raises(StoreFailed, match="there already"):
        store.draft_segment(ID, "000001.age", writing(b"other"))
    with store.open_segment(ID, "000001.age") as file:
        assert file.read() == b"first"
    with pytest.raises(StoreFailed):
        store.create(ID)


def test_a_write_that_fails_leaves_nothing_behind(store: FolderStore, tmp_path: Path) -> None:
    def fails(file: BinaryIO) -> None:
        file.write(b"some")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreFailed) as failed:
        store.draft_segment(ID, "000001.age", fails)
    assert failed.value.reason is StoreTrouble.DISK_FULL
    assert sorted(os.listdir(tmp_path / "recordings" / ID)) == ["manifest.jsonl"]
    kept(store, "000001.age", b"now it works")


def test_what_an_append_that_was_never_durable_added_is_taken_back(tmp_path: Path) -> None:
    failing = False

    def fsync(handle: int) -> None:
        if failing:
            raise OSError(errno.EIO, "Input/output error")

    store = FolderStore(tmp_path, fsync)
    store.create(ID)
    store.append(ID, b"one\n")
    store.sync()
    failing = True
    store.append(ID, b"two, perhaps\n")
    with pytest.raises(StoreFailed):
        store.sync()
    failing = False
    store.append(ID, b"two\n")
    store.sync()
    assert store.manifest(ID) == b"one\ntwo\n"


@pytest.mark.parametrize("id_", ["../../etc", "", "a/b", "x" * 100, ".", "a" * 15, "é" * 20])
def test_a_hostile_id_never_leaves_the_folder(store: FolderStore, id_: str) -> None:
    for act in (
        lambda: store.create(RecordingId(id_)),
        lambda: store.manifest(RecordingId(id_)),
        lambda: store.segments(RecordingId(id_)),
        lambda: store.append(RecordingId(id_), b"x\n"),
    ):
        with pytest.raises(StoreFailed):
            act()


@pytest.mark.parametrize("name", ["../manifest.jsonl", "manifest.jsonl", "1.age", "000001.age/..", ""])
def test_a_hostile_name_is_no_segment(store: FolderStore, name: str) -> None:
    with pytest.raises(StoreFailed):
        store.open_segment(ID, name)
    with pytest.raises(StoreFailed):
        store.draft_segment(ID, name, writing(b"x"))


def test_a_pipe_or_a_link_in_the_place_of_a_file_holds_nobody_up(store: FolderStore, tmp_path: Path) -> None:
    folder = tmp_path / "recordings" / ID
    os.mkfifo(folder / "000001.age")
    (folder / "000002.age").symlink_to("/etc/hostname")
    for name in ("000001.age", "000002.age"):
        with pytest.raises(StoreFailed):
            store.open_segment(ID, name)


def test_two_servers_do_not_record_in_one_folder(tmp_path: Path) -> None:
    with (
        FolderStore(tmp_path).lock(),
        pytest.raises(StoreFailed, match="another server"),
        FolderStore(tmp_path).lock(),
    ):
        pass
    with FolderStore(tmp_path).lock():
        pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        with a_disk(tmp_path / "disk", mebibytes=8) as disk:
            yield disk
    except Unavailable as reason:
        pytest.skip(f"cannot mount a disk that fails: {reason}")


def test_a_full_disk_and_a_read_only_one_are_told_apart(disk: Disk) -> None:
    store = FolderStore(disk.folder / "recordings")
    store.create(ID)
    with disk.full(), pytest.raises(StoreFailed) as full:
        store.draft_segment(ID, "000001.age", writing(bytes(1 << 20)))
    assert full.value.reason is StoreTrouble.DISK_FULL
    with disk.read_only(), pytest.raises(StoreFailed) as read_only:
        store.draft_segment(ID, "000001.age", writing(b"x"))
    assert read_only.value.reason is StoreTrouble.READ_ONLY
    kept(store, "000001.age", b"sealed")
