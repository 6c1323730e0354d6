"""The rule catalogue as a list to read: codes, levels, severities, and what holds where nothing is wrong."""

from datetime import UTC, datetime
from typing import NamedTuple

from autonama.config import Settings
from autonama.engines import load_engine
from autonama.ingestion.rules import AGREEMENT, FILE_RULES, RuleSet, rules_for


class Entry(NamedTuple):
    """One rule of the catalogue."""

    code: str
    level: str
    severity: str
    holds: str


def catalogue(engine_name: str, settings: Settings) -> list[Entry]:
    """The rules of an engine in their order, one entry a code; with several meanings, their sentences joined."""
    rules: RuleSet = rules_for(load_engine(engine_name), settings, now=datetime.now(UTC))
    entries = [Entry(code, "file", rules.severity[code], holds) for code, holds in FILE_RULES]
    entries.append(Entry(AGREEMENT[0], "set", rules.severity[AGREEMENT[0]], AGREEMENT[1]))
    for rule in rules.listed:
        if rule.holds and not any(entry.code == rule.code and entry.holds == rule.holds for entry in entries):
            entries.append(Entry(rule.code, rule.level, rule.severity, rule.holds))
    return entries


SHAPES = {
    "missing_": "{columns}: there, neither blank nor null nor NaN",
    "invalid_": "{columns}: of its column's type; an infinity is no number",
    "out_of_range_": "{columns}: fits its column",
}


def folded(entries: list[Entry]) -> list[Entry]:
    """The same list with the rules of shape told once for all their columns: `missing_X`."""
    told: list[Entry] = []
    for entry in entries:
        shape = next((prefix for prefix in SHAPES if entry.code.startswith(prefix)), None)
        if shape is None:
            told.append(entry)
        elif not any(other.code == f"{shape}X" for other in told):
            columns = [other.code.removeprefix(shape) for other in entries if other.code.startswith(shape)]
            told.append(
                Entry(f"{shape}X", entry.level, entry.severity, SHAPES[shape].format(columns=", ".join(columns)))
            )
    return told
