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
-- Upserts the staged rows in key order; a row that is stored with the same values keeps its lineage.
WITH merged AS (
    INSERT INTO {table} AS stored ({columns})
    SELECT {columns} FROM pg_temp.incoming ORDER BY {key}
    ON CONFLICT (engine, {key}) DO UPDATE SET ({columns}) = ROW ({excluded})
    WHERE ({stored_values}) IS DISTINCT FROM ({excluded_values})
    RETURNING (xmax = 0) AS inserted
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM merged

-- name: raise_alerts
-- The newest row of each symbol, interval and UTC day becomes its alert, unless the stored one is newer.
WITH newest AS (
    SELECT DISTINCT ON (symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date) {columns}
    FROM {source} WHERE file_id = %(file_id)s
    ORDER BY symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date, analysis_date DESC
), raised AS (
    INSERT INTO trading.alerts AS stored ({columns})
    SELECT {columns} FROM newest
    ON CONFLICT (engine, symbol, interval, ((analysis_date AT TIME ZONE 'UTC')::date))
    DO UPDATE SET ({columns}, updated_at) = ROW ({excluded}, now())
    WHERE excluded.analysis_date >= stored.analysis_date
      AND ({stored_values}) IS DISTINCT FROM ({excluded_values})
    RETURNING (xmax = 0) AS inserted
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted), (SELECT count(*) FROM newest)
FROM raised
