"""When the doctor of a call was last known to be there."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consultations", sa.Column("doctor_seen_at_us", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("consultations", "doctor_seen_at_us")
