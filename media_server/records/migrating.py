"""Bring a database's tables to this version, all steps in one transaction (Alembic)."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from media_server.records.errors import RecordsUnusable


def bring_up_to_date(connection: Connection, name: str) -> None:
    """Within the caller's transaction, so that after a failure the tables are as they were. `name`: of the
    database, for errors. Raises RecordsUnusable.
    """
    config = Config()
    config.set_main_option("script_location", "media_server.records:migrations")
    script = ScriptDirectory.from_config(config)
    at = _revision(connection, name)
    if at == script.get_current_head():
        return
    if at is not None and at not in {each.revision for each in script.walk_revisions()}:
        raise RecordsUnusable(f"the records {name} were written by a newer version of Teleconsult")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection, name: str) -> str | None:
    """Which step the tables are at, or None for an empty database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if tables:
        raise RecordsUnusable(f"{name} is a database of something else")
    return None
