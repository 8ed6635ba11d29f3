"""A node with sessions, people and hand-turned time."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from auth import (
    LONGEST_SESSION_S,
    KeyRing,
    PersonId,
    Private,
    Role,
    SessionKind,
    SessionRefusal,
    SessionRefused,
)
from media_server.records import reading, tables
from media_server.sessions import Begun, Session, SessionStore
from tests.media_server.people.builders import House

ME = PersonId("pt-0123456789abcdef")
DOCTOR = PersonId("dr-0123456789abcdef")
HOUR_US = 3600 * 1_000_000


@dataclass
class Lodge:
    """One node; others over the same records and folder are its twins."""

    engine: Engine
    folder: Path

    def __post_init__(self) -> None:
        self.house = House(self.engine, self.folder / "field-keys")
        self.clock = self.house.clock
        self.ring = KeyRing.open(
            self.folder / "keys", longest_life_s=LONGEST_SESSION_S, clock=lambda: self.clock() / 1e6
        )
        self.store = SessionStore(self.engine, self.ring, self.house.keys, self.clock)

    def twin(self) -> "Lodge":
        """Another node, of the same time."""
        other = Lodge(self.engine, self.folder)
        other.clock.now = self.clock.now
        return other

    def a_page(self, person: PersonId = ME, role: Role = Role.PATIENT, **more: str) -> Begun:
        return self.store.begin(person, role, SessionKind.PAGE, **more)

    def an_app(self, person: PersonId = ME, role: Role = Role.PATIENT) -> Session:
        return self.store.begin(person, role, SessionKind.APP).session

    def pass_s(self, seconds: float) -> None:
        self.clock.now += int(seconds * 1_000_000)

    def refusal(
        self, token: Private[str] | None, kind: SessionKind = SessionKind.PAGE
    ) -> SessionRefusal | None:
        """Why a token is not taken; None: it is."""
        assert token is not None
        try:
            self.store.check(token.reveal(), kind)
        except SessionRefused as error:
            return error.reason
        return None

    def refresh_refusal(self, token: Private[str]) -> SessionRefusal | None:
        try:
            self.store.refresh(token)
        except SessionRefused as error:
            return error.reason
        return None

    def notes(self, person: PersonId = ME) -> list[tuple[str, str | None]]:
        """What the audit log has of somebody: action and why."""
        log = tables.audit
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(log.c.action, log.c.why).where(log.c.actor == person).order_by(log.c.number)
            )
            return [(row.action, row.why) for row in rows]
