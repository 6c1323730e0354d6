"""Laws of ingestion: what holds for any rows, in any file format, in any order, however often."""

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from math import ceil
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from breaking import arrive
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from autonama.ingestion.outcome import RunOutcome
from writing import Row, good, write_csv, write_json

SCALES = {"current_price": 8, "lower_band": 8, "upper_band": 8, "potential_return": 4, "total_return": 4,
          "sharpe_ratio": 4, "max_drawdown": 4, "kstd": 2}  # fmt: skip
METRICS = ("potential_return", "total_return", "sharpe_ratio", "max_drawdown")
WIDE = Context(prec=400)


@dataclass
class Place:
    """A database that is emptied before each example, and a fresh directory for its files."""

    conn: psycopg.Connection[Any]
    url: str
    root: Path
    numbers: Iterator[int]

    def fresh(self) -> Path:
        """Empty the tables; a new empty directory."""
        self.conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs CASCADE")
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        return self.directory()

    def directory(self) -> Path:
        """A new empty directory."""
        made = self.root / str(next(self.numbers))
        made.mkdir()
        return made

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows, without what differs from run to run; the file by its name."""
        query = f"""SELECT t.*, f.set_name FROM trading.{name} t JOIN ingestion.files f ON f.id = t.file_id
                    ORDER BY t.symbol, t.interval, t.analysis_date"""
        with self.conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            rows = cursor.execute(query.encode()).fetchall()
        return [
            {k: v for k, v in row.items() if k not in ("id", "file_id", "created_at", "updated_at")} for row in rows
        ]

    def tables(self) -> list[list[dict[str, Any]]]:
        """Analyses and alerts."""
        return [self.table("vectorbt_analysis"), self.table("alerts")]


EXAMPLES = [pytest.param(4, id="few"), pytest.param(150, id="many", marks=pytest.mark.full)]
TRYING = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],  # shrinking examples that take a tenth of a second each takes minutes
)


def law(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test of `place` and drawn values: tried with few examples, and with many under the marker `full`."""

    def decorate(body: Callable[..., None]) -> Callable[..., None]:
        @pytest.mark.parametrize("examples", EXAMPLES)
        def tried(examples: int, place: Place) -> None:
            @settings(TRYING, max_examples=examples)
            @given(**strategies)
            def holds(**drawn: Any) -> None:
                body(place=place, **drawn)

            holds()

        tried.__name__, tried.__doc__ = body.__name__, body.__doc__
        return tried

    return decorate


@pytest.fixture
def place(conn: psycopg.Connection[Any], database_url: str, tmp_path: Path) -> Place:
    """Where examples are tried."""
    return Place(conn, database_url, tmp_path / "law", itertools.count(1))


def written(number: Decimal) -> st.SearchStrategy[str]:
    """The ways to write a number."""
    forms = ["{}", "{:f}", "{:e}", "{:E}", " {:f} ", *(["+{:f}", "0{:f}"] if number >= 0 else [])]
    return st.sampled_from(forms).map(lambda form: form.format(number))


def numbers(low: str, high: str, digits: int = 30) -> st.SearchStrategy[str]:
    """Texts of decimals with up to `digits` digits after the point."""
    plain = st.decimals(Decimal(low), Decimal(high), places=digits, allow_nan=False, allow_infinity=False)
    halves = st.builds(
        lambda whole, part, scale: Decimal(whole) + (Decimal(part % 10**scale) + Decimal("0.5")).scaleb(-scale),
        st.integers(ceil(Decimal(low)), int(Decimal(high)) - 1), st.integers(0, 10**8), st.sampled_from([2, 4, 8]),
    )  # fmt: skip
    return st.one_of(plain, halves).flatmap(written)


