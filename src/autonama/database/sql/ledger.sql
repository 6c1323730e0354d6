-- name: start_run
-- Notes that a run begins.
INSERT INTO ingestion.runs (engine, status, package_version, options)
VALUES (%(engine)s, 'running', %(package_version)s, %(options)s)
RETURNING id

-- name: run_began
-- When a run began that is still under way.
SELECT started_at FROM ingestion.runs WHERE id = %(run_id)s AND status = 'running'

-- name: end_predecessor
-- Ends the connection that this run has lost and the server still keeps, with all that it locks.
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid = %(space)s::oid AND objid = %(run_id)s::oid AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()

-- name: hold_run
-- Marks the run as alive for as long as this connection lives.
SELECT pg_advisory_lock(%(space)s, %(run_id)s::int)

-- name: close_interrupted
-- Closes the runs whose process died: they say 'running', but nobody holds their lock.
UPDATE ingestion.runs
SET status = 'interrupted', finished_at = now(), error = 'The process ended before the run did.'
WHERE status = 'running' AND id <> %(run_id)s AND NOT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %(space)s::oid AND objid = runs.id::oid AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))

-- name: finish_run
-- Notes how a run ended.
UPDATE ingestion.runs
SET status = %(status)s, finished_at = now(), cleanup = %(cleanup)s, error = %(error)s
WHERE id = %(run_id)s

-- name: lock_content
-- Lets one process at a time publish these bytes; the others wait and then find them in the ledger.
SELECT pg_advisory_xact_lock(hashtextextended(%(engine)s || ' ' || %(sha256)s, 0))

-- name: published
-- Which of these contents are published already, and by which run.
SELECT sha256, id, run_id
FROM ingestion.files
WHERE engine = %(engine)s AND sha256 = ANY (%(sha256)s) AND status IN ('published', 'companion')

-- name: refused
-- Whether the same rule set refused a set of exactly these contents, in which run first, and why.
SELECT p.run_id, p.issue_counts
FROM ingestion.files p
WHERE p.engine = %(engine)s AND p.sha256 = ANY (%(sha256)s) AND p.status = 'rejected' AND p.ruleset = %(ruleset)s
  AND p.primary_id IS NULL
  AND (SELECT array_agg(DISTINCT f.sha256 COLLATE "C" ORDER BY f.sha256 COLLATE "C") FROM ingestion.files f
       WHERE f.id = p.id OR (f.primary_id = p.id AND f.run_id = p.run_id)) = %(sha256)s
ORDER BY p.id LIMIT 1

-- name: insert_file
-- Enters a file. Its counts follow once its rows are in.
INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                             primary_id, ruleset, rows_read, rows_unchanged, issue_counts, notes, elapsed_s, header,
                             replay_of)
VALUES (%(run_id)s, %(engine)s, %(set_name)s, %(name)s, %(path)s, %(format)s, %(sha256)s, %(size)s, %(modified_at)s,
        %(status)s, %(primary_id)s, %(ruleset)s, %(rows_read)s,
        CASE WHEN %(status)s = 'published' THEN %(rows_read)s ELSE 0 END, %(issue_counts)s, %(notes)s,
        %(elapsed_s)s, %(header)s, %(replay_of)s)
RETURNING id

-- name: counts
-- Where the rows and alerts of a published file went.
SELECT rows_read, rows_inserted, rows_updated, rows_unchanged, rows_quarantined, alerts_inserted, alerts_updated,
       alerts_unchanged
FROM ingestion.files WHERE id = %(file_id)s

-- name: refused_by_run
-- Whether this run has entered the refusal of this content already.
SELECT id FROM ingestion.files
WHERE run_id = %(run_id)s AND engine = %(engine)s AND sha256 = %(sha256)s AND status = 'rejected' AND set_name = %(set_name)s
LIMIT 1

-- name: count_file
-- Settles where every row of a published file went; the table's CHECK holds the sum.
UPDATE ingestion.files
SET rows_read = %(read)s, rows_inserted = %(inserted)s, rows_updated = %(updated)s, rows_unchanged = %(unchanged)s,
    rows_quarantined = %(quarantined)s, alerts_inserted = %(alerts_inserted)s, alerts_updated = %(alerts_updated)s,
    alerts_unchanged = %(alerts_unchanged)s, elapsed_s = %(elapsed_s)s
WHERE id = %(file_id)s

