"""A file's text frame and a rule set -> the rows that may be stored, the bad ones, and every finding."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from string import Formatter

import polars as pl

from autonama.engines import origin
from autonama.engines.contract import Column, Engine, Rule, Summary, Text, Timestamp
from autonama.errors import ConfigError
from autonama.ingestion.issues import ISSUE_SCHEMA, VALUE_LIMIT, issue, no_issues
from autonama.ingestion.read import SourceFile
from autonama.ingestion.rules import RuleSet
from autonama.ingestion.typed import type_columns

BLANK = "blank"
"""How a message calls a value that is not there."""


@dataclass(frozen=True)
class Verdict:
    """What validation says of one file.

    typed: every row whose fields could be told apart, typed as `typed.type_columns` says, in the file's order.
    bad: `row`, `line`, `original` (the row's own text), `reasons` (list of text) of the rows with an error.
    issues: columns of `ISSUE_SCHEMA`; findings on the whole file first, then by row.
    summary: the summary's one row, typed likewise, or None.
    read: rows in the file, good and bad.
    """

    typed: pl.DataFrame
    bad: pl.DataFrame
    issues: pl.DataFrame
    summary: pl.DataFrame | None
    read: int
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> pl.DataFrame:
        """The typed rows without an error."""
        return _without(self.typed, self.bad)

    def accepted(self, rules: RuleSet) -> bool:
        """Whether the good rows may be published: strict, only without any error; else while few rows are bad."""
        if self.condemned or (rules.strict and self.bad.height):
            return False
        return self.bad.height <= rules.max_bad_share * self.read

    @property
    def condemned(self) -> bool:
        """Whether an error concerns the file or set as a whole, so that no row of it can be trusted."""
        return not self.issues.filter((pl.col("severity") == "error") & pl.col("row").is_null()).is_empty()


def validate(source: SourceFile, engine: Engine, rules: RuleSet, zone: tzinfo) -> Verdict:
    """Judge one file. `zone`: in which times without an offset are read."""
    found = _settled(source.issues, rules)
    structural = found.filter((pl.col("severity") == "error") & pl.col("row").is_not_null())
    if not found.filter((pl.col("severity") == "error") & pl.col("row").is_null()).is_empty():
        return _verdict(source, source.frame.clear(), found, None, ())
    texts = _without(source.frame, structural)
    typed = type_columns(texts, engine.columns, zone, nests=source.format != "csv")
    by_row = _row_issues(typed, texts, engine, rules)
    trusted = _with_sound_keys(typed, by_row, engine)
    set_rules = [rule for rule in rules.rules if rule.level == "set" and not rule.summary]
    by_set = _set_issues(trusted, texts, set_rules, engine)
    summary = None if source.summary is None else type_columns(_numbered(source.summary), engine.summary_columns, zone)
    about_summary = _summary_issues(summary, source.summary, typed, engine, rules)
    issues = pl.concat([found, about_summary, by_row, by_set]).sort("row", nulls_last=False, maintain_order=True)
    return _verdict(source, typed, issues, summary, _notes(typed, engine.columns, zone))


def _without(rows: pl.DataFrame, some: pl.DataFrame) -> pl.DataFrame:
    """The rows but for those whose number is among some. An anti-join of none costs as much as one of many."""
    return rows if some.is_empty() else rows.join(some.select("row"), on="row", how="anti", maintain_order="left")


def with_issues(verdict: Verdict, source: SourceFile, more: pl.DataFrame) -> Verdict:
    """The verdict with findings of another stage added: the set's comparison, the file's age."""
    if more.is_empty():
        return verdict
    issues = pl.concat([verdict.issues, more]).sort("row", nulls_last=False, maintain_order=True)
    return _verdict(source, verdict.typed, issues, verdict.summary, verdict.notes)


def _verdict(
    source: SourceFile, typed: pl.DataFrame, issues: pl.DataFrame, summary: pl.DataFrame | None, notes: tuple[str, ...]
) -> Verdict:
    return Verdict(typed, _bad_rows(source, issues), issues, summary, source.frame.height, notes)


def _settled(issues: pl.DataFrame, rules: RuleSet) -> pl.DataFrame:
    """The reader's issues with the severities of the config; those that are off are gone."""
    severity = pl.col("code").replace_strict(dict(rules.severity), default=pl.col("severity"), return_dtype=pl.String)
    return issues.with_columns(severity=severity).filter(pl.col("severity") != "off").select(ISSUE_SCHEMA.names())


def _row_issues(typed: pl.DataFrame, texts: pl.DataFrame, engine: Engine, rules: RuleSet) -> pl.DataFrame:
    row_rules = [rule for rule in rules.rules if rule.level == "row" and not rule.summary]
    if typed.is_empty() or not row_rules:
        return no_issues()
    failing = [pair for pair in zip(row_rules, _masks(typed, row_rules, engine), strict=True) if pair[1].any()]
    frames = []
    for rule, mask in failing:
        with applied(rule, engine):
            shown = texts.hstack(typed.select(**rule.values)) if rule.values else texts
            frames.append(_one_per_row(rule, shown.filter(_unless_told(rule, mask, failing, engine))))
    return pl.concat([no_issues(), *frames]).sort("row", maintain_order=True)


def _masks(typed: pl.DataFrame, rules: list[Rule], engine: Engine) -> list[pl.Series]:
    """Where each rule fails: all in one pass, or one by one where a rule cannot be applied, to name it."""
    wanted = [rule.fails.fill_null(value=False).alias(str(i)) for i, rule in enumerate(rules)]
    try:
        masks = typed.select(wanted).get_columns()
    except Exception:
        for rule, fails in zip(rules, wanted, strict=True):
            with applied(rule, engine):
                typed.select(fails)
        raise
    for rule, mask in zip(rules, masks, strict=True):
        with applied(rule, engine):
            if mask.dtype != pl.Boolean:
                raise TypeError(f"its expression gives {mask.dtype}, not true or false")
    return masks


@contextmanager
def applied(rule: Rule, engine: Engine) -> Iterator[None]:
    """Turn what an engine's own rule raises into a ConfigError that names it; a shared rule's fault is ours."""
    try:
        yield
    except Exception as error:
        if rule not in engine.rules and not any(own.code == rule.code for own in engine.rules):
            raise
        reason = next(iter(str(error).splitlines()), "") or "no reason given"
        raise ConfigError(
            f"Rule '{rule.code}' of engine '{engine.name}' ({origin(engine.name)}) cannot be applied: "
            f"{type(error).__name__}: {reason}. Repair that package."
        ) from error


def _unless_told(rule: Rule, mask: pl.Series, failing: list[tuple[Rule, pl.Series]], engine: Engine) -> pl.Series:
    """One fault, one issue: where a row is no result at all, or a text that is too long was refused by its own rule."""
    notes = {column.name for column in engine.columns if column.instead}
    for other, told in failing:
        if other.column in notes and rule.column not in notes:
            mask = mask & ~told
    if not rule.code.startswith("out_of_range_") or not isinstance(engine.column(rule.column or "").type, Text):
        return mask
    for other, told in failing:
        if other is not rule and other.column == rule.column and other.severity == "error":
            mask = mask & ~told
    return mask


def _one_per_row(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    value = pl.col(rule.column).str.slice(0, VALUE_LIMIT) if rule.column in rows.columns else pl.lit(None, pl.String)
    return rows.select(
        code=pl.lit(rule.code),
        severity=pl.lit(rule.severity),
        row=pl.col("row"),
        line=pl.col("line"),
        column=pl.lit(rule.column, pl.String),
        value=value,
        message=pl.concat_str(pl.lit("Row "), pl.col("row").cast(pl.String), pl.lit(": "), _rendered(rule)),
        rows=pl.lit(None, pl.List(pl.UInt32)),
    )


def _rendered(rule: Rule) -> pl.Expr:
    """The message with the row's own texts in it."""
    parts: list[pl.Expr] = []
    for literal, name, _, _ in Formatter().parse(rule.message):
        parts.append(pl.lit(literal))
        if name:
            text = pl.col(name).cast(pl.String).str.slice(0, VALUE_LIMIT)
            parts.append(pl.when(text.fill_null("").str.strip_chars() == "").then(pl.lit(BLANK)).otherwise(text))
    return pl.concat_str(parts)


def _with_sound_keys(typed: pl.DataFrame, issues: pl.DataFrame, engine: Engine) -> pl.DataFrame:
    keys = {"symbol", "interval", *engine.key}
    return _without(typed, issues.filter((pl.col("severity") == "error") & pl.col("column").is_in(keys)))


def _set_issues(rows: pl.DataFrame, texts: pl.DataFrame, set_rules: Iterable[Rule], engine: Engine) -> pl.DataFrame:
    frames = [no_issues()]
    if rows.is_empty():
        return frames[0]
    for rule in set_rules:
        with applied(rule, engine):
            frames.append(_clashes(rule, rows, texts) if rule.same else _one_for_all(rule, rows))
    return pl.concat(frames)


def _clashes(rule: Rule, rows: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    mask = rows.select(rule.fails.fill_null(value=False)).to_series()
    if not mask.any():
        return no_issues()
    clash = rows.filter(mask).select("row", *(pl.col(name).alias(f"same {name}") for name in rule.same))
    return _one_per_clash(rule, clash.join(texts, on="row", maintain_order="left"))


def _one_per_clash(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    gathered = rows.group_by([f"same {name}" for name in rule.same], maintain_order=True).agg(
        pl.exclude("row").first(), pl.col("row").first(), all_rows=pl.col("row")
    )
    listed = gathered.with_columns(rows=pl.col("all_rows").cast(pl.List(pl.String)).list.join(", "))
    told = _one_per_row(rule, listed)
    return told.with_columns(rows=gathered["all_rows"].cast(pl.List(pl.UInt32)))


def _one_for_all(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    result = frame.select(fails=rule.fails.cast(pl.Boolean).fill_null(value=False).any(), **rule.values)
    if not result["fails"][0]:
        return no_issues()
    values = {name: result[name][0] for name in rule.values}
    message = rule.message.format(**values)
    told = issue(rule.code, message, severity=rule.severity, column=rule.column)
    return pl.DataFrame([told], schema=ISSUE_SCHEMA, orient="row")


def _numbered(summary: pl.DataFrame) -> pl.DataFrame:
    return summary.with_columns(row=pl.lit(0, pl.UInt32), line=pl.lit(None, pl.UInt32))


def _summary_issues(
    summary: pl.DataFrame | None, texts: pl.DataFrame | None, rows: pl.DataFrame, engine: Engine, rules: RuleSet
) -> pl.DataFrame:
    """Findings on the document's summary: about the whole set, so without a row."""
    if summary is None or texts is None or engine.summary is None:
        return no_issues()
    counted = summary.hstack(rows.select(**engine.summary.counts))
    frames = [no_issues()]
    for rule in rules.rules:
        if rule.summary:
            with applied(rule, engine):
                frames.append(_about_summary(rule, counted, texts, engine.summary))
    return pl.concat(frames)


def _about_summary(rule: Rule, counted: pl.DataFrame, texts: pl.DataFrame, summary: Summary) -> pl.DataFrame:
    if not counted.select(rule.fails.fill_null(value=False)).item():
        return no_issues()
    shown = counted.select(pl.col(summary.counts.keys())).hstack(texts)
    told = issue(rule.code, shown.select(_rendered(rule)).item(), severity=rule.severity, column=rule.column)
    return pl.DataFrame([told], schema=ISSUE_SCHEMA, orient="row")


def _bad_rows(source: SourceFile, issues: pl.DataFrame) -> pl.DataFrame:
    errors = issues.filter((pl.col("severity") == "error") & pl.col("row").is_not_null())
    rows = pl.coalesce(pl.col("rows"), pl.concat_list("row"))
    reasons = (
        errors.select(row=rows, reason=pl.concat_str("code", pl.lit(": "), "message"))
        .explode("row")
        .group_by("row", maintain_order=True)
        .agg(reasons=pl.col("reason"))
    )
    originals = source.frame.select("row", "line", original=pl.col("raw").fill_null(""))
    return originals.join(reasons, on="row", maintain_order="left")


def _notes(typed: pl.DataFrame, columns: Iterable[Column], zone: tzinfo) -> tuple[str, ...]:
    notes = []
    for column in columns:
        naive = typed[f"{column.name}?naive"].sum() if isinstance(column.type, Timestamp) else 0
        if naive:
            notes.append(f"{column.name} has no UTC offset in {naive:,} rows: read as {zone} (`engine_timezone`).")
    return tuple(notes)
