"""Cleanup: old results go, in short transactions; the ledger stays, so that no published file comes again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import sql

from autonama.database.connect import translated
from autonama.database.queries import load
from autonama.errors import ConfigError

OWN_TABLES = (
    "trading.alerts", "trading.vectorbt_analysis", "trading.enhanced_analysis", "trading.analysis_summary",
    "trading.sweep_results",
)  # fmt: skip
"""Those of this package's schema; the tables of plug-in engines come on top."""

MOST_DAYS = 36_500
"""A hundred years; PostgreSQL's calendar ends some thousands of years back."""


@dataclass(frozen=True)
class Old:
    """Where the old rows of a table lie: stored before the moment, with ids above `after` and up to `last`, if any."""

    moment: datetime
    after: int | None
    last: int | None


def look(conn: psycopg.Connection[Any], days: int, tables: Iterable[str] = OWN_TABLES) -> dict[str, Old]:
    """Where old rows lie, by table, for a cleanup later on.

    Right after a COPY the same question takes 0.4 s a million rows, as the BRIN says nothing yet of the new pages.
    Before it, it takes a millisecond, and what comes in meanwhile is young.
    """
    one = sql.SQL("SELECT {table}, found.* FROM ({limits}) AS found")
    each = [one.format(table=sql.Literal(table), limits=_query("limits", table)) for table in tables]
    rows = conn.execute(sql.SQL(" UNION ALL ").join(each), {"days": days}).fetchall()
    return {table: Old(moment, after, last) for table, moment, after, last in rows}


def cleanup(
    conn: psycopg.Connection[Any],
    days: int,
    *,
    tables: Iterable[str] = (),
    dry_run: bool = False,
    batch: int = 10_000,
    found: Mapping[str, Old] = MappingProxyType({}),
) -> dict[str, int]:
    """Delete the rows that were stored (`created_at`) more than `days` days ago; the number of them per table.

    tables: `schema.table` of the engines, beside the schema's own. One that is not there, or has no `id` and
        `created_at`, is left out. Those in `trading` are named without their schema.
    found: where old rows lie in tables that `look` has seen.

    Each batch is a transaction of its own: readers and writers wait for no more than one, and an interruption keeps
    what was done. `dry_run` only counts. Raises ConfigError for days below 1, DatabaseError if PostgreSQL refuses.
    """
    if not 1 <= days <= MOST_DAYS:
        raise ConfigError(f"Cleanup keeps at least 1 day and at most {MOST_DAYS:,} days of results, not {days}.")
    with translated(conn):
        others = [table for table in dict.fromkeys(tables) if table not in OWN_TABLES and can_be_cleaned(conn, table)]
        removed: dict[str, int] = {}
        for table in (*OWN_TABLES, *others):
            rows = _count(conn, table, days) if dry_run else _delete(conn, table, days, batch, found.get(table))
            removed[table.removeprefix("trading.")] = rows
        return removed


def can_be_cleaned(conn: psycopg.Connection[Any], table: str) -> bool:
    """Whether the table is there and has the columns by which old rows are found."""
    schema, name = table.split(".")
    ((found,),) = conn.execute(load("retention")["has_age"], {"schema": schema, "table": name}).fetchall()
    return bool(found)


def _count(conn: psycopg.Connection[Any], table: str, days: int) -> int:
    (rows,) = conn.execute(_query("count_old", table), {"days": days}).fetchall()[0]
    return int(rows)


def _delete(conn: psycopg.Connection[Any], table: str, days: int, batch: int, found: Old | None) -> int:
    old = found or look(conn, days, [table])[table]
    after, total = old.after, 0
    while old.last is not None:
        values = {"after": after, "last": old.last, "moment": old.moment, "batch": batch}
        with conn.transaction():
            rows, reached = conn.execute(_query("delete_batch", table), values).fetchall()[0]
        if not rows:
            break
        total, after = total + rows, reached
    return total


def _query(name: str, table: str) -> sql.Composed:
    return sql.SQL(load("retention")[name]).format(table=sql.Identifier(*table.split(".")))
