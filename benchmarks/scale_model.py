"""Many machines, one PostgreSQL: what a set costs, measured here, and what that comes to for any number of machines.

    python -m benchmarks.scale_model [--machines 100] [--sets 1000] [--rows 500] [--runs 3]

Prints two tables: the measured costs, one worker beside two within the same rounds, and the model that rests on them.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from benchmarks import data
from benchmarks.contenders import AUTONAMA
from benchmarks.measure import Cost
from benchmarks.server import Server, running

SHAPES = ((40, 500), (8, 100_000))
"""Sets and rows of a set: a day of many small runs, and a few large ones."""

WORKERS = (1, 2)
DAY_S = 86_400
PEAK = 10
"""Times the mean: most engines run after the same candle has closed."""

DAYS_KEPT = 30

SIZES = """SELECT sum(pg_total_relation_size(name::regclass))::float8
           FROM unnest(ARRAY['trading.vectorbt_analysis', 'trading.alerts']) AS names (name)"""
WAL = "SELECT (pg_current_wal_lsn() - '0/0')::float8"


@dataclass(frozen=True)
class Measured:
    """One shape with one number of workers. wal, stored: bytes a row, of both tables and their indexes together."""

    sets: int
    rows: int
    workers: int
    costs: tuple[Cost, ...]
    wal: float
    stored: float

    def median(self, name: str) -> float:
        """Of a part of the costs."""
        return statistics.median(getattr(cost, name) for cost in self.costs)

    def a_set(self, name: str) -> float:
        """Seconds a set."""
        return self.median(name) / self.sets


def write_sets(directory: Path, sets: int, rows: int) -> Path:
    """So many sets of so many rows, a day each: none has a key of another."""
    directory.mkdir()
    frame = pl.concat(list(data.frames(rows)))
    for number in range(sets):
        day = frame.with_columns(pl.col("analysis_date") + pl.duration(days=number))
        path = directory / f"vectorbt_analysis_results_{number:04}.csv"
        day.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S")
    return directory


def measured(server: Server, sets: int, rows: int, runs: int) -> list[Measured]:
    """Runs of every number of workers, in turn, so that what else the machine does strikes all alike."""
    directory = write_sets(server.directory / f"{sets}x{rows}", sets, rows)
    costs: dict[int, list[Cost]] = {workers: [] for workers in WORKERS}
    wal = stored = 0.0
    for _ in range(runs):
        for workers in WORKERS:
            server.empty()
            empty, before = _number(server, SIZES), _number(server, WAL)
            more = ("--workers", str(workers))
            costs[workers].append(server.run([*AUTONAMA, "ingest", str(directory), "--all", "--allow-stale", *more]))
            wal = (_number(server, WAL) - before) / (sets * rows)
            stored = (_number(server, SIZES) - empty) / (sets * rows)
            assert server.contents("analysis")[0] == sets * rows
    return [Measured(sets, rows, workers, tuple(taken), wal, stored) for workers, taken in costs.items()]


def _number(server: Server, query: str) -> float:
    row = server.conn.execute(query.encode()).fetchone()
    assert row is not None
    return float(row[0])


def costs_table(found: Sequence[Measured]) -> str:
    """What was measured."""
    lines = [
        "| sets × rows | workers | s, median (min - max) | of one worker | rows/s | ms a set | server's CPU ms a set | "
        "WAL bytes a row | table and index bytes a row |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in found:
        alone = next(other for other in found if (other.sets, other.rows, other.workers) == (one.sets, one.rows, 1))
        walls = [cost.wall_s for cost in one.costs]
        wall = one.median("wall_s")
        lines.append(
            f"| {one.sets} × {one.rows:,} | {one.workers} | {wall:.2f} ({min(walls):.2f} - {max(walls):.2f}) "
            f"| {wall / alone.median('wall_s'):.2f} | {one.sets * one.rows / wall:,.0f} "
            f"| {1000 * one.a_set('wall_s'):,.0f} | {1000 * one.a_set('backend_cpu_s'):,.0f} "
            f"| {one.wal:,.0f} | {one.stored:,.0f} |"
        )
    return "\n".join(lines)


def model_table(small: Measured, large: Measured, machines: int, sets: int, rows: int) -> str:
    """What it comes to for so many machines and for ten times as many; rows: of a set."""
    # Two shapes, two unknowns: what a set costs by itself, and what each of its rows does.
    by_row = (large.a_set("backend_cpu_s") - small.a_set("backend_cpu_s")) / (large.rows - small.rows)
    by_set = max(0.0, small.a_set("backend_cpu_s") - by_row * small.rows)
    lines = ["| | mean | peak hour | 10 × as many, mean | 10 × as many, peak |", "| --- | ---: | ---: | ---: | ---: |"]
    rates = [machines * sets * times / DAY_S for times in (1, PEAK, 10, 10 * PEAK)]
    for name, form, of_a_set in (
        ("sets a second", ",.1f", 1.0),
        ("rows a second", ",.0f", float(rows)),
        ("cores of the server at work", ".2f", by_set + by_row * rows),
        ("connections at work", ".1f", small.a_set("wall_s")),
        ("WAL, MB a second", ",.2f", small.wal * rows / 1e6),
    ):
        lines.append(f"| {name} | {' | '.join(format(rate * of_a_set, form) for rate in rates)} |")
    kept = machines * sets * rows * DAYS_KEPT
    disk = [kept * small.stored * times / 1e9 for times in (1, 1, 10, 10)]
    lines.append(f"| GB on disk, {DAYS_KEPT} days kept | {' | '.join(f'{size:,.0f}' for size in disk)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--sets", type=int, default=1000, help="of a machine, a day")
    parser.add_argument("--rows", type=int, default=500, help="of a set")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with running() as server:
        found = [one for sets, rows in SHAPES for one in measured(server, sets, rows, given.runs)]
    print(costs_table(found), end="\n\n")
    print(model_table(found[0], found[len(WORKERS)], given.machines, given.sets, given.rows))


if __name__ == "__main__":
    main()
