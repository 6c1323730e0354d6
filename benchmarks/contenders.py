"""Who is measured: how each takes a file, which tables it fills, and how far it is asked to go."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import FORMATS, Data
from benchmarks.server import Server, psql

PEERS = Path(__file__).parent / "peers"
COLUMNS = ("symbol, interval, current_price, lower_band, upper_band, signal, potential_return, total_return, "
           "sharpe_ratio, max_drawdown, degree, kstd, analysis_date")  # fmt: skip
PGLOADER = """
LOAD CSV FROM '{file}' WITH ENCODING UTF-8 ({names})
INTO postgresql://{user}@unix:{sockets}:{port}/{database}
TARGET TABLE trading.vectorbt_analysis ({names})
WITH skip header = 1, fields terminated by ',';
"""

Command = Callable[[Server, Data, str], list[str]]


@dataclass(frozen=True)
class Contender:
    """One way to bring a file into the database.

    command: the program for a server, the data and a format. tables: those that it fills, each with all rows.
    formats: what it reads. most: rows beyond which it is not asked. scaled: rows of the file that it is given where
    there are more; its time is then that for these rows, multiplied. most_else: rows beyond which it is not asked in
    other formats than CSV. every_run: it takes part in every round, however long it takes.
    """

    name: str
    what: str
    command: Command
    tables: tuple[str, ...]
    formats: tuple[str, ...] = FORMATS
    most: int = 1_000_000
    scaled: int | None = None
    most_else: int = 200_000
    every_run: bool = False

    def takes(self, form: str, rows: int) -> bool:
        """Whether it is asked at all."""
        return form in self.formats and rows <= (self.most if form == "csv" else self.most_else)

    def taken(self, rows: int) -> int:
        """How many of so many rows it is given."""
        return min(rows, self.scaled or rows)


def _autonama(verb: str, *more: str) -> Command:
    # The files are made with a fixed date in them and may lie for a while.
    return lambda _, data, form: [*AUTONAMA, verb, str(data.path(form)), "--allow-stale", *more]


AUTONAMA = (sys.executable, "-m", "autonama")


def _copy(*tables: str) -> Command:
    def command(_: Server, data: Data, __: str) -> list[str]:
        # Beside other formats it has the same rows as CSV: it reads nothing else, and is what all are compared with.
        copies = (f"\\copy {table} ({COLUMNS}) FROM '{data.path('csv')}' WITH (FORMAT csv, HEADER)" for table in tables)
        return [psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1", *(part for copy in copies for part in ("-c", copy))]

    return command


def _pgloader(server: Server, data: Data, form: str) -> list[str]:
    script = server.directory / "pgloader.load"
    script.write_text(
        PGLOADER.format(
            file=data.path(form),
            names=COLUMNS.replace("interval", '"interval"'),
            user="postgres",
            sockets=server.sockets,
            port=server.port,
            database="autonama",
        )
    )
    return ["pgloader", "--on-error-stop", "--root-dir", str(server.directory / "pgloader"), str(script)]


def _script(name: str, *more: str) -> Command:
    return lambda _, data, form: [sys.executable, str(PEERS / f"{name}.py"), str(data.path(form)), *more]


def _row_by_row(_: Server, data: Data, form: str) -> list[str]:
    return [sys.executable, str(PEERS / "row_by_row.py"), str(data.path(form)), str(min(data.rows, ROW_BY_ROW))]


ROW_BY_ROW = 50_000
CSV = ("csv",)

CONTENDERS = (
    Contender("autonama", "autonama ingest: every rule, ledger, both tables", _autonama("ingest"),
              ("analysis", "alerts"), most_else=1_000_000, every_run=True),
    Contender("one_table", "autonama ingest of an engine without alerts: every rule, ledger, one table",
              _autonama("ingest", "--engine", "one_table"), ("analysis",), most_else=1_000_000, every_run=True),
    Contender("validate", "autonama validate: every rule, no database", _autonama("validate"), (),
              most_else=1_000_000, every_run=True),
    Contender("copy", "psql \\copy of the rows as CSV into the same keyed table", _copy("trading.vectorbt_analysis"),
              ("analysis",), most_else=1_000_000, every_run=True),
    Contender("two_copies", "two psql \\copys, into both keyed tables",
              _copy("trading.vectorbt_analysis", "trading.alerts"), ("analysis", "alerts"), CSV, every_run=True),
    Contender("pgloader", "pgloader into the same keyed table", _pgloader, ("analysis",), CSV),
    Contender("dlt_merge", "dlt, merge by key, into its own table", _script("dlt_pipeline", "merge"), ("own",)),
    Contender("dlt_append", "dlt, append, into its own table without a key", _script("dlt_pipeline", "append"),
              ("own",)),
    Contender("dlt_arrow", "dlt, append of Arrow tables by COPY, into its own table without a key",
              _script("dlt_pipeline", "arrow"), ("own",), ("csv", "parquet")),
    Contender("pandas", "pandas to_sql into the same keyed table", _script("pandas_to_sql", "default"), ("analysis",)),
    Contender("pandas_multi", 'pandas to_sql, method="multi", into the same keyed table',
              _script("pandas_to_sql", "multi"), ("analysis",), CSV, most=200_000),
    Contender("rows", "psycopg, one INSERT … ON CONFLICT a row, into the same keyed table", _row_by_row,
              ("analysis",), CSV, scaled=ROW_BY_ROW),
)  # fmt: skip


def chosen(names: tuple[str, ...]) -> tuple[Contender, ...]:
    """The contenders of these names, all where there are none; one whose program is missing is said to be skipped."""
    if unknown := set(names) - {contender.name for contender in CONTENDERS}:
        raise SystemExit(
            f"No such peer: {', '.join(sorted(unknown))}. There are {', '.join(c.name for c in CONTENDERS)}."
        )
    picked = [contender for contender in CONTENDERS if not names or contender.name in names]
    if shutil.which("pgloader") is None and any(contender.name == "pgloader" for contender in picked):
        print("pgloader is not here (Debian: apt-get install pgloader) and is skipped", file=sys.stderr)
        picked = [contender for contender in picked if contender.name != "pgloader"]
    return tuple(picked)
