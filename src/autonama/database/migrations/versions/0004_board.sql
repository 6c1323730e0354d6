-- What a dashboard reads: every alert beside the one before it and its warnings, and the newest ones of them.

-- The newest alert of every engine, symbol and interval. A row of unknown date counts as the oldest. The keys are
-- found by jumping through alerts_key from one to the next, so that the time does not grow with the days kept.
CREATE OR REPLACE VIEW trading.latest_alerts AS
WITH RECURSIVE keys AS (
    (SELECT engine, symbol, interval FROM trading.alerts ORDER BY engine, symbol, interval LIMIT 1)
    UNION ALL
    SELECT next.engine, next.symbol, next.interval
    FROM keys CROSS JOIN LATERAL (
        SELECT engine, symbol, interval
        FROM trading.alerts
        WHERE (engine, symbol, interval) > (keys.engine, keys.symbol, keys.interval)
        ORDER BY engine, symbol, interval
        LIMIT 1
    ) AS next
)
SELECT latest.*
FROM keys CROSS JOIN LATERAL (
    (SELECT *
     FROM trading.alerts AS dated
     WHERE dated.engine = keys.engine AND dated.symbol = keys.symbol AND dated.interval = keys.interval
       AND (dated.analysis_date AT TIME ZONE 'UTC')::date IS NOT NULL
     ORDER BY (dated.analysis_date AT TIME ZONE 'UTC')::date DESC
     LIMIT 1)
    UNION ALL
    (SELECT *
     FROM trading.alerts AS undated
     WHERE undated.engine = keys.engine AND undated.symbol = keys.symbol AND undated.interval = keys.interval
       AND (undated.analysis_date AT TIME ZONE 'UTC')::date IS NULL
     ORDER BY undated.id DESC
     LIMIT 1)
    ORDER BY analysis_date DESC NULLS LAST
    LIMIT 1
) AS latest;

-- The findings that name several rows, beside the index of those that name one.
CREATE INDEX issues_several ON ingestion.issues (file_id) WHERE rows IS NOT NULL;

-- Every alert with its story. previous_signal and previous_date: of the alert of the last day before it. flags: codes of
-- the warnings that its row was published with. What is not asked for is not looked up.
CREATE VIEW trading.alert_history AS
SELECT a.*,
       (SELECT previous.signal
        FROM trading.alerts AS previous
        WHERE previous.engine = a.engine AND previous.symbol = a.symbol AND previous.interval = a.interval
          AND (previous.analysis_date AT TIME ZONE 'UTC')::date < (a.analysis_date AT TIME ZONE 'UTC')::date
        ORDER BY (previous.analysis_date AT TIME ZONE 'UTC')::date DESC
        LIMIT 1) AS previous_signal,
       (SELECT previous.analysis_date
        FROM trading.alerts AS previous
        WHERE previous.engine = a.engine AND previous.symbol = a.symbol AND previous.interval = a.interval
          AND (previous.analysis_date AT TIME ZONE 'UTC')::date < (a.analysis_date AT TIME ZONE 'UTC')::date
        ORDER BY (previous.analysis_date AT TIME ZONE 'UTC')::date DESC
        LIMIT 1) AS previous_date,
       ARRAY(
           SELECT DISTINCT code
           FROM (
               SELECT code FROM ingestion.issues
               WHERE file_id = a.file_id AND row_number = a.row_number AND severity = 'warning'
               UNION ALL
               SELECT code FROM ingestion.issues
               WHERE file_id = a.file_id AND rows IS NOT NULL AND a.row_number = ANY (rows) AND severity = 'warning'
           ) AS warnings
           ORDER BY code
       ) AS flags
FROM trading.alerts AS a;

-- The newest alert of every engine, symbol and interval with its story: what the dashboard's board shows.
CREATE VIEW trading.board AS
SELECT history.*
FROM trading.latest_alerts AS latest
JOIN trading.alert_history AS history USING (id);
