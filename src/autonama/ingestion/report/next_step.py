"""The last line of a report: what to do next."""

import shlex

import polars as pl

from autonama.ingestion.counts import AlertCounts
from autonama.ingestion.outcome import RunOutcome, SetOutcome
from autonama.ingestion.report.plain import counted
from autonama.ingestion.report.status import stored_rows

A_CHECK = "Nothing was stored, this was a check."


def next_step(run: RunOutcome) -> str:  # noqa: PLR0911 - one line a status
    """What the user does now. The text may quote file names and symbols: make it visible before it is shown."""
    if run.replay:
        return _after_replaying(run)
    match run.status:
        case "rejected":
            return _after_rejecting(run)
        case "partial":
            return _after_partial(run)
        case "published":
            return _after_publishing(run)
        case "valid":
            return f"{A_CHECK} Publish with: autonama ingest"
        case "nothing_new":
            return _after_nothing(run)
        case "failed" | "interrupted":
            return _after_failing(run)


def _after_replaying(run: RunOutcome) -> str:
    refused = next((one for one in run.sets if one.status == "rejected" and one.replay_of is None), None)
    if run.status in ("published", "failed", "interrupted"):
        return _after_publishing(run) if run.status == "published" else _after_failing(run)
    if not run.sets:
        return "Nothing is in quarantine."
    if run.status == "nothing_new":
        return "These rows were published before. See what and when with: autonama runs"
    if refused is not None and refused.issues.filter(severity="error")["row"].null_count():
        return f"{refused.name} is not a file that autonama replay --export wrote. Nothing was stored."
    if refused is not None:
        return f"Correct the rows named above in {refused.name} and give it back: the others do not enter twice."
    return f"{A_CHECK} Publish without --dry-run." if run.status == "valid" else _to_correct(run)


def _to_correct(run: RunOutcome) -> str:
    engine = "" if run.engine == "vectorbt" else f" --engine {run.engine}"
    kept = sum(outcome.counts.quarantined for outcome in run.sets)
    return (
        f"{counted(kept, 'row')} in quarantine. To correct: autonama replay --export FILE{engine}, edit FILE, and give "
        f"it back with autonama replay FILE{engine}"
    )


def _after_failing(run: RunOutcome) -> str:
    kept = sum(stored_rows(outcome) > 0 for outcome in run.sets)
    told = f"{counted(kept, 'set')} published before it stay" if kept != 1 else "1 set published before it stays"
    return f"{told if kept else 'Nothing was stored'}. Once the cause is gone, run the same command again."


def _after_nothing(run: RunOutcome) -> str:
    if any(outcome.status == "already_refused" for outcome in run.sets):
        return "Refused files have not changed: correct them and ingest again. What was wrong stands in: autonama runs"
    if any(outcome.status == "changing" for outcome in run.sets):
        return "A file is still being written: run the same command again when its engine has finished."
    return "Everything here was ingested before. See what and when with: autonama runs"


def _after_publishing(run: RunOutcome) -> str:
    alerting = (outcome for outcome in run.sets if outcome.alerts != AlertCounts())  # a sweep raises none
    symbol = next((name for outcome in alerting if (name := _first_symbol(outcome)) is not None), None)
    if symbol is None:
        return "See what was stored with: autonama runs"
    return f"See where an alert comes from with: autonama why {shlex.quote(symbol)}"


def _first_symbol(outcome: SetOutcome) -> str | None:
    if not stored_rows(outcome) or outcome.rows is None:
        return None
    rows = outcome.rows.lazy()
    if "symbol" not in rows.collect_schema().names():
        return None
    symbols = rows.select(pl.col("symbol").drop_nulls().head(1)).collect().to_series()
    return None if symbols.is_empty() else str(symbols[0])


def _after_rejecting(run: RunOutcome) -> str:
    refused = [outcome for outcome in run.sets if outcome.status == "rejected"]
    if not refused:
        return "Correct what is named above and run the same command again."
    errors = pl.concat([outcome.issues for outcome in refused]).filter(pl.col("severity") == "error")
    if not errors.is_empty() and errors["code"].unique().to_list() == ["file_age"]:
        return "If the age is known and meant, ingest it anyway by adding --allow-stale."
    where = " and ".join(path.name for path in refused[0].files) if len(refused) == 1 else "the files"
    if errors["row"].null_count():
        return f"Correct {where} as said above and ingest again. Nothing of it was stored."
    return f"Correct these rows in {where} and ingest again{_lenient(refused)}"


def _lenient(refused: list[SetOutcome]) -> str:
    if any(outcome.counts.quarantined for outcome in refused):
        return ". Nothing of it was stored."
    bad = sum(_bad_rows(outcome) for outcome in refused)
    read = sum(outcome.counts.read for outcome in refused)
    if 2 * bad > read:
        return ". Nothing of it was stored."
    return f", or add --lenient: up to max_quarantine_share it puts bad rows aside, here {bad:,} of {read:,}."


def _bad_rows(outcome: SetOutcome) -> int:
    errors = outcome.issues.filter(pl.col("severity") == "error")
    single = errors["row"].drop_nulls()
    several = errors["rows"].drop_nulls().explode(empty_as_null=True).drop_nulls()
    return pl.concat([single, several]).n_unique()


def _after_partial(run: RunOutcome) -> str:
    aside = sum(outcome.counts.quarantined for outcome in run.sets)
    refused = sum(outcome.status == "rejected" for outcome in run.sets)
    if run.validate_only:
        return f"{A_CHECK} Correct what is named above before you ingest."
    if aside and not refused:
        return _to_correct(run)
    parts = [f"{counted(refused, 'set')} refused"] if refused else []
    parts += [f"{counted(aside, 'row')} put aside in quarantine"] if aside else []
    told = ", ".join(parts) or "Not everything was published"
    return f"{told}: correct the files and run the same command again. What was published does not enter twice."
