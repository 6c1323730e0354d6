-- name: count
-- How many there are.
SELECT count(*) AS runs FROM ingestion.runs WHERE %(status)s::text IS NULL OR status = %(status)s

-- name: run
-- One run.
SELECT id, engine, status, started_at, finished_at, package_version, cleanup, error
FROM ingestion.runs WHERE id = %(run_id)s

-- name: files
-- Its files, each set's first.
SELECT id, engine, set_name, name, path, format, sha256, size, modified_at, status, primary_id, rows_read,
       rows_inserted, rows_updated, rows_unchanged, rows_quarantined, alerts_inserted, alerts_updated,
       alerts_unchanged, issue_counts, notes, elapsed_s, replay_of
FROM ingestion.files WHERE run_id = %(run_id)s
ORDER BY coalesce(primary_id, id), id

-- name: by_rule
-- Its findings by rule.
SELECT i.code, i.severity, count(*) AS findings, min(i.message) AS example
FROM ingestion.issues AS i JOIN ingestion.files AS f ON f.id = i.file_id
WHERE f.run_id = %(run_id)s
GROUP BY i.code, i.severity ORDER BY i.severity, count(*) DESC, i.code

-- name: by_column
-- Its findings by column.
SELECT coalesce(i.column_name, '') AS column_name, count(*) FILTER (WHERE i.severity = 'error') AS errors,
       count(*) FILTER (WHERE i.severity = 'warning') AS warnings
FROM ingestion.issues AS i JOIN ingestion.files AS f ON f.id = i.file_id
WHERE f.run_id = %(run_id)s
GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1

-- name: issues
-- Findings, of one run or of all, errors first.
SELECT i.id, f.run_id, f.engine, f.set_name, f.name AS file_name, i.code, i.severity, i.row_number, i.line_number,
       i.column_name, i.value, i.message, i.rows
FROM ingestion.issues AS i JOIN ingestion.files AS f ON f.id = i.file_id
WHERE (%(run_id)s::bigint IS NULL OR f.run_id = %(run_id)s) AND (%(code)s::text IS NULL OR i.code = %(code)s)
  AND (%(severity)s::text IS NULL OR i.severity = %(severity)s)
ORDER BY f.run_id DESC, i.severity, f.id, i.row_number NULLS FIRST, i.id LIMIT %(limit)s OFFSET %(offset)s

-- name: issue_count
-- How many there are.
SELECT count(*) AS issues
FROM ingestion.issues AS i JOIN ingestion.files AS f ON f.id = i.file_id
WHERE (%(run_id)s::bigint IS NULL OR f.run_id = %(run_id)s) AND (%(code)s::text IS NULL OR i.code = %(code)s)
  AND (%(severity)s::text IS NULL OR i.severity = %(severity)s)

-- name: quarantine
-- Rows of it that were put aside, with their original text and where they went since.
SELECT q.file_id, f.name AS file_name, q.row_number, q.line_number, q.original, q.reasons, q.replayed_at,
       (SELECT run_id FROM ingestion.files AS later WHERE later.id = q.replayed_by) AS replayed_in
FROM ingestion.quarantine AS q JOIN ingestion.files AS f ON f.id = q.file_id
WHERE f.run_id = %(run_id)s ORDER BY q.file_id, q.row_number LIMIT %(limit)s

-- name: quarantine_count
-- How many there are, and how many still wait.
SELECT count(*) AS rows, count(*) FILTER (WHERE q.replayed_by IS NULL) AS waiting
FROM ingestion.quarantine AS q JOIN ingestion.files AS f ON f.id = q.file_id
WHERE f.run_id = %(run_id)s
