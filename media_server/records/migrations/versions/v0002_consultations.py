"""The consultation: people, sessions, consents, audit, what was said and what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.execute(f"INSERT INTO audit_head (id, number, hash) VALUES (1, 0, '{'0' * 64}')")
    op.create_table(
        "consents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("text_version", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('teleconsultation', 'recording', 'medical_file_access', 'report_to_gp',"
            " 'third_party_presence')",
            name=op.f("ck_consents_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'granted', 'refused', 'withdrawn')", name=op.f("ck_consents_state")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint("consultation", "number", name="uq_consents_consultation"),
    )
    op.create_table(
        "doctors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_number", sa.Text(), nullable=False),
        sa.Column("nihdi", sa.Text(), nullable=False),
        sa.Column("national_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("registry_verified_at_us", sa.BigInteger(), nullable=True),
        sa.Column("registry_verified_by", sa.Text(), nullable=True),
        sa.Column("training_completed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("on_duty_since_us", sa.BigInteger(), nullable=True),
        sa.Column("duty_languages", sa.JSON(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_doctors"),
        sa.UniqueConstraint("national_number_index", name="uq_doctors_national_number_index"),
        sa.UniqueConstraint("person_number", name="uq_doctors_person_number"),
        sa.UniqueConstraint("subject_index", name="uq_doctors_subject_index"),
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("consultation", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotent_answers"),
    )
    op.create_index(
        "ix_idempotent_answers_created_at_us", "idempotent_answers", ["created_at_us"], unique=False
    )
    op.create_table(
        "patients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("national_number_index", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("verified_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
        sa.UniqueConstraint("national_number_index", name="uq_patients_national_number_index"),
        sa.UniqueConstraint("subject_index", name="uq_patients_subject_index"),
    )
    op.create_table(
        "ratings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_ratings_score")),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=True),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=True),
        sa.Column("previous_refresh_hash", sa.LargeBinary(), nullable=True),
        sa.Column("refreshed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('page', 'app')", name=op.f("ck_sessions_kind")),
        sa.CheckConstraint("role IN ('patient', 'doctor', 'guest')", name=op.f("ck_sessions_role")),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("refresh_hash", name="uq_sessions_refresh_hash"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"], unique=False)
    op.create_index("ix_sessions_previous_refresh_hash", "sessions", ["previous_refresh_hash"], unique=False)
    op.create_table(
        "consultations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("doctor", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("questionnaire_version", sa.Text(), nullable=False),
        sa.Column("missed_calls", sa.Integer(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("rated", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("opened_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("purge_at_us", sa.BigInteger(), nullable=True),
        sa.Column("purged_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('finished', 'cancelled')) = (ended_at_us IS NOT NULL)",
            name=op.f("ck_consultations_ended"),
        ),
        sa.CheckConstraint(
            "state IN ('arrived', 'triaged', 'in-progress', 'finished', 'cancelled')",
            name=op.f("ck_consultations_state"),
        ),
        sa.CheckConstraint(
            "(purged_at_us IS NULL) = (sealed IS NOT NULL)", name=op.f("ck_consultations_purged")
        ),
        sa.ForeignKeyConstraint(["doctor"], ["doctors.id"], name="fk_consultations_doctor"),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name="fk_consultations_patient"),
        sa.PrimaryKeyConstraint("id", name="pk_consultations"),
    )
    op.create_index("ix_consultations_doctor", "consultations", ["doctor", "created_at_us"], unique=False)
    op.create_index("ix_consultations_patient", "consultations", ["patient", "created_at_us"], unique=False)
    op.create_index("ix_consultations_state", "consultations", ["state"], unique=False)
    op.create_table(
        "intake_drafts",
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name="fk_intake_drafts_patient"),
        sa.PrimaryKeyConstraint("patient", name="pk_intake_drafts"),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["consultation"], ["consultations.id"], name="fk_attachments_consultation"),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
    )
    op.create_index("ix_attachments_consultation", "attachments", ["consultation"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("used_at_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at_us", sa.BigInteger(), nullable=True),
        sa.Column("participant", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["consultation"], ["consultations.id"], name="fk_invitations_consultation"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
    )
    op.create_index("ix_invitations_consultation", "invitations", ["consultation"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('note', 'prescription', 'referral', 'certificate', 'closure')",
            name=op.f("ck_outcomes_kind"),
        ),
        sa.ForeignKeyConstraint(["consultation"], ["consultations.id"], name="fk_outcomes_consultation"),
        sa.PrimaryKeyConstraint("id", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_consultation", "outcomes", ["consultation"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("consent_ends_at_us", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at_us", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'delivered', 'failed', 'cancelled')", name=op.f("ck_reports_state")
        ),
        sa.ForeignKeyConstraint(["consultation"], ["consultations.id"], name="fk_reports_consultation"),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
    )
    op.create_index("ix_reports_consultation", "reports", ["consultation"], unique=False)
    op.create_index("ix_reports_due", "reports", ["due_at_us"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_reports_due", table_name="reports")
    op.drop_index("ix_reports_consultation", table_name="reports")
    op.drop_table("reports")
    op.drop_index("ix_outcomes_consultation", table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_index("ix_invitations_consultation", table_name="invitations")
    op.drop_table("invitations")
    op.drop_index("ix_attachments_consultation", table_name="attachments")
    op.drop_table("attachments")
    op.drop_table("intake_drafts")
    op.drop_index("ix_consultations_state", table_name="consultations")
    op.drop_index("ix_consultations_patient", table_name="consultations")
    op.drop_index("ix_consultations_doctor", table_name="consultations")
    op.drop_table("consultations")
    op.drop_index("ix_sessions_previous_refresh_hash", table_name="sessions")
    op.drop_index("ix_sessions_person", table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("ratings")
    op.drop_table("patients")
    op.drop_index("ix_idempotent_answers_created_at_us", table_name="idempotent_answers")
    op.drop_table("idempotent_answers")
    op.drop_table("doctors")
    op.drop_table("consents")
    op.drop_table("audit_head")
    op.drop_index("ix_audit_subject", table_name="audit")
    op.drop_table("audit")
