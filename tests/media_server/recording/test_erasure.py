"""Erasure: nobody opens a recording any more, and a receipt proves that it was done."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.recording.catalogue import Catalogue, Entry, State
from media_server.recording.erasure import erase, verify_receipt
from media_server.recording.errors import BadReceipt, UnknownRecording
from media_server.recording.identity import load_identity, make_identity_file
from media_server.recording.ids import RecordingId, new_recording_id
from media_server.recording.sealing import RecordingKey, open_key, seal
from media_server.recording.signing import KeySigner, manifest_keys, newest_signer
from media_server.records import open_records, sqlite_url
from tests.age_tool import opened_with_age

NOW_US = 1_800_000_000_000_000
NEEDLE = b"spoken in clear " * 64


class House:
    """A data folder with one closed recording, and its custodian's identity beside it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.identity = folder / "custodian.key"
        custodian = make_identity_file(self.identity)
        self.catalogue = Catalogue(open_records(sqlite_url(self.data / "records.sqlite")))
        self.signer: KeySigner = newest_signer(manifest_keys(self.data / "manifest-keys"))
        self.catalogue.register_key(self.signer.kid, self.signer.public_key, "node-1")
        key = RecordingKey.generate([custodian])
        self.sealed = key.sealed
        self.entry = Entry(
            id=new_recording_id(),
            room="r",
            node="node-1",
            policy="consented-recording",
            recipient=key.recipient,
            custodians=(custodian,),
            sealed_key=key.sealed,
            started_at_us=1,
        )
        self.catalogue.add(self.entry)
        self.segment = self.data / "recordings" / self.entry.id / "000001.age"
        self.segment.parent.mkdir(parents=True)
        out = io.BytesIO()
        seal(key.recipient).write([NEEDLE], out)
        self.segment.write_bytes(out.getvalue())
        self.catalogue.close(self.entry.id, 2, "stopped", "00" * 32, 1, 1, 1)

    def files(self) -> list[Path]:
        return [path for path in self.data.rglob("*") if path.is_file()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_stock_age_opens_a_segment_before_and_nothing_opens_it_after(house: House) -> None:
    private = opened_with_age(house.identity, house.sealed)
    assert opened_with_age(private, house.segment) == NEEDLE
    del private
    erase(house.catalogue, house.signer, house.entry.id, NOW_US)
    assert house.catalogue.get(house.entry.id).sealed_key is None
    with pytest.raises(subprocess.CalledProcessError):
        opened_with_age(house.identity, house.segment)
    for path in house.files():
        with pytest.raises(subprocess.CalledProcessError):
            opened_with_age(house.identity, path)
    assert NEEDLE[:16] not in b"".join(path.read_bytes() for path in house.files())


def test_no_file_of_the_data_folder_holds_the_sealed_key_any_more(house: House) -> None:
    own = house.sealed.split(b"-> X25519 ", 1)[1]
    pieces = [own[at : at + 16] for at in range(0, len(own) - 16, 16)]
    before = b"".join(path.read_bytes() for path in house.files())
    assert all(piece in before for piece in pieces)
    erase(house.catalogue, house.signer, house.entry.id, NOW_US)
    after = b"".join(path.read_bytes() for path in house.files())
    assert [piece for piece in pieces if piece in after] == []


def test_the_receipt_is_signed_kept_and_names_what_was_destroyed(house: House) -> None:
    erased = erase(house.catalogue, house.signer, house.entry.id, NOW_US)
    receipt = verify_receipt(erased.receipt, house.catalogue.verifying_keys())
    assert (receipt.recording, receipt.erased_at_us, receipt.recipient, receipt.key) == (
        house.entry.id,
        NOW_US,
        house.entry.recipient,
        house.signer.kid,
    )
    entry = house.catalogue.get(house.entry.id)
    assert (entry.state, entry.receipt, entry.reason) == (State.ERASED, erased.receipt, "stopped")


def test_erasing_again_changes_nothing_and_gives_the_same_receipt(house: House) -> None:
    first = erase(house.catalogue, house.signer, house.entry.id, NOW_US)
    second = erase(house.catalogue, house.signer, house.entry.id, NOW_US + 1)
    assert (first.again, second.again) == (False, True)
    assert first.receipt == second.receipt


def test_what_is_not_there_cannot_be_erased(house: House) -> None:
    with pytest.raises(UnknownRecording):
        erase(house.catalogue, house.signer, RecordingId("not-there-at-all-x"), NOW_US)
    assert open_key(house.sealed, load_identity(house.identity)).recipient == house.entry.recipient


def changed(receipt: str, **fields: Any) -> str:
    return json.dumps(json.loads(receipt) | fields, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    "fields",
    [
        {"recording": "another-recording-x"},
        {"erased_at_us": NOW_US - 1},
        {"sealed_key_sha256": "00" * 32},
        {"recipient": "age1another"},
        {"version": 2},
        {"format": "teleconsult-recording"},
        {"erased_at_us": "yesterday"},
        {"signature": "A" * 86},
        {"signature": "short"},
        {"note": "added"},
        {"key": "unknown"},
    ],
    ids=str,
)
def test_a_changed_receipt_is_refused(house: House, fields: dict[str, Any]) -> None:
    receipt = erase(house.catalogue, house.signer, house.entry.id, NOW_US).receipt
    with pytest.raises(BadReceipt):
        verify_receipt(changed(receipt, **fields), house.catalogue.verifying_keys())


def test_every_flipped_bit_of_a_receipt_is_noticed(house: House) -> None:
    receipt = erase(house.catalogue, house.signer, house.entry.id, NOW_US).receipt.encode()
    keys = house.catalogue.verifying_keys()
    for bit in range(len(receipt) * 8):
        flipped = bytearray(receipt)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadReceipt):
            verify_receipt(flipped.decode("utf-8", "surrogateescape"), keys)


@given(text=st.text(st.characters(exclude_categories=[])))
def test_text_that_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(BadReceipt):
        verify_receipt(text, {})


def test_a_receipt_is_refused_where_its_key_is_not_known(house: House, tmp_path: Path) -> None:
    receipt = erase(house.catalogue, house.signer, house.entry.id, NOW_US).receipt
    with pytest.raises(BadReceipt, match="not known"):
        verify_receipt(receipt, {})
