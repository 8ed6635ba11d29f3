"""Values that are taken once and then gone, and gone after a while in any case: logins under way."""

import heapq
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from auth.itsme.settings import Acr
from auth.private import Private

V = TypeVar("V")

LOGIN_LIFE_S: Final = 300.0
MOST_IN_MEMORY: Final = 20_000


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A login between our redirect to the provider and the browser's return. Holds nothing about a person.

    `browser` is the hash of the browser's own secret, `context` whatever the caller wants back, `started_at`
    Unix time.
    """

    nonce: Private[str]
    code_verifier: Private[str]
    browser: str
    acr: Acr
    started_at: float
    context: str

    def to_json(self) -> str:
        plain = {
            "nonce": self.nonce.reveal(),
            "code_verifier": self.code_verifier.reveal(),
            "browser": self.browser,
            "acr": self.acr.value,
            "started_at": self.started_at,
            "context": self.context,
        }
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> "PendingLogin":
        """Of what `to_json` wrote; what else it is given is our own mistake."""
        read = json.loads(text)
        return cls(
            nonce=Private(read["nonce"]),
            code_verifier=Private(read["code_verifier"]),
            browser=read["browser"],
            acr=Acr(read["acr"]),
            started_at=read["started_at"],
            context=read["context"],
        )


class OneTime(Protocol[V]):
    """`key` is a hash: whoever reads the store learns nothing that could be shown to us."""

    async def save(self, key: str, value: V, ttl_s: float) -> None: ...

    async def take(self, key: str) -> V | None:
        """The value, for one caller only; None when it is not there, or no longer."""


class LoginStates(OneTime[PendingLogin], Protocol):
    """Logins under way, by the hash of their `state`."""


class MemoryOneTime(Generic[V]):
    """Implements `OneTime` for one process. When full, the entry that ends first makes room: anybody may
    begin logins, and those of people who are quick about it matter more than those of nobody.
    """

    def __init__(self, *, most: int = MOST_IN_MEMORY, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._values: dict[str, tuple[float, V]] = {}
        self._ends: list[tuple[float, str]] = []

    async def save(self, key: str, value: V, ttl_s: float) -> None:
        now = self._clock()
        while self._ends and (self._ends[0][0] <= now or len(self._values) >= self._most):
            end, old = heapq.heappop(self._ends)
            if self._values.get(old, (None,))[0] == end:
                del self._values[old]
        self._values[key] = (now + ttl_s, value)
        heapq.heappush(self._ends, (now + ttl_s, key))

    async def take(self, key: str) -> V | None:
        end, value = self._values.pop(key, (float("-inf"), None))
        return value if end > self._clock() else None
