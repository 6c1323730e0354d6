"""A plug-in engine's own faults are told as its own: exit code 2, the engine, its package, the rule and the reason."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from writing import many, write_csv

ENGINE = """
import polars as pl
from autonama.engines import Engine, Rule
from autonama.engines.vectorbt import ENGINE as VECTORBT

def _raise(_):
    raise RuntimeError("the sky is falling")

RULES = {{
    "column": Rule("too_windy", pl.col("wind") > 3, "wind {{wind}}"),
    "raises": Rule("too_windy", pl.col("symbol").map_batches(_raise, return_dtype=pl.Boolean), "no"),
    "no_truth": Rule("too_windy", pl.col("degree") + 1, "no"),
    "message": Rule("too_windy", pl.col("degree") > 0, "wind {{wind}}"),
    "value": Rule("too_windy", pl.col("degree") > 0, "{{w}}", values={{"w": pl.col("wind")}}),
    "of_set": Rule("too_windy", pl.col("wind").sum() > 3, "no", level="set"),
    "of_set_value": Rule("too_windy", pl.len() > 0, "{{wind}}", level="set"),
}}
ENGINE = Engine(
    name="acme", patterns=("acme_*.csv",), columns=VECTORBT.columns, table="{table}",
    rules=(RULES["{fault}"],) if "{fault}" in RULES else (),
)
"""


@pytest.fixture
def plug_in(tmp_path: Path) -> Any:
    """`plug_in(source)` -> the environment of a process that has that engine installed."""

    def install(source: str) -> dict[str, str]:
        site = tmp_path / "site"
        metadata = site / "autonama_acme-1.2.dist-info"
        metadata.mkdir(parents=True)
        (site / "autonama_acme.py").write_text(source)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: autonama-acme\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text("[autonama.engines]\nacme = autonama_acme:ENGINE\n")
        return {"PYTHONPATH": str(site)}

    return install


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("raises", "the sky is falling"), ("no_truth", "Int64, not true or false"), ("value", "wind"), ("of_set", "wind"),
     *(pytest.param(more, "wind", marks=pytest.mark.full) for more in ("column", "message", "of_set_value"))],
)  # fmt: skip
def test_a_rule_that_cannot_be_applied(autonama: Any, tmp_path: Path, plug_in: Any, fault: str, reason: str) -> None:
    """Whatever is wrong with a rule: exit code 2 and one sentence, in the JSON object, too."""
    environment = plug_in(ENGINE.format(fault=fault, table="trading.vectorbt_analysis"))
    write_csv(tmp_path, many(3), "acme_1.csv")
    for verb in ("validate", "ingest"):
        done = autonama(verb, "--engine", "acme", tmp_path, "--json", **environment)
        told = json.loads(done.stdout)
        assert (done.returncode, told["status"]) == (2, "failed"), done.stderr
        rule = "Rule 'too_windy' of engine 'acme' (package autonama-acme 1.2) cannot be applied: "
        assert told["error"].startswith(rule)
        assert reason in told["error"]
        assert "Traceback" not in done.stderr


MORE_SOURCES = [pytest.param(source, marks=pytest.mark.full) for source in ("import no_such_thing", "ENGINE = (")]


@pytest.mark.parametrize("source", ["raise OSError('no licence')", "exit(7)", *MORE_SOURCES])
def test_a_package_that_cannot_be_imported(autonama: Any, tmp_path: Path, plug_in: Any, source: str) -> None:
    """An import that raises, of whatever kind, is exit code 2 with engine and package; other engines go on."""
    environment = plug_in(source)
    done = autonama("ingest", "--engine", "acme", tmp_path, **environment)
    assert done.returncode == 2
    assert "Engine 'acme' of package autonama-acme 1.2 cannot be loaded: " in done.stderr
    assert autonama("rules", "--engine", "acme", **environment).returncode == 2
    write_csv(tmp_path, many(1))
    assert autonama("ingest", tmp_path, **environment).returncode == 0


def test_its_table_is_cleaned_up_and_looked_at(
    autonama: Any, tmp_path: Path, plug_in: Any, conn: psycopg.Connection[Any]
) -> None:
    """A plug-in's own table is cleaned by ingest and by cleanup; doctor says where it is missing or cannot be."""
    environment = plug_in(ENGINE.format(fault="", table="acme.results"))
    write_csv(tmp_path, many(3), "acme_1.csv")
    doctor = ("doctor", "--engine-results-dir", tmp_path)
    assert "acme.results, which an engine writes to, is not there" in autonama(*doctor, **environment).stdout
    conn.execute("CREATE SCHEMA acme")
    conn.execute("CREATE TABLE acme.results (LIKE trading.vectorbt_analysis INCLUDING ALL)")
    assert "acme.results" not in autonama(*doctor, **environment).stdout
    assert autonama("ingest", "--engine", "acme", tmp_path, **environment).returncode == 0
    conn.execute("UPDATE acme.results SET created_at = now() - interval '31 days' WHERE symbol = 'S1USDT'")
    assert "acme.results: 1 row older" in autonama("cleanup", "--dry-run", **environment).stdout
    write_csv(tmp_path, many(5), "acme_2.csv")
    told = json.loads(autonama("ingest", "--engine", "acme", tmp_path, "--json", **environment).stdout)
    assert told["cleanup"]["acme.results"] == 1
    conn.execute("ALTER TABLE acme.results DROP COLUMN created_at")
    assert autonama("cleanup", **environment).returncode == 0
    assert "cleanup never deletes anything there" in autonama(*doctor, **environment).stdout
