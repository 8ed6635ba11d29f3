"""The tables as they are now; how they came to be is in `migrations`, and a test keeps the two equal.

Times are Unix microseconds. What is about a person or their health is in columns called `sealed`
(`sealed_fields`), and found again, where it must be, by an `…_index` that only holders of our keys can
compute.
Everything else is ids that we minted, states, times and codes.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# Names for constraints, so that a migration can refer to them on every database.
metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
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

patients = Table(
    "patients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject_index", LargeBinary, nullable=False),  # of issuer and `sub` (OpenID Connect Core §2)
    Column("national_number_index", LargeBinary),
    Column("sealed", LargeBinary),  # null once nobody needs the details any more
    Column("created_at_us", BigInteger, nullable=False),
    Column("verified_at_us", BigInteger, nullable=False),
    UniqueConstraint("subject_index"),
    UniqueConstraint("national_number_index"),
)

doctors = Table(
    "doctors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_number", Text, nullable=False),  # the first 8 digits of the RIZIV/INAMI number: the person
    Column("nihdi", Text, nullable=False),  # all 11: the person with a qualification
    Column("national_number_index", LargeBinary, nullable=False),
    Column("subject_index", LargeBinary),  # null until the first login
    Column("sealed", LargeBinary, nullable=False),
    Column("languages", JSON, nullable=False),
    Column("registry_verified_at_us", BigInteger),
    Column("registry_verified_by", Text),
    Column("training_completed_at_us", BigInteger),
    Column("on_duty_since_us", BigInteger),
    Column("duty_languages", JSON),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    UniqueConstraint("person_number"),
    UniqueConstraint("national_number_index"),
    UniqueConstraint("subject_index"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("consultation", Text),  # a guest's: the only one it is good for
    Column("refresh_hash", LargeBinary),
    Column("previous_refresh_hash", LargeBinary),
    Column("refreshed_at_us", BigInteger),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("revoked_at_us", BigInteger),
    Column("revoked_reason", Text),
    CheckConstraint("kind IN ('page', 'app')", name="kind"),
    CheckConstraint("role IN ('patient', 'doctor', 'guest')", name="role"),
    UniqueConstraint("refresh_hash"),
    Index("ix_sessions_person", "person"),
    Index("ix_sessions_previous_refresh_hash", "previous_refresh_hash"),
)

consultations = Table(
    "consultations",
    metadata,
    Column("id", Text, primary_key=True),  # the room's id, too
    Column("patient", Text, ForeignKey("patients.id"), nullable=False),
    Column("doctor", Text, ForeignKey("doctors.id")),
    Column("state", Text, nullable=False),  # FHIR Encounter.status
    Column("reason", Text),
    Column("language", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("questionnaire_version", Text, nullable=False),
    Column("missed_calls", Integer, nullable=False),
    Column("medium", Text),
    Column("outcome", Text),
    Column("rated", Boolean(create_constraint=False), nullable=False),
    Column("sealed", LargeBinary),  # why the patient calls; null once purged
    Column("created_at_us", BigInteger, nullable=False),
    Column("claimed_at_us", BigInteger),
    Column("opened_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("purge_at_us", BigInteger),
    Column("purged_at_us", BigInteger),
    Column("doctor_seen_at_us", BigInteger),
    CheckConstraint("state IN ('arrived', 'triaged', 'in-progress', 'finished', 'cancelled')", name="state"),
    CheckConstraint("(state IN ('finished', 'cancelled')) = (ended_at_us IS NOT NULL)", name="ended"),
    CheckConstraint("(purged_at_us IS NULL) = (sealed IS NOT NULL)", name="purged"),
    Index("ix_consultations_patient", "patient", "created_at_us"),
    Index("ix_consultations_doctor", "doctor", "created_at_us"),
    Index("ix_consultations_state", "state"),
)

intake_drafts = Table(
    "intake_drafts",
    metadata,
    Column("patient", Text, ForeignKey("patients.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
)

# Append-only; each entry carries the hash of the one before in the same consultation.
consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, nullable=False),  # or a room without one
    Column("number", Integer, nullable=False),  # 1, 2, 3 … in the consultation
    Column("participant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("text_version", Text),
    Column("recipient", Text),  # report_to_gp: the GP's RIZIV/INAMI number
    Column("entry", Text, nullable=False),  # what was hashed, canonical JSON
    Column("previous_hash", Text),
    Column("hash", Text, nullable=False),
    CheckConstraint(
        "kind IN ('teleconsultation', 'recording', 'medical_file_access', 'report_to_gp',"
        " 'third_party_presence')",
        name="kind",
    ),
    CheckConstraint("state IN ('requested', 'granted', 'refused', 'withdrawn')", name="state"),
    UniqueConstraint("consultation", "number"),
)

# Append-only; each entry carries the hash of the one before. `audit_head` has one row: the newest.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("outcome", Text, nullable=False),
    Column("why", Text),
    Column("details", JSON, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("ix_audit_subject", "subject"),
    Index(
        "ix_audit_actor",
        "actor",
        "at_us",
        sqlite_where=text("subject IS NULL"),
        postgresql_where=text("subject IS NULL"),
    ),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, ForeignKey("consultations.id"), nullable=False),
    Column("participant", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_attachments_consultation", "consultation"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, ForeignKey("consultations.id"), nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("label", Text, nullable=False),
    Column("sealed", LargeBinary),  # the guest's name, once used
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("used_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Column("participant", Text),
    UniqueConstraint("token_hash"),
    Index("ix_invitations_consultation", "consultation"),
)

# Note, prescription intents, referrals, certificates, closure.
outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, ForeignKey("consultations.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("kind IN ('note', 'prescription', 'referral', 'certificate', 'closure')", name="kind"),
    Index("ix_outcomes_consultation", "consultation"),
)

# What is on its way to a GP; the content goes with delivery, the receipt stays.
reports = Table(
    "reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, ForeignKey("consultations.id"), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trouble", Text),
    Column("attempts", Integer, nullable=False),
    Column("consent_ends_at_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("due_at_us", BigInteger),
    Column("lease_owner", Text),
    Column("lease_until_us", BigInteger),
    Column("delivered_at_us", BigInteger),
    Column("receipt", Text),
    Column("sealed", LargeBinary),
    CheckConstraint("state IN ('queued', 'delivered', 'failed', 'cancelled')", name="state"),
    Index("ix_reports_consultation", "consultation"),
    Index("ix_reports_due", "due_at_us"),
)

# Nobody's: not even the consultation is known.
ratings = Table(
    "ratings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("month", Text, nullable=False),
    Column("score", Integer, nullable=False),
    CheckConstraint("score BETWEEN 1 AND 5", name="score"),
)

# Answers to requests with an Idempotency-Key, so that asking again changes nothing.
idempotent_answers = Table(
    "idempotent_answers",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer),  # null while the first is being answered
    Column("sealed", LargeBinary),
    Column("consultation", Text),
    Column("created_at_us", BigInteger, nullable=False),
    Index("ix_idempotent_answers_created_at_us", "created_at_us"),
)
