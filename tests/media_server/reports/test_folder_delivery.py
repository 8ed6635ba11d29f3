"""Reports as files: whole or not at all, once for each key, for their owner's eyes, nowhere else."""

import asyncio
import errno
import os
import stat
from hashlib import sha256
from pathlib import Path

import pyrage
import pytest
from pyrage import x25519

from media_server.reports import (
    SEALED,
    FolderDelivery,
    IdempotencyKey,
    Report,
    ReportId,
    Trouble,
    TryLater,
    Undeliverable,
    sealed_for,
)
from signalling import Private
from tests.media_server.reports.builders import GP_NIHDI, a_report

KEY = IdempotencyKey("r-1")


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def linked(path: Path, target: Path) -> None:
    """A link to a folder."""
    target.mkdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "reports"


async def test_a_report_is_one_file_in_the_folder_of_its_gp(root: Path) -> None:
    receipt = await FolderDelivery(root).deliver(a_report(), KEY)
    assert files(root) == {f"{GP_NIHDI}/r-1.json": a_report().body}
    assert (receipt.reference, receipt.sha256) == ("r-1.json", sha256(a_report().body).hexdigest())


async def test_only_the_owner_may_look(root: Path) -> None:
    before = os.umask(0)
    try:
        await FolderDelivery(root).deliver(a_report(), KEY)
    finally:
        os.umask(before)
    folder = root / GP_NIHDI
    assert [stat.S_IMODE(path.stat().st_mode) for path in (root, folder, folder / "r-1.json")] == [
        0o700,
        0o700,
        0o600,
    ]


async def test_the_same_key_again_is_one_file_and_the_same_receipt(root: Path) -> None:
    first = await FolderDelivery(root).deliver(a_report(), KEY)
    inode = (root / GP_NIHDI / "r-1.json").stat().st_ino
    assert await FolderDelivery(root).deliver(a_report(), KEY) == first
    assert len(files(root)) == 1
    assert (root / GP_NIHDI / "r-1.json").stat().st_ino == inode


async def test_many_at_once_under_one_key_are_one_file(root: Path) -> None:
    deliveries = [FolderDelivery(root).deliver(a_report(), KEY) for _ in range(16)]
    outcomes = await asyncio.gather(*deliveries, return_exceptions=True)
    # One that meets another's clean-up is told to come back, and finds the file then.
    assert {type(outcome).__name__ for outcome in outcomes} <= {"Receipt", "TryLater"}
    await FolderDelivery(root).deliver(a_report(), KEY)
    assert files(root) == {f"{GP_NIHDI}/r-1.json": a_report().body}


async def test_a_key_stands_for_one_report(root: Path) -> None:
    await FolderDelivery(root).deliver(a_report(), KEY)
    with pytest.raises(Undeliverable) as failure:
        await FolderDelivery(root).deliver(a_report(body=b"{}"), KEY)
    assert failure.value.trouble is Trouble.KEY_REUSED
    assert files(root) == {f"{GP_NIHDI}/r-1.json": a_report().body}


async def test_file_and_folder_are_durable_before_there_is_a_receipt(root: Path) -> None:
    synced: list[str] = []

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        os.fsync(handle)

    await FolderDelivery(root, fsync).deliver(a_report(), KEY)
    folder = str(root / GP_NIHDI)
    assert synced[:2] == [str(root.parent), str(root)]
    assert synced[2].startswith(f"{folder}/.r-1.json.")
    assert synced[3] == folder
    assert len(synced) == 4


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
async def test_a_disk_that_fails_at_any_moment_leaves_nothing_half_and_the_next_try_succeeds(
    root: Path, failing: int
) -> None:
    calls = 0

    def fsync(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(errno.EIO, "gone")
        os.fsync(handle)

    with pytest.raises(TryLater) as failure:
        await FolderDelivery(root, fsync).deliver(a_report(), KEY)
    assert failure.value.trouble is Trouble.STORAGE
    assert files(root) in ({}, {f"{GP_NIHDI}/r-1.json": a_report().body})
    await FolderDelivery(root, fsync).deliver(a_report(), KEY)
    assert files(root) == {f"{GP_NIHDI}/r-1.json": a_report().body}


async def test_what_a_crash_left_behind_goes_with_the_next_try(root: Path) -> None:
    folder = root / GP_NIHDI
    folder.mkdir(parents=True)
    (folder / ".r-1.json.0011223344556677.draft").write_bytes(b"half of it")
    (folder / ".r-2.json.0011223344556677.draft").write_bytes(b"another's")
    await FolderDelivery(root).deliver(a_report(), KEY)
    assert set(files(root)) == {f"{GP_NIHDI}/r-1.json", f"{GP_NIHDI}/.r-2.json.0011223344556677.draft"}


async def test_a_folder_that_cannot_be_made_means_later(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TryLater):
        await FolderDelivery(tmp_path / "file" / "reports").deliver(a_report(), KEY)


async def test_a_link_in_place_of_the_gps_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    linked(root / GP_NIHDI, elsewhere)
    with pytest.raises(TryLater):
        await FolderDelivery(root).deliver(a_report(), KEY)
    assert files(elsewhere) == {}


async def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    linked(root, tmp_path / "elsewhere")
    await FolderDelivery(root).deliver(a_report(), KEY)
    assert files(tmp_path / "elsewhere") == {f"{GP_NIHDI}/r-1.json": a_report().body}


async def test_a_link_in_place_of_the_file_is_not_followed(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(a_report().body)
    (root / GP_NIHDI).mkdir(parents=True)
    (root / GP_NIHDI / "r-1.json").symlink_to(other)
    with pytest.raises(TryLater):
        await FolderDelivery(root).deliver(a_report(), KEY)


@pytest.mark.parametrize("key", ["", "..", "../r-1", "a/b", ".r-1", "r-1\x00", "r 1", "x" * 65])
async def test_a_key_never_becomes_another_path(root: Path, key: str) -> None:
    with pytest.raises(Undeliverable):
        await FolderDelivery(root).deliver(a_report(), IdempotencyKey(key))
    assert files(root) == {}


@pytest.mark.parametrize("recipient", ["", "..", "../19234011", "1923401100x", "192340110041"])
async def test_a_recipient_never_becomes_another_path(root: Path, recipient: str) -> None:
    report = Report(ReportId("r-1"), "c-1", Private(recipient), "application/fhir+json", b"{}")
    with pytest.raises(Undeliverable):
        await FolderDelivery(root).deliver(report, KEY)
    assert files(root) == {}


async def test_a_sealed_report_is_an_age_file_that_its_holder_opens(root: Path) -> None:
    identity = x25519.Identity.generate()
    sealed = sealed_for(str(identity.to_public()), a_report())
    assert sealed.media_type == SEALED
    await FolderDelivery(root).deliver(sealed, KEY)
    (content,) = files(root).values()
    assert set(files(root)) == {f"{GP_NIHDI}/r-1.age"}
    assert a_report().body not in content
    assert pyrage.decrypt(content, [identity]) == a_report().body
