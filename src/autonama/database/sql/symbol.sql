-- name: choices
-- The engines and intervals that have alerts of this symbol.
SELECT engine, interval, count(*) AS alerts, max(analysis_date) AS newest
FROM trading.alerts WHERE symbol = %(symbol)s
GROUP BY engine, interval
ORDER BY max(analysis_date) DESC NULLS LAST, engine, interval

-- name: side_by_side
-- The newest alert of this symbol by every engine and interval.
SELECT DISTINCT ON (engine, interval) *
FROM trading.alert_history WHERE symbol = %(symbol)s
ORDER BY engine, interval, (analysis_date AT TIME ZONE 'UTC')::date DESC NULLS LAST, id DESC

-- name: alerts
-- Its alerts, newest first, each with the one before, its warnings, and the run, file and row that it came from.
SELECT a.*, f.run_id, f.name AS file_name,
       (SELECT array_agg(i.message ORDER BY i.id) FROM ingestion.issues AS i
        WHERE i.file_id = a.file_id AND i.row_number = a.row_number) AS messages
FROM trading.alert_history AS a
LEFT JOIN ingestion.files AS f ON f.id = a.file_id
WHERE a.symbol = %(symbol)s AND a.engine = %(engine)s AND a.interval = %(interval)s
ORDER BY a.analysis_date DESC NULLS LAST, a.id DESC
LIMIT %(limit)s OFFSET %(offset)s

-- name: points
-- Price, bands and signal of every analysis, the latest ones, in the order of time.
SELECT * FROM (
    SELECT analysis_date, current_price, lower_band, upper_band, signal
    FROM {table}
    WHERE symbol = %(symbol)s AND engine = %(engine)s AND interval = %(interval)s AND analysis_date IS NOT NULL
      AND isfinite(analysis_date)
    ORDER BY analysis_date DESC LIMIT %(limit)s
) AS latest
ORDER BY analysis_date

-- name: metrics
-- The metrics of its alerts in the order of time.
SELECT * FROM (
    SELECT analysis_date, total_return, sharpe_ratio, max_drawdown, potential_return
    FROM trading.alerts
    WHERE symbol = %(symbol)s AND engine = %(engine)s AND interval = %(interval)s AND analysis_date IS NOT NULL
      AND isfinite(analysis_date)
    ORDER BY analysis_date DESC LIMIT %(limit)s
) AS latest
ORDER BY analysis_date

-- name: symbols
-- Symbols with an alert, by name.
SELECT symbol, count(*) AS alerts, max(analysis_date) AS newest
FROM trading.alerts WHERE (%(text)s::text IS NULL OR symbol ILIKE %(text)s)
GROUP BY symbol ORDER BY symbol LIMIT %(limit)s OFFSET %(offset)s

-- name: symbol_count
-- How many there are.
SELECT count(DISTINCT symbol) AS symbols FROM trading.alerts WHERE (%(text)s::text IS NULL OR symbol ILIKE %(text)s)
