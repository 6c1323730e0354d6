"""Text that would like to be SQL, markup, a terminal's command or a formula is text, from the file to every screen."""

import csv
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import Row, csv_text, good, many

TEXTS = (
    "'; DROP TABLE trading.alerts; --",
    '"; DELETE FROM ingestion.runs; --',
    "$$; TRUNCATE trading.alerts; $$",
    "\\'; \\! id; \\copy x to y",
    "%s %(symbol)s %n %d",
    "{} {0} {symbol} {__class__.__mro__}",
    "${HOME} $(id) `id`",
    "\\N",
    "\\.",
    "[bold red]x[/] [link=file:///]y[/link]",
    "<script>alert(1)</script>",
    "&lt;b&gt; &#0; ]]>",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "\u202eTDSU\u2066\u200b\ufeff",
    "a\x08\x08b\x7f\x85\u2028c",
    "\U000e0041\u00ad",
    '=HYPERLINK("http://x","click")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "＝1+1",
    "x" * 300,
    "١٢٣",
    "\U0001f680 比特币",
)
FIELDS = ("symbol", "interval", "signal", "current_price", "analysis_date")
STEERING = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")

NAME = "vectorbt_analysis_results_'; DROP TABLE trading.alerts; --\n\x1b[31m\u202e<b>%s{0}[red]$(id)"


def hostile_rows() -> list[Row]:
    """Each text in each field that is not a metric."""
    rows = [good(**{"symbol": f"H{n}USDT", FIELDS[n % len(FIELDS)]: text}) for n, text in enumerate(TEXTS)]
    return [*rows, *(good(symbol=text) for text in TEXTS)]


def written(directory: Path, form: str, name: str = NAME) -> Path:
    """A result file of a hundred good rows and the hostile ones."""
    rows = [*many(100), *hostile_rows()]
    path = directory / f"{name}.{form}"
    content = csv_text(rows) if form == "csv" else json.dumps(rows)
    path.write_text(content, encoding="utf-8", newline="")
    return path


def screens(done: subprocess.CompletedProcess[str]) -> str:
    """All that a terminal gets: nothing in it steers one."""
    assert STEERING.search(done.stdout + done.stderr) is None, (done.args, STEERING.search(done.stdout + done.stderr))
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def lenient(tmp_path: Path) -> None:
    """Settings under which the rows reach every place: the tables, the quarantine, the logs beside the settings."""
    (tmp_path / "config.json").write_text(json.dumps({"validation": {"max_quarantine_share": 0.9}}))


@pytest.mark.parametrize("form", ["csv", pytest.param("json", marks=pytest.mark.full)])
@pytest.mark.usefixtures("lenient")
def test_foreign_text_acts_nowhere(autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any], form: str) -> None:
    """Stored as it is, it is shown escaped by every command, in the logs and on the page, and runs in no database."""
    path = written(tmp_path, form)
    shown = screens(autonama("ingest", path, "--lenient", "--verbose", "--report", "report.html"))
    assert "100 inserted" in shown
    names = conn.execute("SELECT name, set_name FROM ingestion.files").fetchall()
    assert names == [(path.name, path.name.removesuffix(f".{form}"))]
    assert conn.execute("SELECT count(*) FROM trading.alerts").fetchone() == (100,)
    kept = conn.execute("SELECT original FROM ingestion.quarantine ORDER BY row_number").fetchall()
    originals = [next(csv.DictReader([csv_text([good()]).splitlines()[0], text]))["symbol"] if form == "csv"
                 else json.loads(text)["symbol"] for (text,) in kept]  # fmt: skip
    assert originals[-len(TEXTS) :] == list(TEXTS)
    looks = [
        ("validate", path),
        ("runs",),
        ("runs", "1"),
        ("replay", "--verbose"),
        ("cleanup",),
        ("db", "status"),
        ("doctor",),
    ]
    for command in [*looks, *(("why", word) for word in ("S1USDT", TEXTS[0], TEXTS[12]))]:
        screens(autonama(*command))
    logs = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "logs").iterdir())
    assert "DROP TABLE trading.alerts; --\\n\\x1b[31m\\u202e<b>" in logs
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert STEERING.search(logs + page) is None
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("form", ["csv", pytest.param("json", marks=pytest.mark.full)])
@pytest.mark.usefixtures("lenient")
def test_an_export_runs_nothing_and_comes_back(autonama: Any, tmp_path: Path, form: str) -> None:
    """No cell of the exported file but a number begins as a formula, and given back unchanged it says what it said."""
    assert autonama("ingest", written(tmp_path, form), "--lenient").returncode == 0
    before = json.loads(autonama("replay", "--dry-run", "--json").stdout)["sets"][0]
    assert autonama("replay", "--export", "bad.csv").returncode == 0
    with (tmp_path / "bad.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if FORMULA.match(cell)] == []
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    after = json.loads(autonama("replay", "bad.csv", "--dry-run", "--json").stdout)["sets"][0]
    assert (after["issues"], after["rows"]) == (before["issues"], before["rows"])


def test_a_name_that_is_no_text_is_stored_and_shown(
    autonama: Any, tmp_path: Path, conn: psycopg.Connection[Any]
) -> None:
    """A file whose name is not UTF-8 is ingested; its bytes stand escaped in the ledger and on every screen."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/vectorbt_analysis_results_\xff\x9b31m.csv"))
    path.write_text(csv_text(many(3)))
    assert "3 inserted" in screens(autonama("ingest", path, "--report", "report.html"))
    ((name,),) = conn.execute("SELECT name FROM ingestion.files").fetchall()
    assert name.isprintable()
    assert "ff" in name
    for command in (("runs", "1"), ("why", "S1USDT"), ("validate", path)):
        assert re.search(r"results_\\(x|udc)ff\\(x|udc)9b31m", screens(autonama(*command)))
    assert json.loads(autonama("validate", path, "--json").stdout)["sets"][0]["files"] != []


@pytest.mark.parametrize("place", ["../../../etc/passwd", "/etc/passwd", "..", "a/../../x"])
def test_a_path_in_a_name_leads_nowhere(autonama: Any, tmp_path: Path, place: str) -> None:
    """A path in a symbol, or in the engine's or the pattern's name, opens and makes no file elsewhere."""
    path = tmp_path / "vectorbt_analysis_results_now.csv"
    path.write_text(csv_text([*many(3), good(symbol=place)]))
    before = os.listdir(tmp_path.parent)  # noqa: PTH208
    assert f"Invalid symbol format: {place}" in screens(autonama("ingest", path))
    assert autonama("ingest", path, "--engine", place).returncode == 2
    done = autonama("ingest", tmp_path, "--results-pattern", place)
    assert done.returncode in (2, 4), done.stderr
    assert os.listdir(tmp_path.parent) == before  # noqa: PTH208
