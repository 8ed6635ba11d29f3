"""The two vocabularies of refusal: `code` of an error reply, and WebSocket close codes (RFC 6455 §7.4.2)."""

from enum import Enum, IntEnum


class ErrorCode(Enum):
    """`code` of an error reply. For an offer it may also be one of the media plane's (MediaRefused)."""

    BAD_MESSAGE = "bad-message"
    UNKNOWN_TYPE = "unknown-type"
    NOT_JOINED = "not-joined"
    ALREADY_JOINED = "already-joined"
    NOT_ADMITTED = "not-admitted"
    NOT_ALLOWED = "not-allowed"
    UNKNOWN_PARTICIPANT = "unknown-participant"
    UNKNOWN_TRACK = "unknown-track"
    LIMIT_REACHED = "limit-reached"
    TIMED_OUT = "timed-out"
    NOT_AVAILABLE = "not-available"
    TRY_AGAIN = "try-again"
    RESUME_EXPIRED = "resume-expired"
    TICKET_REFUSED = "ticket-refused"
    NO_SUCH_ROOM = "no-such-room"
    ROOM_ENDED = "room-ended"
    MOVED = "moved"
    CONSENT_NEEDED = "consent-needed"
    DRAINING = "draining"
    INTERNAL = "internal"


class CloseCode(IntEnum):
    """Why the server closes a WebSocket. 4000 to 4999 are ours (RFC 6455 §7.4.2)."""

    DONE = 1000
    TOO_BIG = 1009
    BAD_MESSAGE = 4400
    TICKET_REFUSED = 4401
    NOT_ALLOWED = 4403
    NO_SUCH_ROOM = 4404
    TOO_SLOW = 4408
    REPLACED = 4409
    ROOM_ENDED = 4410
    TOO_MANY_REQUESTS = 4429
    DRAINING = 4503
