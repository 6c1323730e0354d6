-- name: sources
-- Which engines and intervals have analyses with parameters, and sweeps where they exist.
SELECT engine, interval, count(*) AS rows FROM {table} WHERE degree IS NOT NULL AND kstd IS NOT NULL
GROUP BY engine, interval ORDER BY engine, interval

-- name: exists
-- Whether that table is there.
SELECT to_regclass(%(table)s) IS NOT NULL AS there

-- name: grid
-- Of each pair of parameters: rows, and the medians of Sharpe ratio and total return.
SELECT degree, kstd, count(*) AS rows,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY sharpe_ratio::double precision) AS sharpe,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY total_return::double precision) AS total
FROM {table}
WHERE engine = %(engine)s AND interval = %(interval)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND degree IS NOT NULL AND kstd IS NOT NULL
GROUP BY degree, kstd ORDER BY degree, kstd

-- name: rows
-- The rows behind it, the best Sharpe ratio first.
SELECT symbol, interval, analysis_date, degree, kstd, total_return, sharpe_ratio, max_drawdown, file_id, row_number
FROM {table}
WHERE engine = %(engine)s AND interval = %(interval)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND (%(degree)s::int IS NULL OR degree = %(degree)s) AND (%(kstd)s::numeric IS NULL OR kstd = %(kstd)s)
  AND degree IS NOT NULL AND kstd IS NOT NULL
ORDER BY sharpe_ratio DESC NULLS LAST, symbol, analysis_date DESC LIMIT %(limit)s
