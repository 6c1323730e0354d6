"""What a user waits for besides a first load: the start, a file that is known, rows that are stored already.

    python -m benchmarks.moments [--rows N] [--runs N] [--out FILE]

All in turn, run by run, as in benchmarks.bench.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import data, results
from benchmarks.contenders import AUTONAMA
from benchmarks.measure import Cost
from benchmarks.results import Figure
from benchmarks.server import Server, running
from benchmarks.table import table

ROWS, RUNS = 200_000, 5

NAMES = {
    "python": "python -c pass",
    "import_polars": "… import polars",
    "import_psycopg": "… import psycopg",
    "import_pipeline": "… import everything that ingest needs",
    "help": "autonama --help",
    "hundred": "100 rows, end to end",
    "hundred_known": "the same bytes again",
    "hundred_known_itself": "… of which the run itself, by its own clock",
    "known": "a known file of all rows",
    "known_itself": "… of which the run itself, by its own clock",
    "first": "all rows, first load, both tables",
    "unchanged": "the same rows in other bytes: an upsert that changes nothing",
    "first_one": "all rows, first load, one table",
    "unchanged_one": "the same rows in other bytes: an upsert that changes nothing",
    "warned": "all rows, a warning on every fifth, both tables",
}


class Moments:
    """One server, the files, and the ways to use them."""

    def __init__(self, server: Server, rows: int) -> None:
        self._server = server
        self._hundred = data.make(server.directory / "hundred", 100)
        self._all = data.make(server.directory / "all", rows)
        self._again = data.again(self._all)
        self._warned = data.make(server.directory / "warned", rows, warned=40)  # half of the signals say HOLD

    def round(self) -> Mapping[str, Cost]:
        """Every moment once."""
        run = self._server.run
        starts: dict[str, Cost] = {
            "python": run([sys.executable, "-c", "pass"]),
            **{f"import_{name}": run([sys.executable, "-c", f"import {module}"]) for name, module in IMPORTS.items()},
            "help": run([*AUTONAMA, "--help"]),
        }
        self._server.empty()
        hundred = {"hundred": self._ingest(self._hundred), **self._known("hundred_known", self._hundred)}
        both = {**self._twice("first", "unchanged"), **self._known("known", self._all)}
        one = self._twice("first_one", "unchanged_one", "--engine", "one_table")
        self._server.empty()
        warned = {"warned": self._ingest(self._warned)}
        self._expect("(SELECT sum(value::int) FROM jsonb_each_text(issue_counts)) > rows_read * 0.15")
        return {**starts, **hundred, **both, **one, **warned}

    def _twice(self, first: str, second: str, *more: str) -> dict[str, Cost]:
        self._server.empty()
        loaded = self._ingest(self._all, *more)
        self._expect("rows_inserted = rows_read")
        stored = self._ingest(self._again, *more)
        self._expect("rows_unchanged = rows_read")
        return {first: loaded, second: stored}

    def _known(self, name: str, made: data.Data) -> dict[str, Cost]:
        whole = self._ingest(made, "--json")
        said = json.loads((self._server.directory / "output").read_text(encoding="utf-8"))
        assert said["status"] == "nothing_new", said
        return {name: whole, f"{name}_itself": Cost(wall_s=said["elapsed_s"])}

    def _expect(self, condition: str) -> None:
        """That the file entered last is what was meant to be measured."""
        query = f"SELECT {condition} FROM ingestion.files ORDER BY id DESC LIMIT 1"  # noqa: S608
        assert self._server.conn.execute(query.encode()).fetchone() == (True,), condition

    def _ingest(self, made: data.Data, *more: str) -> Cost:
        return self._server.run([*AUTONAMA, "ingest", str(made.path("csv")), "--allow-stale", *more])


IMPORTS = {"polars": "polars", "psycopg": "psycopg", "pipeline": "autonama.ingestion.pipeline"}


def measured(server: Server, rows: int, runs: int) -> list[Figure]:
    """The figures of all moments."""
    moments = Moments(server, rows)
    rounds = [moments.round() for _ in range(runs)]
    small = {name for name in NAMES if name.startswith(("python", "import", "help"))}
    sizes: Callable[[str], int] = lambda name: 0 if name in small else 100 if "hundred" in name else rows  # noqa: E731
    return [Figure(name, "csv", sizes(name), tuple(one[name] for one in rounds)) for name in NAMES]


def show(server: Server, rows: int, runs: int, out: Path | None) -> None:
    """Measure, print, and keep the figures where `out` says."""
    figures = measured(server, rows, runs)
    print(f"\nStart-up, known files, upserts; all rows are {rows:,}\n")
    print(table(figures, NAMES))
    if out:
        results.write(out, "moments", figures, server)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    given = parser.parse_args()
    with running() as server:
        show(server, given.rows, given.runs, given.out)


if __name__ == "__main__":
    main()
