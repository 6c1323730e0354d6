-- name: open_files
-- The files of an engine, or one of them, that have rows in quarantine.
SELECT f.id, f.run_id, f.set_name, f.name, f.path, f.format, f.header, count(*) AS open
FROM ingestion.quarantine q JOIN ingestion.files f ON f.id = q.file_id
WHERE q.replayed_by IS NULL AND f.engine = %(engine)s AND (%(files)s::bigint[] IS NULL OR f.id = ANY (%(files)s))
GROUP BY f.id ORDER BY f.id

-- name: open_by_engine
-- How many rows each engine has in quarantine.
SELECT f.engine, count(*) FROM ingestion.quarantine q JOIN ingestion.files f ON f.id = q.file_id
WHERE q.replayed_by IS NULL GROUP BY f.engine ORDER BY f.engine

-- name: engine_of
-- Whose file it is.
SELECT engine FROM ingestion.files WHERE id = %(file_id)s

-- name: fates
-- Of the rows that these files ever had in quarantine: the run that published them, or null.
SELECT q.file_id, q.row_number, r.run_id
FROM ingestion.quarantine q
JOIN ingestion.files f ON f.id = q.file_id
LEFT JOIN ingestion.files r ON r.id = q.replayed_by
WHERE f.engine = %(engine)s AND q.file_id = ANY (%(files)s)

-- name: lock_file
-- Lets one replay of a file at a time go on; it hinders nobody who refers to the file.
SELECT FROM ingestion.files WHERE id = %(file_id)s FOR NO KEY UPDATE

-- name: open_rows
-- The rows of a file, or some of them, that are in quarantine.
SELECT row_number, line_number, original, reasons
FROM ingestion.quarantine
WHERE file_id = %(file_id)s AND replayed_by IS NULL AND (%(rows)s::int[] IS NULL OR row_number = ANY (%(rows)s))
ORDER BY row_number

-- name: published_beside
-- Which of these symbols and intervals were published from a file already, by itself or by a replay of it.
SELECT stored.symbol, stored.interval, stored.row_number
FROM {table} AS stored
WHERE stored.file_id IN (SELECT id FROM ingestion.files WHERE id = %(file_id)s OR replay_of = %(file_id)s)
  AND stored.symbol = ANY (%(symbols)s)

-- name: close_rows
-- Takes rows out of quarantine: this entry of the ledger published them.
UPDATE ingestion.quarantine SET replayed_by = %(replay)s, replayed_at = now()
WHERE file_id = %(file_id)s AND row_number = ANY (%(rows)s) AND replayed_by IS NULL

-- name: renew_reasons
-- Says why a row is still in quarantine.
UPDATE ingestion.quarantine SET reasons = %(reasons)s WHERE file_id = %(file_id)s AND row_number = %(row)s

-- name: settle_replay
-- Notes how a replay ended, once it is known which of its rows the tables took.
UPDATE ingestion.files SET status = %(status)s, issue_counts = %(issue_counts)s WHERE id = %(file_id)s
