"""docs/performance.md and its charts, made from docs/performance.json.

python -m benchmarks.page
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import chart, moments, scale
from benchmarks.contenders import CONTENDERS
from benchmarks.measure import MOST_MIB
from benchmarks.results import Figure, Section, read
from benchmarks.table import seconds, table
from benchmarks.targets import Target, losses, targets

DOCS = Path(__file__).parent.parent / "docs"
FIGURES, PAGE = DOCS / "performance.json", DOCS / "performance.md"
NAMES = {contender.name: contender.what for contender in CONTENDERS}
SHORT = {
    "autonama": "autonama ingest, both tables",
    "one_table": "autonama ingest, one table",
    "validate": "autonama validate, no table",
    "copy": "\\copy, one table",
    "two_copies": "\\copy, both tables",
    "dlt_merge": "dlt, merge",
    "dlt_append": "dlt, append",
    "dlt_arrow": "dlt, append of Arrow tables",
    "pandas": "pandas to_sql",
    "pandas_multi": 'pandas to_sql, method="multi"',
    "rows": "an INSERT … ON CONFLICT a row",
}
OURS = ("autonama", "one_table", "validate")

INTRO = """# Speed and memory

Made by `python -m benchmarks.page` from [performance.json](performance.json), which `make bench` and
`make bench-scale` write.

Every program brings the same file into an emptied PostgreSQL: the embedded server as it is by default, so with `fsync`
and `synchronous_commit` on. They take turns, run by run. Time is that of the whole command, start-up included;
processor time is the command's own and, in the next column, that of the server's backends; memory is the most that the
command's processes held at once, and the most that the backends held beside the shared buffers. After every run the
rows in the database are counted and their prices summed. The rows are synthetic and keep every rule; symbols come in no
order, as an engine writes them.

Only `autonama ingest` judges the rows, knows a file that it has seen, and publishes all of it or nothing. `\\copy` and
pgloader need the table to be there, pandas takes prices through doubles, dlt makes a table of its own (doubles; a key
only for a merge).
"""

FINDINGS = """## Where the time goes

Read off `perf`, `py-spy` and clocks around every COPY, for 200,000 rows into one table; of the machine above,
2026-12-01.

- **The start.** Python's modules: what each costs stands in the table above. The end of a process took as long as
  `import psycopg`: the interpreter freed 800 modules one by one. It is left out now (`cli/process.py`), and Python
  looks for garbage less often: 0.72 → 0.60 s for 100 rows validated, `--help` 0.20 → 0.16 s, with other work on the
  machine.
- **PostgreSQL** does for our COPY what it does for `\\copy`, in the same seconds: `python -m benchmarks.copy_parts`
  takes one thing after the other away (processor seconds of the backend, medians of 7; what is below 0.1 is noise):

| | ours | in one order | `\\copy` |
| --- | ---: | ---: | ---: |
| all of it | 1.69 | 1.63 | 1.91 |
| without the look whether the ledger knows the file | 1.67 | 1.50 | 1.85 |
| … the index on `file_id` | 1.71 | 1.46 | 1.70 |
| … on `symbol` | 1.41 | 1.16 | 1.48 |
| … on `analysis_date` | 1.17 | 0.99 | 1.33 |
| … the BRIN on `created_at` | 1.11 | 0.92 | 1.19 |
| … the key of a result | 0.79 | 0.77 | 0.93 |
| … the primary key | 0.56 | 0.64 | 0.61 |
| … the check for NaN | 0.47 | 0.53 | 0.58 |
| … the rows' numbers: parsing, heap and WAL are left | 0.43 | 0.42 | 0.51 |

  Three columns and an index of lineage cost what rows in the order of the key save. So the whole is our start, the
  first block (0.1 s), and the server's time; where that is short, the start is what is left. Sorted as a whole and not
  block by block (`in one order`), the rows would cost the server up to a sixth less, as the key's index grows at its
  end alone; but nothing could be sent before the last row is read, and all rows would be held.
