"""The catalogue of recordings, and the public keys that signed their manifests."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("custodians", sa.JSON(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary()),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("manifest_head", sa.Text()),
        sa.Column("segments", sa.BigInteger(), nullable=False),
        sa.Column("packets", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
        sa.CheckConstraint(
            "state IN ('recording', 'closed', 'crashed', 'erased')", name=op.f("ck_recordings_state")
        ),
        sa.CheckConstraint(
            "(state = 'erased') = (sealed_key IS NULL)", name=op.f("ck_recordings_erased_without_key")
        ),
        sa.CheckConstraint(
            "(state = 'erased') = (receipt IS NOT NULL)", name=op.f("ck_recordings_erased_with_receipt")
        ),
    )
    op.create_index("ix_recordings_open", "recordings", ["node"], sqlite_where=sa.text("ended_at_us IS NULL"))
    op.create_table(
        "manifest_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_manifest_keys"),
    )


def downgrade() -> None:
    op.drop_table("manifest_keys")
    op.drop_table("recordings")
