-- name: limits
-- The moment before which rows are old, and between which ids (the first excluded) the old rows lie.
SELECT moment, bounds.*
FROM (SELECT now() - make_interval(days => %(days)s) AS moment) AS asked,
     LATERAL (SELECT min(id) - 1, max(id) FROM {table} WHERE created_at < moment) AS bounds (after, last)

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
