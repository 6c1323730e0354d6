-- name: database
-- The size of this database, and when its server started.
SELECT pg_database_size(current_database()), pg_postmaster_start_time()

-- name: tables
-- The tables of Autonama that are there.
SELECT nspname, relname
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND (nspname = 'trading' OR nspname = 'ingestion' AND relname <> 'alembic_version')
ORDER BY nspname DESC, relname

-- name: count
-- The rows of one table.
SELECT count(*) FROM {table}
