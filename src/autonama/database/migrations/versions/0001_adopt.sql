-- Makes the tables of the older scripts fit for the keys and CHECKs that follow. On tables just made it finds nothing
-- to do, so that an adopted database and a fresh one end alike. What it says with RAISE INFO is shown to the user.

-- Their columns have to be the documented ones; more columns do no harm.
DO $$
DECLARE
    wrong RECORD;
BEGIN
    SELECT expected.*, pg_class.relkind, format_type(atttypid, atttypmod) AS found INTO wrong
    FROM (
        SELECT table_name, column_name, data_type
        FROM (VALUES ('alerts'), ('vectorbt_analysis')) AS old_tables (table_name),
             (VALUES ('id', 'integer'), ('symbol', 'character varying(20)'), ('interval', 'character varying(10)'),
                     ('signal', 'character varying(10)'), ('current_price', 'numeric(20,8)'),
                     ('upper_band', 'numeric(20,8)'), ('lower_band', 'numeric(20,8)'),
                     ('potential_return', 'numeric(10,4)'), ('total_return', 'numeric(10,4)'),
                     ('sharpe_ratio', 'numeric(10,4)'), ('max_drawdown', 'numeric(10,4)'), ('degree', 'integer'),
                     ('kstd', 'numeric(5,2)'), ('analysis_date', 'timestamp with time zone'),
                     ('created_at', 'timestamp with time zone')) AS documented (column_name, data_type)
        UNION ALL
        VALUES ('alerts', 'updated_at', 'timestamp with time zone')
    ) AS expected
    JOIN pg_class ON pg_class.relnamespace = 'trading'::regnamespace AND pg_class.relname = expected.table_name
    LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attname = expected.column_name AND NOT attisdropped
    WHERE relkind <> 'r' OR format_type(atttypid, atttypmod) IS DISTINCT FROM expected.data_type
    ORDER BY expected.table_name, attnum NULLS FIRST
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'AU001', MESSAGE = CASE
        WHEN wrong.relkind <> 'r' THEN format('trading.%s is no plain table', wrong.table_name)
        WHEN wrong.found IS NULL THEN
            format('table trading.%s lacks the column %s (%s)', wrong.table_name, wrong.column_name, wrong.data_type)
        ELSE format('column %s of table trading.%s is %s where %s is expected',
                    wrong.column_name, wrong.table_name, wrong.found, wrong.data_type)
    END;
END
$$;

-- Which engine, file and row a result came from. Rows that are there already came from the older scripts' one engine.
ALTER TABLE trading.alerts
    ADD COLUMN engine VARCHAR(50) NOT NULL DEFAULT 'vectorbt',
    ADD COLUMN file_id BIGINT REFERENCES ingestion.files,
    ADD COLUMN row_number INTEGER;
ALTER TABLE trading.vectorbt_analysis
    ADD COLUMN engine VARCHAR(50) NOT NULL DEFAULT 'vectorbt',
    ADD COLUMN file_id BIGINT REFERENCES ingestion.files,
    ADD COLUMN row_number INTEGER;

-- Rows with a NaN go aside first, so that none of them stays in the place of a sound duplicate.
WITH undefined AS (
    DELETE FROM trading.alerts AS old
    WHERE 'NaN' IN (current_price, upper_band, lower_band, potential_return, total_return, sharpe_ratio, max_drawdown,
                    kstd)
    RETURNING *
)
INSERT INTO ingestion.adopted_rows (table_name, old_id, reason, row_data)
SELECT 'trading.alerts', id, 'not a number', to_jsonb(undefined) FROM undefined ORDER BY id;

WITH undefined AS (
    DELETE FROM trading.vectorbt_analysis AS old
    WHERE 'NaN' IN (current_price, upper_band, lower_band, potential_return, total_return, sharpe_ratio, max_drawdown,
                    kstd)
    RETURNING *
)
INSERT INTO ingestion.adopted_rows (table_name, old_id, reason, row_data)
SELECT 'trading.vectorbt_analysis', id, 'not a number', to_jsonb(undefined) FROM undefined ORDER BY id;

-- Of rows with the same key the newest analysis stays, and of equally new ones the one written last. A row without
-- analysis_date is nobody's duplicate.
WITH ranked AS (
    SELECT ctid AS place, row_number() OVER (
        PARTITION BY engine, symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date
        ORDER BY analysis_date DESC, id DESC) AS position
    FROM trading.alerts
    WHERE analysis_date IS NOT NULL
), doubled AS (
    DELETE FROM trading.alerts AS old USING ranked WHERE old.ctid = ranked.place AND ranked.position > 1
    RETURNING old.*
)
INSERT INTO ingestion.adopted_rows (table_name, old_id, reason, row_data)
SELECT 'trading.alerts', id, 'duplicate of (engine, symbol, interval, day)', to_jsonb(doubled) FROM doubled ORDER BY id;

WITH ranked AS (
    SELECT ctid AS place, row_number() OVER (
        PARTITION BY engine, symbol, interval, analysis_date ORDER BY id DESC) AS position
    FROM trading.vectorbt_analysis
    WHERE analysis_date IS NOT NULL
), doubled AS (
    DELETE FROM trading.vectorbt_analysis AS old USING ranked WHERE old.ctid = ranked.place AND ranked.position > 1
    RETURNING old.*
)
INSERT INTO ingestion.adopted_rows (table_name, old_id, reason, row_data)
SELECT 'trading.vectorbt_analysis', id, 'duplicate of (engine, symbol, interval, analysis_date)', to_jsonb(doubled)
FROM doubled ORDER BY id;

-- Say what was found and what was moved.
DO $$
DECLARE
    told RECORD;
BEGIN
    FOR told IN
        SELECT names.name, kept.rows + coalesce(sum(moved.rows), 0) AS adopted,
               string_agg(to_char(moved.rows, 'FM999,999,999,999') || ' (' || moved.reason || ')', ', '
                          ORDER BY moved.reason) AS moves
        FROM (VALUES ('trading.alerts'), ('trading.vectorbt_analysis')) AS names (name)
        JOIN (
            SELECT 'trading.alerts' AS name, count(*) AS rows FROM trading.alerts
            UNION ALL
            SELECT 'trading.vectorbt_analysis', count(*) FROM trading.vectorbt_analysis
        ) AS kept USING (name)
        LEFT JOIN (
            SELECT table_name AS name, reason, count(*) AS rows FROM ingestion.adopted_rows GROUP BY 1, 2
        ) AS moved USING (name)
        GROUP BY names.name, kept.rows
        HAVING kept.rows + coalesce(sum(moved.rows), 0) > 0
        ORDER BY names.name
    LOOP
        RAISE INFO '%', told.name || ': adopted ' || to_char(told.adopted, 'FM999,999,999,999')
            || CASE told.adopted WHEN 1 THEN ' row' ELSE ' rows' END
            || coalesce('; moved to ingestion.adopted_rows: ' || told.moves, '');
    END LOOP;
END
$$;
