"""What stands in the database after a run: exactly the file's rows, once, with their way back."""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonama.database import retention
from autonama.ingestion import plan
from writing import GOOD, NOW, good, many, write_csv, write_json

SCALES = {"current_price": 8, "lower_band": 8, "upper_band": 8, "potential_return": 4, "total_return": 4,
          "sharpe_ratio": 4, "max_drawdown": 4, "kstd": 2}  # fmt: skip


def stored(conn: psycopg.Connection[Any], table: str = "vectorbt_analysis") -> list[dict[str, Any]]:
    """All rows of a table, without the columns that differ from run to run."""
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        rows = cursor.execute(f"SELECT * FROM trading.{table} ORDER BY symbol, interval, analysis_date").fetchall()
    return [{k: v for k, v in row.items() if k not in ("id", "created_at", "updated_at")} for row in rows]


def rounded(text: str, scale: int) -> Decimal:
    """A number's text rounded half away from zero, as PostgreSQL stores it."""
    return Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def test_a_row_is_stored_as_the_file_has_it(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Each value equals the file's text at the column's scale, and the row knows its engine, file and row."""
    row = good(current_price="1.094e-05", lower_band="0.00001", upper_band="1.0949999999999e-05",
               potential_return="9.4999", kstd="2.4000000000000004", degree="3.0")  # fmt: skip
    run = run_ingest(write_csv(tmp_path, [row]))
    assert (run.status, run.exit_code) == ("published", 0)
    (found,) = stored(conn)
    for name, scale in SCALES.items():
        assert found[name] == rounded(str(row[name]), scale), name
    assert (found["symbol"], found["signal"], found["degree"]) == ("BTCUSDT", "HOLD", 3)
    assert found["analysis_date"].replace(tzinfo=None) == datetime.fromisoformat(str(row["analysis_date"]))
    assert (found["engine"], found["row_number"]) == ("vectorbt", 1)
    assert conn.execute("SELECT name FROM ingestion.files WHERE id = %s", [found["file_id"]]).fetchone() is not None


def test_csv_and_json_of_a_set_are_published_once(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Two files of one set give its rows once, and both contents are in the ledger."""
    rows = many(12)
    write_csv(tmp_path, rows)
    write_json(tmp_path, rows)
    run = run_ingest(tmp_path)
    assert [(s.status, s.counts.inserted, s.alerts.inserted) for s in run.sets] == [("published", 12, 12)]
    assert len(stored(conn)) == len(stored(conn, "alerts")) == 12
    statuses = conn.execute("SELECT status FROM ingestion.files ORDER BY id").fetchall()
    assert statuses == [("published",), ("companion",)]


def test_formats_that_disagree_are_refused(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """A price that differs between CSV and JSON, and a row in one of them only, are named; nothing is stored."""
    rows = many(3)
    write_csv(tmp_path, rows)
    write_json(tmp_path, [{**rows[0], "current_price": "105.500001"}, rows[1], good(symbol="XUSDT")])
    run = run_ingest(tmp_path)
    assert run.status == "rejected"
    found = run.sets[0].issues.filter(code="csv_json_agree")
    assert found["row"].to_list() == [None, 1, 3]
    assert "105.5" in found["message"][1]
    assert "105.500001" in found["message"][1]
    assert stored(conn) == []


def test_the_same_bytes_are_published_once(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Again, copied, renamed, touched, compressed: the ledger knows the content."""
    path = write_csv(tmp_path, many(3))
    assert run_ingest(path).status == "published"
    before = stored(conn)
    copy = tmp_path / "vectorbt_analysis_results_copy.csv"
    copy.write_bytes(path.read_bytes())
    for again in (path, copy):
        run = run_ingest(again)
        assert (run.status, run.exit_code, run.sets[0].status) == ("nothing_new", 0, "already_published")
    assert stored(conn) == before


def test_old_rows_are_looked_for_once_and_only_before_a_publication(tmp_path: Path, run_ingest: Any) -> None:
    """Two new sets ask once where old rows lie, which reads all new pages; known files ask nothing."""
    with patch.object(retention, "look", wraps=retention.look) as look:
        for number in (1, 2):
            write_csv(tmp_path, [good(symbol=f"S{number}USDT")], f"vectorbt_analysis_results_{number}.csv")
        first = run_ingest(tmp_path, every=True)
        asked = look.call_args_list[:]
        again = run_ingest(tmp_path, every=True)

    assert (first.status, again.status) == ("published", "nothing_new")
    assert [call.args[2:] for call in asked].count(()) == 1
    assert look.call_args_list == asked


def test_a_changed_file_under_an_old_name_is_new(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """A corrected value is an update, the other rows are unchanged and keep their lineage."""
    rows = many(3)
    first = run_ingest(write_csv(tmp_path, rows))
    changed = run_ingest(write_csv(tmp_path, [{**rows[0], "current_price": "106"}, *rows[1:]]))
    counts = changed.sets[0].counts
    assert (counts.read, counts.inserted, counts.updated, counts.unchanged) == (3, 0, 1, 2)
    files = [row["file_id"] for row in stored(conn)]
    assert len(set(files)) == 2
    assert files[1] == files[2]
    assert first.sets[0].counts.inserted == 3


def test_a_late_file_never_overwrites_a_newer_alert(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Of two analyses of one UTC day the newer one is the alert, in either order of arrival."""
    early, late = (datetime(2026, 1, 15, hour, 0) for hour in (1, 23))
    newer = good(analysis_date=late.isoformat(), signal="SELL", current_price="111")
    older = good(analysis_date=early.isoformat())
    run_ingest(write_csv(tmp_path, [newer], "a.csv"))
    run = run_ingest(write_csv(tmp_path, [older], "b.csv"))
    assert (run.sets[0].counts.inserted, run.sets[0].alerts.unchanged) == (1, 1)
    (alert,) = stored(conn, "alerts")
    assert (alert["signal"], alert["current_price"]) == ("SELL", Decimal(111))


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_of_two_sets_at_one_time_the_later_named_one_wins(
    order: str, tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Sets that disagree about one symbol at the same analysis_date end alike whichever arrives first."""
    time_of_both = "2026-01-15T10:00:00"
    rows = {
        "a": good(analysis_date=time_of_both, current_price="104"),
        "b": good(analysis_date=time_of_both, current_price="106"),
    }
    for name in order:
        write_csv(tmp_path, [rows[name]], f"{name}.csv")
        assert run_ingest(tmp_path / f"{name}.csv").status == "published"
    for table in ("vectorbt_analysis", "alerts"):
        (found,) = stored(conn, table)
        assert found["current_price"] == Decimal(106), table


def test_the_alert_day_is_the_utc_day(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """An analysis at 01:00 in +02:00 belongs to the UTC day before."""
    rows = [good(analysis_date="2026-01-15T01:00:00+02:00"), good(analysis_date="2026-01-15T03:00:00+02:00")]
    run = run_ingest(write_csv(tmp_path, rows), validation={"check_duplicates": False})
    assert run.sets[0].alerts.inserted == 2
    assert len(stored(conn, "alerts")) == 2


def test_strict_stores_nothing_of_a_refused_set(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """One bad row of many: nothing is stored, the findings are in the ledger, the exit code is 1."""
    run = run_ingest(write_csv(tmp_path, [*many(20), good(symbol="BTC")]))
    assert (run.status, run.exit_code) == ("rejected", 1)
    assert stored(conn) == stored(conn, "alerts") == []
    kept = conn.execute("SELECT code, row_number, line_number, value, message FROM ingestion.issues").fetchall()
    assert kept == [("symbol_format", 21, 22, "BTC", "Row 21: Invalid symbol format: BTC")]
    assert conn.execute("SELECT status, error FROM ingestion.runs").fetchall() == [("rejected", None)]


def test_lenient_puts_bad_rows_aside(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Good rows are published, the bad one is kept with its own text and every reason."""
    bad = good(symbol="BTC", current_price="", analysis_date=GOOD["analysis_date"])
    run = run_ingest(write_csv(tmp_path, [*many(20), bad]), validation={"strict_mode": False})
    assert (run.status, run.sets[0].status, run.exit_code) == ("partial", "quarantined", 0)
    counts = run.sets[0].counts
    assert (counts.read, counts.inserted, counts.quarantined) == (21, 20, 1)
    assert len(stored(conn)) == 20
    kept = conn.execute("SELECT row_number, line_number, original, reasons FROM ingestion.quarantine").fetchall()
    (row, line, original, reasons) = kept[0]
    assert (len(kept), row, line) == (1, 21, 22)
    assert original == ",".join(str(value) for value in bad.values())
    assert [reason.split(":")[0] for reason in reasons] == ["missing_current_price", "symbol_format"]


def test_lenient_still_refuses_a_mostly_bad_set(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Above max_quarantine_share the set is refused whole."""
    rows = [*many(9), good(symbol="BTC"), good(symbol="ETH")]
    run = run_ingest(write_csv(tmp_path, rows), validation={"strict_mode": False})
    assert (run.status, run.sets[0].counts.quarantined) == ("rejected", 0)
    assert stored(conn) == []


def test_lenient_puts_every_row_of_a_clash_aside(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """Nobody can tell which of two rows is right, so neither is published."""
    rows = [*many(20), good(), good(current_price="107")]
    run = run_ingest(write_csv(tmp_path, rows), validation={"strict_mode": False})
    assert (run.sets[0].counts.inserted, run.sets[0].counts.quarantined) == (20, 2)


def test_an_undefined_metric_is_null(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Blank, NaN and infinite metrics are stored as NULL and flagged."""
    rows = [good(symbol=f"{s}USDT", sharpe_ratio=v) for s, v in zip("ABC", ("", "NaN", "inf"), strict=True)]
    run = run_ingest(write_csv(tmp_path, rows))
    assert run.status == "published"
    assert [row["sharpe_ratio"] for row in stored(conn)] == [None] * 3
    assert run.sets[0].issues["code"].to_list() == ["undefined_metric"] * 3


def test_all_takes_every_set_oldest_first(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Without `every` only the newest set goes in; with it the others follow, oldest first; then nothing is new."""
    for day in (15, 13, 14):
        rows = [good(symbol=f"D{day}USDT", analysis_date=f"2026-01-{day}T10:00:00")]
        write_csv(tmp_path, rows, f"vectorbt_analysis_results_202601{day}_100000.csv")
    newest = run_ingest(tmp_path)
    assert [outcome.name for outcome in newest.sets] == ["vectorbt_analysis_results_20260115_100000"]
    every = run_ingest(tmp_path, every=True)
    assert [outcome.status for outcome in every.sets] == ["published", "published", "already_published"]
    names = conn.execute("SELECT set_name FROM ingestion.files ORDER BY id").fetchall()
    assert [name[26:34] for (name,) in names] == ["20260115", "20260113", "20260114"]
    assert run_ingest(tmp_path, every=True).status == "nothing_new"


def test_a_refused_set_is_not_judged_again_by_all(tmp_path: Path, run_ingest: Any) -> None:
    """The same bytes under the same rules stay refused quietly; under other rules they are judged anew."""
    write_csv(tmp_path, [*many(20), good(symbol="BTC")])
    assert run_ingest(tmp_path, every=True).exit_code == 1
    again = run_ingest(tmp_path, every=True)
    assert (again.status, again.sets[0].status, again.exit_code) == ("nothing_new", "already_refused", 0)
    assert run_ingest(tmp_path).exit_code == 1
    lenient = run_ingest(tmp_path, every=True, validation={"strict_mode": False})
    assert lenient.sets[0].status == "quarantined"


class TenMinutesLater(datetime):
    """A clock that is ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        """The time in ten minutes."""
        return datetime.now(tz) + timedelta(minutes=10)


def test_a_set_that_came_too_early_is_taken_when_its_time_has_come(
    tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine's clock that is fast refuses its set for a while only: `every` looks again at what time can mend."""
    soon = datetime.now(UTC) + timedelta(minutes=15)
    write_csv(tmp_path, [good(analysis_date=soon.isoformat())])
    assert run_ingest(tmp_path, every=True).exit_code == 1
    again = run_ingest(tmp_path, every=True)
    assert (again.status, again.exit_code) == ("nothing_new", 0)
    monkeypatch.setattr(plan, "datetime", TenMinutesLater)
    assert run_ingest(tmp_path, every=True).status == "published"
    assert conn.execute("SELECT count(*) FROM ingestion.files WHERE status = 'rejected'").fetchone() == (1,)


def test_notify_reaches_a_listener(tmp_path: Path, run_ingest: Any, conn: psycopg.Connection[Any]) -> None:
    """Every published set ends with NOTIFY autonama."""
    conn.execute("LISTEN autonama")
    run_ingest(write_csv(tmp_path, many(1)))
    heard = list(conn.notifies(timeout=5, stop_after=1))
    assert heard[0].payload.startswith("published ")


prices = st.decimals(min_value=Decimal("1e-8"), max_value=Decimal("9e11"), allow_nan=False, allow_infinity=False)
notations = st.sampled_from(["{}", "{:f}", "{:e}", "+{:f}", " {:f} "])


@given(values=st.lists(st.tuples(prices, notations), min_size=1, max_size=15))
@settings(suppress_health_check=list(HealthCheck), max_examples=settings.default.max_examples * 15 // 100)
def test_any_notation_is_stored_exactly(
    values: list[tuple[Decimal, str]],
    tmp_path_factory: pytest.TempPathFactory,
    run_ingest: Any,
    conn: psycopg.Connection[Any],
) -> None:
    """Law: whatever the notation and the number of digits, the stored price is the text rounded half away from zero."""
    conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.files CASCADE")
    texts = [notation.format(price) for price, notation in values]
    rows = [good(symbol=f"S{n}USDT", current_price=text) for n, text in enumerate(texts)]
    run = run_ingest(write_csv(tmp_path_factory.mktemp("law"), rows), validation={"validate_prices": False})
    assert run.sets[0].counts.inserted == len(rows)
    found = {row["symbol"]: row["current_price"] for row in stored(conn)}
    assert found == {f"S{n}USDT": rounded(text.strip(), 8) for n, text in enumerate(texts)}


def test_real_sets_are_stored_value_for_value(
    real_results: Path, run_ingest: Any, conn: psycopg.Connection[Any]
) -> None:
    """The real files: every value in the database equals the JSON's text at the column's scale."""
    run = run_ingest(real_results, pattern="*", every=True, allow_stale=True)
    assert {outcome.status for outcome in run.sets} == {"published"}
    assert len(run.sets) == 6
    by_key = {(row["symbol"], row["analysis_date"].replace(tzinfo=None)): row for row in stored(conn)}
    for path in real_results.glob("*.json"):
        for row in json.loads(path.read_text(), parse_float=str, parse_int=str):
            found = by_key[row["symbol"], datetime.fromisoformat(row["analysis_date"])]
            for name, scale in SCALES.items():
                expected = None if row[name] != row[name] else rounded(row[name], scale)
                assert found[name] == expected, (path.name, row["symbol"], name)


def test_stale_files_are_refused_unless_allowed(tmp_path: Path, run_ingest: Any) -> None:
    """A file written longer ago than max_file_age_hours is an error in strict mode, a warning with allow_stale."""
    import os

    path = write_csv(tmp_path, many(1))
    old = (NOW - timedelta(hours=30)).timestamp()
    os.utime(path, (old, old))
    refused = run_ingest(path)
    assert (refused.exit_code, refused.sets[0].issues["code"].to_list()) == (1, ["file_age"])
    allowed = run_ingest(path, allow_stale=True)
    assert (allowed.status, allowed.sets[0].issues["severity"].to_list()) == ("published", ["warning"])
