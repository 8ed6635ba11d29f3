"""The catalogue: which recordings there are, how they ended, and the one value that opens each.

A row is added before the first packet is taken, so that no segment exists whose key is not kept. It is open
while `ended_at_us` is unknown: being recorded, or left behind by a crash. Blocking; may be used from any
thread. All times are Unix microseconds.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from media_server.recording.errors import CatalogueError, UnknownRecording
from media_server.recording.ids import RecordingId
from media_server.records import RecordsUnusable, manifest_keys, reading, recordings, scrub, writing

CRASH = "crash"
"""The reason that recovery gives when it closes a recording (the manifest's `stop`)."""
NEVER_BEGUN = "never-begun"
"""The node crashed before anything was recorded: there is no manifest."""


class State(Enum):
    RECORDING = "recording"
    CLOSED = "closed"
    CRASHED = "crashed"  # closed by recovery
    ERASED = "erased"  # nobody can open it; its row and its receipt stay


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording. `sealed_key` is None once erased; `manifest_head` (SHA-256 hex of the manifest's last
    line) and `ended_at_us` until it has ended.
    """

    id: RecordingId
    room: str
    node: str
    policy: str
    recipient: str
    custodians: tuple[str, ...]
    sealed_key: bytes | None = field(repr=False)
    started_at_us: int
    ended_at_us: int | None = None
    state: State = State.RECORDING
    reason: str | None = None
    manifest_head: str | None = None
    segments: int = 0
    packets: int = 0
    bytes: int = 0
    receipt: str | None = None


class Catalogue:
    """Raises CatalogueError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, entry: Entry) -> None:
        """Durable on return. Raises CatalogueError, also when the id is taken."""
        row = asdict(entry) | {"state": entry.state.value, "custodians": list(entry.custodians)}
        with _told(), writing(self._engine) as connection:
            try:
                connection.execute(insert(recordings).values(row))
            except IntegrityError:
                raise CatalogueError(f"recording {entry.id} exists, or is not open") from None

    def close(
        self,
        recording: RecordingId,
        ended_at_us: int,
        reason: str,
        manifest_head: str | None,
        segments: int,
        packets: int,
        bytes: int,
    ) -> None:
        """Note how an open recording ended; for reason "crash" as crashed. One erased meanwhile stays so.

        `manifest_head` is None for one whose manifest is beyond repair. Raises UnknownRecording;
        CatalogueError when it has ended before.
        """
        ended = {
            "ended_at_us": ended_at_us,
            "reason": reason,
            "manifest_head": manifest_head,
            "segments": segments,
            "packets": packets,
            "bytes": bytes,
        }
        state = State.CRASHED if reason == CRASH else State.CLOSED
        with _told(), writing(self._engine) as connection:
            row = connection.execute(select(recordings).where(recordings.c.id == recording)).one_or_none()
            if row is None:
                raise UnknownRecording(f"no recording {recording}")
            if row.ended_at_us is not None:
                raise CatalogueError(f"recording {recording} has ended already")
            if row.state != State.ERASED.value:
                ended["state"] = state.value
            connection.execute(update(recordings).where(recordings.c.id == recording).values(ended))

    def get(self, recording: RecordingId) -> Entry:
        """Raises UnknownRecording, CatalogueError."""
        with _told(), reading(self._engine) as connection:
            row = connection.execute(select(recordings).where(recordings.c.id == recording)).one_or_none()
        if row is None:
            raise UnknownRecording(f"no recording {recording}")
        return _entry(row)

    def list(self) -> tuple[Entry, ...]:
        """All, oldest first."""
        with _told(), reading(self._engine) as connection:
            rows = connection.execute(
                select(recordings).order_by(recordings.c.started_at_us, recordings.c.id)
            )
            return tuple(_entry(row) for row in rows)

    def of_rooms(self, rooms: Collection[str]) -> tuple[Entry, ...]:
        """Those made in one of the rooms, oldest first."""
        with _told(), reading(self._engine) as connection:
            rows = connection.execute(
                select(recordings)
                .where(recordings.c.room.in_(rooms))
                .order_by(recordings.c.started_at_us, recordings.c.id)
            )
            return tuple(_entry(row) for row in rows)

    def open_ones(self, node: str) -> tuple[Entry, ...]:
        """Those of this node that have not ended: at its start, what a crash left behind."""
        with _told(), reading(self._engine) as connection:
            rows = connection.execute(
                select(recordings)
                .where(recordings.c.node == node, recordings.c.ended_at_us.is_(None))
                .order_by(recordings.c.started_at_us, recordings.c.id)
            )
            return tuple(_entry(row) for row in rows)

    def destroy_key(self, recording: RecordingId, receipt: str) -> str:
        """Forget the sealed key for good; returns the receipt that stands, an earlier one if there is one.

        On return no file of the database holds the key's bytes. Raises UnknownRecording; CatalogueError when
        old copies could not be overwritten, which calling it again makes up for.
        """
        with _told(), writing(self._engine) as connection:
            connection.execute(
                update(recordings)
                .where(recordings.c.id == recording, recordings.c.sealed_key.is_not(None))
                .values(sealed_key=None, state=State.ERASED.value, receipt=receipt)
            )
            standing: str | None = connection.execute(
                select(recordings.c.receipt).where(recordings.c.id == recording)
            ).scalar()
        if standing is None:
            raise UnknownRecording(f"no recording {recording}")
        with _told():
            scrub(self._engine, [recordings])
        return standing

    def register_key(self, kid: str, public_key: bytes, node: str) -> None:
        """Remember a key that signs manifests (Ed25519, raw), so that any node can verify them.

        Calling it again is fine. Raises CatalogueError, also when another key has that id.
        """
        with _told(), writing(self._engine) as connection:
            known = connection.execute(
                select(manifest_keys.c.public_key).where(manifest_keys.c.kid == kid)
            ).scalar()
            if known is None:
                connection.execute(insert(manifest_keys).values(kid=kid, public_key=public_key, node=node))
            elif known != public_key:
                raise CatalogueError(f"another key is known as {kid}")

    def verifying_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """All keys that ever signed manifests, by id."""
        with _told(), reading(self._engine) as connection:
            rows = connection.execute(select(manifest_keys.c.kid, manifest_keys.c.public_key)).all()
        return {row.kid: Ed25519PublicKey.from_public_bytes(row.public_key) for row in rows}


def _entry(row: Row[Any]) -> Entry:
    values = row._asdict()
    return Entry(
        **values | {"state": State(values["state"]), "custodians": tuple(values["custodians"])},
    )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RecordsUnusable as error:
        raise CatalogueError(str(error)) from None
