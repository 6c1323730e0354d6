"""Databases that the older scripts made: their tables are adopted, and no row of them is lost."""

from typing import Any

import psycopg
import pytest

from autonama.database import migrate
from autonama.errors import DatabaseError

METRICS = """
    potential_return NUMERIC(10,4),
    total_return NUMERIC(10,4),
    sharpe_ratio NUMERIC(10,4),
    max_drawdown NUMERIC(10,4),
    degree INTEGER,
    kstd NUMERIC(5,2),
"""

ALERTS = f"""
CREATE TABLE trading.alerts (
    id SERIAL PRIMARY KEY,
    symbol VARCHAR(20) NOT NULL,
    interval VARCHAR(10) NOT NULL,
    signal VARCHAR(10) NOT NULL,
    current_price NUMERIC(20,8),
    upper_band NUMERIC(20,8),
    lower_band NUMERIC(20,8),{METRICS}
    analysis_date TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
)
"""

ANALYSIS = f"""
CREATE TABLE trading.vectorbt_analysis (
    id SERIAL PRIMARY KEY,
    symbol VARCHAR(20) NOT NULL,
    interval VARCHAR(10) NOT NULL,
    analysis_date TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    current_price NUMERIC(20,8),
    lower_band NUMERIC(20,8),
    upper_band NUMERIC(20,8),
    signal VARCHAR(10),{METRICS}
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
)
"""

INDEXES = """
CREATE INDEX idx_alerts_symbol ON trading.alerts (symbol);
CREATE INDEX idx_alerts_signal ON trading.alerts (signal);
CREATE INDEX idx_alerts_date ON trading.alerts (analysis_date);
CREATE INDEX idx_vectorbt_symbol ON trading.vectorbt_analysis (symbol);
CREATE INDEX idx_vectorbt_date ON trading.vectorbt_analysis (analysis_date)
"""

DAY = "2026-01-15 10:30:00+00"


@pytest.fixture
def old(empty_database_url: str) -> Any:
    """A connection to a database with the older scripts' schema and no table yet."""
    with psycopg.connect(empty_database_url, autocommit=True, options="-c TimeZone=UTC") as conn:
        conn.execute("CREATE SCHEMA trading")
        yield conn


def insert(conn: psycopg.Connection, table: str, *rows: tuple[Any, ...]) -> None:
    """Store rows of symbol, signal, analysis_date, sharpe_ratio at interval 1d."""
    with conn.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO trading.{table} (symbol, interval, signal, analysis_date, sharpe_ratio) "
            "VALUES (%s, '1d', %s, %s, %s)",
            rows,
        )


def kept(conn: psycopg.Connection, table: str) -> list[int]:
    """Ids that stayed."""
    return [number for (number,) in conn.execute(f"SELECT id FROM trading.{table} ORDER BY id")]


