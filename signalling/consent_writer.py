"""How a participant's word reaches the ledger: a grant before it counts, a no after it has taken effect.

For one participant the ledger is asked for one thing at a time, in the order the words were said. A no that
the ledger does not take stays noted and is tried again, so nobody is recorded because of a ledger that is
away.
"""

import asyncio
import logging
from dataclasses import dataclass
from weakref import WeakValueDictionary

from signalling.consents import Consent, ConsentKind, Consents, ConsentsUnavailable
from signalling.counters import Counters
from signalling.errors import NotAvailable, TryAgain
from signalling.media import ParticipantId, RoomId
from signalling.settings import SignallingSettings
from signalling.views import ConsentState

log = logging.getLogger(__name__)

Whose = tuple[RoomId, ParticipantId]


@dataclass(frozen=True, slots=True)
class _No:
    state: ConsentState
    text_version: str | None


class ConsentWriter:
    def __init__(self, consents: Consents | None, settings: SignallingSettings, counters: Counters) -> None:
        self._consents = consents
        self._settings = settings
        self._counters = counters
        # Bounded: one for each participant who said no, until it is written.
        self._noes: dict[Whose, _No] = {}
        self._granting: dict[Whose, bool] = {}
        """Whose grant is being written, and whether a no came meanwhile."""
        self._turns: WeakValueDictionary[Whose, asyncio.Lock] = WeakValueDictionary()
        self._noted = asyncio.Event()

    async def grant(self, room: RoomId, participant: ParticipantId, text_version: str | None) -> Consent:
        """The ledger's entry. Raises TryAgain when there is none in time, or a no was said meanwhile."""
        whose = room, participant
        if whose in self._granting:
            raise TryAgain
        self._granting[whose] = False
        try:
            async with asyncio.timeout(self._settings.consent_timeout_s), self._turn(whose):
                await self._write_no(whose)
                consent = await self._record(whose, ConsentState.GRANTED, text_version)
        except (TimeoutError, ConsentsUnavailable):
            self._failed()
            raise TryAgain from None
        finally:
            overtaken = self._granting.pop(whose)
        if overtaken:
            raise TryAgain("refused or withdrawn meanwhile")
        return consent

    def refuse(
        self,
        room: RoomId,
        participant: ParticipantId,
        state: ConsentState | None,
        text_version: str | None,
    ) -> None:
        """Have a no written that has taken effect: `state`, None if the room had it already. Never waits."""
        whose = room, participant
        if whose in self._granting:
            self._granting[whose] = True
            state = ConsentState.WITHDRAWN  # as the ledger will see it, if that grant gets there
        if state is None:
            return
        unwritten = self._noes.get(whose)
        if unwritten is not None and unwritten.state is ConsentState.WITHDRAWN:
            state = ConsentState.WITHDRAWN
        self._noes[whose] = _No(state, text_version)
        self._noted.set()

    async def run(self) -> None:
        """Write every no, until cancelled."""
        while True:
            if not self._noes:
                self._noted.clear()
                await self._noted.wait()
            try:
                await self.flush()
            except (TimeoutError, ConsentsUnavailable):
                self._failed()
                await asyncio.sleep(self._settings.store_retry_s)

    async def flush(self) -> None:
        """Write every no there is. Raises TimeoutError, ConsentsUnavailable; the unwritten stay noted."""
        failure: Exception | None = None
        for whose in list(self._noes):
            try:
                async with asyncio.timeout(self._settings.consent_timeout_s), self._turn(whose):
                    await self._write_no(whose)
            except (TimeoutError, ConsentsUnavailable) as error:
                failure = error  # somebody else's may be taken
        if failure is not None:
            raise failure

    @property
    def unwritten(self) -> int:
        return len(self._noes)

    async def _write_no(self, whose: Whose) -> None:
        no = self._noes.get(whose)
        if no is None:
            return
        await self._record(whose, no.state, no.text_version)
        if self._noes.get(whose) is no:  # else another was said while we wrote
            del self._noes[whose]

    async def _record(self, whose: Whose, state: ConsentState, text_version: str | None) -> Consent:
        if self._consents is None:
            raise NotAvailable
        room, participant = whose
        return await self._consents.record(room, participant, ConsentKind.RECORDING, state, text_version)

    def _turn(self, whose: Whose) -> asyncio.Lock:
        turn = self._turns.get(whose)
        if turn is None:
            turn = self._turns[whose] = asyncio.Lock()
        return turn

    def _failed(self) -> None:
        self._counters.consent_failures += 1
        log.warning("consents.unavailable", extra={"unwritten": self.unwritten})
