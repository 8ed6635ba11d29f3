"""What the server answers to a request: `ok` with what was asked for, or `error` (protocol §2)."""

from typing import Literal

from pydantic import Field

from signalling.media import Mid, TrackId
from signalling.private import Private
from signalling.views import Participant, RecordingState, RoomView, Self
from signalling.wire_model import WireModel, absent


class IceServer(WireModel):
    """As `RTCIceServer` of WebRTC takes it."""

    urls: tuple[str, ...]
    username: str | None = Field(default=None, exclude_if=absent)
    credential: Private[str] | None = Field(default=None, exclude_if=absent)


class Reply(WireModel):
    """Base of all replies; `id` is the request's."""

    type: str
    id: int | None


class Ok(Reply):
    type: Literal["ok"] = "ok"
    id: int


class Joined(Ok):
    """The joined state: the reply to `join` and `resume`."""

    session: str
    resume_token: Private[str]
    resume_window_s: float
    ping_interval_s: float
    participant: Self
    room: RoomView
    participants: tuple[Participant, ...]
    ice_servers: tuple[IceServer, ...]
    media_addresses: tuple[str, ...] = ()


class Answered(Ok):
    """The reply to `offer`."""

    sdp: Private[str]
    tracks: dict[Mid, TrackId]


class RecordingIs(Ok):
    """The reply to `recording`."""

    recording: RecordingState


class Error(Reply):
    """`code` is stable, `message` for developers. Without `id` when the request's could not be read."""

    type: Literal["error"] = "error"
    id: int | None = Field(default=None, exclude_if=absent)
    code: str
    message: str
    url: str | None = Field(default=None, exclude_if=absent)


REPLIES: tuple[type[Reply], ...] = (Ok, Joined, Answered, RecordingIs, Error)