- **A small set** is calls of polars, 0.2 ms each however few its rows are. All columns are cast in one call and asked
  in another whether every value is plain, and the rules of a set look at its rows in one pass while they are in memory:
  24 rows are judged in 17 ms, before in 47, and a set of 500 rows among 40 is published in 73 ms, before in 106,
  start-up included (`python -m benchmarks.scale_model`, one after the other). The tables above were measured before.
- **Ours, while PostgreSQL copies**, on the other core: reading a block of 65,000 rows takes 30 ms (42 while the
  delimiters of each line were counted; that a line is as long as its fields proves the same), typing it 58 ms (column
  by column; 40 since it is one call, which polars shares out), the rules 11 ms, to put it in order and write it 56 ms
  (69 by way of a text). PostgreSQL waits for it 0.1 to 0.2 s of 200,000 rows.
- **JSON and NDJSON**: to make a dictionary of a row and texts of its values took 25 µs. Rows that are written alike are
  proved by one expression and parted at their quotes, 2 µs each: 200,000 rows are judged in 1.6 s (NDJSON) and 2.0 s
  (an array), before in 5.7 and 3.9 s. What does not match is read one by one as ever. An array is read block by block,
  too: a million rows held 1,780 MiB, and hold 470. Half of the way was that a decoder and its cursor knew each other,
  so that every block's text stayed until Python looked for garbage.
- **After the last row** the report took 0.34 s a million rows (0.23 s now), and the look for old rows 0.4 s, since the
  BRIN knows nothing of new pages: it is before the load now.
- **A known file** is one SHA-256 (1.4 GB/s), a connection, and five short queries. To trust its name, size and time
  instead would be quicker, and would be wrong once.

What stands in the way of the aims: `\\copy` itself, which checks nothing and has no start, is here 6.6 to 7.1 times as
quick as pandas and 10.8 to 11 times as quick as dlt's merge (the tables' column "÷ \\copy"), so that 10 and 12 times
are beyond whoever copies into these tables. 200,000 rows at 700,000 rows/s are 0.29 s, the modules alone 0.5 s. The
SHA-256 of the known file of 200,000 rows, 34 MiB, takes 25 ms. Our start is a quarter of what `\\copy` takes for
200,000 rows, and the server's part is the same for both.