UNDEFINED = st.sampled_from(["", "NaN", "nan", "inf", "-inf", "Infinity", "None"])
BAD = st.sampled_from(
    ["1e400", "-1e400", "1e999999999999", "abc", "NaN", "inf", "1e13", "0x10", "1_000", "١٢", "=1+1", "−1"]
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
NAMES = st.sampled_from(["BTCUSDT", "ETHUSDT", "1000SATSUSDT", "NAUSDT", "TRUEUSDT"])
INTERVALS = st.sampled_from(["1d", "1h", "1m", "1M"])
DATES = st.sampled_from([
    "2026-01-15T00:00:00", "2026-01-15T23:59:59.999999", "2026-01-16T01:00:00+02:00", "2026-01-15 12:00:00Z",
    "2026-01-14",
])  # fmt: skip
METRIC = st.one_of(numbers("-900000", "900000", 12), UNDEFINED)


@st.composite
def sound_rows(draw: st.DrawFn) -> Row:
    """A row that may be stored."""
    return {
        "symbol": draw(NAMES), "interval": draw(INTERVALS),
        "current_price": draw(numbers("0.0001", "900000000000")), "lower_band": draw(numbers("-1000", "100")),
        "upper_band": draw(numbers("101", "900000000000")), "signal": draw(st.sampled_from(["BUY", "SELL", "HOLD"])),
        **{name: draw(METRIC) for name in METRICS},
        "degree": draw(st.sampled_from(["3", "3.0", "2147483647", "-1", "3e0"])), "kstd": draw(numbers("0", "900", 9)),
        "analysis_date": draw(DATES),
    }  # fmt: skip


@st.composite
def any_rows(draw: st.DrawFn) -> Row:
    """A row that may be stored, or has a fault in one or two columns."""
    row = draw(sound_rows())
    for name in draw(st.lists(st.sampled_from(sorted(row)), max_size=2)) if draw(st.booleans()) else []:
        row[name] = draw(st.one_of(BAD, UNDEFINED, WORDS))
    return row


def keys(row: Row) -> tuple[object, object]:
    """What stands once in a file."""
    return row["symbol"], row["interval"]


sound_sets = st.lists(sound_rows(), min_size=1, max_size=6, unique_by=keys)
any_sets = st.lists(any_rows(), min_size=1, max_size=8)


def lenient(place: Place, *paths: Path) -> RunOutcome:
    """Ingest; bad rows go to quarantine, however many."""
    return arrive(place.url, *paths, validation={"max_quarantine_share": 1.0})


def rounded(text: str, scale: int) -> Decimal:
    """The text's value, half away from zero."""
    return Decimal(text.strip()).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, WIDE)


def as_stored(name: str, text: str) -> Any:
    """What the database has to hold for a text that may be stored."""
    if name in METRICS and not Decimal(text.strip() or "NaN" if text != "None" else "NaN").is_finite():
        return None
    if name in SCALES:
        return rounded(text, SCALES[name])
    if name == "degree":
        return int(Decimal(text))
    if name == "analysis_date":
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    return text


def conserved(run: RunOutcome, conn: psycopg.Connection[Any]) -> None:
    """No row that was read is without an account, in what is told and in the ledger."""
    for told in run.sets:
        counts = told.counts
        assert told.status in ("rejected", "already_published", "already_refused") or (
            counts.read == counts.inserted + counts.updated + counts.unchanged + counts.quarantined
        )
    query = """SELECT count(*) FROM ingestion.files f WHERE status = 'published' AND (
               rows_read <> rows_inserted + rows_updated + rows_unchanged + rows_quarantined OR
               rows_quarantined <> (SELECT count(*) FROM ingestion.quarantine q WHERE q.file_id = f.id))"""
    assert conn.execute(query).fetchone() == (0,)


@law(rows=any_sets)
def test_every_row_is_accounted_for(rows: list[Row], place: Place) -> None:
    """Rows read = inserted + updated + unchanged + quarantined, each good row is stored with its own values."""
    run = lenient(place, write_csv(place.fresh(), rows))
    assert run.error is None, run.error
    conserved(run, place.conn)
    (told,) = run.sets
    stored = {row["row_number"]: row for row in place.table("vectorbt_analysis")}
    aside = {row for (row,) in place.conn.execute("SELECT row_number FROM ingestion.quarantine")}
    if told.status == "rejected":
        assert (stored, aside) == ({}, set())
        return
    assert sorted([*stored, *aside]) == list(range(1, len(rows) + 1))
    for number, found in stored.items():
        for name, text in rows[number - 1].items():
            assert found[name] == as_stored(name, str(text)), (name, text)


@law(rows=sound_sets)
def test_again_changes_nothing(rows: list[Row], place: Place) -> None:
    """The same file, a copy, and the same rows in other bytes: no value changes, and nothing is counted as changed."""
    path = write_csv(place.fresh(), rows)
    lenient(place, path)
    before = place.tables()
    assert len(before[0]) == len(rows)
    copy = place.directory() / "vectorbt_analysis_results_then.csv"
    shutil.copy(path, copy)
    other = place.directory() / path.name
    other.write_text(path.read_text().replace("\n", "\r\n"), newline="")
    for again in (path, copy):
        assert [told.status for told in lenient(place, again).sets] == ["already_published"]
    (told,) = lenient(place, other).sets
    assert (told.counts.unchanged, told.alerts.unchanged) == (len(rows), before_alerts(rows))
    assert place.tables() == before


