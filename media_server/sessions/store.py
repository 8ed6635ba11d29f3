"""Sessions in SQL: begun, asked for at every request, refreshed, revoked. Blocking: called on threads.

A token says who it was made for; the row says whether that still holds. It is read each time, so that what
one node revokes no node takes from the next request on.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, delete, insert, select, update

from auth import (
    LONGEST_SESSION_S,
    SESSION_LIFE_S,
    KeyRing,
    PersonId,
    Private,
    RefreshState,
    RefreshTokens,
    Role,
    SessionId,
    SessionKind,
    SessionRefusal,
    SessionRefused,
    SessionTokens,
    Verdict,
    new_session_id,
    refresh_hash,
)
from media_server.records import (
    AuditEntry,
    FieldKeys,
    RowReader,
    append_audit,
    ask_rows,
    reading,
    tables,
    writing,
)

_sessions = tables.sessions
_ASKED_EACH_TIME = select(
    _sessions.c.person,
    _sessions.c.role,
    _sessions.c.kind,
    _sessions.c.consultation,
    _sessions.c.expires_at_us,
    _sessions.c.revoked_at_us,
).where(_sessions.c.id == bindparam("id"))
_AT_ONCE = 500
_FORGOTTEN_AFTER_US = int(LONGEST_SESSION_S * 1e6)


@dataclass(frozen=True, slots=True)
class Session:
    """One that stands. `consultation`: a guest's only one; `expires_at_us`: when the whole session ends."""

    id: SessionId
    person: PersonId
    role: Role
    kind: SessionKind
    consultation: str | None
    expires_at_us: int


@dataclass(frozen=True, slots=True)
class Begun:
    """`cookie` is a page's, None for an app's session; `life_s`: of session and cookie."""

    session: Session
    cookie: Private[str] | None
    life_s: int


@dataclass(frozen=True, slots=True)
class AppTokens:
    """`expires_in_s` is the access token's life."""

    access_token: Private[str]
    refresh_token: Private[str]
    expires_in_s: int


