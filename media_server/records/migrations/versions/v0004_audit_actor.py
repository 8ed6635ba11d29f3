"""What somebody did before there was a consultation that it was about."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WHERE = sa.text("subject IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_audit_actor", "audit", ["actor", "at_us"], sqlite_where=_WHERE, postgresql_where=_WHERE
    )


def downgrade() -> None:
    op.drop_index("ix_audit_actor", table_name="audit")
