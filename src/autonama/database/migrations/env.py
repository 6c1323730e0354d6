"""Alembic's entry: works on the connection, and in the transaction, that `migrate.upgrade` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema="ingestion",
)
context.run_migrations()
