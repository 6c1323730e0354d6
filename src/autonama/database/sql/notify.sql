-- name: be_brief
-- A message is no reason to wait for long.
SET statement_timeout = '10s'

-- name: flips
-- Of the newest alerts that a run brought or changed, those whose signal is another than the last one known before the
-- run; where the run brought the whole story of a symbol, than the one before. So a change is told by one run only.
SELECT alert.symbol, alert.interval, known.signal, alert.signal
FROM ingestion.runs AS run
JOIN ingestion.files AS file ON file.run_id = run.id
JOIN trading.alerts AS alert ON alert.file_id = file.id AND alert.updated_at >= run.started_at
CROSS JOIN LATERAL (
    SELECT stored.signal
    FROM {table} AS stored
    LEFT JOIN ingestion.files AS earlier ON earlier.id = stored.file_id
    WHERE stored.engine = alert.engine AND stored.symbol = alert.symbol AND stored.interval = alert.interval
      AND stored.analysis_date < alert.analysis_date
    ORDER BY (earlier.run_id IS DISTINCT FROM run.id) DESC, stored.analysis_date DESC
    LIMIT 1
) AS known
WHERE run.id = %(run_id)s AND known.signal <> alert.signal
  AND NOT EXISTS (SELECT FROM trading.alerts AS newer
                  WHERE newer.engine = alert.engine AND newer.symbol = alert.symbol
                    AND newer.interval = alert.interval AND newer.analysis_date > alert.analysis_date)
ORDER BY alert.symbol, alert.interval

-- name: stale
-- The newest analysis of an engine and its age in hours, where that is more than so many, and no earlier run of this
-- day (UTC) found it so: of old results each day is told once, however often a run looks.
WITH newest AS (
    SELECT analysis_date AS at, file_id FROM {table}
    WHERE engine = %(engine)s AND isfinite(analysis_date)
    ORDER BY analysis_date DESC LIMIT 1
)
SELECT newest.at, extract(epoch FROM now() - newest.at) / 3600
FROM newest LEFT JOIN ingestion.files AS file ON file.id = newest.file_id
WHERE newest.at < now() - %(hours)s * interval '1 hour'
  AND NOT EXISTS (SELECT FROM ingestion.runs AS earlier
                  WHERE earlier.engine = %(engine)s AND earlier.id >= coalesce(file.run_id, 0)
                    AND earlier.id <> coalesce(%(run_id)s::bigint, 0)
                    AND earlier.finished_at >= greatest(newest.at + %(hours)s * interval '1 hour',
                                                        date_trunc('day', now())))
