"""What Alembic runs to migrate: on the connection, and in the transaction, that `database` gives it."""

from alembic import context

from media_server.records.tables import metadata

# SQLite changes a table by making it anew ("batch").
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
