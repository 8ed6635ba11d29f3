"""The catalogue: one row for each recording, from before its first packet until after its erasure."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_server.recording.catalogue import Catalogue, Entry, State
from media_server.recording.errors import CatalogueError, UnknownRecording
from media_server.recording.identity import Identity
from media_server.recording.ids import RecordingId, new_recording_id
from media_server.recording.sealing import RecordingKey
from media_server.recording.signing import manifest_keys, newest_signer
from media_server.records import open_records, reading, sqlite_url

CUSTODIAN = Identity.generate()
HEAD = "ab" * 32


def a_catalogue(folder: Path) -> Catalogue:
    return Catalogue(open_records(sqlite_url(folder / "records.sqlite")))


def an_entry(**changes: Any) -> Entry:
    key = RecordingKey.generate([CUSTODIAN.recipient])
    entry = Entry(
        id=new_recording_id(),
        room="r-1",
        node="node-1",
        policy="consented-recording",
        recipient=key.recipient,
        custodians=(CUSTODIAN.recipient,),
        sealed_key=key.sealed,
        started_at_us=1_800_000_000_000_000,
    )
    return replace(entry, **changes)


def closed(catalogue: Catalogue, entry: Entry, reason: str = "stopped") -> None:
    catalogue.close(entry.id, entry.started_at_us + 30_000_000, reason, HEAD, 30, 9000, 2**33)


def files_with(folder: Path, needle: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def test_what_was_added_is_found_as_it_was_also_by_another_process(tmp_path: Path) -> None:
    entry = an_entry()
    a_catalogue(tmp_path).add(entry)
    assert a_catalogue(tmp_path).get(entry.id) == entry


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    catalogue, entry = a_catalogue(tmp_path), an_entry()
    catalogue.add(entry)
    with pytest.raises(CatalogueError, match="exists"):
        catalogue.add(an_entry(id=entry.id, room="another"))
    assert catalogue.get(entry.id) == entry


def test_without_its_sealed_key_a_recording_is_not_added(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError):
        a_catalogue(tmp_path).add(an_entry(sealed_key=None))


@pytest.mark.parametrize("given_id", ["nothing-here-of-that", "../../etc/passwd", "' OR 1=1 --", "", "\0"])
def test_an_unknown_id_is_told(tmp_path: Path, given_id: str) -> None:
    catalogue, unknown = a_catalogue(tmp_path), RecordingId(given_id)
    catalogue.add(an_entry())
    with pytest.raises(UnknownRecording):
        catalogue.get(unknown)
    with pytest.raises(UnknownRecording):
        catalogue.close(unknown, 1, "stopped", HEAD, 0, 0, 0)
    with pytest.raises(UnknownRecording):
        catalogue.destroy_key(unknown, "receipt")


def test_they_are_listed_oldest_first(tmp_path: Path) -> None:
    catalogue = a_catalogue(tmp_path)
    entries = [an_entry(started_at_us=at) for at in (3, 1, 2)]
    for entry in entries:
        catalogue.add(entry)
    assert [entry.started_at_us for entry in catalogue.list()] == [1, 2, 3]


def test_open_ones_are_those_of_this_node_that_have_not_ended(tmp_path: Path) -> None:
    catalogue = a_catalogue(tmp_path)
    ours, ended, theirs = an_entry(), an_entry(), an_entry(node="node-2")
    for entry in (ours, ended, theirs):
        catalogue.add(entry)
    closed(catalogue, ended)
    assert [entry.id for entry in catalogue.open_ones("node-1")] == [ours.id]


@pytest.mark.parametrize(("reason", "state"), [("stopped", State.CLOSED), ("crash", State.CRASHED)])
def test_how_a_recording_ended_is_kept(tmp_path: Path, reason: str, state: State) -> None:
    catalogue, entry = a_catalogue(tmp_path), an_entry()
    catalogue.add(entry)
    closed(catalogue, entry, reason)
    assert catalogue.get(entry.id) == replace(
        entry,
        ended_at_us=entry.started_at_us + 30_000_000,
        state=state,
        reason=reason,
        manifest_head=HEAD,
        segments=30,
        packets=9000,
        bytes=2**33,
    )


def test_a_recording_ends_once(tmp_path: Path) -> None:
    catalogue, entry = a_catalogue(tmp_path), an_entry()
    catalogue.add(entry)
    closed(catalogue, entry)
    with pytest.raises(CatalogueError, match="ended already"):
        closed(catalogue, entry, "crash")
    assert catalogue.get(entry.id).reason == "stopped"


def test_one_erased_while_it_is_recorded_stays_erased_when_it_ends(tmp_path: Path) -> None:
    catalogue, entry = a_catalogue(tmp_path), an_entry()
    catalogue.add(entry)
    catalogue.destroy_key(entry.id, "receipt")
    assert [open_one.id for open_one in catalogue.open_ones("node-1")] == [entry.id]
    closed(catalogue, entry)
    after = catalogue.get(entry.id)
    assert (after.state, after.reason, after.sealed_key) == (State.ERASED, "stopped", None)
    assert catalogue.open_ones("node-1") == ()


def test_a_destroyed_key_is_gone_from_every_file_and_the_others_stay(tmp_path: Path) -> None:
    catalogue = a_catalogue(tmp_path)
    entries = [an_entry() for _ in range(60)]
    for entry in entries:
        catalogue.add(entry)
        closed(catalogue, entry)
    doomed, *rest = sorted(entries, key=lambda entry: entry.id)
    assert doomed.sealed_key is not None
    for piece in (doomed.sealed_key[:48], doomed.sealed_key[-48:]):
        assert piece.startswith(b"age-encryption") or files_with(tmp_path, piece)
    catalogue.destroy_key(doomed.id, "receipt")
    # The first line and the stanza's name are alike in all age files; what follows is this key's own.
    own = doomed.sealed_key.split(b"-> X25519 ", 1)[1]
    pieces = [own[at : at + 16] for at in range(0, len(own) - 16, 16)]
    assert [name for piece in pieces for name in files_with(tmp_path, piece)] == []
    assert catalogue.get(doomed.id).sealed_key is None
    assert all(catalogue.get(entry.id).sealed_key == entry.sealed_key for entry in rest)


def test_the_first_receipt_stands(tmp_path: Path) -> None:
    catalogue, entry = a_catalogue(tmp_path), an_entry()
    catalogue.add(entry)
    assert catalogue.destroy_key(entry.id, "first") == "first"
    assert catalogue.destroy_key(entry.id, "second") == "first"
    assert catalogue.get(entry.id).receipt == "first"


def test_a_copy_that_a_reader_holds_is_told_and_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media_server.records.sqlite._BUSY_S", 0)
    monkeypatch.setattr("media_server.records.sqlite._PRAGMAS", ("busy_timeout = 50", "secure_delete = ON"))
    catalogue, entry = a_catalogue(tmp_path), an_entry()
    catalogue.add(entry)
    assert entry.sealed_key is not None
    elsewhere = open_records(sqlite_url(tmp_path / "records.sqlite"))
    with reading(elsewhere) as reader:
        reader.exec_driver_sql("SELECT * FROM recordings").all()
        with pytest.raises(CatalogueError, match="could not be overwritten"):
            catalogue.destroy_key(entry.id, "receipt")
    catalogue.destroy_key(entry.id, "another")
    assert files_with(tmp_path, entry.sealed_key[-48:]) == []
    assert catalogue.get(entry.id).receipt == "receipt"


def test_keys_of_all_nodes_verify(tmp_path: Path) -> None:
    signers = [newest_signer(manifest_keys(tmp_path / node)) for node in ("node-1", "node-2")]
    for signer in (*signers, signers[0]):
        a_catalogue(tmp_path).register_key(signer.kid, signer.public_key, "node")
    keys = a_catalogue(tmp_path).verifying_keys()
    assert set(keys) == {signer.kid for signer in signers}
    for signer in signers:
        keys[signer.kid].verify(signer.sign(b"line"), b"line")
    with pytest.raises(InvalidSignature):
        keys[signers[0].kid].verify(signers[1].sign(b"line"), b"line")


def test_a_known_key_is_not_replaced(tmp_path: Path) -> None:
    catalogue = a_catalogue(tmp_path)
    catalogue.register_key("kid", b"a" * 32, "node")
    with pytest.raises(CatalogueError, match="another key"):
        catalogue.register_key("kid", b"b" * 32, "node")


def test_the_sealed_key_is_not_shown() -> None:
    assert "sealed_key" not in repr(an_entry())


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    room=_texts, node=_texts, policy=_texts, started=st.integers(0, 2**63 - 1), key=st.binary(max_size=5000)
)
def test_anything_a_field_may_hold_comes_back(
    tmp_path: Path, room: str, node: str, policy: str, started: int, key: bytes
) -> None:
    catalogue = a_catalogue(tmp_path)
    entry = an_entry(room=room, node=node, policy=policy, started_at_us=started, sealed_key=key)
    catalogue.add(entry)
    assert catalogue.get(entry.id) == entry
