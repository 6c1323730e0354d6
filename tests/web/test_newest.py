"""The board is found in one look, by either of two ways: both find what the view `trading.board` says."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from autonama.config import load_settings
from autonama.database.queries import load
from autonama.web.board import Board
from autonama.web.filters import BoardQuery
from autonama.web.reading import Reader
from writing import good

Publish = Callable[..., Any]

ALERT = st.fixed_dictionaries({
    "engine": st.sampled_from(["a", "b", "b2"]),
    "symbol": st.sampled_from(["AUSDT", "BUSDT", "É"]),
    "interval": st.sampled_from(["1h", "1d"]),
    "signal": st.sampled_from(["BUY", "SELL", "HOLD"]),
    "analysis_date": st.sampled_from([
        None, "-infinity", "2026-01-01T00:00Z", "2026-01-01T23:59:59Z", "2026-01-02T12:00Z", "2026-01-03T00:00Z",
        "infinity",
    ]),
    "file": st.sampled_from([None, 0, 1, 2]),
    "row_number": st.integers(1, 4),
})  # fmt: skip
FINDING = st.fixed_dictionaries({
    "file": st.sampled_from([0, 1, 2]),
    "code": st.sampled_from(["x", "y", "z"]),
    "severity": st.sampled_from(["warning", "error"]),
    "row_number": st.sampled_from([None, 1, 2, 3]),
    "rows": st.sampled_from([None, [1], [2, 3], [4, 4]]),
})  # fmt: skip


def fill(conn: psycopg.Connection[Any], alerts: list[dict[str, Any]], findings: list[dict[str, Any]]) -> None:
    """These alerts, of which the first of a key and day stays, and findings, of three files of two runs."""
    conn.execute("TRUNCATE trading.alerts, ingestion.runs RESTART IDENTITY CASCADE")
    conn.execute(
        "INSERT INTO ingestion.runs (engine, status, package_version) "
        "VALUES ('b', 'published', ''), ('b', 'published', '')"
    )
    conn.execute("""
        INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                                     ruleset)
        SELECT run, 'b', n, n, n, 'csv', encode(sha256(n::bytea), 'hex'), 1, now(), 'published', ''
        FROM (VALUES (1, 'k'), (1, 'l'), (2, 'm')) AS f (run, n)""")
    for alert in alerts:
        values = {**alert, "file_id": None if alert["file"] is None else alert["file"] + 1}
        conn.execute(
            """INSERT INTO trading.alerts (engine, symbol, interval, signal, analysis_date, file_id, row_number)
               VALUES (%(engine)s, %(symbol)s, %(interval)s, %(signal)s, %(analysis_date)s, %(file_id)s, %(row_number)s)
               ON CONFLICT DO NOTHING""",
            values,
        )
    for finding in findings:
        conn.execute(
            """INSERT INTO ingestion.issues (file_id, code, severity, row_number, rows, message)
               VALUES (%(file)s + 1, %(code)s, %(severity)s, %(row_number)s, %(rows)s, '')""",
            finding,
        )


def found(conn: psycopg.Connection[Any], way: str) -> list[tuple[Any, ...]]:
    """What one look finds that way: id, flip, whether it is new, warnings."""
    query = sql.SQL(load("board")["newest"]).format(latest=sql.SQL(load("board")[way]))
    arrays = sql.SQL(
        """SELECT known.id, known.flip, known.new, string_to_array(known.flags, E'\\n') FROM ({}) AS looked
           CROSS JOIN LATERAL unnest(ids::bigint[], flips_of::boolean[], new_of::boolean[], flags_of::text[])
           AS known (id, flip, new, flags) ORDER BY known.id"""
    ).format(query)
    return [(id, flip, new, sorted(flags)) for id, flip, new, flags in conn.execute(arrays).fetchall()]  # noqa: A001


TRUTH = """
    SELECT id, coalesce(previous_signal <> signal, false), coalesce(file_id = 3, false), flags
    FROM trading.board ORDER BY id"""


@pytest.mark.parametrize("examples", [pytest.param(60, id="few"), pytest.param(800, id="many", marks=pytest.mark.full)])
def test_both_ways_find_the_board(examples: int, conn: psycopg.Connection[Any]) -> None:
    """Whatever is stored - days unknown or endless, several engines, findings of many rows -, both find the same."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(alerts=st.lists(ALERT, max_size=14), findings=st.lists(FINDING, max_size=6))
    def law(alerts: list[dict[str, Any]], findings: list[dict[str, Any]]) -> None:
        fill(conn, alerts, findings)
        truth = [tuple(row) for row in conn.execute(TRUTH).fetchall()]
        assert found(conn, "jumping") == truth
        assert found(conn, "passing") == truth

    law()


