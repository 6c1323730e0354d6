-- name: version
-- Changes whenever alerts may have changed: with each publication at once, with other hands' work some seconds later.
SELECT (SELECT max(id) FROM ingestion.files) AS publication,
       (SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
        WHERE relid = 'trading.alerts'::regclass) AS touched

-- name: ids
-- The newest alerts that pass the filters, in order.
SELECT id FROM trading.board
WHERE (%(text)s::text IS NULL OR symbol ILIKE %(text)s)
  AND (%(symbols)s::text[] IS NULL OR symbol = ANY (%(symbols)s))
  AND (%(signals)s::text[] IS NULL OR signal = ANY (%(signals)s))
  AND (%(intervals)s::text[] IS NULL OR interval = ANY (%(intervals)s))
  AND (%(engines)s::text[] IS NULL OR engine = ANY (%(engines)s))
  AND (NOT %(flip)s OR previous_signal <> signal)
  AND (%(flags)s::text[] IS NULL OR flags && %(flags)s)
  AND (NOT %(flagged)s OR flags <> '{{}}')
  AND (NOT %(clean)s OR flags = '{{}}')
  AND (%(sharpe)s::numeric IS NULL OR sharpe_ratio >= %(sharpe)s)
  AND (%(older)s::double precision IS NULL OR analysis_date IS NULL
       OR analysis_date < now() - %(older)s * interval '1 hour')
ORDER BY {order}, symbol, interval, engine

-- name: rows
-- Those alerts, in that order, with the run and the file that they came from.
SELECT a.*, f.run_id, f.name AS file_name
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN trading.alert_history AS a ON a.id = wanted.id
LEFT JOIN ingestion.files AS f ON f.id = a.file_id
ORDER BY wanted.place

-- name: summary
-- The whole board in one line, looked at once: counts, the words that filters offer, and how often each warning occurs.
WITH board AS MATERIALIZED (
    SELECT signal, previous_signal <> signal AS flip, flags, analysis_date, interval, engine FROM trading.board
)
SELECT count(*) AS alerts,
       count(*) FILTER (WHERE signal = 'BUY') AS buy,
       count(*) FILTER (WHERE signal = 'SELL') AS sell,
       count(*) FILTER (WHERE signal = 'HOLD') AS hold,
       count(*) FILTER (WHERE flip) AS flips,
       count(*) FILTER (WHERE flags <> '{}') AS flagged,
       max(analysis_date) AS newest,
       min(analysis_date) AS oldest,
       coalesce(array_agg(DISTINCT interval), '{}') AS intervals,
       coalesce(array_agg(DISTINCT engine), '{}') AS engines,
       (SELECT coalesce(json_agg(json_build_object('code', code, 'alerts', alerts) ORDER BY alerts DESC, code), '[]')
        FROM (SELECT code, count(*) AS alerts FROM board CROSS JOIN LATERAL unnest(flags) AS code GROUP BY code) AS c
       ) AS codes
FROM board

-- name: last_runs
-- Of every engine the last run that brought or refused something.
SELECT DISTINCT ON (engine) engine, id, status, started_at, finished_at, error,
       (SELECT string_agg(DISTINCT set_name, ', ') FROM ingestion.files f
        WHERE f.run_id = runs.id AND f.status = 'rejected') AS refused
FROM ingestion.runs
WHERE status NOT IN ('running', 'nothing_new')
ORDER BY engine, id DESC
