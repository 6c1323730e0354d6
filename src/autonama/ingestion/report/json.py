"""A run as one JSON object, for `--json`: the same keys in every case, nothing folded, nothing rounded."""

from typing import Any

import polars as pl

from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.report.plain import encodable, path_text

ISSUE_KEYS = ("code", "severity", "row", "line", "column", "value", "message")


def as_json(run: RunOutcome) -> dict[str, Any]:
    """The run in types that `json.dumps` takes. Rows and lines are null where an issue concerns the whole file."""
    return {
        "run_id": run.run_id,
        "engine": run.engine,
        "status": run.status,
        "validate_only": run.validate_only,
        "sets": [_set(outcome) for outcome in run.sets],
        "cleanup": dict(run.cleanup),
        "elapsed_s": round(run.elapsed_s, 3),
        "error": None if run.error is None else encodable(run.error),
        "notes": [encodable(note) for note in run.notes],
    }


def _set(outcome: SetOutcome) -> dict[str, Any]:
    counts, alerts = outcome.counts, outcome.alerts
    return {
        "name": encodable(outcome.name),
        "sha256": outcome.sha256,
        "replay_of": outcome.replay_of,
        "status": outcome.status,
        "files": [path_text(path) for path in outcome.files],
        "rows": {
            "read": counts.read,
            "inserted": counts.inserted,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "quarantined": counts.quarantined,
        },
        "alerts": {"inserted": alerts.inserted, "updated": alerts.updated, "unchanged": alerts.unchanged},
        "issues": _issues(outcome.issues),
        "issue_counts": dict(outcome.issues.group_by("code", maintain_order=True).len().iter_rows()),
        "notes": [encodable(note) for note in outcome.notes],
    }


def _issues(issues: pl.DataFrame) -> list[dict[str, Any]]:
    listed = issues.select(ISSUE_KEYS).to_dicts()
    several = issues["rows"]
    for index, rows in zip(several.is_not_null().arg_true(), several.drop_nulls().to_list(), strict=True):
        listed[index]["rows"] = rows
    return listed
