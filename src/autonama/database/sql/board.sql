-- name: version
-- Changes whenever alerts may have changed: with each publication at once, with other hands' work some seconds later.
-- Files are counted, too: of two that are published at the same time the later id may be seen first.
SELECT (SELECT max(id) FROM ingestion.files) AS publication,
       (SELECT count(*) FROM ingestion.files WHERE id > (SELECT max(id) FROM ingestion.files) - 1000) AS recent,
       n_tup_ins + n_tup_upd + n_tup_del AS touched,
       n_live_tup AS rows
FROM pg_stat_user_tables
WHERE relid = 'trading.alerts'::regclass

-- name: jumping
-- How `newest` finds the alerts of trading.board where each has many before it. One descent of alerts_key finds a key
-- with its last day, as the index is read backwards; days that are not known come first there, and are looked behind.
WITH RECURSIVE last AS (
    (SELECT engine, symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date AS day, id, signal, analysis_date, file_id,
            row_number
     FROM trading.alerts
     ORDER BY engine DESC, symbol DESC, interval DESC, (analysis_date AT TIME ZONE 'UTC')::date DESC
     LIMIT 1)
    UNION ALL
    SELECT next.*
    FROM last CROSS JOIN LATERAL (
        SELECT engine, symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date AS day, id, signal, analysis_date, file_id,
               row_number
        FROM trading.alerts
        WHERE (engine, symbol, interval) < (last.engine, last.symbol, last.interval)
        ORDER BY engine DESC, symbol DESC, interval DESC, (analysis_date AT TIME ZONE 'UTC')::date DESC
        LIMIT 1
    ) AS next
), latest AS (
    SELECT found.*, (
        SELECT previous.signal
        FROM trading.alerts AS previous
        WHERE previous.engine = found.engine AND previous.symbol = found.symbol AND previous.interval = found.interval
          AND (previous.analysis_date AT TIME ZONE 'UTC')::date < found.day
        ORDER BY (previous.analysis_date AT TIME ZONE 'UTC')::date DESC
        LIMIT 1) AS previous_signal
    FROM (
        SELECT * FROM last WHERE day IS NOT NULL
        UNION ALL
        SELECT behind.*
        FROM last CROSS JOIN LATERAL (
            SELECT engine, symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date AS day, id, signal, analysis_date,
                   file_id, row_number
            FROM trading.alerts AS a
            WHERE a.engine = last.engine AND a.symbol = last.symbol AND a.interval = last.interval
            ORDER BY (analysis_date AT TIME ZONE 'UTC')::date DESC NULLS LAST, id DESC
            LIMIT 1
        ) AS behind
        WHERE last.day IS NULL
    ) AS found
)

-- name: passing
-- How it finds the same where most alerts are the newest: all of them, once.
WITH latest AS (
    SELECT DISTINCT ON (engine, symbol, interval) *,
           CASE WHEN lead(day) OVER backwards IS NOT NULL THEN lead(signal) OVER backwards END AS previous_signal
    FROM (SELECT engine, symbol, interval, (analysis_date AT TIME ZONE 'UTC')::date AS day, id, signal, analysis_date,
                 file_id, row_number
          FROM trading.alerts) AS dated
    WINDOW backwards AS (PARTITION BY engine, symbol, interval ORDER BY day DESC NULLS LAST, id DESC)
    ORDER BY engine, symbol, interval, day DESC NULLS LAST, id DESC
)

