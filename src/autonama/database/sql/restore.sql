-- name: opening
-- Empties the place of what a dump brings, within the restore's transaction: {force} decides about a place with rows.
-- What somebody else has built on our tables, such as a view of another schema, is not dropped with them: it stops it.
BEGIN;
SET lock_timeout = '30s';
SET client_min_messages = warning;
DO $$
DECLARE
    ours CONSTANT oid[] := ARRAY (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('trading', 'ingestion'));
    foreign_objects CONSTANT TEXT := $query$
        WITH relations AS (
            SELECT pg_class.oid, format('%I.%I', nspname, relname) AS name
            FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relnamespace <> ALL ($1) AND nspname !~ '^pg_'
        )
        SELECT array_agg(found) FROM (
            SELECT name FROM relations
            UNION ALL
            SELECT format('column %I of %s', attname, name)
            FROM pg_catalog.pg_attribute JOIN relations ON relations.oid = attrelid WHERE NOT attisdropped
            UNION ALL
            SELECT format('a default of %s', name)
            FROM pg_catalog.pg_attrdef JOIN relations ON relations.oid = adrelid
            UNION ALL
            SELECT format('constraint %I of %s', conname, name)
            FROM pg_catalog.pg_constraint JOIN relations ON relations.oid = conrelid
            UNION ALL
            SELECT format('trigger %I of %s', tgname, name)
            FROM pg_catalog.pg_trigger JOIN relations ON relations.oid = tgrelid WHERE NOT tgisinternal
            UNION ALL
            SELECT 'function ' || pg_proc.oid::regprocedure
            FROM pg_catalog.pg_proc WHERE pronamespace <> ALL ($1)
        ) AS theirs (found)
    $query$;
    kept RECORD;
    holds BOOLEAN;
    before TEXT[];
    after TEXT[];
    lost TEXT;
BEGIN
    FOR kept IN
        SELECT format('%I.%I', nspname, relname) AS name
        FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relnamespace = ANY (ours) AND relkind IN ('r', 'p') AND relname <> 'alembic_version'
        ORDER BY nspname DESC, relname
    LOOP
        EXECUTE 'LOCK TABLE ' || kept.name;
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || kept.name || ')' INTO holds;
        IF holds AND NOT {force} THEN
            RAISE EXCEPTION 'this database already holds rows in %', kept.name
                USING HINT = 'Name an empty database, or replace all rows of Autonama here with --force.';
        END IF;
    END LOOP;
    EXECUTE foreign_objects INTO before USING ours;
    DROP SCHEMA IF EXISTS trading, ingestion CASCADE;
    EXECUTE foreign_objects INTO after USING ours;
    SELECT name INTO lost FROM unnest(before) AS name WHERE name <> ALL (after) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% needs a table of Autonama, and would be lost', lost
            USING HINT = 'Drop it, and make it again afterwards.';
    END IF;
END
$$;
