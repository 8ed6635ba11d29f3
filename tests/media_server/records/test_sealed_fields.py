"""Sealed fields open in their place only, as they were, with keys that nobody else may read; and keys rotate
under running processes.
"""

import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from media_server.records import CannotOpen, FieldKeys, FieldKeysUnusable
from media_server.records.sealed_fields import NOTICED_S

PLACE = "patients/sealed/p-1"

many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "field-keys"


@pytest.fixture
def keys(folder: Path) -> FieldKeys:
    return FieldKeys.open(folder)


class Clock:
    """Unix seconds, turned by hand."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def key_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.key") if path.name != "index.key")


# --- What was sealed ---


@many
@given(content=st.binary(max_size=200), place=st.text(max_size=50))
def test_what_was_sealed_opens_in_its_place(keys: FieldKeys, content: bytes, place: str) -> None:
    assert keys.open_sealed(place, keys.seal(place, content)) == content


@many
@given(place=st.text(max_size=50).filter(lambda text: text != PLACE))
def test_it_opens_nowhere_else(keys: FieldKeys, place: str) -> None:
    with pytest.raises(CannotOpen, match="not what was sealed in its place"):
        keys.open_sealed(place, keys.seal(PLACE, b"asthma"))


@many
@given(bit=st.integers(0, 8 * (1 + 8 + 12 + 16 + 6) - 1))
def test_no_bit_of_it_changes_unnoticed(keys: FieldKeys, bit: int) -> None:
    sealed = bytearray(keys.seal(PLACE, b"asthma"))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CannotOpen):
        keys.open_sealed(PLACE, bytes(sealed))


@many
@given(length=st.integers(0, 42), more=st.binary(max_size=5))
def test_nothing_is_cut_off_or_put_behind_it_unnoticed(keys: FieldKeys, length: int, more: bytes) -> None:
    sealed = keys.seal(PLACE, b"asthma")
    assert len(sealed) == 43
    with pytest.raises(CannotOpen):
        keys.open_sealed(PLACE, sealed[:length])
    with pytest.raises(CannotOpen):
        keys.open_sealed(PLACE, sealed + more + b"\0")


def test_equal_fields_look_different_and_nothing_shines_through(keys: FieldKeys) -> None:
    seen = {keys.seal(PLACE, b"asthma since childhood") for _ in range(100)}
    assert len(seen) == 100
    assert not any(b"asthma" in sealed for sealed in seen)


def test_another_folders_keys_open_nothing(keys: FieldKeys, tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="not in the folder"):
        FieldKeys.open(tmp_path / "other").open_sealed(PLACE, keys.seal(PLACE, b"asthma"))


# --- Blind indexes ---


def test_an_index_finds_a_value_again_after_a_restart_and_a_rotation(keys: FieldKeys, folder: Path) -> None:
    index = keys.index("national-number", "85073003328")
    keys.rotate()
    assert FieldKeys.open(folder).index("national-number", "85073003328") == index
    assert len(index) == 32


def test_an_index_tells_kinds_values_and_folders_apart(keys: FieldKeys, tmp_path: Path) -> None:
    other = FieldKeys.open(tmp_path / "other")
    made = [keys.index("a", "1"), keys.index("b", "1"), keys.index("a", "2"), other.index("a", "1")]
    assert len(set(made)) == 4


# --- Rotation ---


def test_a_new_key_seals_and_the_old_one_still_opens(keys: FieldKeys) -> None:
    old = keys.seal(PLACE, b"asthma")
    assert keys.is_newest(old)
    first = keys.newest
    second = keys.rotate()
    assert keys.known() == (first, second)
    assert keys.newest == second
    assert not keys.is_newest(old)
    assert keys.is_newest(keys.seal(PLACE, b"asthma"))
    assert keys.open_sealed(PLACE, old) == b"asthma"


def test_what_another_process_sealed_with_its_new_key_opens(folder: Path) -> None:
    clock = Clock()
    ours = FieldKeys.open(folder, clock)
    code = (
        "import sys; from pathlib import Path; from media_server.records import FieldKeys;"
        f"keys = FieldKeys.open(Path({str(folder)!r})); keys.rotate();"
        f"sys.stdout.buffer.write(keys.seal({PLACE!r}, b'asthma'))"
    )
    theirs = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    clock.now_s += NOTICED_S
    assert ours.open_sealed(PLACE, theirs) == b"asthma"


def test_a_running_process_seals_with_anothers_new_key_within_a_second(folder: Path) -> None:
    clock = Clock()
    ours, theirs = FieldKeys.open(folder, clock), FieldKeys.open(folder, clock)
    new = theirs.rotate()
    clock.now_s += NOTICED_S
    assert theirs.is_newest(ours.seal(PLACE, b"asthma"))
    assert ours.newest == new


def test_a_flood_of_unknown_keys_does_not_make_it_read_the_folder_each_time(folder: Path) -> None:
    clock = Clock()
    ours, theirs = FieldKeys.open(folder, clock), FieldKeys.open(folder, clock)
    theirs.rotate()
    sealed = theirs.seal(PLACE, b"asthma")
    with pytest.raises(CannotOpen):
        ours.open_sealed(PLACE, sealed)
    clock.now_s += NOTICED_S
    assert ours.open_sealed(PLACE, sealed) == b"asthma"


def test_a_clock_that_is_set_back_does_not_hide_a_new_key(folder: Path) -> None:
    clock = Clock()
    ours, theirs = FieldKeys.open(folder, clock), FieldKeys.open(folder, clock)
    clock.now_s -= 3600
    new = theirs.rotate()
    assert ours.open_sealed(PLACE, theirs.seal(PLACE, b"asthma")) == b"asthma"
    assert ours.newest == new


def test_who_can_no_longer_see_the_folder_seals_nothing(folder: Path) -> None:
    """Its newest key may be about to be deleted, and nobody could open the field any more."""
    clock = Clock()
    keys = FieldKeys.open(folder, clock)
    folder.rename(folder.with_name("moved"))
    clock.now_s += NOTICED_S
    with pytest.raises(FieldKeysUnusable, match="cannot use the field keys"):
        keys.seal(PLACE, b"asthma")


def test_an_old_key_can_be_deleted_and_then_opens_nothing(keys: FieldKeys, folder: Path) -> None:
    old, sealed = keys.newest, keys.seal(PLACE, b"asthma")
    keys.rotate()
    keys.delete(old)
    assert old not in keys.known()
    assert [path.name.split(".")[1] for path in key_files(folder)] == [keys.newest]
    with pytest.raises(CannotOpen):
        keys.open_sealed(PLACE, sealed)


def test_the_newest_key_cannot_be_deleted(keys: FieldKeys) -> None:
    with pytest.raises(FieldKeysUnusable, match="newest"):
        keys.delete(keys.newest)
    assert keys.open_sealed(PLACE, keys.seal(PLACE, b"asthma")) == b"asthma"


def test_a_key_tells_its_age(folder: Path) -> None:
    clock = Clock()
    keys = FieldKeys.open(folder, clock)
    clock.now_s += 90
    assert keys.age_s(keys.newest) == 90


# --- The folder ---


def test_many_that_start_at_once_agree_on_the_keys(folder: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: FieldKeys.open(folder), range(8)))
    assert len({keys.newest for keys in opened}) == 1
    assert len({keys.index("kind", "value") for keys in opened}) == 1
    assert len(key_files(folder)) == 1


def test_folder_and_files_are_for_the_owner_alone(keys: FieldKeys, folder: Path) -> None:
    keys.rotate()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["index.key", "*.*.key"])
def test_a_key_that_others_can_read_is_refused(keys: FieldKeys, folder: Path, name: str) -> None:
    next(folder.glob(name)).chmod(0o640)
    with pytest.raises(FieldKeysUnusable, match=r"open to other users .* chmod 600"):
        FieldKeys.open(folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize("name", ["index.key", "*.*.key"])
@pytest.mark.parametrize("damage", [cut, emptied, longer])
def test_a_damaged_key_file_is_named(
    keys: FieldKeys, folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    path = next(folder.glob(name))
    damage(path)
    with pytest.raises(FieldKeysUnusable, match=f"{path.name} holds no key of 32 bytes"):
        FieldKeys.open(folder)


def test_a_key_under_anothers_name_is_named(keys: FieldKeys, folder: Path) -> None:
    path = key_files(folder)[0]
    path.write_bytes(b"x" * 32)
    with pytest.raises(FieldKeysUnusable, match="another key than its name says"):
        FieldKeys.open(folder)


def test_a_lost_index_key_is_not_made_anew(keys: FieldKeys, folder: Path) -> None:
    (folder / "index.key").unlink()
    with pytest.raises(FieldKeysUnusable, match=r"index\.key is missing"):
        FieldKeys.open(folder)
    assert not (folder / "index.key").exists()


def test_a_start_that_was_broken_off_is_finished_by_the_next(keys: FieldKeys, folder: Path) -> None:
    """The key of the indexes is made first."""
    index = keys.index("kind", "value")
    key_files(folder)[0].unlink()
    assert FieldKeys.open(folder).index("kind", "value") == index


def test_what_else_lies_in_the_folder_is_left_alone(keys: FieldKeys, folder: Path) -> None:
    for name in ("readme.txt", ".abc.draft", "1.key", "x.0123456789abcdef.key"):
        (folder / name).write_text("not a key")
    assert FieldKeys.open(folder).known() == keys.known()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FieldKeysUnusable, match=r"cannot use the field keys in .*file/keys"):
        FieldKeys.open(tmp_path / "file" / "keys")
