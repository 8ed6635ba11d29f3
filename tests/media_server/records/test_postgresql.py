"""Records in PostgreSQL: what is wrong with a connection is said plainly, and one that broke is got over."""

import socket
from collections.abc import Iterator

import pytest
from psycopg import sql

from media_server.records import RecordsUnusable, open_records, reading
from tests.media_server.records.test_database import a_key, count
from tests.postgresql_server import PostgreSQLServer, running_postgresql


@pytest.fixture
def database(postgresql: PostgreSQLServer, migrated_database: str) -> Iterator[str]:
    name = postgresql.fresh_database(migrated_database)
    yield name
    postgresql.drop_database(name)


def refused(url: str) -> str:
    with pytest.raises(RecordsUnusable, match="DATABASE_URL: ") as caught:
        open_records(url)
    said = str(caught.value)
    assert not any(
        secret in said for secret in ("hunter2", "clinic", "nowhere", "127.0.0.1", "postgresql://")
    )
    return said


def test_it_is_reached_over_the_network_with_a_password(postgresql: PostgreSQLServer, database: str) -> None:
    engine = open_records(postgresql.tcp_url(database))
    a_key(engine, "one")
    assert count(engine) == 1
    engine.dispose()


def test_a_wrong_password_is_said(postgresql: PostgreSQLServer, database: str) -> None:
    assert "password" in refused(postgresql.tcp_url(database, password="hunter2"))


def test_a_user_who_is_not_known_is_said(postgresql: PostgreSQLServer, database: str) -> None:
    assert "user" in refused(postgresql.tcp_url(database, user="clinic"))


def test_a_database_that_is_not_there_is_said(postgresql: PostgreSQLServer) -> None:
    assert "no such database" in refused(postgresql.tcp_url("clinic"))


def test_a_host_that_is_not_there_is_said(postgresql: PostgreSQLServer, database: str) -> None:
    url = postgresql.tcp_url(database).replace("127.0.0.1", "nowhere.invalid")
    assert "host is not found" in refused(url)


def test_a_port_where_nobody_listens_is_said(postgresql: PostgreSQLServer, database: str) -> None:
    url = postgresql.tcp_url(database).replace(f":{postgresql.port}/", ":1/")
    assert "nobody listens" in refused(url)


def test_a_host_that_does_not_answer_is_given_up(postgresql: PostgreSQLServer, database: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = postgresql.tcp_url(database).replace(f":{postgresql.port}/", f":{silent.getsockname()[1]}/")
        assert "does not answer" in refused(f"{url}?connect_timeout=2")


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("hunter2=1", "no such parameter"),
        ("sslmode=hunter2", "not valid"),
        ("sslmode=require", "no TLS"),
        ("host=/nowhere", "nobody listens at the socket"),
    ],
)
def test_a_parameter_that_does_not_fit_is_said(
    postgresql: PostgreSQLServer, database: str, parameter: str, said: str
) -> None:
    assert said in refused(f"{postgresql.tcp_url(database)}?{parameter}")


def test_a_user_who_may_not_make_tables_is_told_so(postgresql: PostgreSQLServer) -> None:
    database = postgresql.fresh_database()
    postgresql.ask(sql.SQL("CREATE ROLE clinic LOGIN PASSWORD 'hunter2'"))
    try:
        assert "permission denied" in refused(postgresql.tcp_url(database, user="clinic", password="hunter2"))
    finally:
        postgresql.drop_database(database)
        postgresql.ask(sql.SQL("DROP ROLE clinic"))


def test_after_the_database_was_restarted_it_goes_on(migrated_database: str) -> None:
    with running_postgresql() as server:
        engine = open_records(server.url(server.fresh_database()))
        a_key(engine, "one")
        server.stop()
        with pytest.raises(RecordsUnusable, match="cannot be used"):
            count(engine)
        server.start()
        assert count(engine) == 1
        engine.dispose()


def test_a_node_that_stands_still_lets_go_of_what_it_locked(
    postgresql: PostgreSQLServer, database: str
) -> None:
    engine = open_records(postgresql.url(database))
    with reading(engine) as connection:
        shown = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
    assert shown == "30s"
    engine.dispose()
