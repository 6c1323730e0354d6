-- name: owners
-- Of these roles, those that no GRANT limits: superusers, and who owns the tables or is a member of their owner.
SELECT rolname
FROM pg_roles
WHERE rolname = ANY (%(roles)s) AND EXISTS (
    SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname IN ('trading', 'ingestion') AND pg_has_role(pg_roles.oid, relowner, 'MEMBER'))
ORDER BY rolname

-- name: owner
-- Who owns the tables, and so may change them.
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('ingestion.alembic_version')

-- name: make_role
-- Runs in a DO block: {option} is what the role is made with.
BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN CREATE ROLE {role} LOGIN;{option} END IF; END

-- name: read_only
-- A role made for reading begins every transaction read-only. This is a second lock: its rights are the first.
ALTER ROLE {role} SET default_transaction_read_only = on;

-- name: grants
-- Makes the two roles where they are not there, and leaves each with the rights that it needs and no other.
BEGIN;

{make_writer};
{make_reader};

-- What they had here goes first, so that this can be run again.
REVOKE ALL ON ALL TABLES IN SCHEMA trading, ingestion FROM {writer}, {reader};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA trading, ingestion FROM {writer}, {reader};
REVOKE ALL ON SCHEMA trading, ingestion FROM {writer}, {reader};
REVOKE ALL ON DATABASE {database} FROM {writer}, {reader};

-- Both read everything, views too. The sequences are for db dump.
GRANT CONNECT ON DATABASE {database} TO {writer}, {reader};
GRANT USAGE ON SCHEMA trading, ingestion TO {writer}, {reader};
GRANT SELECT ON ALL TABLES IN SCHEMA trading, ingestion TO {writer}, {reader};
GRANT SELECT ON ALL SEQUENCES IN SCHEMA trading, ingestion TO {writer}, {reader};

-- The writer publishes results, through a temporary table where keys may clash, and deletes those that are too old.
GRANT TEMPORARY ON DATABASE {database} TO {writer};
GRANT INSERT, UPDATE, DELETE
    ON trading.alerts, trading.vectorbt_analysis, trading.enhanced_analysis, trading.analysis_summary,
       trading.sweep_results TO {writer};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA trading TO {writer};
-- It keeps the ledger, of which nothing is ever deleted.
GRANT INSERT, UPDATE ON ingestion.runs, ingestion.files, ingestion.quarantine TO {writer};
GRANT INSERT ON ingestion.issues TO {writer};
-- ingestion.adopted_rows and ingestion.alembic_version are written by db upgrade, which is the owner's.

-- Tables that a later db upgrade makes are to be read and written the same day. Run this again after it to take back
-- what the writer does not need there.
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA trading, ingestion GRANT SELECT ON TABLES TO {writer}, {reader};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA trading, ingestion GRANT SELECT ON SEQUENCES TO {writer}, {reader};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA trading GRANT INSERT, UPDATE, DELETE ON TABLES TO {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA trading GRANT USAGE ON SEQUENCES TO {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA ingestion GRANT INSERT, UPDATE ON TABLES TO {writer};

COMMIT;

-- A role that was just made has no password, and can log in only where the server asks for none. psql sets one without
-- showing it (\password), or run, with passwords of your own:
-- ALTER ROLE {writer} PASSWORD '...';
-- ALTER ROLE {reader} PASSWORD '...';

-- PostgreSQL lets every role make temporary tables. Where the reader must not do even that, and nobody else has to:
-- REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