-- name: newest
-- The whole board in one look: of every alert of trading.board its id, whether it flipped, whether the last run of its
-- engine brought it, and its warnings, as arrays; and the summary.
{latest}, brought AS MATERIALIZED (
    SELECT id
    FROM (SELECT max(run_id) AS run_id FROM ingestion.files WHERE status = 'published' GROUP BY engine) AS last_runs
    JOIN ingestion.files USING (run_id)
), warned AS MATERIALIZED (
    SELECT file_id, row_number FROM ingestion.issues
    WHERE file_id IN (SELECT file_id FROM latest) AND severity = 'warning' AND row_number IS NOT NULL
    UNION ALL
    SELECT file_id, unnest(rows) FROM ingestion.issues
    WHERE file_id IN (SELECT file_id FROM latest) AND severity = 'warning' AND rows IS NOT NULL
), board AS MATERIALIZED (
    SELECT id, engine, interval, signal, analysis_date,
           coalesce(signal <> previous_signal, false) AS flip,
           file_id IS NOT NULL AND file_id IN (SELECT id FROM brought) AS new,
           CASE WHEN file_id IS NOT NULL AND (file_id, row_number) IN (SELECT file_id, row_number FROM warned) THEN ARRAY(
               SELECT code FROM ingestion.issues
               WHERE file_id = latest.file_id AND row_number = latest.row_number AND severity = 'warning'
               UNION
               SELECT code FROM ingestion.issues
               WHERE file_id = latest.file_id AND rows IS NOT NULL AND latest.row_number = ANY (rows)
                 AND severity = 'warning'
           ) ELSE '{{}}' END AS flags
    FROM latest
)
SELECT count(*) AS alerts,
       count(*) FILTER (WHERE signal = 'BUY') AS buy,
       count(*) FILTER (WHERE signal = 'SELL') AS sell,
       count(*) FILTER (WHERE signal = 'HOLD') AS hold,
       count(*) FILTER (WHERE flip) AS flips,
       count(*) FILTER (WHERE new) AS new,
       count(*) FILTER (WHERE new AND flip) AS new_flips,
       count(*) FILTER (WHERE flags <> '{{}}') AS flagged,
       max(analysis_date) AS newest,
       min(analysis_date) AS oldest,
       ARRAY(SELECT DISTINCT interval FROM board ORDER BY interval) AS intervals,
       ARRAY(SELECT DISTINCT engine FROM board ORDER BY engine) AS engines,
       (SELECT coalesce(json_agg(json_build_object('code', code, 'alerts', alerts) ORDER BY alerts DESC, code), '[]')
        FROM (SELECT code, count(*) AS alerts FROM board CROSS JOIN LATERAL unnest(flags) AS code GROUP BY code) AS c
       ) AS codes,
       ARRAY(SELECT max(run_id) FROM ingestion.files WHERE status = 'published' GROUP BY engine) AS last_runs,
       coalesce(array_agg(id), '{{}}')::text AS ids,
       coalesce(array_agg(flip), '{{}}')::text AS flips_of,
       coalesce(array_agg(new), '{{}}')::text AS new_of,
       coalesce(array_agg(array_to_string(flags, E'\n')), '{{}}')::text AS flags_of
FROM board

-- name: ids
-- Of the newest alerts, given as `newest` found them, those that pass the filters, in order.
SELECT coalesce(array_agg(id), '{{}}')::text AS ids
FROM (
    SELECT id
    FROM (SELECT *, string_to_array(warnings, E'\n') AS flags
          FROM unnest(%(ids)s::bigint[], %(flips_of)s::boolean[], %(new_of)s::boolean[], %(flags_of)s::text[])
               AS known (id, flip, new, warnings)) AS known
    JOIN trading.alerts USING (id)
    WHERE (%(text)s::text IS NULL OR symbol ILIKE %(text)s)
      AND (%(symbols)s::text[] IS NULL OR symbol = ANY (%(symbols)s))
      AND (%(signals)s::text[] IS NULL OR signal = ANY (%(signals)s))
      AND (%(intervals)s::text[] IS NULL OR interval = ANY (%(intervals)s))
      AND (%(engines)s::text[] IS NULL OR engine = ANY (%(engines)s))
      AND (NOT %(flip)s OR flip)
      AND (NOT %(new)s OR new)
      AND (%(flags)s::text[] IS NULL OR flags && %(flags)s)
      AND (NOT %(flagged)s OR warnings <> '')
      AND (NOT %(clean)s OR warnings = '')
      AND (%(sharpe)s::numeric IS NULL OR sharpe_ratio >= %(sharpe)s)
      AND (%(older)s::double precision IS NULL OR analysis_date IS NULL
           OR analysis_date < now() - %(older)s * interval '1 hour')
    ORDER BY {order}, symbol, interval, engine
) AS ordered

-- name: rows
-- Those alerts, in that order, with the run and the file that they came from.
SELECT a.*, f.run_id, f.name AS file_name
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN trading.alert_history AS a ON a.id = wanted.id
LEFT JOIN ingestion.files AS f ON f.id = a.file_id
ORDER BY wanted.place

-- name: last_runs
-- Of every engine the last run that brought or refused something.
SELECT last.*,
       ARRAY(SELECT DISTINCT set_name FROM ingestion.files f
             WHERE f.run_id = last.id AND f.status = 'rejected' ORDER BY set_name) AS refused
FROM (
    SELECT DISTINCT ON (engine) engine, id, status, started_at, finished_at, error
    FROM ingestion.runs
    WHERE status NOT IN ('running', 'nothing_new')
    ORDER BY engine, id DESC
) AS last
ORDER BY engine
