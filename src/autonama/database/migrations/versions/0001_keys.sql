-- Keys, CHECKs, indexes and views.

-- One result a key: what a repeated file would double, a merge finds here.
ALTER TABLE trading.vectorbt_analysis
    ADD CONSTRAINT vectorbt_analysis_key UNIQUE (engine, symbol, interval, analysis_date);
ALTER TABLE trading.enhanced_analysis
    ADD CONSTRAINT enhanced_analysis_key UNIQUE (engine, symbol, interval, analysis_date);
-- One alert a symbol, interval and UTC day.
CREATE UNIQUE INDEX alerts_key
    ON trading.alerts (engine, symbol, interval, ((analysis_date AT TIME ZONE 'UTC')::date));

-- One NaN poisons every average, and no comparison finds it: in PostgreSQL NaN is greater than all numbers. Infinity
-- is refused by the precision of the columns.
ALTER TABLE trading.alerts ADD CONSTRAINT alerts_numbers CHECK (
    current_price <> 'NaN' AND upper_band <> 'NaN' AND lower_band <> 'NaN' AND potential_return <> 'NaN'
    AND total_return <> 'NaN' AND sharpe_ratio <> 'NaN' AND max_drawdown <> 'NaN' AND kstd <> 'NaN');
ALTER TABLE trading.vectorbt_analysis ADD CONSTRAINT vectorbt_analysis_numbers CHECK (
    current_price <> 'NaN' AND upper_band <> 'NaN' AND lower_band <> 'NaN' AND potential_return <> 'NaN'
    AND total_return <> 'NaN' AND sharpe_ratio <> 'NaN' AND max_drawdown <> 'NaN' AND kstd <> 'NaN');
ALTER TABLE trading.enhanced_analysis ADD CONSTRAINT enhanced_analysis_numbers CHECK (
    current_price <> 'NaN' AND lower_band <> 'NaN' AND upper_band <> 'NaN' AND potential_return <> 'NaN'
    AND kstd <> 'NaN' AND price_change_24h <> 'NaN' AND volatility <> 'NaN' AND support_level <> 'NaN'
    AND resistance_level <> 'NaN' AND volume_ratio <> 'NaN' AND regression_line <> 'NaN'
    AND signal_strength <> 'NaN' AND band_width <> 'NaN');
ALTER TABLE trading.analysis_summary ADD CONSTRAINT analysis_summary_numbers CHECK (avg_potential_return <> 'NaN');

-- One symbol's alerts and analyses. (PostgreSQL 18 can also skip through the keys above; older ones cannot.)
CREATE INDEX IF NOT EXISTS idx_alerts_symbol ON trading.alerts (symbol);
CREATE INDEX IF NOT EXISTS idx_vectorbt_symbol ON trading.vectorbt_analysis (symbol);
-- The alerts that say BUY.
CREATE INDEX IF NOT EXISTS idx_alerts_signal ON trading.alerts (signal);
-- The latest days.
CREATE INDEX IF NOT EXISTS idx_alerts_date ON trading.alerts (analysis_date);
CREATE INDEX IF NOT EXISTS idx_vectorbt_date ON trading.vectorbt_analysis (analysis_date);
-- Cleanup: what was stored before a moment. Rows arrive in the order of time, so a BRIN of a few pages finds them.
CREATE INDEX alerts_created ON trading.alerts USING brin (created_at);
CREATE INDEX vectorbt_analysis_created ON trading.vectorbt_analysis USING brin (created_at);
CREATE INDEX enhanced_analysis_created ON trading.enhanced_analysis USING brin (created_at);
CREATE INDEX analysis_summary_created ON trading.analysis_summary USING brin (created_at);
-- The rows that a file brought.
CREATE INDEX alerts_file ON trading.alerts (file_id);
CREATE INDEX vectorbt_analysis_file ON trading.vectorbt_analysis (file_id);
CREATE INDEX enhanced_analysis_file ON trading.enhanced_analysis (file_id);

-- The newest alert of every engine, symbol and interval. A row of unknown date counts as the oldest.
CREATE VIEW trading.latest_alerts AS
SELECT DISTINCT ON (engine, symbol, interval) *
FROM trading.alerts
ORDER BY engine, symbol, interval, analysis_date DESC NULLS LAST, id DESC;

-- Alerts whose signal differs from the one before. Rows of unknown date have no place in the order and are left out.
CREATE VIEW trading.signal_flips AS
SELECT *
FROM (
    SELECT *, lag(signal) OVER before AS previous_signal, lag(analysis_date) OVER before AS previous_date
    FROM trading.alerts
    WHERE analysis_date IS NOT NULL
    WINDOW before AS (PARTITION BY engine, symbol, interval ORDER BY analysis_date, id)
) AS sequenced
WHERE signal <> previous_signal;