def moved(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    """What was moved aside."""
    return conn.execute("SELECT table_name, old_id, reason FROM ingestion.adopted_rows ORDER BY id").fetchall()


def test_sound_rows_stay_as_they_are(old: psycopg.Connection, empty_database_url: str) -> None:
    """Ids, values and the sequence's place survive, and the rows are entered as vectorbt's, of no known file."""
    old.execute(ALERTS)
    insert(old, "alerts", ("BTCUSDT", "BUY", DAY, "1.2500"), ("ETHUSDT", "SELL", DAY, None))
    before = old.execute("SELECT * FROM trading.alerts ORDER BY id").fetchall()
    assert "trading.alerts: adopted 2 rows" in migrate.upgrade(old, empty_database_url)
    after = old.execute("SELECT * FROM trading.alerts ORDER BY id").fetchall()
    assert after == [(*row, "vectorbt", None, None) for row in before]
    insert(old, "alerts", ("XRPUSDT", "HOLD", DAY, None))
    assert kept(old, "alerts") == [1, 2, 3]


def test_of_duplicate_alerts_the_newest_of_the_day_stays(old: psycopg.Connection, empty_database_url: str) -> None:
    """An alert's key is the UTC day: the newest stays, of equally new ones the highest id, the rest is moved."""
    old.execute(ALERTS)
    insert(
        old,
        "alerts",
        ("BTCUSDT", "BUY", "2026-01-15 23:30:00+00", None),  # 1: the day's newest
        ("BTCUSDT", "SELL", "2026-01-15 08:00:00+00", None),
        ("BTCUSDT", "HOLD", "2026-01-16 00:30:00+00", None),  # 3: the next day, though not in New York
        ("ETHUSDT", "BUY", DAY, None),
        ("ETHUSDT", "SELL", DAY, None),  # 5: as new as 4, stored later
    )
    said = migrate.upgrade(old, empty_database_url)
    assert kept(old, "alerts") == [1, 3, 5]
    reason = "duplicate of (engine, symbol, interval, day)"
    assert moved(old) == [("trading.alerts", 2, reason), ("trading.alerts", 4, reason)]
    assert said[1:] == [f"trading.alerts: adopted 5 rows; moved to ingestion.adopted_rows: 2 ({reason})"]


def test_of_duplicate_analyses_the_last_one_stays(old: psycopg.Connection, empty_database_url: str) -> None:
    """An analysis' key is the moment: the same moment twice is a duplicate, another time of the day is not."""
    old.execute(ANALYSIS)
    earlier = "2026-01-15 10:29:59+00"
    insert(old, "vectorbt_analysis", *[("BTCUSDT", "BUY", moment, None) for moment in (DAY, DAY, earlier)])
    migrate.upgrade(old, empty_database_url)
    assert kept(old, "vectorbt_analysis") == [2, 3]
    assert moved(old) == [
        ("trading.vectorbt_analysis", 1, "duplicate of (engine, symbol, interval, analysis_date)"),
    ]


def test_what_is_moved_is_kept_whole(old: psycopg.Connection, empty_database_url: str) -> None:
    """A row that went aside keeps every value, NaN included, with all digits."""
    old.execute(ALERTS)
    old.execute(
        "INSERT INTO trading.alerts (symbol, interval, signal, current_price, kstd, total_return, analysis_date) "
        "VALUES ('PEPEUSDT', '4h', 'BUY', 0.00001094, 1.50, 'NaN', %s)",
        [DAY],
    )
    migrate.upgrade(old, empty_database_url)
    (row,) = old.execute(
        "SELECT row_data ->> 'symbol', row_data ->> 'interval', row_data ->> 'current_price', row_data ->> 'kstd', "
        "row_data ->> 'total_return', row_data ->> 'id', row_data ? 'updated_at' FROM ingestion.adopted_rows"
    ).fetchall()
    assert row == ("PEPEUSDT", "4h", "0.00001094", "1.50", "NaN", "1", True)


def test_a_row_with_nan_gives_way_to_a_sound_older_one(old: psycopg.Connection, empty_database_url: str) -> None:
    """A NaN row is moved before duplicates are looked for, else the newest row of the day would be lost to a NaN."""
    old.execute(ALERTS)
    insert(
        old,
        "alerts",
        ("BTCUSDT", "BUY", "2026-01-15 08:00:00+00", "1.0"),
        ("BTCUSDT", "SELL", "2026-01-15 09:00:00+00", "NaN"),
    )
    said = migrate.upgrade(old, empty_database_url)
    assert kept(old, "alerts") == [1]
    assert moved(old) == [("trading.alerts", 2, "not a number")]
    assert said[1:] == ["trading.alerts: adopted 2 rows; moved to ingestion.adopted_rows: 1 (not a number)"]


def test_rows_without_a_date_stay(old: psycopg.Connection, empty_database_url: str) -> None:
    """Rows whose analysis_date is NULL are nobody's duplicates, and a dated alert is later than they are."""
    old.execute(ALERTS)
    old.execute(ANALYSIS)
    undated = [("BTCUSDT", "BUY", None, None)] * 2
    insert(old, "alerts", *undated, ("BTCUSDT", "SELL", DAY, None), *undated)
    insert(old, "vectorbt_analysis", *undated)
    migrate.upgrade(old, empty_database_url)
    assert (kept(old, "alerts"), kept(old, "vectorbt_analysis"), moved(old)) == ([1, 2, 3, 4, 5], [1, 2], [])
    assert old.execute("SELECT id FROM trading.latest_alerts").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "statements", [(ALERTS,), (ANALYSIS,), (ALERTS, ANALYSIS), (ALERTS, ANALYSIS, INDEXES)], ids=len
)
def test_adopted_and_fresh_are_the_same(
    old: psycopg.Connection, empty_database_url: str, database_url: str, server, statements: tuple[str, ...]
) -> None:
    """However much of the older layout was there, with rows in it, the schema ends as that of a fresh database."""
    for statement in statements:
        old.execute(statement)
    if ALERTS in statements:
        insert(old, "alerts", *[("BTCUSDT", "BUY", DAY, "NaN"), ("BTCUSDT", "BUY", DAY, None)] * 2)
    migrate.upgrade(old, empty_database_url)
    assert dump(server, empty_database_url) == dump(server, database_url)


