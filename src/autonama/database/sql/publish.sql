-- name: has_rows_between
-- Whether any stored row of this engine could clash with a set of these dates.
SELECT EXISTS (SELECT FROM {table} WHERE engine = %(engine)s AND analysis_date BETWEEN %(first)s AND %(last)s)

-- name: stage
-- A table of the same columns for rows that may clash, gone with the transaction.
CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA

-- name: copy
-- Streams the rows in; PostgreSQL rounds each number's own text to the column's scale, half away from zero.
COPY {table} ({columns}) FROM STDIN (FORMAT csv)

-- name: merge
-- Upserts the staged rows in key order. Of two sets that differ over a key the later one by name counts, whichever
-- arrives first; of two files of one set the later arrival. Every row that is met stays locked until the end.
WITH merged AS (
    INSERT INTO {table} AS stored ({columns})
    SELECT {columns} FROM pg_temp.incoming ORDER BY {key}
    ON CONFLICT (engine, {key}) DO UPDATE SET ({columns}) = ROW ({excluded})
    WHERE ({stored_values}) IS DISTINCT FROM ({excluded_values})
      AND ingestion.set_of(excluded.file_id) >= ingestion.set_of(stored.file_id)
    RETURNING (xmax = 0) AS inserted
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM merged

-- name: claim
-- Rows that are stored with the same values keep their lineage, unless this set is the later one by name: then it
-- vouches for them, and no set between the two may change them any more. As an upsert, it finds each row by its key; a
-- join would be planned by statistics that may be of yesterday, and then took ten minutes in place of two seconds.
INSERT INTO {table} AS stored ({columns})
SELECT {columns} FROM pg_temp.incoming ORDER BY {key}
ON CONFLICT (engine, {key}) DO UPDATE SET file_id = excluded.file_id, row_number = excluded.row_number
WHERE ({stored_values}) IS NOT DISTINCT FROM ({excluded_values})
  AND NOT EXISTS (
      SELECT FROM ingestion.files AS standing, ingestion.files AS claiming
      WHERE standing.id = stored.file_id AND claiming.id = excluded.file_id
        AND standing.set_name COLLATE "C" >= claiming.set_name COLLATE "C")

-- name: add
-- Inserts the staged rows whose key is free, in key order; a stored row stays as it is.
INSERT INTO {table} ({columns})
SELECT {columns} FROM pg_temp.incoming ORDER BY {key}
ON CONFLICT ({keys}) DO NOTHING

-- name: held
-- The staged rows that were not inserted because other values stand under their key, and where those came from.
SELECT staged.row_number, coalesce(f.name || ', row ' || stored.row_number || ', run ' || f.run_id, 'an older database')
FROM pg_temp.incoming AS staged
LEFT JOIN {table} AS stored USING ({keys})
LEFT JOIN ingestion.files f ON f.id = stored.file_id
WHERE stored.file_id IS DISTINCT FROM %(file_id)s AND ({stored_values}) IS DISTINCT FROM ({staged_values})

-- name: may_be_replaced
-- Whether a later set changed stored rows, and fewer rows than this file published are still its own.
SELECT coalesce(bool_or(
    f.recorded_at > now() - make_interval(days => %(days)s)
    AND EXISTS (SELECT FROM ingestion.files later
                WHERE later.engine = f.engine AND later.id > f.id AND later.rows_updated > 0)
    AND (SELECT count(*) FROM {table} WHERE file_id = f.id) < f.rows_read - f.rows_quarantined), false)
FROM ingestion.files f WHERE f.id = %(file_id)s

-- name: replaced
-- The sets whose values stand under the staged rows' keys in place of theirs.
SELECT f.set_name, f.run_id, count(*)
FROM pg_temp.incoming AS staged
JOIN {table} AS stored USING ({keys})
JOIN ingestion.files f ON f.id = stored.file_id
WHERE ({stored_values}) IS DISTINCT FROM ({staged_values})
GROUP BY f.set_name, f.run_id ORDER BY count(*) DESC, f.run_id

-- name: unstage
-- Takes these rows out again, so that they raise no alert.
DELETE FROM pg_temp.incoming WHERE row_number = ANY (%(rows)s)

-- name: uncopy
-- Takes these rows of a file out of their table again.
DELETE FROM {table} WHERE file_id = %(file_id)s AND row_number = ANY (%(rows)s)

-- name: new_alerts
-- The alerts of a file's rows where the engine has none of these days: every row is one.
INSERT INTO trading.alerts ({columns}) SELECT {columns} FROM {source} WHERE file_id = %(file_id)s

-- name: raise_alerts
-- The newest row of each symbol, interval and UTC day becomes its alert, unless the stored one is newer. Of two sets
-- that differ at the same time the later one by name counts, as in `merge` and `claim`.
WITH newest AS (
    SELECT DISTINCT ON (symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date) {columns}
    FROM {source} WHERE file_id = %(file_id)s
    ORDER BY symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date, analysis_date DESC
), raised AS (
    INSERT INTO trading.alerts AS stored ({columns})
    SELECT {columns} FROM newest
    ON CONFLICT (engine, symbol, interval, ((analysis_date AT TIME ZONE 'UTC')::date))
    DO UPDATE SET ({columns}, updated_at) = ROW ({excluded},
        CASE WHEN ({stored_values}) IS DISTINCT FROM ({excluded_values}) THEN now() ELSE stored.updated_at END)
    WHERE excluded.analysis_date > stored.analysis_date
       OR excluded.analysis_date = stored.analysis_date
      AND CASE WHEN ({stored_values}) IS DISTINCT FROM ({excluded_values})
               THEN ingestion.set_of(excluded.file_id) >= ingestion.set_of(stored.file_id)
               ELSE ingestion.set_of(excluded.file_id) > ingestion.set_of(stored.file_id) END
    RETURNING (xmax = 0) AS inserted, updated_at = now() AS changed
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE changed AND NOT inserted), (SELECT count(*) FROM newest)
FROM raised
