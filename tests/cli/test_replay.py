"""`autonama replay` as a user types it: rows in quarantine judged again, corrected, and published once."""

import csv
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import Row, good, many, write_csv, write_json

pytestmark = pytest.mark.full

FORMULA = '=HYPERLINK("http://x","click")'


def ingest_bad(autonama: Any, directory: Path, *bad: Row, form: str = "csv", **settings: str) -> Path:
    """Thirty good rows, published, and these behind them, put into quarantine; rows 31 and on of file 1."""
    write = write_csv if form == "csv" else write_json
    path = write(directory, [*many(30), *bad])
    done = autonama("ingest", path, "--lenient", **settings)
    assert done.returncode == 0, done.stdout
    return path


def answer(done: Any) -> dict[str, Any]:
    """The object that a command printed with --json."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exported(path: Path) -> list[dict[str, str]]:
    """The rows of an exported file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def give_back(path: Path, rows: list[dict[str, str]], name: str = "corrected.csv") -> Path:
    """The rows in a file of their own, as a spreadsheet writes them."""
    other = path.with_name(name)
    with other.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return other


def in_quarantine(conn: psycopg.Connection[Any]) -> list[tuple[int, int]]:
    """File and row of all that is still there."""
    return conn.execute(
        "SELECT file_id, row_number FROM ingestion.quarantine WHERE replayed_by IS NULL ORDER BY 1, 2"
    ).fetchall()


def symbols(conn: psycopg.Connection[Any]) -> list[str]:
    """Stored symbols that `many` did not bring."""
    rows = conn.execute("SELECT symbol FROM trading.vectorbt_analysis WHERE symbol !~ '^S[0-9]+USDT$' ORDER BY 1")
    return [symbol for (symbol,) in rows]


def test_an_empty_quarantine_says_so(autonama: Any, conn: psycopg.Connection[Any]) -> None:
    """Nothing to replay and nothing to export: exit code 0, a sentence, no run, no file."""
    done = autonama("replay")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Nothing is in quarantine.")
    done = autonama("replay", "--export", "bad.csv")
    assert (done.returncode, done.stdout) == (0, "Nothing is in quarantine.\n")
    found = answer(autonama("replay", "--json"))
    assert (found["status"], found["sets"], found["run_id"]) == ("nothing_new", [], None)
    assert conn.execute("SELECT count(*) FROM ingestion.runs").fetchone() == (0,)


