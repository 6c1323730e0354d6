"""Cleanup: what is older than so many days goes, in batches, and nothing else."""

import psycopg
import pytest

from autonama.database import retention
from autonama.errors import ConfigError, DatabaseError

TABLES = ["alerts", "vectorbt_analysis", "enhanced_analysis", "analysis_summary", "sweep_results"]


def store(conn: psycopg.Connection, ages: list[float | None]) -> None:
    """One row an age in days in each of the tables; None has no created_at, where that may be."""
    (run,) = conn.execute(
        "INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('enhanced', 'failed', '1') RETURNING id"
    ).fetchone() or (0,)
    for number, age in enumerate(ages):
        created = "NULL" if age is None else f"now() - interval '{age} days'"
        day = f"'2026-01-01'::timestamptz + {number} * interval '1 day'"
        conn.execute(
            "INSERT INTO trading.alerts (symbol, interval, signal, analysis_date, created_at) "
            f"VALUES ('BTCUSDT', '1d', 'BUY', {day}, {created})"
        )
        conn.execute(
            "INSERT INTO trading.vectorbt_analysis (symbol, interval, analysis_date, created_at) "
            f"VALUES ('BTCUSDT', '1d', {day}, {created})"
        )
        if age is None:
            continue
        conn.execute(
            "INSERT INTO trading.enhanced_analysis (symbol, interval, signal, current_price, analysis_date, "
            f"created_at) VALUES ('BTCUSDT', '1d', 'BUY', 1, {day}, {created})"
        )
        conn.execute(
            f"WITH file AS (INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, "
            f"modified_at, status, ruleset) VALUES ({run}, 'enhanced', 's', 's', 's', 'json', "
            f"encode(sha256('{number}'), 'hex'), 1, now(), 'published', '1') RETURNING id) "
            f"INSERT INTO trading.analysis_summary (engine, file_id, created_at) "
            f"SELECT 'enhanced', id, {created} FROM file"
        )
        conn.execute(
            "INSERT INTO trading.sweep_results (symbol, interval, analysis_date, degree, kstd, lookback, trades, "
            f"data_points, created_at) VALUES ('BTCUSDT', '1d', {day}, 3, 2, 100, 0, 720, {created})"
        )


def counts(conn: psycopg.Connection, *tables: str) -> list[int]:
    """Rows of each table."""
    return [conn.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in tables]


def test_old_rows_go_and_the_ledger_stays(conn: psycopg.Connection) -> None:
    """Rows stored more than 30 days ago go from all tables; younger ones and every ledger entry stay."""
    store(conn, [400, 31, 30.01, 29.99, 1, 0])
    assert retention.cleanup(conn, 30) == dict.fromkeys(TABLES, 3)
    assert counts(conn, *(f"trading.{table}" for table in TABLES), "ingestion.files") == [3, 3, 3, 3, 3, 6]
    assert retention.cleanup(conn, 30) == dict.fromkeys(TABLES, 0)


def test_dry_run_only_counts(conn: psycopg.Connection) -> None:
    """A dry run says what a run would delete, and deletes nothing."""
    store(conn, [400, 31, 1])
    assert retention.cleanup(conn, 30, dry_run=True) == dict.fromkeys(TABLES, 2)
    assert counts(conn, "trading.alerts", "trading.analysis_summary") == [3, 3]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_batches_add_up(conn: psycopg.Connection, batch: int) -> None:
    """Whatever the size of a batch, and in whatever order old and new ids lie, the same rows go."""
    store(conn, [40, 1, 40, 40, 1, 40, 1, 40, 40])
    assert retention.cleanup(conn, 30, batch=batch)["alerts"] == 6
    assert counts(conn, "trading.alerts") == [3]


def test_each_batch_is_a_transaction_of_its_own(conn: psycopg.Connection) -> None:
    """Rows of different batches were deleted by different transactions, so that a lock lasts for one batch only."""
    store(conn, [40] * 5)
    conn.execute("CREATE TABLE deletions (transaction xid8)")
    conn.execute(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.deletions VALUES (pg_current_xact_id()); RETURN OLD; END'"
    )
    conn.execute("CREATE TRIGGER note BEFORE DELETE ON trading.alerts FOR EACH ROW EXECUTE FUNCTION note()")
    retention.cleanup(conn, 30, batch=2)
    found = conn.execute("SELECT count(*) FROM deletions GROUP BY transaction ORDER BY 1").fetchall()
    assert found == [(1,), (2,), (2,)]


def test_rows_that_somebody_works_on_are_left_for_the_next_time(conn: psycopg.Connection, database_url: str) -> None:
    """A row that another transaction holds is passed over, not waited for, and the rest goes."""
    store(conn, [40, 40, 40])
    with psycopg.connect(database_url) as other:
        other.execute("SELECT id FROM trading.alerts ORDER BY id LIMIT 1 FOR UPDATE")
        assert retention.cleanup(conn, 30)["alerts"] == 2
    assert retention.cleanup(conn, 30)["alerts"] == 1


def test_rows_of_unknown_age_stay(conn: psycopg.Connection) -> None:
    """A row without created_at, as an older database may hold, is not known to be old."""
    store(conn, [None, 40])
    assert retention.cleanup(conn, 30)["alerts"] == 1
    assert counts(conn, "trading.alerts") == [1]


def test_adopted_ids_below_one(conn: psycopg.Connection) -> None:
    """Rows whose ids somebody set to zero or less are cleaned up too."""
    store(conn, [40, 40])
    conn.execute("UPDATE trading.alerts SET id = id - 2")
    assert retention.cleanup(conn, 30, batch=1)["alerts"] == 2


@pytest.mark.parametrize("days", [0, -1, 36_501, 10**12])
def test_senseless_days_are_refused(conn: psycopg.Connection, days: int) -> None:
    """Zero and negative days would delete everything: they are refused with the range that is allowed."""
    store(conn, [400])
    with pytest.raises(ConfigError, match=r"at least 1 day and at most 36,500 days"):
        retention.cleanup(conn, days)
    assert counts(conn, "trading.alerts") == [1]


def test_a_hundred_years_is_no_error(conn: psycopg.Connection) -> None:
    """The largest number of days allowed is within PostgreSQL's calendar."""
    store(conn, [400])
    assert retention.cleanup(conn, 36_500)["alerts"] == 0


def test_without_the_schema(empty_database_url: str) -> None:
    """On a database without our tables the message says what makes them."""
    with (
        psycopg.connect(empty_database_url, autocommit=True) as conn,
        pytest.raises(DatabaseError, match="autonama db upgrade"),
    ):
        retention.cleanup(conn, 30)


def test_a_look_before_a_load_serves_the_cleanup_after_it(conn: psycopg.Connection) -> None:
    """What a look found goes later on, and of what came in since nothing does, whatever age it claims."""
    store(conn, [400, 1])
    found = retention.look(conn, 30)
    conn.execute(
        "INSERT INTO trading.alerts (symbol, interval, signal, analysis_date, created_at) "
        "VALUES ('ETHUSDT', '1d', 'BUY', '2026-02-01', now() - interval '400 days')"
    )

    assert retention.cleanup(conn, 30, found=found) == dict.fromkeys(TABLES, 1)
    assert counts(conn, "trading.alerts") == [2]