def test_the_summary_counts_the_board(conn: psycopg.Connection[Any], database_url: str) -> None:
    """Its counts are those of the view, by either way; the second look takes the other way than the first."""
    alerts = [
        {"engine": engine, "symbol": symbol, "interval": "1d", "signal": signal, "analysis_date": day, "file": file,
         "row_number": 1}
        for engine in ("a", "b")
        for symbol, signals in (("AUSDT", ("BUY", "SELL")), ("BUSDT", ("HOLD", "HOLD")))
        for signal, day, file in zip(signals, ("2026-01-01T00:00Z", "2026-01-02T00:00Z"), (0, 2), strict=True)
    ]  # fmt: skip
    fill(conn, alerts, [{"file": 2, "code": "x", "severity": "warning", "row_number": 1, "rows": None}])
    reader = Reader(load_settings(database_url=database_url))
    reader.open()
    try:
        board = Board(reader)
        first = board.summary()
        conn.execute("SELECT pg_stat_force_next_flush()")
        conn.execute("UPDATE trading.alerts SET signal = signal")
        second = board.summary()
        assert len(board.ids(BoardQuery(flip=True, new=True))) == 2
    finally:
        reader.close()
    assert second == first
    assert (first["alerts"], first["flips"], first["new"], first["new_flips"], first["flagged"]) == (4, 2, 4, 2, 4)
    assert (first["sell"], first["hold"], first["intervals"], first["engines"]) == (2, 2, ["1d"], ["a", "b"])
    assert first["codes"] == [{"code": "x", "alerts": 4}]


def test_what_is_published_later_under_an_earlier_number_is_seen(
    publish: Publish, client: httpx.Client, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """Of two runs at the same time the one whose file has the lower number may end last: it shows, too."""
    publish([good(symbol="AUSDT")])
    with psycopg.connect(database_url) as slow:
        file = slow.execute(
            """INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at,
                                            status, ruleset)
               VALUES (1, 'vectorbt', 'slow', 'slow', '', 'csv', repeat('0', 64), 1, now(), 'published', '')
               RETURNING id"""
        ).fetchone()
        slow.execute(
            """INSERT INTO trading.alerts (symbol, interval, signal, file_id, row_number)
               VALUES ('SLOWUSDT', '1d', 'BUY', %s, 1)""",
            file,
        )
        publish([good(symbol="BUSDT")])
        assert "SLOWUSDT" not in client.get("/").text
    assert "SLOWUSDT" in client.get("/").text


def test_what_is_new_is_what_the_last_run_brought(publish: Publish, client: httpx.Client) -> None:
    """The strip counts it, a filter and a preset show it alone, and a flip of an earlier run is told from a new one."""
    for day, signal in (("2026-01-13", "HOLD"), ("2026-01-14", "BUY")):
        publish([good(symbol="AUSDT", analysis_date=f"{day}T10:00:00", signal=signal, current_price="99")])
    publish([good(symbol="BUSDT", analysis_date="2026-01-14T10:00:00")])
    publish([good(symbol="BUSDT", analysis_date="2026-01-15T10:00:00", signal="BUY", current_price="99")])
    page = client.get("/").text
    assert re.search(r'href="/\?flip=1">2</a> <a class="part" href="/\?flip=1&amp;new=1">1 new', page)
    assert "the flip came before the last run" in page
    assert "the flip came with the last run" in page
    alone = client.get("/?flip=1&new=1").text
    assert "BUSDT" in alone
    assert "AUSDT" not in alone
    answer = client.get("/api/v1/alerts", params={"new": True}).json()
    assert [row["symbol"] for row in answer["rows"]] == ["BUSDT"]


def test_engines_stand_side_by_side(publish: Publish, client: httpx.Client, conn: psycopg.Connection[Any]) -> None:
    """Where several engines have alerts, each row names its own, unless other columns are chosen; so does a symbol."""
    publish([good(symbol="AUSDT")])
    assert ">Engine<" not in client.get("/").text
    conn.execute(
        """INSERT INTO trading.alerts (engine, symbol, interval, signal, current_price, analysis_date)
           VALUES ('enhanced', 'AUSDT', '1d', 'SELL', 111, now())"""
    )
    conn.execute("INSERT INTO ingestion.runs (engine, status, package_version) VALUES ('enhanced', 'published', '')")
    conn.execute("""
        INSERT INTO ingestion.files (run_id, engine, set_name, name, path, format, sha256, size, modified_at, status,
                                     ruleset)
        SELECT max(id), 'enhanced', 'e', 'e', '', 'csv', repeat('1', 64), 1, now(), 'published', ''
        FROM ingestion.runs""")
    rows = re.findall(r'<tr data-key="(\w+)/AUSDT/1d"', client.get("/?sort=symbol").text)
    assert rows == ["enhanced", "vectorbt"]
    assert ">Engine<" in client.get("/").text
    assert ">enhanced</span></td>" in client.get("/").text
    assert ">enhanced</span></td>" not in client.get("/?cols=price").text
    page = client.get("/symbol/AUSDT").text
    beside = page.split("Side by side")[1].split("</table>")[0]
    assert beside.count("<tr") == 3
    assert "SELL" in beside
    assert "HOLD" in beside
