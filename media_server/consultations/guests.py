"""Guests of a consultation: who was invited, who came, and whose presence the patient agrees to now.
Blocking.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, select

from media_server.consents import Ledger, guest_recipient
from media_server.records import reading, tables

_invitations = tables.invitations


@dataclass(frozen=True, slots=True)
class Invited:
    """`label`: what they are to the patient; `participant`: who came, None: nobody yet."""

    invitation: str
    label: str
    participant: str | None

    @property
    def recipient(self) -> str:
        """As a consent names them."""
        return guest_recipient(self.label, self.invitation)


class Guests:
    """Every method may raise RecordsUnusable."""

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    def invited(self, consultation: str, now_us: int) -> list[Invited]:
        """Who came, or still may, oldest first: not those whose invitation was taken back or has expired."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(
                    _invitations.c.id,
                    _invitations.c.label,
                    _invitations.c.participant,
                    _invitations.c.expires_at_us,
                )
                .where(_invitations.c.consultation == consultation, _invitations.c.revoked_at_us.is_(None))
                .order_by(_invitations.c.created_at_us)
            ).all()
        return [
            Invited(row.id, row.label, row.participant)
            for row in rows
            if row.participant is not None or now_us < row.expires_at_us
        ]

    def agreed(self, consultation: str) -> frozenset[str]:
        """The participants whom the patient lets be there now."""
        granted = self._ledger.guests_granted(consultation)
        if not granted:
            return frozenset()
        came = (each for each in self.invited(consultation, 0) if each.participant is not None)
        return frozenset(each.participant or "" for each in came if each.recipient in granted)