def test_a_rule_that_changed_lets_the_row_in(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Today's settings decide: a quote asset that was added publishes the row, linked to its file, and closes it."""
    ingest_bad(autonama, tmp_path, good(symbol="BTCEUR"), good(symbol="ETH"))
    before = answer(autonama("replay", "--json"))
    assert (before["status"], before["sets"][0]["status"]) == ("rejected", "rejected")
    done = autonama("replay", "--json", AUTONAMA_QUOTE_ASSETS='["USDT", "EUR"]')
    assert done.returncode == 0, done.stderr
    found = answer(done)
    (one,) = found["sets"]
    assert (found["status"], one["status"], one["replay_of"]) == ("partial", "quarantined", 1)
    assert one["rows"] == {"read": 2, "inserted": 1, "updated": 0, "unchanged": 0, "quarantined": 1}
    assert one["alerts"] == {"inserted": 1, "updated": 0, "unchanged": 0}
    assert symbols(conn) == ["BTCEUR"]
    assert in_quarantine(conn) == [(1, 32)]
    lineage = conn.execute(
        "SELECT a.row_number, f.replay_of, f.name, q.replayed_by = f.id, q.original LIKE 'BTCEUR,%' "
        "FROM trading.alerts a JOIN ingestion.files f ON f.id = a.file_id "
        "JOIN ingestion.quarantine q ON q.row_number = a.row_number WHERE a.symbol = 'BTCEUR'"
    ).fetchall()
    assert lineage == [(31, 1, "vectorbt_analysis_results_now.csv", True, True)]
    assert "row 31" in autonama("why", "BTCEUR").stdout


@pytest.mark.parametrize("form", ["csv", "json"])
def test_export_correct_replay(form: str, autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """The round trip: rows are written with their own texts and reasons, corrected, given back, and stored exactly."""
    price = "105.123456789000000001"
    bad = (good(symbol="BTC", current_price=price), good(symbol="ETHUSDT", lower_band="120"), good(symbol=FORMULA))
    ingest_bad(autonama, tmp_path, *bad, form=form)
    done = autonama("replay", "--export", "bad.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("autonama replay bad.csv")
    rows = exported(tmp_path / "bad.csv")
    assert [(row["file_id"], row["row_number"], row["symbol"]) for row in rows] == [
        ("1", "31", "BTC"), ("1", "32", "ETHUSDT"), ("1", "33", f"'{FORMULA}"),
    ]  # fmt: skip
    assert list(rows[0])[-1] == "reasons"
    assert rows[0]["current_price"] == price
    assert rows[0]["reasons"] == "symbol_format: Row 31: Invalid symbol format: BTC"
    rows[0]["symbol"] = "BTCUSDT"
    rows[1]["lower_band"] = "101"
    done = autonama("replay", give_back(tmp_path / "bad.csv", rows), "--json")
    assert done.returncode == 0, done.stderr
    (one,) = answer(done)["sets"]
    assert one["rows"] == {"read": 3, "inserted": 2, "updated": 0, "unchanged": 0, "quarantined": 1}
    errors = [issue["message"] for issue in one["issues"] if issue["severity"] == "error"]
    assert errors == [f"Row 33: Invalid symbol format: {FORMULA}"]
    assert symbols(conn) == ["BTCUSDT", "ETHUSDT"]
    assert conn.execute("SELECT lower_band FROM trading.alerts WHERE symbol = 'ETHUSDT'").fetchone() == (101,)
    assert conn.execute("SELECT current_price::text FROM trading.alerts WHERE symbol = 'BTCUSDT'").fetchone() == (
        "105.12345679",
    )
    assert in_quarantine(conn) == [(1, 33)]


def test_formula_cells_are_safe_and_come_back(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Cells that a spreadsheet would run get an apostrophe, numbers do not; giving them back takes it away again."""
    texts = ("=1+1", "+cmd", "-cmd", "@SUM(A1)", "\tx", "'=x", "''=x", "'x", "x=y")
    bad = [good(symbol=f"X{n}USDT", signal=text, total_return="-5.5", sharpe_ratio="+1.5")
           for n, text in enumerate(texts)]  # fmt: skip
    ingest_bad(autonama, tmp_path, *bad, AUTONAMA_VALIDATION__MAX_QUARANTINE_SHARE="0.5")
    autonama("replay", "--export", "bad.csv")
    rows = exported(tmp_path / "bad.csv")
    guarded = ["'=1+1", "'+cmd", "'-cmd", "'@SUM(A1)", "'\tx", "''=x", "'''=x", "'x", "x=y"]
    assert [row["signal"] for row in rows] == guarded
    assert {(row["total_return"], row["sharpe_ratio"]) for row in rows} == {("-5.5", "+1.5")}
    assert not any(cell.startswith(tuple("=+-@\t\r")) for row in rows for cell in row.values()
                   if cell not in ("-5.5", "+1.5"))  # fmt: skip
    done = answer(autonama("replay", "bad.csv", "--json"))
    values = [issue["value"] for issue in done["sets"][0]["issues"] if issue["code"] == "signal_valid"]
    assert values == list(texts)


def test_a_line_that_cannot_be_split_shows_its_text(
    autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """A ragged line has no columns: its text is in `original`, and filled in it is published."""
    path = write_csv(tmp_path, many(30))
    path.write_text(path.read_text() + "BTCUSDT,1d,105.5\n")
    assert autonama("ingest", path, "--lenient").returncode == 0
    assert "has 3 fields, the header has 13" in autonama("replay").stdout
    autonama("replay", "--export", "bad.csv")
    (row,) = exported(tmp_path / "bad.csv")
    assert (row["symbol"], row["original"]) == ("", "BTCUSDT,1d,105.5")
    assert "has 3 fields, the header has 13" in autonama("replay", "bad.csv").stdout
    fixed = {**row, **{name: str(value) for name, value in good().items()}}
    assert autonama("replay", give_back(tmp_path / "bad.csv", [fixed])).returncode == 0
    assert symbols(conn) == ["BTCUSDT"]


def test_a_corrected_file_is_taken_once(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Given back again, its rows are left alone: exit code 0, nothing new."""
    ingest_bad(autonama, tmp_path, good(symbol="BTC"))
    autonama("replay", "--export", "bad.csv")
    fixed = give_back(tmp_path / "bad.csv", [{**exported(tmp_path / "bad.csv")[0], "symbol": "BTCUSDT"}])
    assert answer(autonama("replay", fixed, "--json"))["status"] == "published"
    again = autonama("replay", fixed)
    assert again.returncode == 0
    assert "Rows replayed before, and left alone: 1." in again.stdout
    assert "published before" in again.stdout.splitlines()[-1]
    assert symbols(conn) == ["BTCUSDT"]
    assert conn.execute("SELECT count(*) FROM ingestion.runs").fetchone() == (2,)


def test_rows_of_a_corrected_file_that_match_nothing_are_named(
    autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """Unknown, doubled and unreadable references are issues with their row in that file; the others are published."""
    ingest_bad(autonama, tmp_path, good(symbol="BTC"), good(symbol="ETH"))
    autonama("replay", "--export", "bad.csv")
    first, second = exported(tmp_path / "bad.csv")
    lines = [{**first, "symbol": "BTCUSDT"}, {**second, "symbol": "ETHUSDT"}, {**second, "symbol": "XUSDT"},
             {**first, "row_number": "7"}, {**first, "file_id": "one"}]  # fmt: skip
    done = autonama("replay", give_back(tmp_path / "bad.csv", lines), "--json")
    assert done.returncode == 1
    found = answer(done)
    assert found["status"] == "partial"
    assert [(issue["row"], issue["message"].partition(": ")[2]) for issue in found["sets"][0]["issues"]] == [
        (2, "row 32 of file 1 is corrected more than once, in rows 2, 3"),
        (4, "row 7 of file 1 was never in this engine's quarantine"),
        (5, "file_id and row_number are no whole numbers; leave both columns as they were written"),
    ]
    assert symbols(conn) == ["BTCUSDT"]
    assert in_quarantine(conn) == [(1, 32)]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, 4, "Result file does not exist"),
        ("", 1, "empty"),
        ("symbol,interval\nBTCUSDT,1d\n", 1, "The file lacks the columns file_id, row_number, current_price"),
        ("\xff\xfe", 1, "UTF-16"),
    ],
)
def test_a_corrected_file_that_is_none(
    content: str | None, code: int, told: str, autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """A missing, empty or foreign file is refused with its reason, and the quarantine stays as it is."""
    ingest_bad(autonama, tmp_path, good(symbol="BTC"))
    if content is not None:
        (tmp_path / "fixed.csv").write_bytes(content.encode("latin-1"))
    done = autonama("replay", "fixed.csv")
    assert (done.returncode, told in " ".join(done.stdout.split())) == (code, True), done.stdout + done.stderr
    assert in_quarantine(conn) == [(1, 31)]


def test_only_the_rows_that_were_named(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """`--file` and `--rows` take no more than they say; what is not there is named."""
    ingest_bad(autonama, tmp_path, *(good(symbol=f"X{n}EUR") for n in range(4)),
               AUTONAMA_VALIDATION__MAX_QUARANTINE_SHARE="0.2")  # fmt: skip
    euro = {"AUTONAMA_QUOTE_ASSETS": '["USDT", "EUR"]'}
    assert autonama("replay", "--file", "1", "--rows", "31,33-40", **euro).returncode == 0
    assert in_quarantine(conn) == [(1, 32)]
    assert symbols(conn) == ["X0EUR", "X2EUR", "X3EUR"]
    for words, code, told in (
        (("--rows", "5"), 2, "name it with --file"),
        (("--file", "1", "--rows", "9-5"), 2, "numbers and ranges"),
        (("--file", "1", "--rows", "5"), 1, "Row 5 of file 1 is not in quarantine"),
        (("--file", "1", "--rows", "31"), 1, "run 2 published it"),
        (("--file", "99"), 1, "no file 99"),
        (("--file", "1", "--engine", "enhanced"), 2, "add --engine vectorbt"),
        (("x.csv", "--file", "1"), 2, "leave out --file"),
        (("x.csv", "--export", "y.csv"), 2, "Either"),
        (("--export", "y.csv", "--dry-run"), 2, "leave out --dry-run"),
    ):
        done = autonama("replay", *words, **euro)
        assert (done.returncode, told in done.stderr) == (code, True), (words, done.stderr)
    assert "Engine vectorbt has 1 there: add --engine vectorbt" in autonama("replay", "--engine", "enhanced").stdout


def test_a_dry_run_stores_nothing(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """It says what would pass, and leaves tables, ledger and quarantine as they were."""
    ingest_bad(autonama, tmp_path, good(symbol="BTCEUR"))
    done = autonama("replay", "--dry-run", "--json", AUTONAMA_QUOTE_ASSETS='["USDT", "EUR"]')
    found = answer(done)
    assert (done.returncode, found["status"], found["validate_only"], found["run_id"]) == (0, "valid", True, None)
    assert in_quarantine(conn) == [(1, 31)]
    assert symbols(conn) == []
    assert conn.execute(
        "SELECT (SELECT count(*) FROM ingestion.runs), (SELECT count(*) FROM ingestion.files)"
    ).fetchone() == (1, 1)


def test_an_export_overwrites_nobodys_corrections(autonama: Any, tmp_path: Path) -> None:
    """A file that exists is left alone, and a directory that does not is a file error."""
    ingest_bad(autonama, tmp_path, good(symbol="BTC"))
    (tmp_path / "bad.csv").write_text("mine")
    assert autonama("replay", "--export", "bad.csv").returncode == 2
    assert (tmp_path / "bad.csv").read_text() == "mine"
    assert autonama("replay", "--export", "none/bad.csv").returncode == 4
    assert answer(autonama("replay", "--export", "b.csv", "--json")) == {"export": "b.csv", "rows": 1}


def test_duplicates_are_told_within_the_replay_and_beside_it(
    autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """Two rows of one symbol and interval fail together, and one fails that the same file has published."""
    ingest_bad(autonama, tmp_path, good(symbol="BTC"), good(symbol="ETH"), good(symbol="S3"))
    autonama("replay", "--export", "bad.csv")
    rows = exported(tmp_path / "bad.csv")
    doubled = [{**rows[0], "symbol": "BTCUSDT"}, {**rows[1], "symbol": "BTCUSDT"}, {**rows[2], "symbol": "S3USDT"}]
    doubled[2]["analysis_date"] = "2026-01-15T00:00:00Z"
    done = answer(autonama("replay", give_back(tmp_path / "bad.csv", doubled), "--json"))
    told = [issue["message"] for issue in done["sets"][0]["issues"] if issue["code"] == "duplicate_key"]
    assert told == [
        "Row 31: Duplicate symbol: BTCUSDT at 1d stands in rows 31, 32",
        "Row 33: Duplicate symbol: S3USDT at 1d is published from row 4 of the same file",
    ]
    assert symbols(conn) == []
    assert len(in_quarantine(conn)) == 3
    one = give_back(tmp_path / "bad.csv", doubled[:1], "one.csv")
    assert answer(autonama("replay", one, "--json"))["status"] == "published"
    other = give_back(tmp_path / "bad.csv", doubled[1:2], "other.csv")
    done = answer(autonama("replay", other, "--json"))
    assert done["status"] == "rejected"
    assert "is published from row 31 of the same file" in done["sets"][0]["issues"][0]["message"]


def test_a_late_replay_overwrites_nothing(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Other values that were stored under the key meanwhile stay; equal ones close the row; alerts keep the newer."""
    old = good(symbol="BTCUSDT", lower_band="120", signal="BUY")
    ingest_bad(autonama, tmp_path, old, good(symbol="ETHUSDT", lower_band="120"))
    newer = [good(symbol="BTCUSDT", current_price="106"), good(symbol="ETHUSDT")]
    write_csv(tmp_path, newer, "newer.csv")
    assert autonama("ingest", tmp_path / "newer.csv").returncode == 0
    autonama("replay", "--export", "bad.csv")
    rows = [{**row, "lower_band": "100"} for row in exported(tmp_path / "bad.csv")]
    done = answer(autonama("replay", give_back(tmp_path / "bad.csv", rows), "--json"))
    (one,) = done["sets"]
    assert one["rows"] == {"read": 2, "inserted": 0, "updated": 0, "unchanged": 1, "quarantined": 1}
    (kept,) = [issue["message"] for issue in one["issues"] if issue["code"] == "stored_row_kept"]
    assert kept == (
        "Row 31: other values are stored under its key (newer.csv, row 1, run 2); a replay overwrites nothing"
    )
    assert conn.execute("SELECT current_price, signal FROM trading.alerts WHERE symbol = 'BTCUSDT'").fetchall() == [
        (106, "HOLD")
    ]
    assert in_quarantine(conn) == [(1, 31)]


def test_an_older_row_enters_the_analysis_and_not_the_alert(
    autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """A quarantined row of an earlier hour of the day is stored beside the later one, whose alert stays."""
    early, late = "2026-01-15T01:00:00Z", "2026-01-15T23:00:00Z"
    ingest_bad(autonama, tmp_path, good(symbol="BTC", analysis_date=early))
    write_csv(tmp_path, [good(symbol="BTCUSDT", analysis_date=late, current_price="107")], "late.csv")
    autonama("ingest", tmp_path / "late.csv")
    autonama("replay", "--export", "bad.csv")
    fixed = give_back(tmp_path / "bad.csv", [{**exported(tmp_path / "bad.csv")[0], "symbol": "BTCUSDT"}])
    (one,) = answer(autonama("replay", fixed, "--json"))["sets"]
    assert (one["rows"]["inserted"], one["alerts"]) == (1, {"inserted": 0, "updated": 0, "unchanged": 1})
    assert symbols(conn) == ["BTCUSDT", "BTCUSDT"]
    assert conn.execute("SELECT current_price FROM trading.alerts WHERE symbol = 'BTCUSDT'").fetchall() == [(107,)]


def test_rows_without_a_header_say_what_to_do(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]) -> None:
    """Rows of a CSV file that an older version put aside stay, with the way to correct them, which works."""
    ingest_bad(autonama, tmp_path, good(symbol="BTC"))
    conn.execute("UPDATE ingestion.files SET header = NULL")
    reasons = conn.execute("SELECT reasons FROM ingestion.quarantine").fetchall()
    done = autonama("replay")
    assert done.returncode == 1
    assert "did not keep the header" in " ".join(done.stdout.split())
    assert conn.execute("SELECT reasons FROM ingestion.quarantine").fetchall() == reasons
    autonama("replay", "--file", "1", "--export", "bad.csv")
    (row,) = exported(tmp_path / "bad.csv")
    assert (row["symbol"], row["original"].split(",")[0]) == ("", "BTC")
    fixed = give_back(tmp_path / "bad.csv", [{**row, **{name: str(value) for name, value in good().items()}}])
    assert autonama("replay", fixed).returncode == 0
    assert symbols(conn) == ["BTCUSDT"]


def test_a_run_shows_what_is_left_and_how_to_replay_it(autonama: Any, tmp_path: Path) -> None:
    """`runs RUN` counts the open rows of each file and names the command; after the replay it does so no more."""
    ingest_bad(autonama, tmp_path, good(symbol="BTCEUR"))
    assert "autonama replay --file 1" in " ".join(autonama("runs", "1").stdout.split())
    autonama("replay", AUTONAMA_QUOTE_ASSETS='["USDT", "EUR"]')
    shown = autonama("runs", "1").stdout
    assert "autonama replay" not in shown
    (entry,) = answer(autonama("runs", "2", "--json"))["files"]
    assert (entry["replay_of"], entry["rows_open"], entry["status"]) == (1, 0, "published")
