r"""What PostgreSQL's part of a load is made of: the same rows, with one thing less each time.

    python -m benchmarks.copy_parts [--rows N] [--runs N]

`ours` are the rows as `autonama ingest` has stored them, in the order in which it sent them and with their lineage;
`in one order` are the same, sorted by their key as a whole and not block by block; `\copy` is the file as it is.
Processor seconds of the backend, medians.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from benchmarks import data
from benchmarks.contenders import AUTONAMA, COLUMNS
from benchmarks.server import Server, running

TABLE = "trading.vectorbt_analysis"
OURS = f"{COLUMNS}, engine, file_id, row_number"
KEY = 'engine, symbol COLLATE "C", "interval" COLLATE "C", analysis_date'
CHUNK = 1 << 20

LESS = {
    "all of it": "SELECT",
    "without the look whether the ledger knows the file": f"ALTER TABLE {TABLE} DISABLE TRIGGER known_file_of_new",
    "… the index on file_id": "DROP INDEX trading.vectorbt_analysis_file",
    "… on symbol": "DROP INDEX trading.idx_vectorbt_symbol",
    "… on analysis_date": "DROP INDEX trading.idx_vectorbt_date",
    "… the BRIN on created_at": "DROP INDEX trading.vectorbt_analysis_created",
    "… the key of a result": f"ALTER TABLE {TABLE} DROP CONSTRAINT vectorbt_analysis_key",
    "… the primary key": f"ALTER TABLE {TABLE} DROP CONSTRAINT vectorbt_analysis_pkey, ALTER id DROP NOT NULL",
    "… the check for NaN": "SELECT",  # its name is PostgreSQL's own: looked up below
    "… the rows' numbers: parsing, heap and WAL are left": f"ALTER TABLE {TABLE} ALTER id DROP DEFAULT",
}


@dataclass(frozen=True)
class Stream:
    """What is sent to COPY."""

    columns: str
    options: str
    payload: bytes


def streams(server: Server, made: data.Data) -> dict[str, Stream]:
    """The ways of sending the same rows."""
    server.empty()
    server.run([*AUTONAMA, "ingest", str(made.path("csv")), "--engine", "one_table", "--allow-stale"])
    return {
        "ours": Stream(OURS, "FORMAT csv", _stored(server, "ctid")),  # by place: as they came in
        "in one order": Stream(OURS, "FORMAT csv", _stored(server, KEY)),
        r"\copy": Stream(COLUMNS, "FORMAT csv, HEADER", made.path("csv").read_bytes()),
    }


def _stored(server: Server, order: str) -> bytes:
    query = f"COPY (SELECT {OURS} FROM {TABLE} ORDER BY {order}) TO STDOUT WITH (FORMAT csv)"  # noqa: S608
    with server.conn.cursor() as cursor, cursor.copy(query.encode()) as copy:
        return b"".join(bytes(part) for part in copy)


def processor_seconds(server: Server, stream: Stream) -> float:
    """Of one COPY into the empty table; the ledger keeps the file that the rows came from."""
    server.conn.execute(f"TRUNCATE {TABLE}")
    server.conn.execute("CHECKPOINT")
    before = _used(server.conn)
    query = f"COPY {TABLE} ({stream.columns}) FROM STDIN WITH ({stream.options})"
    with server.conn.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for start in range(0, len(stream.payload), CHUNK):
            copy.write(stream.payload[start : start + CHUNK])
    return _used(server.conn) - before


def _used(conn: psycopg.Connection) -> float:
    """Seconds that the backend has run so far, to the nanosecond."""
    return int(Path(f"/proc/{conn.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


def _checks(conn: psycopg.Connection) -> Sequence[str]:
    query = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass"
    return [f"ALTER TABLE {TABLE} DROP CONSTRAINT {name}" for (name,) in conn.execute(query, [TABLE])]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with running() as server:
        made = data.make(server.directory / "rows", given.rows)
        sent = streams(server, made)
        print(f"| | {' | '.join(sent)} |\n| --- |{' ---: |' * len(sent)}")
        for what, statement in LESS.items():
            for one in _checks(server.conn) if "check" in what else [statement]:
                server.conn.execute(one.encode())
            found: dict[str, list[float]] = {name: [] for name in sent}
            for _ in range(given.runs):
                for name, stream in sent.items():
                    found[name].append(processor_seconds(server, stream))
            print(f"| {what} | {' | '.join(f'{statistics.median(took):.2f}' for took in found.values())} |", flush=True)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
