"""What `sfu` raises on purpose: one small tree, each with a stable `code` for the wire.

No message quotes what a peer sent: offers hold addresses and credentials.
"""

from typing import ClassVar


class SfuError(Exception):
    """Base of all that `sfu` raises on purpose."""

    code: ClassVar[str] = "media-failed"


class BadOffer(SfuError):
    """The offer cannot be answered: malformed, or against RFC 9429 or our rules. Nothing has changed."""

    code = "bad-sdp"


class SdpError(BadOffer):
    """The text is not a session description we can read (RFC 8866).

    `line` counts from 1, 0 means the description as a whole; `attribute` is the line type (`m=`) or the
    attribute's name (`rtpmap`), from our own list, never from the text.
    """

    def __init__(self, line: int, attribute: str, reason: str) -> None:
        super().__init__(f"line {line}, {attribute}: {reason}" if line else reason)
        self.line = line
        self.attribute = attribute
        self.reason = reason


class UnknownTrack(SfuError):
    """The track does not exist, or not any more."""

    code = "unknown-track"


class UnsupportedCodec(SfuError):
    """None of the codecs offered for an m-section can be used there."""

    code = "unsupported-codec"


class LimitReached(SfuError):
    """A configured limit is reached: transports, tracks, subscriptions, taps."""

    code = "limit-reached"


class TapsOff(SfuError):
    """This node does not record: no media can be tapped on it."""

    code = "recording-off"


class TransportClosed(SfuError):
    """The transport has been closed; it takes no offers any more."""

    code = "transport-closed"


class DataPlaneFailed(SfuError):
    """The native data plane refused what it should have taken: our bug, or a machine in trouble."""

    code = "media-failed"


class BadSettings(SfuError):
    """The settings cannot be used: an address that is none, a limit of zero."""

    code = "bad-settings"
