from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import ServerViolation
from loadtest.wire import Encoding, binary, decode, encode

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("encoding", list(Encoding))
@given(fields=st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_a_message_survives_the_way_out_and_back(encoding: Encoding, fields: dict[str, Any]) -> None:
    message = {**fields, "type": "x"}
    assert decode(encoding, encode(encoding, message)) == message


@pytest.mark.parametrize("encoding", list(Encoding))
@given(body=st.binary(max_size=64))
def test_bytes_come_back_as_bytes_in_either_encoding(encoding: Encoding, body: bytes) -> None:
    message = decode(encoding, encode(encoding, {"type": "relay", "body": body}))
    assert binary(message["body"]) == body


@pytest.mark.parametrize("encoding", list(Encoding))
@given(frame=st.binary(max_size=64) | st.text(max_size=64))
def test_any_frame_is_a_message_or_a_violation(encoding: Encoding, frame: str | bytes) -> None:
    try:
        message = decode(encoding, frame)
    except ServerViolation:
        return
    assert isinstance(message["type"], str)


def test_text_that_is_not_base64url_is_no_binary_field() -> None:
    with pytest.raises(ServerViolation):
        binary("no base64!")
