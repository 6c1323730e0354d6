"""Autonama beside what a user would take instead.

`make bench`, or in its environment:

    python -m benchmarks.bench [--quick] [--rows N,…] [--formats F,…] [--peers P,…] [--runs N] [--out FILE]

Every peer brings the same file into an emptied database, in turn, so that a slow moment of the machine hits all of
them; the order turns by one from round to round. Afterwards its rows are counted and their prices summed: who has
loaded less has not been measured but has failed. --runs is for each; a peer that takes longer than --patience seconds
a run takes part in fewer rounds, and the table says in how many. The slowest are not asked for the most rows. Where
--peers chooses none, what benchmarks.moments measures follows.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import data, moments, results
from benchmarks.contenders import CONTENDERS, Contender, chosen
from benchmarks.measure import Cost, Failed
from benchmarks.results import Figure
from benchmarks.server import Server, running
from benchmarks.table import table

ROWS, QUICK_ROWS = (100, 10_000, 200_000, 1_000_000), (100, 10_000)
RUNS, QUICK_RUNS = 5, 3
PATIENCE = 10.0
NAMES = {contender.name: contender.what for contender in CONTENDERS}


def measured(server: Server, made: data.Data, form: str, contender: Contender) -> Cost:
    """One run from an emptied database. Failed where rows are missing afterwards, or other than the file's."""
    server.empty()
    cost = server.run(contender.command(server, made, form))
    rows = contender.taken(made.rows)
    for name in contender.tables:
        stored, total = server.contents(name)
        # The sum of a part of the file is not known.
        if stored != rows or (rows == made.rows and not math.isclose(total, made.total, rel_tol=1e-9)):
            raise Failed(f"{contender.name}: {stored:,} rows of {rows:,} in {name}, prices {total} of {made.total}")
    return cost


def rounds(
    server: Server, made: data.Data, form: str, contenders: Sequence[Contender], runs: int, patience: float
) -> Iterator[Figure]:
    """The contenders' figures for one file, in their own order."""
    taking = [one for one in contenders if one.takes(form, made.rows)]
    costs: dict[str, list[Cost]] = {one.name: [] for one in taking}
    failures: dict[str, str] = {}
    for turn in range(runs):
        for one in [*taking[turn % len(taking) :], *taking[: turn % len(taking)]]:
            so_far = costs[one.name]
            if one.name in failures or not (one.every_run or sum(cost.wall_s for cost in so_far) <= patience * turn):
                continue
            try:
                so_far.append(measured(server, made, form, one))
                told = f"{so_far[-1].wall_s:.2f} s"
            except Failed as failure:
                failures[one.name], told = failure.brief, str(failure)
            print(f"{made.rows:,} rows, {form}, round {turn + 1}: {one.name} {told}", file=sys.stderr, flush=True)
    for one in taking:
        failed = failures.get(one.name, "")
        runs_kept = () if failed else tuple(costs[one.name])
        yield Figure(one.name, form, made.rows, runs_kept, made.rows / one.taken(made.rows), failed)


def main() -> None:
    """Measure and print."""
    given = _arguments()
    contenders = chosen(tuple(given.peers))
    figures: list[Figure] = []
    with running(given.directory) as server:
        for rows in given.rows:
            made = data.make(server.directory / f"{rows}", rows, tuple({"csv", *given.formats}))
            for form in given.formats:
                found = list(rounds(server, made, form, contenders, given.runs, given.patience))
                figures += found
                print(f"\n{rows:,} rows, {form} ({made.path(form).stat().st_size / 2**20:,.1f} MiB)\n")
                print(table(found, NAMES), flush=True)
                if given.out:
                    results.write(given.out, "compared", figures, server, add=given.add)
        if not given.peers:
            moments.show(server, min(max(given.rows), moments.ROWS), given.runs, given.out)
    sys.exit(any(figure.failed for figure in figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    numbers = lambda text: [int(part.replace("_", "")) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--quick", action="store_true", help="100 and 10,000 rows, 3 runs")
    parser.add_argument("--rows", type=numbers, help=f"default {ROWS}")
    parser.add_argument("--formats", type=names, default=list(data.FORMATS))
    parser.add_argument("--peers", type=names, default=[], help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, help=f"default {RUNS}")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds a run (default %(default)s)")
    parser.add_argument("--directory", type=Path, help="where the files and the server may lie")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--add", action="store_true", help="keep its figures of other rows and formats")
    given = parser.parse_args()
    given.rows = given.rows or list(QUICK_ROWS if given.quick else ROWS)
    given.runs = given.runs or (QUICK_RUNS if given.quick else RUNS)
    return given


if __name__ == "__main__":
    main()
