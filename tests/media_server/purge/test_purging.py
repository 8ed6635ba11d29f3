"""What the purge removes and what it keeps, on both databases, with a clock turned by hand."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, select
from typer.testing import CliRunner, Result

from media_server.cli import app
from media_server.purge import CONTENT, PURGING, blocked, purge
from media_server.records import (
    FieldKeys,
    audit_entries_about,
    exclusively,
    reading,
    scrub,
    tables,
    verify_audit,
    writing,
)
from media_server.records.resealing import sealed_tables
from tests.media_server.records.rows import BEGAN_US, DAY_US, HOUR_US, House

DUE_US = BEGAN_US + DAY_US


@pytest.fixture
def house(records: Engine, tmp_path: Path) -> House:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    return house


def audited(house: House) -> list[tuple[str, str | None, dict[str, int]]]:
    with reading(house.engine) as connection:
        verify_audit(connection)
        rows = connection.execute(select(tables.audit).order_by(tables.audit.c.number))
        return [(row.action, row.subject, row.details) for row in rows]


# --- Consultations ---


def test_content_stays_until_its_time_has_come(house: House) -> None:
    house.consultation()
    house.content()
    before = house.opened()
    assert purge(house.engine, DUE_US - DAY_US + 1).counts == {}
    assert house.opened() == before
    assert audited(house) == []


def test_then_all_of_it_goes_and_the_frame_stays(house: House) -> None:
    house.consultation(doctor="d-1", opened_at_us=BEGAN_US - 1, outcome="advice")
    house.content()
    house.report("delivered", delivered_at_us=BEGAN_US, receipt="r-1")
    purged = purge(house.engine, DUE_US)
    assert purged.blocked == ()
    assert purged.counts == {
        "consultations": 1,
        "attachments": 2,
        "outcomes": 2,
        "invitations": 1,
        "idempotent_answers": 1,
        "reports": 1,
    }
    row = house.row(tables.consultations, "c-1")
    assert (row.sealed, row.purged_at_us) == (None, DUE_US)
    assert (row.state, row.patient, row.doctor, row.outcome) == ("finished", "pt-1", "d-1", "advice")
    assert [house.count(table) for table in (tables.attachments, tables.outcomes, tables.invitations)] == [
        0,
        0,
        0,
    ]
    report = house.row(tables.reports, "c-1-report-1")
    assert (report.sealed, report.state, report.receipt) == (None, "delivered", "r-1")


def test_what_is_not_due_is_not_touched(house: House) -> None:
    house.consultation()
    house.consultation("c-2", purge_at_us=DUE_US + 1)
    house.consultation("c-3", state="in-progress", ended_at_us=None, purge_at_us=None)
    for id_ in ("c-1", "c-2", "c-3"):
        house.content(id_)
    kept = {place: said for place, said in house.opened().items() if "c-1" not in place}
    purge(house.engine, DUE_US)
    now = {place: said for place, said in house.opened().items() if not place.startswith("idempotent")}
    assert now == {place: said for place, said in kept.items() if not place.startswith("idempotent")}
    assert house.count(tables.idempotent_answers) == 2


def test_a_second_time_there_is_nothing_to_do(house: House) -> None:
    house.consultation()
    house.content()
    purge(house.engine, DUE_US)
    before = audited(house)
    assert purge(house.engine, DUE_US).counts == {}
    assert audited(house) == before


def test_more_than_are_done_at_once_are_all_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_server.purge.purging._BATCH", 2)
    for number in range(5):
        house.consultation(f"c-{number}")
    assert purge(house.engine, DUE_US).counts == {"consultations": 5}


def test_one_that_is_broken_off_leaves_each_consultation_whole_or_purged(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        house.consultation(f"c-{number}", purge_at_us=DUE_US - 10 + number)
        house.content(f"c-{number}")

    class BrokenOff(Exception):
        pass

    def fail_at_second(_connection: object, _now: int, _action: str, _counts: object, subject: str) -> None:
        if subject == "c-2":
            raise BrokenOff

    monkeypatch.setattr("media_server.purge.purging._note", fail_at_second)
    with pytest.raises(BrokenOff):
        purge(house.engine, DUE_US)
    assert house.row(tables.consultations, "c-1").sealed is None
    assert house.row(tables.consultations, "c-2").sealed is not None
    assert house.count(tables.attachments) == 2
    monkeypatch.undo()
    assert purge(house.engine, DUE_US).counts["consultations"] == 1


# --- Reports ---


@pytest.mark.parametrize("state", ["queued", "failed"])
def test_a_report_that_has_not_reached_the_gp_keeps_everything_and_is_named(house: House, state: str) -> None:
    house.consultation()
    house.content()
    house.report(state)
    house.consultation("c-2")
    before = {place for place in house.opened() if "idempotent" not in place and "c-2" not in place}
    purged = purge(house.engine, DUE_US)
    assert purged.blocked == ("c-1",)
    assert purged.counts == {"consultations": 1}
    assert {place for place in house.opened() if "idempotent" not in place} == before
    assert blocked(house.engine, DUE_US) == ("c-1",)
    assert blocked(house.engine, DUE_US - 1) == ()


def test_once_it_was_delivered_the_content_goes(house: House) -> None:
    house.consultation()
    house.report("queued")
    assert purge(house.engine, DUE_US).blocked == ("c-1",)
    with writing(house.engine) as connection:
        connection.execute(tables.reports.update().values(state="delivered"))
    purged = purge(house.engine, DUE_US + HOUR_US)
    assert purged.blocked == ()
    assert purged.counts == {"consultations": 1, "reports": 1, "patient_details": 1}


def test_a_failed_report_is_over_once_a_later_one_was_delivered(house: House) -> None:
    house.consultation()
    house.report("failed", number=1)
    house.report("delivered", number=2)
    purged = purge(house.engine, DUE_US)
    assert purged.blocked == ()
    assert house.opened().keys() == {"patients/sealed/pt-1", "doctors/sealed/d-1"}


def test_a_failed_report_after_a_delivered_one_waits_for_somebody(house: House) -> None:
    house.consultation()
    house.report("delivered", number=1)
    house.report("failed", number=2)
    assert purge(house.engine, DUE_US).blocked == ("c-1",)


def test_a_report_that_failed_and_that_nobody_sends_again_keeps_nothing_for_ever(house: House) -> None:
    house.consultation()
    house.content()
    house.report("failed", number=0)
    assert purge(house.engine, BEGAN_US + 30 * DAY_US - 1).blocked == ("c-1",)
    purged = purge(house.engine, BEGAN_US + 30 * DAY_US)
    assert purged.blocked == ()
    assert (purged.counts["abandoned_reports"], purged.counts["consultations"]) == (1, 1)
    report = house.row(tables.reports, "c-1-report-0")
    assert (report.sealed, report.state) == (None, "failed"), "it never arrived, and that stays"
    with reading(house.engine) as connection:
        (given_up, _) = audit_entries_about(connection, "c-1")
    assert (given_up.action, given_up.role) == ("report.abandoned", "system")
    assert given_up.details == {"report": "c-1-report-0"}


def test_how_long_a_failed_report_is_kept_is_for_the_operator_to_say(house: House) -> None:
    house.consultation()
    house.report("failed", number=0)
    house.report("queued", number=1)
    assert purge(house.engine, BEGAN_US + 8 * DAY_US, 7 * DAY_US).blocked == ("c-1",), "one is still tried"
    assert house.row(tables.reports, "c-1-report-0").sealed is None
    assert house.row(tables.reports, "c-1-report-1").sealed is not None


@pytest.mark.parametrize("state", ["delivered", "cancelled"])
def test_the_body_of_a_report_that_is_over_goes_at_once(house: House, state: str) -> None:
    house.consultation()
    house.report(state)
    assert purge(house.engine, BEGAN_US).counts == {"sent_reports": 1}
    assert house.row(tables.reports, "c-1-report-1").sealed is None
    assert house.row(tables.consultations, "c-1").sealed is not None


# --- The rest ---


@pytest.mark.parametrize(("age_us", "left"), [(DAY_US, 1), (DAY_US + 1, 0)])
def test_drafts_and_answers_go_after_a_day(house: House, age_us: int, left: int) -> None:
    house.draft(at_us=BEGAN_US)
    house.answer(at_us=BEGAN_US)
    purge(house.engine, BEGAN_US + age_us)
    assert (house.count(tables.intake_drafts), house.count(tables.idempotent_answers)) == (left, left)


def test_sessions_go_thirty_days_after_their_end(house: House) -> None:
    house.session("s-expired", expires_at_us=BEGAN_US)
    house.session("s-revoked", revoked_at_us=BEGAN_US, expires_at_us=BEGAN_US + 300 * DAY_US)
    house.session("s-live", expires_at_us=BEGAN_US + 300 * DAY_US)
    purge(house.engine, BEGAN_US + 30 * DAY_US)
    assert house.count(tables.sessions) == 3
    purge(house.engine, BEGAN_US + 30 * DAY_US + 1)
    assert [house.row(tables.sessions, id_) is None for id_ in ("s-expired", "s-revoked", "s-live")] == [
        True,
        True,
        False,
    ]


def test_a_patient_who_never_consulted_anybody_goes_a_day_after_the_login(house: House) -> None:
    assert purge(house.engine, BEGAN_US + DAY_US).counts == {}
    assert purge(house.engine, BEGAN_US + DAY_US + 1).counts == {"patients": 1}
    assert house.count(tables.patients) == 0


def test_of_a_patient_whose_last_consultation_was_purged_only_what_finds_them_again_stays(
    house: House,
) -> None:
    house.consultation()
    house.consultation("c-2", purge_at_us=DUE_US + HOUR_US)
    purge(house.engine, DUE_US + 1)
    assert house.row(tables.patients, "pt-1").sealed is not None
    assert purge(house.engine, DUE_US + HOUR_US).counts == {"consultations": 1, "patient_details": 1}
    row = house.row(tables.patients, "pt-1")
    assert row.sealed is None
    assert row.subject_index == house.keys.index("subject", "pt-1")
    assert row.national_number_index == house.keys.index("national-number", "pt-1")


def test_who_is_logged_in_or_writing_keeps_the_details(house: House) -> None:
    later = BEGAN_US + 3 * DAY_US
    house.session("s-1", expires_at_us=later + 1)
    house.patient("pt-2")
    house.draft("pt-2", at_us=later)
    house.patient("pt-3", seen_us=later)
    assert purge(house.engine, later).counts == {}
    assert house.count(tables.patients) == 3
    assert purge(house.engine, later + 1).counts == {"patients": 1}


def test_doctors_consents_audit_and_ratings_stay(house: House) -> None:
    house.consultation()
    with writing(house.engine) as connection:
        connection.execute(tables.ratings.insert().values(id="r-1", month="2027-01", score=5))
    purge(house.engine, BEGAN_US + 400 * DAY_US)
    assert house.count(tables.doctors) == house.count(tables.ratings) == 1
    assert house.opened().keys() == {"doctors/sealed/d-1"}
    purge(house.engine, BEGAN_US + 4000 * DAY_US)
    assert len(audited(house)) == 2


# --- What is left of it ---


def test_each_purge_is_in_the_audit_log_as_counts(house: House) -> None:
    house.consultation()
    house.content()
    house.draft()
    purge(house.engine, DUE_US + 1)
    assert audited(house) == [
        (
            "consultation.purged",
            "c-1",
            {"attachments": 2, "outcomes": 2, "invitations": 1, "idempotent_answers": 1},
        ),
        ("records.purged", None, {"drafts": 1, "patient_details": 1}),
    ]
    with reading(house.engine) as connection:
        (entry,) = audit_entries_about(connection, "c-1")
    assert (entry.actor, entry.role, entry.at_us) == ("purge", "system", DUE_US + 1)


def test_every_table_with_sealed_fields_is_purged_but_the_doctors() -> None:
    """A new table is not forgotten."""
    assert set(sealed_tables()) - set(CONTENT) == {tables.doctors}


def test_no_byte_of_what_was_removed_is_left_in_sqlites_files(house: House) -> None:
    """Sealed, it could not be read there; but it is not there either."""
    if house.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are its own: docs/records.md")
    house.consultation()
    house.content()
    house.report("delivered")
    house.draft()
    house.session("s-1", revoked_reason="marker-of-a-session")
    removed = []
    with reading(house.engine) as connection:
        for table in sealed_tables():
            if table is not tables.doctors:
                removed += [
                    bytes(sealed)[9:] for sealed in connection.execute(select(table.c.sealed)).scalars()
                ]
        kept = connection.execute(select(tables.doctors.c.sealed)).scalar_one()
    removed += [b"marker-of-a-session", b"interpreter", b"image/jpeg"]
    folder = Path(str(make_url(house.engine.url).database)).parent

    def in_files(what: bytes) -> bool:
        return any(what in path.read_bytes() for path in folder.iterdir())

    assert len(removed) > 10
    assert all(in_files(what) for what in removed)
    purge(house.engine, BEGAN_US + 31 * DAY_US)
    scrub(house.engine, CONTENT)
    assert [what for what in removed if in_files(what)] == []
    assert in_files(kept)


# --- The command ---


@pytest.fixture
def teleconsult(records_url: str, tmp_path: Path) -> Callable[..., Result]:
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("TELECONSULT_")
    }
    ours = {"TELECONSULT_DATABASE_URL": records_url, "TELECONSULT_DATA_DIR": str(tmp_path / "data")}
    return lambda *arguments: CliRunner().invoke(app, ["purge", *arguments], env=environment | ours)


@pytest.fixture
def long_ago(house: House) -> House:
    house.consultation(purge_at_us=1, created_at_us=1, ended_at_us=1)
    house.content()
    return house


@pytest.mark.parametrize("options", [(), ("--rewrite",)])
def test_the_command_says_what_it_removed(
    long_ago: House, teleconsult: Callable[..., Result], options: tuple[str, ...]
) -> None:
    done = teleconsult(*options)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        "attachments 2",
        "consultations 1",
        "idempotent answers 1",
        "invitations 1",
        "outcomes 2",
    ]
    again = teleconsult()
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "nothing to remove: no content's time has come\n"


def test_the_command_fails_when_a_report_is_in_the_way(
    long_ago: House, teleconsult: Callable[..., Result]
) -> None:
    long_ago.report("failed")
    done = teleconsult()
    assert done.exit_code == 1
    assert done.stdout == "blocked by its report: c-1\n"
    assert long_ago.row(tables.consultations, "c-1").sealed is not None


def test_the_command_does_not_purge_beside_a_server_that_does(
    long_ago: House, teleconsult: Callable[..., Result]
) -> None:
    with exclusively(long_ago.engine, PURGING):
        done = teleconsult()
    assert done.exit_code == 1
    assert "a server is purging just now" in done.stderr
