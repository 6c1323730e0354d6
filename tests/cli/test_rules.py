"""`autonama rules`, and remedies: nothing that was switched off vanishes, nothing that was done is advised again."""

import json
import os
import time
from pathlib import Path
from typing import Any

from writing import many, write_csv


def test_what_is_off_is_listed_as_off(autonama: Any, tmp_path: Path) -> None:
    """A rule that a severity or a switch turns off stands in the list with `off`, whatever its level."""
    off = {"sharpe_realistic": "off", "constant_metric": "off", "csv_json_agree": "off", "undefined_metric": "off"}
    config = {"validation": {"severity": off, "validate_prices": False, "check_duplicates": False}}
    every = json.loads(autonama("rules", "--json").stdout)["rules"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    listed = json.loads(autonama("rules", "--json").stdout)["rules"]
    of_prices = {"price_positive", "bands_ordered", "lower_band_positive", "signal_matches_bands", "price_near_bands"}
    assert {rule["code"] for rule in listed if rule["severity"] == "off"} == off.keys() | of_prices | {"duplicate_key"}
    assert {rule["code"] for rule in every} == {rule["code"] for rule in listed}
    keys = [rule["severity"] for rule in listed if rule["code"] == "duplicate_key"]
    assert keys == ["off", "error"], "the table's own key holds, and is said to"
    assert "| `sharpe_realistic` | row | off |" in autonama("rules", "--markdown").stdout


def test_a_remedy_that_was_taken_is_not_advised(autonama: Any, tmp_path: Path) -> None:
    """With --allow-stale the age is still told, by the file and by its name, and the flag is mentioned no more."""
    old = write_csv(tmp_path, many(2), "vectorbt_analysis_results_20250101_000000.csv")
    by_name = autonama("validate", old, "--verbose").stdout
    assert "By its name the set is" in by_name
    assert "--allow-stale" not in by_name
    a_week_ago = time.time() - 7 * 86_400
    os.utime(old, (a_week_ago, a_week_ago))
    assert "--allow-stale" in autonama("validate", old).stdout
    for words in (("validate", old, "--allow-stale", "--verbose"), ("validate", old, "--lenient", "--verbose")):
        told = autonama(*words).stdout
        assert "last written 168 hours ago" in told
        assert "--allow-stale" not in told