What gained nothing, or too little for what it would cost: a COPY in binary (8 % less for PostgreSQL, its part of the
parsing); the key with the date first (8 % less, for `\\copy` as well); BRIN for `file_id` (8 %, but see
[performance-server.md](performance-server.md)); blocks of 3 or 16 MB; one thread for judging; an allocator that never
gives memory back (a third of the system's time, and the memory).
"""


def page(sections: dict[str, Section | None]) -> str:
    """The page's Markdown."""
    parts = [INTRO, *_targets(list(targets(sections["compared"], sections["moments"], sections["scale"])))]
    if compared := sections["compared"]:
        parts += ["## Beside what one would use instead", _measured_on(compared), *_pictures(compared)]
        parts += [*_compared(compared), "## Where we lose", *_losses(compared)]
    if found := sections["moments"]:
        parts += ["## Start-up, known files, upserts", _measured_on(found), table(found.figures, moments.NAMES)]
        parts += [FINDINGS]
    if found := sections["scale"]:
        parts += ["## Time and memory against rows", _measured_on(found), "![Curves](images/performance-scale.svg)"]
        parts += ["\n".join([scale.HEAD, *map(scale.line, sorted(found.figures, key=_in_order))])]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _targets(found: Sequence[Target]) -> Iterator[str]:
    if not found:
        return
    yield "## What was aimed at"
    lines = ["| | aim | measured | |", "| --- | ---: | ---: | --- |"]
    for target in found:
        bound = f"{'≥' if target.least else '≤'} {_number(target.bound)} {target.unit}"
        lines.append(
            f"| {target.what} | {bound} | {_number(target.found)} {target.unit} | {'met' if target.met else 'missed'} |"
        )
    yield "\n".join(lines)


def _number(value: float) -> str:
    if math.isinf(value):
        return f"more than {MOST_MIB:,}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _measured_on(section: Section) -> str:
    machine, named = section.machine, ", ".join(f"{name} {version}" for name, version in section.versions.items())
    server = ", ".join(f"{name} {value}" for name, value in section.server.items() if name != "server_version")
    return (
        f"{section.measured[:10]}, {machine['processor']}, {machine['memory']}, {machine['system']}, Python "
        f"{machine['python']}. {named}. PostgreSQL {section.server['server_version']}: {server}."
    )


def _in_order(figure: Figure) -> tuple[int, str, int]:
    return [*scale.VERBS, scale.SWEEP].index(figure.name), figure.form, figure.rows


def _places(section: Section) -> list[tuple[str, int]]:
    return list(dict.fromkeys((figure.form, figure.rows) for figure in section.figures))


def _of(section: Section, form: str, rows: int) -> list[Figure]:
    return [figure for figure in section.figures if (figure.form, figure.rows) == (form, rows)]


def _pictures(section: Section) -> Iterator[str]:
    for form, rows in _places(section):
        if form == "csv" and rows >= 200_000:
            yield f"![Seconds for {rows:,} rows of CSV](images/performance-{rows}.svg)"


def _compared(section: Section) -> Iterator[str]:
    for form, rows in _places(section):
        yield f"### {rows:,} rows, {form}"
        yield table(_of(section, form, rows), NAMES)


def _losses(section: Section) -> Iterator[str]:
    lines = [
        f"- {theirs.rows:,} rows, {theirs.form}: {NAMES[theirs.name]} took {seconds(theirs.median())} s, "
        f"{NAMES[ours.name].split(':')[0]} {seconds(ours.median())} s."
        for ours, theirs in losses(section)
    ]
    yield "\n".join(lines) or "In time nowhere: no program here filled the same tables faster."
    ran = [figure for figure in section.figures if figure.runs]
    ours = [figure for figure in ran if figure.name == "one_table"]
    bare = {(figure.form, figure.rows): figure for figure in ran if figure.name == "copy"}
    if ours and (
        largest := max((one for one in ours if (one.form, one.rows) in bare), key=lambda one: one.rows, default=None)
    ):
        other = bare[largest.form, largest.rows]
        yield (
            f"In memory and processor time to `\\copy`, which only passes bytes on: at {largest.rows:,} rows it held "
            f"{other.median('client_mib'):,.0f} MiB and used {seconds(other.median('cpu_s'))} s, we "
            f"{largest.median('client_mib'):,.0f} MiB and {seconds(largest.median('cpu_s'))} s."
        )


def charts(sections: dict[str, Section | None]) -> Iterator[tuple[str, str]]:
    """Names and contents of the pictures."""
    if compared := sections["compared"]:
        for form, rows in _places(compared):
            if form == "csv" and rows >= 200_000:
                values = [
                    (SHORT.get(one.name, one.name), one.median(), *one.spread(), one.name in OURS)
                    for one in _of(compared, form, rows)
                    if one.runs
                ]
                title = f"Seconds for {rows:,} rows of CSV: median, and a line from the least to the most"
                yield f"performance-{rows}.svg", chart.bars(title, values)
    if found := sections["scale"]:
        lines: dict[str, dict[str, list[tuple[float, float]]]] = {
            "Seconds against rows": {},
            "Client MiB against rows": {},
        }
        for figure in found.figures:
            if figure.runs and figure.name not in ("validate", scale.SWEEP):
                for title, field in zip(lines, ("wall_s", "client_mib"), strict=True):
                    line = lines[title].setdefault(f"{figure.name}, {figure.form}", [])
                    line.append((figure.rows, figure.median(field)))
        yield "performance-scale.svg", chart.curves(lines)


def sections(path: Path = FIGURES) -> dict[str, Section | None]:
    """All that was measured."""
    return {name: read(path, name) for name in ("compared", "moments", "scale")}


def main() -> None:
    """Write the page and its pictures."""
    found = sections()
    PAGE.write_text(page(found), encoding="utf-8")
    for name, svg in charts(found):
        (DOCS / "images" / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
