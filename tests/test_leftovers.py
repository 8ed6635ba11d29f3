"""Searching for what was typed finds it however it was written down."""

import base64
import json
import secrets
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leftovers import files_beneath, found

TYPED = "Kerkstraat 12, Liège"


@pytest.mark.parametrize("around", ["", "a", "ab", "abc"])
@pytest.mark.parametrize(
    "write",
    [
        str.encode,
        lambda text: text.encode("utf-16-le"),
        lambda text: json.dumps(text).encode(),
        lambda text: text.encode().hex().encode(),
        lambda text: quote(text).encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.urlsafe_b64encode(text.encode()),
    ],
)  # fmt: skip
def test_text_is_found_in_every_spelling_and_wherever_it_begins(write: object, around: str) -> None:
    assert callable(write)
    content = write(f"{around}{TYPED}{around}")
    assert found([TYPED], [("here", content)]) == ["Kerkstraat 1… in here"]
    assert found(["Dorpsstraat 12"], [("here", content)]) == []


def test_a_file_within_another_is_found_and_so_are_words_in_names(tmp_path: Path) -> None:
    photo = secrets.token_bytes(1_000)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "half").write_bytes(bytes(1_000) + photo)
    (tmp_path / "Kerkstraat 12, Liège").touch()
    assert found([TYPED, photo], files_beneath(tmp_path)) == [
        "Kerkstraat 1… in the name of Kerkstraat 12, Liège",
        "a file of 1000 bytes in sub/half",
    ]


def test_nothing_is_taken_for_a_file_because_both_are_plain() -> None:
    photo = bytes(500) + secrets.token_bytes(100) + bytes(500)
    assert found([photo], [("here", bytes(2_000))]) == []
    with pytest.raises(ValueError, match="tells it from other files"):
        found([bytes(1_000)], [("here", bytes(2_000))])
