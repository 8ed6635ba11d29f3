"""A session: one participant's numbered events, and those kept for a resume. Pure; outlives its WebSocket.

Events are numbered 1, 2, 3 … as they happen, whether somebody is connected or not. The last ones are kept,
and a resume hands out exactly those after the number the client saw last, in order.
"""

import hashlib
from collections import deque
from typing import NewType

from signalling.errors import ResumeExpired
from signalling.wire import Codec, EncodedEvent

SessionId = NewType("SessionId", str)
TokenHash = NewType("TokenHash", str)


def hash_token(token: str) -> TokenHash:
    """How a resume token is kept. It has 256 random bits, so a plain hash cannot be guessed back."""
    return TokenHash(hashlib.sha256(token.encode()).hexdigest())


class EventLog:
    """The numbered events of one session. The oldest are dropped when there are too many or too big ones."""

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._kept: deque[tuple[EncodedEvent, int]] = deque()
        self._bytes = 0
        self.last_seq = 0

    def append(self, event: EncodedEvent, codec: Codec) -> bytes:
        """Number the event and keep it; the payload of its frame."""
        self.last_seq += 1
        frame = event.frame(codec, self.last_seq)
        # The body is shared with the logs of all others who got the event: counting it here in full errs on
        # the safe side.
        self._kept.append((event, len(frame)))
        self._bytes += len(frame)
        while len(self._kept) > self._max_events or self._bytes > self._max_bytes:
            _, dropped = self._kept.popleft()
            self._bytes -= dropped
        return frame

    def after(self, last_seq: int, codec: Codec) -> list[bytes]:
        """The frames' payloads of every event after `last_seq`, in order.

        Raises ResumeExpired when some of them are no longer kept, or `last_seq` was never sent.
        """
        missed = self.last_seq - last_seq
        if not 0 <= missed <= len(self._kept):
            raise ResumeExpired
        late = list(self._kept)[len(self._kept) - missed :]
        return [event.frame(codec, last_seq + n) for n, (event, _) in enumerate(late, start=1)]
