"""Sealing: what is written can be opened by the key holder alone, with our code and with any stock age."""

import errno
import io
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_server.recording.errors import (
    BadIdentity,
    BadRecipient,
    OutputRefused,
    SealBroken,
    WrongIdentity,
)
from media_server.recording.identity import Identity, check_recipient, load_identity, make_identity_file
from media_server.recording.sealing import RecordingIdentity, RecordingKey, decrypt, open_key, seal
from tests.age_tool import opened_with_age

NEEDLE = b"spoken in clear " * 64
AN_IDENTITY = Identity.generate()
A_RECIPIENT = AN_IDENTITY.recipient


def a_custodian(folder: Path, name: str = "custodian.key") -> tuple[Path, str]:
    path = folder / name
    return path, make_identity_file(path)


def sealed_to(recipient: str, *chunks: bytes) -> bytes:
    out = io.BytesIO()
    seal(recipient).write(chunks, out)
    return out.getvalue()


def opened(folder: Path, key: RecordingKey) -> RecordingIdentity:
    return open_key(key.sealed, load_identity(folder / "custodian.key"))


@settings(deadline=None, max_examples=30)
@given(chunks=st.lists(st.binary(max_size=70_000), max_size=4))
def test_what_is_sealed_in_any_pieces_opens_as_one(chunks: list[bytes]) -> None:
    key = RecordingKey.generate([A_RECIPIENT])
    private = open_key(key.sealed, [AN_IDENTITY])
    assert decrypt(private, io.BytesIO(sealed_to(key.recipient, *chunks))) == b"".join(chunks)


def test_each_recording_has_a_key_of_its_own() -> None:
    first, second = RecordingKey.generate([A_RECIPIENT]), RecordingKey.generate([A_RECIPIENT])
    assert first.recipient != second.recipient
    other = open_key(second.sealed, [AN_IDENTITY])
    with pytest.raises(WrongIdentity):
        decrypt(other, io.BytesIO(sealed_to(first.recipient, NEEDLE)))


def test_a_custodian_opens_the_key_but_no_segment_directly(tmp_path: Path) -> None:
    _, recipient = a_custodian(tmp_path)
    key = RecordingKey.generate([recipient])
    segment = sealed_to(key.recipient, NEEDLE)
    [custodian] = load_identity(tmp_path / "custodian.key")
    with pytest.raises(WrongIdentity):
        decrypt(RecordingIdentity(custodian), io.BytesIO(segment))
    assert decrypt(opened(tmp_path, key), io.BytesIO(segment)) == NEEDLE


def test_each_of_several_custodians_opens_alone(tmp_path: Path) -> None:
    recipients = [a_custodian(tmp_path, name)[1] for name in ("one", "two")]
    key = RecordingKey.generate([*recipients, recipients[0]])
    found = [open_key(key.sealed, load_identity(tmp_path / name)).recipient for name in ("one", "two")]
    assert found == [key.recipient, key.recipient]


def test_nothing_of_the_content_is_in_what_is_written() -> None:
    segment = sealed_to(RecordingKey.generate([A_RECIPIENT]).recipient, NEEDLE)
    assert b"spoken" not in segment


def test_stock_age_opens_the_key_and_with_it_a_segment(tmp_path: Path) -> None:
    identity, recipient = a_custodian(tmp_path)
    key = RecordingKey.generate([recipient])
    segment = tmp_path / "000001.age"
    segment.write_bytes(sealed_to(key.recipient, NEEDLE, NEEDLE))
    private = opened_with_age(identity, key.sealed)
    assert private.startswith(b"AGE-SECRET-KEY-1")
    assert private.endswith(b"\n")
    assert opened_with_age(private, segment) == NEEDLE * 2


def test_stock_age_opens_nothing_without_the_identity(tmp_path: Path) -> None:
    stranger, _ = a_custodian(tmp_path)
    key = RecordingKey.generate([A_RECIPIENT])
    segment = tmp_path / "000001.age"
    segment.write_bytes(sealed_to(key.recipient, NEEDLE))
    for sealed in (key.sealed, segment):
        with pytest.raises(subprocess.CalledProcessError):
            opened_with_age(stranger, sealed)


@pytest.mark.parametrize(
    "damage", [lambda it: it[:-1], lambda it: b"", lambda it: it[:-1] + bytes([it[-1] ^ 1])]
)
def test_damage_is_told_from_a_wrong_identity(damage: Callable[[bytes], bytes]) -> None:
    key = RecordingKey.generate([A_RECIPIENT])
    private = open_key(key.sealed, [AN_IDENTITY])
    with pytest.raises(SealBroken):
        decrypt(private, io.BytesIO(damage(sealed_to(key.recipient, NEEDLE))))
    with pytest.raises(SealBroken):
        open_key(damage(key.sealed), [AN_IDENTITY])


