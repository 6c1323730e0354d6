-- name: sources
-- Which engines and intervals have analyses with parameters.
SELECT engine, interval, count(*) AS rows FROM trading.vectorbt_analysis WHERE degree IS NOT NULL AND kstd IS NOT NULL
GROUP BY engine, interval ORDER BY engine, interval

-- name: exists
-- Whether that table is there.
SELECT to_regclass(%(table)s) IS NOT NULL AS there

-- name: grid
-- Of each pair of parameters: rows, and the medians of Sharpe ratio and total return.
SELECT degree, kstd, count(*) AS rows,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY sharpe_ratio::double precision) AS sharpe,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY total_return::double precision) AS total
FROM trading.vectorbt_analysis
WHERE engine = %(engine)s AND interval = %(interval)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND degree IS NOT NULL AND kstd IS NOT NULL
GROUP BY degree, kstd ORDER BY degree, kstd

-- name: rows
-- The rows behind it, the best Sharpe ratio first.
SELECT symbol, interval, analysis_date, degree, kstd, total_return, sharpe_ratio, max_drawdown, file_id, row_number
FROM trading.vectorbt_analysis
WHERE engine = %(engine)s AND interval = %(interval)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND (%(degree)s::int IS NULL OR degree = %(degree)s) AND (%(kstd)s::numeric IS NULL OR kstd = %(kstd)s)
  AND degree IS NOT NULL AND kstd IS NOT NULL
ORDER BY sharpe_ratio DESC NULLS LAST, symbol, analysis_date DESC LIMIT %(limit)s

-- name: sweeps
-- The sweeps that are there, the newest first of each engine: found by jumping through the key from one to the next.
WITH RECURSIVE sweeps AS (
    (SELECT engine, analysis_date, interval FROM trading.sweep_results
     ORDER BY engine DESC, analysis_date DESC, interval DESC LIMIT 1)
    UNION ALL
    SELECT next.engine, next.analysis_date, next.interval
    FROM sweeps CROSS JOIN LATERAL (
        SELECT engine, analysis_date, interval FROM trading.sweep_results
        WHERE (engine, analysis_date, interval) < (sweeps.engine, sweeps.analysis_date, sweeps.interval)
        ORDER BY engine DESC, analysis_date DESC, interval DESC LIMIT 1
    ) AS next
)
SELECT engine, interval, analysis_date FROM sweeps LIMIT %(limit)s

-- name: sweep_lookbacks
-- The look-backs of one sweep, found likewise.
WITH RECURSIVE found AS (
    SELECT min(lookback) AS lookback FROM trading.sweep_results
    WHERE engine = %(engine)s AND analysis_date = %(date)s AND interval = %(interval)s
    UNION ALL
    SELECT (SELECT min(lookback) FROM trading.sweep_results
            WHERE engine = %(engine)s AND analysis_date = %(date)s AND interval = %(interval)s
              AND lookback > found.lookback)
    FROM found WHERE found.lookback IS NOT NULL
)
SELECT lookback FROM found WHERE lookback IS NOT NULL ORDER BY lookback

-- name: sweep_grid
-- As `grid`, of one sweep. A median is the mean of the two values in the middle, or twice the one: percentile_disc takes
-- NUMERIC as it is, which is twice as quick as the cast that percentile_cont needs.
SELECT degree, kstd, rows, (sharpe[1] + sharpe[2]) / 2 AS sharpe, (total[1] + total[2]) / 2 AS total
FROM (
    SELECT degree, kstd, count(*) AS rows,
           percentile_disc(ARRAY[0.5, 0.5000000001]) WITHIN GROUP (ORDER BY sharpe_ratio) AS sharpe,
           percentile_disc(ARRAY[0.5, 0.5000000001]) WITHIN GROUP (ORDER BY total_return) AS total
    FROM trading.sweep_results
    WHERE engine = %(engine)s AND analysis_date = %(date)s AND interval = %(interval)s
      AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) AND (%(lookback)s::int IS NULL OR lookback = %(lookback)s)
    GROUP BY degree, kstd
) AS middles
ORDER BY degree, kstd

-- name: sweep_rows
-- As `rows`, of one sweep.
SELECT symbol, interval, analysis_date, degree, kstd, lookback, total_return, sharpe_ratio, max_drawdown, win_rate,
       trades, exposure, file_id, row_number
FROM trading.sweep_results
WHERE engine = %(engine)s AND analysis_date = %(date)s AND interval = %(interval)s
  AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) AND (%(lookback)s::int IS NULL OR lookback = %(lookback)s)
  AND (%(degree)s::int IS NULL OR degree = %(degree)s) AND (%(kstd)s::numeric IS NULL OR kstd = %(kstd)s)
ORDER BY sharpe_ratio DESC NULLS LAST, symbol, lookback, degree, kstd LIMIT %(limit)s