-- name: settle_file
-- Enters what was found in a file.
UPDATE ingestion.files SET issue_counts = %(issue_counts)s, notes = %(notes)s, header = %(header)s
WHERE id = %(file_id)s

-- name: copy_issues
-- Streams the findings in.
COPY ingestion.issues (file_id, code, severity, row_number, line_number, column_name, value, message, rows)
FROM STDIN (FORMAT csv)

-- name: copy_quarantine
-- Streams the rows that were put aside, with their original text.
COPY ingestion.quarantine (file_id, row_number, line_number, original, reasons) FROM STDIN

-- name: notify
-- Tells whoever listens (the dashboard) that something was published.
SELECT pg_notify('autonama', %(payload)s)

-- name: runs
-- The latest runs, or those of a status, or the one of that id, with what became of their files.
SELECT r.id, r.engine, r.status, r.started_at, r.finished_at, r.error, f.*
FROM (SELECT * FROM ingestion.runs
      WHERE (%(run_id)s::bigint IS NULL OR id = %(run_id)s) AND (%(status)s::text IS NULL OR status = %(status)s)
      ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s) AS r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE primary_id IS NULL) AS sets,
           coalesce(sum(rows_read) FILTER (WHERE primary_id IS NULL), 0)::bigint AS rows_read,
           coalesce(sum(rows_inserted) FILTER (WHERE status = 'published'), 0)::bigint AS inserted,
           coalesce(sum(rows_updated) FILTER (WHERE status = 'published'), 0)::bigint AS updated,
           coalesce(sum(rows_unchanged) FILTER (WHERE status = 'published'), 0)::bigint AS unchanged,
           coalesce(sum(rows_quarantined) FILTER (WHERE status = 'published'), 0)::bigint AS quarantined
    FROM ingestion.files WHERE run_id = r.id) AS f
ORDER BY r.id DESC

-- name: run_files
-- The files of one run.
SELECT id, engine, set_name, name, format, status, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_quarantined,
       issue_counts, sha256, path, replay_of,
       (SELECT count(*) FROM ingestion.quarantine q WHERE q.file_id = files.id AND q.replayed_by IS NULL) AS rows_open
FROM ingestion.files WHERE run_id = %(run_id)s ORDER BY id

-- name: run_issues
-- The findings of one run, errors first.
SELECT i.file_id, f.set_name, f.name AS file, i.code, i.severity, i.row_number, i.line_number, i.column_name, i.value,
       i.message
FROM ingestion.issues i JOIN ingestion.files f ON f.id = i.file_id
WHERE f.run_id = %(run_id)s
ORDER BY i.severity, f.id, i.row_number NULLS FIRST, i.id LIMIT %(limit)s

-- name: why
-- Which file, row and run the alerts of a symbol came from, newest first.
SELECT a.engine, a.symbol, a.interval, a.signal, a.analysis_date, a.current_price, a.lower_band, a.upper_band,
       a.row_number, a.file_id, f.name AS file, f.path, f.sha256, f.set_name, f.run_id, r.started_at AS run_started_at,
       (SELECT array_agg(i.code || ': ' || i.message ORDER BY i.id) FROM ingestion.issues i
        WHERE i.file_id = a.file_id AND (i.row_number = a.row_number OR a.row_number = ANY (i.rows))) AS issues
FROM trading.alerts a
LEFT JOIN ingestion.files f ON f.id = a.file_id
LEFT JOIN ingestion.runs r ON r.id = f.run_id
WHERE a.symbol = %(symbol)s
  AND (%(interval)s::text IS NULL OR a.interval = %(interval)s)
  AND (%(day)s::date IS NULL OR (a.analysis_date AT TIME ZONE 'UTC')::date = %(day)s)
ORDER BY a.analysis_date DESC NULLS LAST, a.engine, a.interval LIMIT %(limit)s

-- name: known_symbols
-- Every symbol with an alert.
SELECT DISTINCT symbol FROM trading.alerts ORDER BY symbol

-- name: known_alerts
-- Of a symbol, the intervals that have alerts, with the newest day of each.
SELECT interval, max((analysis_date AT TIME ZONE 'UTC')::date) FILTER (WHERE isfinite(analysis_date)) AS newest
FROM trading.alerts WHERE symbol = %(symbol)s GROUP BY interval ORDER BY interval

-- name: latest_alerts
-- The newest alert of each symbol and interval, by name.
SELECT * FROM trading.latest_alerts ORDER BY symbol, interval, engine LIMIT %(limit)s