def test_a_key_envelope_with_something_else_in_it_is_refused() -> None:
    with pytest.raises(SealBroken, match="no identity"):
        open_key(sealed_to(A_RECIPIENT, b"\xff not a key"), [AN_IDENTITY])


class FullDisk(io.BytesIO):
    """Takes so many bytes and then fails as a full disk does."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: object) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = super().write(memoryview(data)[: self.room])  # type: ignore[arg-type]
        self.room -= taken
        return taken


@pytest.mark.parametrize("room", [0, 1, 100_000])
def test_a_full_disk_is_noticed_wherever_it_strikes(room: int) -> None:
    key = RecordingKey.generate([A_RECIPIENT])
    with pytest.raises(OSError, match="No space left") as failure:
        seal(key.recipient).write([bytes(200_000)], FullDisk(room))
    assert failure.value.errno == errno.ENOSPC


class Dribble(io.BytesIO):
    """Takes ten bytes at a time, as a raw file may."""

    def write(self, data: object) -> int:
        return super().write(memoryview(data)[:10])  # type: ignore[arg-type]


def test_a_file_that_takes_less_than_it_was_given_is_given_the_rest() -> None:
    key = RecordingKey.generate([A_RECIPIENT])
    out = Dribble()
    seal(key.recipient).write([NEEDLE], out)
    assert decrypt(open_key(key.sealed, [AN_IDENTITY]), io.BytesIO(out.getvalue())) == NEEDLE


def test_what_the_chunks_raise_comes_through() -> None:
    def failing() -> Iterator[bytes]:
        yield NEEDLE
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        seal(A_RECIPIENT).write(failing(), io.BytesIO())


def test_a_sealer_is_used_again_after_a_failure() -> None:
    key = RecordingKey.generate([A_RECIPIENT])
    sealer = seal(key.recipient)
    with pytest.raises(OSError, match="No space left"):
        sealer.write([NEEDLE], FullDisk(0))
    out = io.BytesIO()
    sealer.write([NEEDLE], out)
    assert decrypt(open_key(key.sealed, [AN_IDENTITY]), io.BytesIO(out.getvalue())) == NEEDLE


# --- Recipients and identity files ---


def test_without_a_custodian_there_is_no_key() -> None:
    with pytest.raises(BadRecipient):
        RecordingKey.generate([])


@pytest.mark.parametrize("text", ["", "age1", "age1" + "q" * 58, "ssh-ed25519 AAAA", "age1é"])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(BadRecipient, match="age1"):
        check_recipient(text)


@pytest.mark.parametrize("change", [str, str.lower, lambda text: f" {text}"])
def test_a_secret_key_in_the_place_of_a_recipient_is_refused_and_not_repeated(
    change: Callable[[str], str],
) -> None:
    secret = str(AN_IDENTITY.key)
    with pytest.raises(BadRecipient, match="secret key") as refused:
        check_recipient(change(secret))
    assert secret[20:].lower() not in str(refused.value).lower()


def test_an_identity_file_is_for_its_owner_alone_and_says_its_recipient(tmp_path: Path) -> None:
    path, recipient = a_custodian(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"# public key: {recipient}\n" in path.read_text()
    assert [each.recipient for each in load_identity(path)] == [recipient]


def test_an_identity_is_never_shown() -> None:
    assert "AGE-SECRET" not in repr(AN_IDENTITY).upper()


def test_an_identity_file_takes_no_other_files_place(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_text("precious")
    with pytest.raises(OutputRefused, match="exists already"):
        make_identity_file(path)
    assert path.read_text() == "precious"


def test_several_identities_in_a_file_are_all_taken(tmp_path: Path) -> None:
    (_, first), (_, second) = a_custodian(tmp_path, "a"), a_custodian(tmp_path, "b")
    both = tmp_path / "both"
    both.touch(mode=0o600)
    both.write_text("\n\n# mine\n" + (tmp_path / "a").read_text() + (tmp_path / "b").read_text())
    assert [each.recipient for each in load_identity(both)] == [first, second]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700 | 0o011])
def test_an_identity_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path, _ = a_custodian(tmp_path)
    path.chmod(mode)
    with pytest.raises(BadIdentity, match=f"chmod 600 {path}"):
        load_identity(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no identity"),
        (b"# only words\n", "holds no identity"),
        (b"# fine\nAGE-SECRET-KEY-1NONSENSE\n", "line 2"),
        (b"\xff\xfe\n", "line 1"),
        (b"age-encryption.org/v1\n-> scrypt x 18\n", "encrypted"),
        (b"#\n" * 100_000, "too large"),
    ],
)
def test_a_file_without_a_usable_identity_is_refused_in_words(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "odd.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(BadIdentity, match=said) as refused:
        load_identity(path)
    assert "NONSENSE" not in str(refused.value)


@pytest.mark.parametrize("name", ["nowhere.key", "."])
def test_an_identity_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadIdentity, match="cannot read"):
        load_identity(tmp_path / name)