class SessionStore:
    """All of the service's sessions, over the records that all nodes share."""

    def __init__(
        self, engine: Engine, keys: KeyRing, field_keys: FieldKeys, clock_us: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._clock_us = clock_us
        self._tokens = SessionTokens(keys, clock=lambda: clock_us() / 1e6)
        self._refresh = RefreshTokens(field_keys.index)
        self._reader = RowReader(engine, _ASKED_EACH_TIME)

    def begin(
        self, person: PersonId, role: Role, kind: SessionKind, consultation: str | None = None
    ) -> Begun:
        """A new session of somebody who has just shown who they are, beside those they have."""
        now, life_s = self._clock_us(), SESSION_LIFE_S[role]
        session = Session(
            new_session_id(), person, role, kind, consultation, expires_at_us=now + life_s * 1_000_000
        )
        cookie = self._token(session)[0] if kind is SessionKind.PAGE else None
        with writing(self._engine) as connection:
            connection.execute(
                insert(_sessions).values(
                    id=session.id,
                    person=person,
                    role=role.value,
                    kind=kind.value,
                    consultation=consultation,
                    created_at_us=now,
                    expires_at_us=session.expires_at_us,
                )
            )
            self._note(connection, session, "session.begun", {"kind": kind.value}, consultation)
        return Begun(session, cookie, life_s)

    async def ask(self, token: str, kind: SessionKind) -> Session:
        """As `check`, in the event loop."""
        return await ask_rows(self._engine, lambda: self.check(token, kind))

    def check(self, token: str, kind: SessionKind) -> Session:
        """Whose session a token is of, which has come as tokens of this kind come. Raises SessionRefused."""
        claims = self._tokens.read(token)
        if claims.kind is not kind:
            raise SessionRefused(SessionRefusal.FOREIGN)
        row = self._reader.row(id=claims.session)
        if row is None:
            raise SessionRefused(SessionRefusal.UNKNOWN)
        person, role, row_kind, consultation, expires_at_us, revoked_at_us = row
        if revoked_at_us is not None:
            raise SessionRefused(SessionRefusal.REVOKED)
        if self._clock_us() >= expires_at_us:
            raise SessionRefused(SessionRefusal.EXPIRED)
        # Ids never come twice, so that these differ for nobody, unless somebody writes into the database.
        if (person, role, row_kind) != (claims.person, claims.role.value, kind.value):
            raise SessionRefused(SessionRefusal.FOREIGN)
        return Session(claims.session, claims.person, claims.role, kind, consultation, expires_at_us)

    def first_tokens(self, session: SessionId) -> AppTokens:
        """Of an app's session that has begun just now; once. Raises SessionRefused."""
        with writing(self._engine) as connection:
            found, row = self._standing(connection, session)
            if found.kind is not SessionKind.APP:
                raise SessionRefused(SessionRefusal.FOREIGN)
            if row.refresh_hash is not None:
                raise SessionRefused(SessionRefusal.REUSED)
            token = self._refresh.first(session)
            _change(connection, session, refresh_hash=refresh_hash(token))
        return self._app_tokens(found, token)

    def refresh(self, token: Private[str]) -> AppTokens:
        """The next tokens; one that was used before ends its session. Raises SessionRefused."""
        id_, hash_ = self._refresh.session_of(token), refresh_hash(token)
        now = self._clock_us()
        with writing(self._engine) as connection:
            session, row = self._standing(connection, id_)
            if row.refresh_hash is None:
                raise SessionRefused(SessionRefusal.UNKNOWN)
            refreshed_at = None if row.refreshed_at_us is None else row.refreshed_at_us / 1e6
            state = RefreshState(row.refresh_hash, row.previous_refresh_hash, refreshed_at)
            verdict = state.judge(hash_, now / 1e6)
            if verdict is Verdict.REUSED:
                self._revoke(connection, session, "refresh-reused")
            elif verdict is Verdict.ROTATE:
                _change(
                    connection,
                    id_,
                    refresh_hash=refresh_hash(self._refresh.successor(token)),
                    previous_refresh_hash=hash_,
                    refreshed_at_us=now,
                )
        if verdict is Verdict.REUSED:  # raised here, where the revocation is durable
            raise SessionRefused(SessionRefusal.REUSED)
        return self._app_tokens(session, self._refresh.successor(token))

    def revoke(self, session: SessionId, why: str) -> None:
        """On all nodes, from now on. `why`: a code; one that has ended stays as it ended."""
        with writing(self._engine) as connection:
            try:
                found, _ = self._standing(connection, session)
            except SessionRefused:
                return
            self._revoke(connection, found, why)

    def revoke_all_of(self, person: PersonId, why: str) -> int:
        """Every session that somebody has; returns how many there were."""
        with writing(self._engine) as connection:
            rows = connection.execute(
                select(_sessions)
                .where(_sessions.c.person == person, _sessions.c.revoked_at_us.is_(None))
                .where(_sessions.c.expires_at_us > self._clock_us())
                .with_for_update()
            ).all()
            for row in rows:
                self._revoke(connection, _session(row), why)
        return len(rows)

    def standing_of(self, person: PersonId) -> list[Session]:
        """Somebody's sessions that stand."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(_sessions)
                .where(_sessions.c.person == person, _sessions.c.revoked_at_us.is_(None))
                .where(_sessions.c.expires_at_us > self._clock_us())
                .order_by(_sessions.c.created_at_us)
            )
            return [_session(row) for row in rows]

    def ended_among(self, sessions: Collection[str]) -> set[str]:
        """Those that stand no longer, for whatever reason."""
        standing: set[str] = set()
        with reading(self._engine) as connection:
            for some in batched(sessions):
                rows = connection.execute(
                    select(_sessions.c.id)
                    .where(_sessions.c.id.in_(some), _sessions.c.revoked_at_us.is_(None))
                    .where(_sessions.c.expires_at_us > self._clock_us())
                )
                standing.update(row.id for row in rows)
        return set(sessions) - standing

    def revoke_everybody(self, why: str) -> int:
        """Every session there is; returns how many stood."""
        with reading(self._engine) as connection:
            people = connection.execute(
                select(_sessions.c.person)
                .where(_sessions.c.revoked_at_us.is_(None), _sessions.c.expires_at_us > self._clock_us())
                .distinct()
            ).scalars()
            persons = [PersonId(person) for person in people]
        return sum(self.revoke_all_of(person, why) for person in persons)

    def forget_ended(self) -> int:
        """Delete what ended so long ago that no token of it can be shown any more; returns how many."""
        with writing(self._engine) as connection:
            before = self._clock_us() - _FORGOTTEN_AFTER_US
            return connection.execute(delete(_sessions).where(_sessions.c.expires_at_us < before)).rowcount

    def _standing(self, connection: Connection, id_: SessionId) -> tuple[Session, Row[Any]]:
        """Raises SessionRefused."""
        row = connection.execute(
            select(_sessions).where(_sessions.c.id == id_).with_for_update()
        ).one_or_none()
        if row is None:
            raise SessionRefused(SessionRefusal.UNKNOWN)
        if row.revoked_at_us is not None:
            raise SessionRefused(SessionRefusal.REVOKED)
        if self._clock_us() >= row.expires_at_us:
            raise SessionRefused(SessionRefusal.EXPIRED)
        return _session(row), row

    def _revoke(self, connection: Connection, session: Session, why: str) -> None:
        _change(connection, session.id, revoked_at_us=self._clock_us(), revoked_reason=why)
        self._note(connection, session, "session.revoked", {}, session.consultation, why)

    def _app_tokens(self, session: Session, refresh_token: Private[str]) -> AppTokens:
        access_token, life_s = self._token(session)
        return AppTokens(access_token, refresh_token, life_s)

    def _token(self, session: Session) -> tuple[Private[str], int]:
        """Its token, and for how many seconds that is good."""
        token, claims = self._tokens.issue(
            session=session.id,
            person=session.person,
            role=session.role,
            kind=session.kind,
            ends_at=session.expires_at_us / 1e6,
        )
        return token, claims.expires_at - self._clock_us() // 1_000_000

    def _note(
        self,
        connection: Connection,
        session: Session,
        action: str,
        details: dict[str, str | int | bool],
        subject: str | None,
        why: str | None = None,
    ) -> None:
        entry = AuditEntry(
            at_us=self._clock_us(),
            actor=session.person,
            role=session.role.value,
            action=action,
            subject=subject,
            why=why,
            details=details,
        )
        append_audit(connection, entry)


def batched(ids: Collection[str]) -> Iterator[list[str]]:
    """As many at a time as a statement may name."""
    everything = list(ids)
    return (everything[at : at + _AT_ONCE] for at in range(0, len(everything), _AT_ONCE))


def _session(row: Row[Any]) -> Session:
    return Session(
        SessionId(row.id),
        PersonId(row.person),
        Role(row.role),
        SessionKind(row.kind),
        row.consultation,
        row.expires_at_us,
    )


def _change(connection: Connection, id_: SessionId, **values: object) -> None:
    connection.execute(update(_sessions).where(_sessions.c.id == id_).values(**values))
