-- name: limits
-- The moment before which rows are old, and between which ids (the first excluded) the old rows lie.
SELECT moment, bounds.*
FROM (SELECT now() - make_interval(days => %(days)s) AS moment) AS asked,
     -- id + 0: for max(id) alone the planner walks the primary key back through all the young rows; so it takes the
     -- BRIN on created_at.
     LATERAL (SELECT min(id + 0) - 1, max(id + 0) FROM {table} WHERE created_at < moment) AS bounds (after, last)

-- name: has_age
-- Whether a table has the columns that the queries below look at.
SELECT count(*) = 2 FROM information_schema.columns
WHERE table_schema = %(schema)s AND table_name = %(table)s AND column_name IN ('id', 'created_at')

-- name: count_old
-- How many rows a cleanup would delete.
SELECT count(*) FROM {table} WHERE created_at < now() - make_interval(days => %(days)s)

-- name: delete_batch
-- Deletes the next old rows in the order of their ids, past those that somebody else is working on.
WITH old AS (
    SELECT id FROM {table}
    WHERE id > %(after)s AND id <= %(last)s AND created_at < %(moment)s
    ORDER BY id
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM {table} AS stored USING old WHERE stored.id = old.id
    RETURNING stored.id
)
SELECT count(*), max(id) FROM deleted
