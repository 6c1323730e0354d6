"""Revision 0002 on a database of revision 0001: rows in quarantine stay, and the schema is that of a fresh one."""

from pathlib import Path
from typing import Any

import psycopg

from autonama.database import migrate

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"
FIRST = ("0001_ingestion.sql", "0001_trading.sql", "0001_adopt.sql", "0001_keys.sql")

SCHEMA = """
SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema IN ('trading', 'ingestion')
UNION ALL SELECT schemaname, tablename, indexname, indexdef, NULL, NULL
FROM pg_indexes WHERE schemaname IN ('trading', 'ingestion')
UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), NULL, NULL, NULL
FROM pg_constraint WHERE connamespace IN ('trading'::regnamespace, 'ingestion'::regnamespace)
ORDER BY 1, 2, 3, 4
"""


def test_a_quarantine_of_0001_is_kept(empty_database_url: str, conn: psycopg.Connection[Any]) -> None:
    """Its rows are open after the upgrade, its files have no header, and a second look finds nothing to do."""
    with psycopg.connect(empty_database_url, autocommit=True) as old:
        old.execute("CREATE SCHEMA trading; CREATE SCHEMA ingestion")
        for name in FIRST:
            old.execute((VERSIONS / name).read_bytes())
        old.execute("CREATE TABLE ingestion.alembic_version (version_num VARCHAR(32) NOT NULL, "
                    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")  # fmt: skip
        old.execute("INSERT INTO ingestion.alembic_version VALUES ('0001')")
        old.execute("INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('vectorbt', 'partial', '1')")
        old.execute(
            "INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, "
            "status, ruleset, rows_read, rows_quarantined) VALUES (1, 'vectorbt', 's', 's.csv', '/s.csv', 'csv', "
            "repeat('a', 64), 1, now(), 'published', '1', 1, 1)"
        )
        old.execute(
            "INSERT INTO ingestion.quarantine (file_id, row_number, original, reasons) VALUES (1, 1, 'x', '{y}')"
        )
        assert migrate.upgrade(old, empty_database_url) == [f"The schema is at version {migrate.HEAD}."]
        assert migrate.upgrade(old, empty_database_url) == []
        kept = old.execute(
            "SELECT q.original, q.reasons, q.replayed_by, f.header, f.replay_of FROM ingestion.quarantine q "
            "JOIN ingestion.files f ON f.id = q.file_id"
        ).fetchall()
        assert kept == [("x", ["y"], None, None, None)]
        assert old.execute(SCHEMA).fetchall() == conn.execute(SCHEMA).fetchall()
