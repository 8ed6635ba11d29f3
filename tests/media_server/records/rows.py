"""Rows of every table with sealed fields, as the application writes them; what they say is made up."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select

from media_server.records import FieldKeys, reading, tables, writing
from media_server.records.resealing import place_of

BEGAN_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

SECRET = b"crushing chest pain since Tuesday"


@dataclass(frozen=True)
class House:
    """A database and the keys of its sealed fields. Everything sealed is `SECRET` and where it is."""

    engine: Engine
    keys: FieldKeys

    def add(self, table: Table, key: str | bytes, **values: Any) -> None:
        """A row with a sealed field, unless `sealed` is given."""
        (column,) = table.primary_key.columns
        sealed = self.sealed(table, key)
        with writing(self.engine) as connection:
            connection.execute(insert(table).values({column.name: key, "sealed": sealed} | values))

    def sealed(self, table: Table, key: str | bytes) -> bytes:
        place = place_of(table, key)
        return self.keys.seal(place, SECRET + place.encode())

    def opened(self) -> dict[str, bytes]:
        """Every sealed field there is, by its place, opened."""
        found = {}
        with reading(self.engine) as connection:
            for table in tables.metadata.sorted_tables:
                if "sealed" not in table.c:
                    continue
                (key,) = table.primary_key.columns
                for id_, sealed in connection.execute(
                    select(key, table.c.sealed).where(table.c.sealed.is_not(None))
                ):
                    place = place_of(table, id_)
                    found[place] = self.keys.open_sealed(place, sealed)
        return found

    def count(self, table: Table) -> int:
        with reading(self.engine) as connection:
            return _count(connection, table)

    def row(self, table: Table, key: str | bytes) -> Any:
        (column,) = table.primary_key.columns
        with reading(self.engine) as connection:
            return connection.execute(select(table).where(column == key)).one_or_none()

    # --- Rows ---

    def patient(self, id_: str = "pt-1", seen_us: int = BEGAN_US) -> None:
        self.add(
            tables.patients,
            id_,
            subject_index=self.keys.index("subject", id_),
            national_number_index=self.keys.index("national-number", id_),
            created_at_us=seen_us,
            verified_at_us=seen_us,
        )

    def doctor(self, id_: str = "d-1", person_number: str = "12345678") -> None:
        self.add(
            tables.doctors,
            id_,
            person_number=person_number,
            nihdi=f"{person_number}004",
            national_number_index=self.keys.index("national-number", id_),
            languages=["nl"],
            created_at_us=BEGAN_US,
            updated_at_us=BEGAN_US,
        )

    def consultation(self, id_: str = "c-1", patient: str = "pt-1", **values: Any) -> None:
        """Ended at BEGAN_US, to be purged a day later."""
        usual = {
            "patient": patient,
            "state": "finished",
            "language": "nl",
            "priority": 0,
            "questionnaire_version": "1",
            "missed_calls": 0,
            "rated": False,
            "created_at_us": BEGAN_US - HOUR_US,
            "ended_at_us": BEGAN_US,
            "purge_at_us": BEGAN_US + DAY_US,
        }
        self.add(tables.consultations, id_, **(usual | values))

    def content(self, consultation: str = "c-1") -> None:
        """Two photos, a note and a referral, a guest, an answer to repeat."""
        of = {"consultation": consultation, "created_at_us": BEGAN_US}
        for number in (1, 2):
            photo = {"participant": "p-1", "content_type": "image/jpeg", "bytes": 10}
            self.add(tables.attachments, f"{consultation}-photo-{number}", **of, **photo)
        for kind in ("note", "referral"):
            self.add(tables.outcomes, f"{consultation}-{kind}", kind=kind, **of)
        self.invitation(consultation)
        self.answer(consultation=consultation)

    def invitation(self, consultation: str = "c-1") -> None:
        id_ = f"{consultation}-guest"
        self.add(
            tables.invitations,
            id_,
            consultation=consultation,
            token_hash=sha256(id_.encode()).digest(),
            label="interpreter",
            created_at_us=BEGAN_US,
            expires_at_us=BEGAN_US + HOUR_US,
        )

    def answer(self, at_us: int = BEGAN_US, consultation: str | None = None) -> None:
        key = sha256(f"{consultation} {at_us}".encode()).digest()
        about = {"consultation": consultation, "created_at_us": at_us}
        self.add(tables.idempotent_answers, key, fingerprint=b"f", status=201, **about)

    def report(
        self, state: str = "queued", consultation: str = "c-1", number: int = 1, **values: Any
    ) -> None:
        usual = {
            "consultation": consultation,
            "recipient": "12345678004",
            "media_type": "application/fhir+json",
            "state": state,
            "attempts": 1,
            "consent_ends_at_us": BEGAN_US + DAY_US,
            "created_at_us": BEGAN_US + number,
        }
        self.add(tables.reports, f"{consultation}-report-{number}", **(usual | values))

    def draft(self, patient: str = "pt-1", at_us: int = BEGAN_US) -> None:
        self.add(tables.intake_drafts, patient, updated_at_us=at_us)

    def session(self, id_: str, person: str = "pt-1", **values: Any) -> None:
        usual = {"person": person, "role": "patient", "kind": "page", "created_at_us": BEGAN_US}
        with writing(self.engine) as connection:
            connection.execute(
                insert(tables.sessions).values(usual | {"id": id_, "expires_at_us": BEGAN_US} | values)
            )


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()
