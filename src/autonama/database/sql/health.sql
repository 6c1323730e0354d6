-- name: server
-- The server, who asks it, and whether they could write.
SELECT current_setting('server_version') AS server_version, pg_postmaster_start_time() AS started_at,
       pg_database_size(current_database()) AS size, current_user AS role,
       current_setting('transaction_read_only') = 'on' AS read_only,
       has_table_privilege('trading.alerts', 'INSERT, UPDATE, DELETE') AS may_write,
       (SELECT version_num FROM ingestion.alembic_version) AS schema

-- name: alive
-- Whether the database answers.
SELECT 1 AS alive

-- name: tables
-- Rows of every table.
SELECT 'trading.alerts' AS name, count(*) AS rows FROM trading.alerts
UNION ALL SELECT 'trading.vectorbt_analysis', count(*) FROM trading.vectorbt_analysis
UNION ALL SELECT 'trading.enhanced_analysis', count(*) FROM trading.enhanced_analysis
UNION ALL SELECT 'trading.analysis_summary', count(*) FROM trading.analysis_summary
UNION ALL SELECT 'trading.sweep_results', count(*) FROM trading.sweep_results
UNION ALL SELECT 'ingestion.runs', count(*) FROM ingestion.runs
UNION ALL SELECT 'ingestion.files', count(*) FROM ingestion.files
UNION ALL SELECT 'ingestion.issues', count(*) FROM ingestion.issues
UNION ALL SELECT 'ingestion.quarantine', count(*) FROM ingestion.quarantine

-- name: freshness
-- Of each engine: the newest analysis, the last publication and the last run.
SELECT r.engine, max(r.started_at) AS last_run,
       (SELECT max(f.recorded_at) FROM ingestion.files AS f
        WHERE f.engine = r.engine AND f.status = 'published') AS last_publication,
       (SELECT max(a.analysis_date) FROM trading.alerts AS a WHERE a.engine = r.engine) AS newest_analysis,
       (SELECT extract(epoch FROM last.finished_at - last.started_at)::double precision FROM ingestion.runs AS last
        WHERE last.engine = r.engine AND last.finished_at IS NOT NULL ORDER BY last.id DESC LIMIT 1) AS last_duration_s
FROM ingestion.runs AS r GROUP BY r.engine ORDER BY r.engine

-- name: last_error
-- The last run that failed, was refused or was interrupted.
SELECT id, engine, status, started_at, error FROM ingestion.runs
WHERE status IN ('failed', 'rejected', 'interrupted') ORDER BY id DESC LIMIT 1

-- name: runs_by_status
-- Runs by engine and status.
SELECT engine, status, count(*) AS runs FROM ingestion.runs GROUP BY engine, status ORDER BY engine, status

-- name: issues_by_code
-- Findings by rule.
SELECT code, severity, count(*) AS issues FROM ingestion.issues GROUP BY code, severity ORDER BY code, severity

-- name: alerts_by_signal
-- The board by engine and signal.
SELECT engine, signal, count(*) AS alerts FROM trading.latest_alerts GROUP BY engine, signal ORDER BY engine, signal
