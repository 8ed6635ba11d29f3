"""The tables as they are now; how they came to be is in `migrations`, and a test keeps the two equal."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

# Names for constraints, so that a migration can refer to them on every database.
metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

recordings = Table(
    "recordings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("room", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("custodians", JSON, nullable=False),
    Column("sealed_key", LargeBinary),  # null once erased
    Column("started_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("manifest_head", Text),  # SHA-256 hex of the manifest's last line
    Column("segments", BigInteger, nullable=False),
    Column("packets", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("receipt", Text),  # of the erasure, signed
    CheckConstraint("state IN ('recording', 'closed', 'crashed', 'erased')", name="state"),
    CheckConstraint("(state = 'erased') = (sealed_key IS NULL)", name="erased_without_key"),
    CheckConstraint("(state = 'erased') = (receipt IS NOT NULL)", name="erased_with_receipt"),
    Index("ix_recordings_open", "node", sqlite_where=text("ended_at_us IS NULL")),
)

manifest_keys = Table(
    "manifest_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),  # Ed25519, raw, 32 bytes
    Column("node", Text, nullable=False),
)
