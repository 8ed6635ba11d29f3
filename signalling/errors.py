"""What goes wrong in signalling, split by whose fault it is.

A `Refusal` answers one request and changes nothing; `code` is what the client reads. One with a `close` code
also ends the connection. Texts are ours, never the client's words.
"""

from typing import ClassVar

from signalling.codes import CloseCode, ErrorCode


class SignallingError(Exception):
    """Base of all that signalling raises on purpose."""


class Refusal(SignallingError):
    """A request that is answered with an error reply."""

    code: ClassVar[ErrorCode]
    close: ClassVar[CloseCode | None] = None
    text: ClassVar[str]

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text or self.text)


class PeerViolation(Refusal):
    """The peer broke the protocol: it is told and, the third time, closed."""


class BadMessage(PeerViolation):
    """A frame that cannot be read, or a message without the right fields."""

    code = ErrorCode.BAD_MESSAGE
    text = "the message cannot be read"

    def __init__(self, text: str | None = None, request_id: int | None = None) -> None:
        super().__init__(text)
        self.request_id = request_id


class UnknownType(Refusal):
    """A message of a type we do not know: a newer client, no offence."""

    code = ErrorCode.UNKNOWN_TYPE
    text = "this server does not know messages of this type"

    def __init__(self, text: str | None = None, request_id: int | None = None) -> None:
        super().__init__(text)
        self.request_id = request_id


class NotJoined(Refusal):
    code = ErrorCode.NOT_JOINED
    text = "join or resume comes first"


class AlreadyJoined(Refusal):
    code = ErrorCode.ALREADY_JOINED
    text = "this connection has a session already"


class NotAdmitted(Refusal):
    code = ErrorCode.NOT_ADMITTED
    text = "a doctor has not admitted you yet"


class NotAllowed(Refusal):
    code = ErrorCode.NOT_ALLOWED
    text = "your role may not do this"


class UnknownParticipant(Refusal):
    code = ErrorCode.UNKNOWN_PARTICIPANT
    text = "no such participant is in this room"


class UnknownTrack(Refusal):
    code = ErrorCode.UNKNOWN_TRACK
    text = "no such track is in this room"


class LimitReached(Refusal):
    code = ErrorCode.LIMIT_REACHED
    text = "this room takes no more of these"


class OfferTimedOut(Refusal):
    code = ErrorCode.TIMED_OUT
    text = "the media plane did not answer in time; offer anew from a new peer connection"


class NotAvailable(Refusal):
    code = ErrorCode.NOT_AVAILABLE
    text = "this server does not offer this"


class TryAgain(Refusal):
    code = ErrorCode.TRY_AGAIN
    text = "the service is briefly unable to do this"


class ResumeExpired(Refusal):
    code = ErrorCode.RESUME_EXPIRED
    text = "this session is over, or events since last_seq are no longer held: join with a new ticket"


class TicketRefused(Refusal):
    """The ticket is expired, used, foreign or forged. `reason` is for our log, not for the client."""

    code = ErrorCode.TICKET_REFUSED
    close = CloseCode.TICKET_REFUSED
    text = "the ticket is not valid, or no longer"

    def __init__(self, reason: str = "refused") -> None:
        super().__init__()
        self.reason = reason


class NoSuchRoom(Refusal):
    code = ErrorCode.NO_SUCH_ROOM
    close = CloseCode.NO_SUCH_ROOM
    text = "there is no such room"


class RoomFull(Refusal):
    code = ErrorCode.LIMIT_REACHED
    close = CloseCode.NOT_ALLOWED
    text = "the room is full"


class RoomEnded(Refusal):
    code = ErrorCode.ROOM_ENDED
    close = CloseCode.ROOM_ENDED
    text = "the room has ended"


class Moved(Refusal):
    """The room lives on another node: the reply carries that node's `url`."""

    code = ErrorCode.MOVED
    close = CloseCode.DONE
    text = "the room is on another node"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url


class ConsentNeeded(Refusal):
    code = ErrorCode.CONSENT_NEEDED
    text = "the patient has not agreed to this"


class Draining(Refusal):
    code = ErrorCode.DRAINING
    close = CloseCode.DRAINING
    text = "this node takes no new participants"


class StoreUnavailable(SignallingError):
    """The room store does not answer; nothing is known to have changed."""


class StoreSettling(StoreUnavailable):
    """The store is back after a while away: those who own rooms speak first, then new ones are opened."""


class Fenced(SignallingError):
    """Another node has taken the room since: whoever holds this lease must let go of it."""