def before_alerts(rows: Sequence[Row]) -> int:
    """How many alerts the rows of one file raise: one a symbol and interval, as each stands there once."""
    return len({keys(row) for row in rows})


@law(
    arrivals=st.lists(sound_sets, min_size=2, max_size=4, unique_by=repr).flatmap(
        lambda sets: st.tuples(
            st.just(sets), st.permutations(range(len(sets))), st.lists(st.integers(0, len(sets) - 1), max_size=3)
        )
    )
)
def test_any_order_of_arrival_ends_in_the_same_tables(
    arrivals: tuple[list[list[Row]], list[int], list[int]], place: Place
) -> None:
    """Different files by name, or in any other order with repetitions, end in the same rows and alerts."""
    sets, order, repeated = arrivals
    directory = place.fresh()
    paths = [write_csv(directory, rows, f"vectorbt_analysis_results_{n}.csv") for n, rows in enumerate(sets)]
    for path in paths:
        lenient(place, path)
    expected = place.tables()
    place.conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs CASCADE")
    for n in [*order, *repeated]:
        conserved(lenient(place, paths[n]), place.conn)
    assert place.tables() == expected


def test_of_three_sets_the_last_by_name_counts(place: Place) -> None:
    """The first and the last of three sets agree against the second: they win in every order."""
    directory = place.fresh()
    prices = {"a": "105", "b": "106", "c": "105"}
    paths = [
        write_csv(directory, [good(current_price=price)], f"vectorbt_analysis_results_{name}.csv")
        for name, price in prices.items()
    ]
    paths[2].write_text(paths[2].read_text() + "\n")
    for order in itertools.permutations(paths):
        place.conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs CASCADE")
        for path in order:
            conserved(lenient(place, path), place.conn)
        for rows in place.tables():
            assert [(row["current_price"], row["set_name"][-1]) for row in rows] == [(Decimal(105), "c")], order


def write_all(directory: Path, rows: list[Row]) -> dict[str, Path]:
    """The same rows, with the same texts, in every format."""
    stem = "vectorbt_analysis_results_now"
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    paths = {kind: directory / kind / f"{stem}.{kind}" for kind in ("csv", "json", "ndjson", "parquet")}
    for path in paths.values():
        path.parent.mkdir()
    write_csv(paths["csv"].parent, rows)
    write_json(paths["json"].parent, rows)
    paths["ndjson"].write_text(lines, encoding="utf-8")
    pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).write_parquet(paths["parquet"])
    return paths


@law(rows=any_sets)
def test_every_format_ends_in_the_same_tables(rows: list[Row], place: Place) -> None:
    """CSV, JSON, NDJSON and Parquet of the same texts: same rows, same alerts, same findings, same counts."""
    paths = write_all(place.fresh(), rows)
    seen = {}
    for kind, path in paths.items():
        place.conn.execute("TRUNCATE trading.alerts, trading.vectorbt_analysis, ingestion.runs CASCADE")
        (told,) = lenient(place, path).sets
        findings = told.issues.select("code", "severity", "row", "column", "value").rows()
        seen[kind] = (told.status, told.counts, told.alerts, findings, place.tables())
    for kind in paths:
        assert seen[kind] == seen["csv"], kind


@law(rows=any_sets)
def test_strict_stores_no_row_of_a_refused_set(rows: list[Row], place: Place) -> None:
    """Strict: all of a set's rows, and then without an error, or none, and then with one."""
    (told,) = arrive(place.url, write_csv(place.fresh(), rows), strict=True).sets
    errors = (told.issues["severity"] == "error").sum()
    stored = [len(rows) for rows in place.tables()]
    assert (stored[0], bool(errors)) == ((0, True) if told.status == "rejected" else (len(rows), False))
    assert place.conn.execute("SELECT count(*) FROM ingestion.quarantine").fetchone() == (0,)


@law(rows=st.lists(sound_rows(), min_size=2, max_size=6), switch=st.sampled_from(["off", "warning"]))
def test_duplicates_let_through_never_break_the_database(rows: list[Row], switch: str, place: Place) -> None:
    """With the rule of duplicates off, two rows of one key are refused all the same: the table has room for one."""
    path = write_csv(place.fresh(), [*rows, rows[0]])
    more = {"check_duplicates": False} if switch == "off" else {"severity": {"duplicate_key": "warning"}}
    run = arrive(place.url, path, validation={"max_quarantine_share": 1.0, **more})
    assert run.error is None, run.error
    conserved(run, place.conn)
