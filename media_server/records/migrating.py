"""Bring a database's tables to this version, all steps in one transaction (Alembic)."""

import re
from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from media_server.records.errors import RecordsUnusable

_STEP = re.compile(r"v(\d{4})_\w+\.py")


def bring_up_to_date(connection: Connection, name: str) -> None:
    """Within the caller's transaction, so that after a failure the tables are as they were. `name`: of the
    database, for errors. Raises RecordsUnusable.
    """
    at = _revision(connection, name)
    if at == newest_revision():
        return
    # A fifth of what it takes to start, and most starts have nothing to migrate.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "media_server.records:migrations")
    script = ScriptDirectory.from_config(config)
    if at is not None and at not in {each.revision for each in script.walk_revisions()}:
        raise RecordsUnusable(f"the records {name} were written by a newer version of Teleconsult")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def newest_revision() -> str:
    """By the files' names (`v0002_consultations.py`), which count up in the order of the steps."""
    names = (each.name for each in files(__package__).joinpath("migrations", "versions").iterdir())
    return max(match[1] for match in map(_STEP.fullmatch, names) if match)


def _revision(connection: Connection, name: str) -> str | None:
    """Which step the tables are at, or None for an empty database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if tables:
        raise RecordsUnusable(f"{name} is a database of something else")
    return None
