"""PROTOCOL.md says what the code does: every example is read by the real models, every name is in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import signalling
from signalling.codes import CloseCode, ErrorCode
from signalling.events import EVENTS, Event
from signalling.messages import MAX_MIDS, MAX_RELAY_BODY, MAX_SDP_CHARACTERS, REQUESTS, parse
from signalling.replies import REPLIES, Answered, Error, Joined, Ok, RecordingIs, Reply
from signalling.settings import SignallingSettings
from signalling.views import StopReason
from signalling.wire import MAX_MESSAGE_BYTES, Codec, EncodedEvent, decode, encode
from signalling.wire_model import JSON_BYTES

TEXT = (Path(signalling.__file__).parent / "PROTOCOL.md").read_text()
BLOCKS = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
EXAMPLES: list[dict[str, Any]] = [json.loads(block) for block in BLOCKS]
REQUESTS_SHOWN = [m for m in EXAMPLES if "seq" not in m and m["type"] not in ("ok", "error")]
REPLIES_SHOWN = [m for m in EXAMPLES if m["type"] in ("ok", "error")]
EVENTS_SHOWN = [m for m in EXAMPLES if "seq" in m]
EVENT_MODELS: dict[str, type[Event]] = {model.model_fields["type"].default: model for model in EVENTS}


def named(message: dict[str, Any]) -> str:
    return str(message["type"])


def reply_model(message: dict[str, Any]) -> type[Reply]:
    if message["type"] == "error":
        return Error
    for field, model in (("session", Joined), ("sdp", Answered), ("recording", RecordingIs)):
        if field in message:
            return model
    return Ok


def test_every_kind_of_message_has_an_example() -> None:
    assert {m["type"] for m in REQUESTS_SHOWN} == set(REQUESTS)
    assert {m["type"] for m in EVENTS_SHOWN} == set(EVENT_MODELS)
    assert {reply_model(m) for m in REPLIES_SHOWN} == set(REPLIES)
    assert len(EXAMPLES) == len(REQUESTS_SHOWN) + len(REPLIES_SHOWN) + len(EVENTS_SHOWN)


@pytest.mark.parametrize("example", REQUESTS_SHOWN, ids=named)
def test_the_server_reads_every_request_and_each_of_its_fields(example: dict[str, Any]) -> None:
    message = parse(decode(Codec.JSON, json.dumps(example)), Codec.JSON.context)
    assert set(example) <= set(type(message).model_fields)


@pytest.mark.parametrize("example", REPLIES_SHOWN, ids=named)
def test_the_server_would_send_every_reply_just_so(example: dict[str, Any]) -> None:
    reply = reply_model(example).model_validate(example, context=JSON_BYTES)
    assert json.loads(encode(Codec.JSON, reply)) == example


@pytest.mark.parametrize("example", EVENTS_SHOWN, ids=named)
def test_the_server_would_send_every_event_just_so(example: dict[str, Any]) -> None:
    event = EVENT_MODELS[example["type"]].model_validate(example, context=JSON_BYTES)
    assert json.loads(EncodedEvent(event).frame(Codec.JSON, example["seq"])) == example


def test_type_and_seq_each_tell_replies_from_events_as_the_page_says() -> None:
    assert "by `type`: `ok` and `error` are replies" in TEXT
    assert not {"ok", "error"} & set(EVENT_MODELS)
    assert all("seq" not in model.model_fields for model in REPLIES)
    with_id = {name for name, model in EVENT_MODELS.items() if "id" in model.model_fields}
    assert {"participant-left", "track-unpublished"} <= with_id
    assert all(isinstance(m["id"], str) for m in EVENTS_SHOWN if "id" in m)


def test_every_code_is_explained_and_no_other() -> None:
    errors = TEXT.split("## Error codes")[1].split("## Close codes")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", errors, re.MULTILINE)) == {code.value for code in ErrorCode}
    closes = TEXT.split("## Close codes")[1].split("## Limits")[0]
    assert {int(code) for code in re.findall(r"^\| (\d{4}) \|", closes, re.MULTILINE)} == set(CloseCode)


def test_every_message_has_a_heading_of_its_own() -> None:
    headings = set(re.findall(r"^### ([a-z-]+)(?: \(event\))?$", TEXT, re.MULTILINE))
    assert headings == set(REQUESTS) | set(EVENT_MODELS)


def test_the_limits_are_the_real_ones() -> None:
    limits = " ".join(TEXT.split("## Limits")[1].split())
    defaults = SignallingSettings()
    for sentence in (
        f"at most {MAX_MESSAGE_BYTES // 1024} KiB",
        f"an SDP {MAX_SDP_CHARACTERS:,} characters",
        f"an offer {MAX_MIDS} entries",
        f"a relay's body {MAX_RELAY_BODY // 1024} KiB",
        f"{defaults.rate_per_s:.0f} requests a second and {defaults.rate_burst:.0f} at once",
        f"{defaults.outbox_frames} messages or {defaults.outbox_bytes // 2**20} MiB unread",
        f"the last {defaults.replay_events} events, at most {defaults.replay_bytes // 2**20} MiB",
    ):
        assert sentence in limits
    assert f"within {defaults.join_timeout_s:.0f} seconds" in TEXT
    assert f"or {defaults.consent_wait_s:.0f} s without an answer" in TEXT


def test_every_reason_why_a_recording_ends_is_named() -> None:
    named_there = TEXT.split("### recording (event)")[1].split("### consent (event)")[0]
    assert [reason.value for reason in StopReason if f"`{reason.value}`" not in named_there] == []


def test_links_within_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
