"""Time and memory against rows: is the curve straight, and does the memory stay bounded?

    python -m benchmarks.scale [--rows N,…] [--formats F,…] [--verbs V,…] [--runs N] [--out FILE]

`ingest` publishes into both tables, from empty ones; `doubled` is a CSV file of which the last hundredth repeats keys
of the first, ingested with --lenient; `validate` needs no database; `sweep` validates a parameter sweep of 100 million
rows in one Parquet file. (To load it would take 25 GB of disk: it is not loaded.)
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import data, results
from benchmarks.contenders import AUTONAMA
from benchmarks.measure import Cost, Failed
from benchmarks.results import Figure
from benchmarks.server import Server, running
from benchmarks.table import seconds

ROWS = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
FORMATS = ("csv", "json", "ndjson", "parquet")
VERBS = {"validate": ("validate",), "ingest": ("ingest",), "doubled": ("ingest", "--lenient")}
SWEEP = "sweep"
SWEEP_ROWS = 100_000_000
RUNS = 3
ONCE_FROM = 1_000_000
"""Rows from which one run is enough: what disturbs a short run is little beside a long one."""

HEAD = "| | rows | median s | rows / s | client MiB | backends MiB |\n| --- | ---: | ---: | ---: | ---: | ---: |"


def measured(server: Server, rows: int, form: str, verb: str, runs: int) -> Figure:
    """The runs of one verb on one file, which is made for it and removed afterwards."""
    directory = server.directory / "scale"
    made = data.make(directory, rows, (form,), doubled=rows // 100 if verb == "doubled" else 0)
    first, *more = VERBS[verb]
    command = [*AUTONAMA, first, str(made.path(form)), "--allow-stale", *more]
    costs: list[Cost] = []
    try:
        for _ in range(1 if rows >= ONCE_FROM else runs):
            server.empty()
            costs.append(server.run(command))
            if verb != "validate":
                _expect(server, rows, doubled=2 * (rows // 100) if verb == "doubled" else 0)
        return Figure(verb, form, rows, tuple(costs))
    except Failed as failure:
        return Figure(verb, form, rows, (), failed=failure.brief)
    finally:
        shutil.rmtree(directory)


def sweep(server: Server) -> Figure:
    """The one run on the long sweep."""
    directory = server.directory / "scale"
    directory.mkdir()
    try:
        path = data.make_sweep(directory, SWEEP_ROWS)
        cost = server.run([*AUTONAMA, "validate", str(path), "--engine", "sweep", "--allow-stale"])
        return Figure(SWEEP, "parquet", SWEEP_ROWS, (cost,))
    except Failed as failure:
        return Figure(SWEEP, "parquet", SWEEP_ROWS, (), failed=failure.brief)
    finally:
        shutil.rmtree(directory)


def _expect(server: Server, rows: int, doubled: int) -> None:
    for table in ("analysis", "alerts"):
        stored, _ = server.contents(table)
        if stored != rows - doubled:
            raise Failed(f"{stored:,} rows in {table} where {rows - doubled:,} belong")


def main() -> None:
    """Measure and print, a line a file."""
    given = _arguments()
    figures = []
    with running(given.directory) as server:
        print(HEAD)
        for figure in _all(server, given):
            figures.append(figure)
            print(line(figure), flush=True)
            if given.out:
                results.write(given.out, "scale", figures, server, add=given.add)
    sys.exit(any(figure.failed for figure in figures))


def _all(server: Server, given: argparse.Namespace) -> Iterator[Figure]:
    for verb in given.verbs:
        if verb == SWEEP:
            yield sweep(server)
            continue
        for form in given.formats if verb != "doubled" else ["csv"]:
            for rows in given.rows:
                yield measured(server, rows, form, verb, given.runs)


def line(figure: Figure) -> str:
    """A figure as a table's line."""
    cells = [f"{figure.name}, {figure.form}", f"{figure.rows:,}"]
    if figure.failed:
        cells += [figure.failed, "", "", ""]
    else:
        took = figure.median()
        cells += [seconds(took), f"{figure.rows / took:,.0f}"]
        cells += [f"{figure.median('client_mib'):,.0f}", f"{figure.median('backend_mib'):,.0f}"]
    return f"| {' | '.join(cells)} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names: Callable[[str], list[str]] = lambda text: text.split(",")  # noqa: E731
    numbers = lambda text: [int(part.replace("_", "")) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--rows", type=numbers, default=list(ROWS))
    parser.add_argument("--formats", type=names, default=list(FORMATS))
    parser.add_argument("--verbs", type=names, default=[*VERBS, SWEEP], help=", ".join([*VERBS, SWEEP]))
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument(
        "--directory", type=Path, help="where the files and the server may lie: 10 million rows take 10 GB"
    )
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--add", action="store_true", help="keep its figures of other rows and formats")
    return parser.parse_args()


if __name__ == "__main__":
    main()
