"""The server's side: indexes and their plans, bloat, retention. docs/performance-server.md has the findings.

    python -m benchmarks.server_side [--only indexes,bloat,retention] [--out FILE]

On an embedded server of its own with its defaults. Ratios are within one run.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import server_side_bloat, server_side_indexes, server_side_retention
from benchmarks.server import machine, running


def main() -> None:
    """Measure, print, and keep the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="indexes,bloat,retention", help="what to measure")
    parser.add_argument("--rows", type=int, default=1_000_000, help="in every table, for the indexes")
    parser.add_argument("--runs", type=int, default=3, help="of each COPY")
    parser.add_argument("--daily", type=int, default=50_000, help="rows a day, for the bloat")
    parser.add_argument("--stored", type=int, default=10_000_000, help="alerts, for the retention")
    parser.add_argument("--variants", help="of the bloat, with ; between them")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    given = parser.parse_args()
    variants = [name for name in server_side_bloat.VARIANTS if not given.variants or name in given.variants.split(";")]
    bloat = {
        f"bloat, {name}": lambda server, name=name: server_side_bloat.measure(server.conn, given.daily, name)
        for name in variants
    }
    parts = {
        "indexes": lambda server: server_side_indexes.measure(server.conn, given.rows, given.runs),
        "retention": lambda server: server_side_retention.measure(server, given.stored),
        **bloat,
    }
    document: dict[str, object] = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    for name in [part for part in parts if part.partition(",")[0] in given.only.split(",")]:
        began = time.perf_counter()
        with running() as server:
            document["server"] = server.settings()
            document[name] = parts[name](server)
        print(f"\n({name}: {time.perf_counter() - began:,.0f} s)", flush=True)
        if given.out:
            given.out.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