def dump(server, database_url: str) -> list[str]:
    """pg_dump's picture of the schema, without the random key that each dump bears."""
    lines = server.run("pg_dump", "--schema-only", "--dbname", database_url).splitlines()
    return [line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.mark.parametrize(
    ("ddl", "complaint"),
    [
        (ALERTS.replace("max_drawdown NUMERIC(10,4),", ""), r"trading\.alerts lacks the column max_drawdown \(numeric"),
        (
            ALERTS.replace("sharpe_ratio NUMERIC(10,4)", "sharpe_ratio DOUBLE PRECISION"),
            r"column sharpe_ratio of table trading\.alerts is double precision where numeric\(10,4\) is expected",
        ),
        (ALERTS.replace("    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()", "    note TEXT"), "updated_at"),
        (
            ANALYSIS.replace("symbol VARCHAR(20)", "symbol VARCHAR(40)"),
            r"symbol of table trading\.vectorbt_analysis is character varying\(40\)",
        ),
        ("CREATE VIEW trading.alerts AS SELECT 1 AS id", r"trading\.alerts is no plain table"),
    ],
)
def test_a_table_of_another_kind_is_refused(
    old: psycopg.Connection, empty_database_url: str, ddl: str, complaint: str
) -> None:
    """A missing column or another type is named, with what is expected, and the database stays as it was."""
    old.execute(ddl)
    with pytest.raises(DatabaseError, match=complaint) as refused:
        migrate.upgrade(old, empty_database_url)
    assert "Nothing was changed" in str(refused.value)
    assert migrate.current(old) is None
    assert old.execute("SELECT to_regnamespace('ingestion')").fetchall() == [(None,)]


def test_more_columns_do_no_harm(old: psycopg.Connection, empty_database_url: str) -> None:
    """A column that somebody added stays, with its values."""
    old.execute(ALERTS)
    old.execute("ALTER TABLE trading.alerts ADD COLUMN note TEXT DEFAULT 'mine'")
    insert(old, "alerts", ("BTCUSDT", "BUY", DAY, None))
    migrate.upgrade(old, empty_database_url)
    assert old.execute("SELECT note FROM trading.alerts").fetchall() == [("mine",)]


def test_an_owner_of_the_schemas_needs_no_right_on_the_database(
    old: psycopg.Connection, empty_database_url: str, server
) -> None:
    """Where a DBA has made both schemas for a user, the user adopts and upgrades without CREATE on the database."""
    user = f"{old.info.dbname}_owner"
    server.execute(f"CREATE ROLE {user} LOGIN")
    old.execute(f"ALTER SCHEMA trading OWNER TO {user}")
    old.execute(f"CREATE SCHEMA ingestion AUTHORIZATION {user}")
    address = empty_database_url.replace("user=postgres", f"user={user}")
    with psycopg.connect(address, autocommit=True) as conn:
        conn.execute(ALERTS)
        migrate.upgrade(conn, address)
        assert migrate.is_current(conn)
    old.execute("DROP SCHEMA trading, ingestion CASCADE")
    server.execute(f"DROP ROLE {user}")
