"""Rules applied to frames: each failing row, clash or set becomes an issue with its message rendered."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from string import Formatter

import polars as pl

from autonama.engines import origin
from autonama.engines.contract import Engine, Rule, Summary, Text
from autonama.errors import ConfigError
from autonama.ingestion.issues import ISSUE_SCHEMA, VALUE_LIMIT, issue, no_issues
from autonama.ingestion.rules import RuleSet

BLANK = "blank"
"""How a message calls a value that is not there."""


def row_issues(typed: pl.DataFrame, texts: pl.DataFrame, engine: Engine, rules: RuleSet) -> pl.DataFrame:
    """What the rules of rows find: `typed` is judged, `texts` are quoted; both have the same rows."""
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
    """Where each rule fails."""
    wanted = [[rule.fails.fill_null(value=False).alias(str(i))] for i, rule in enumerate(rules)]
    masks = _in_one_pass(typed.select, rules, wanted, engine).get_columns()
    for rule, mask in zip(rules, masks, strict=True):
        with applied(rule, engine):
            if mask.dtype != pl.Boolean:
                raise TypeError(f"its expression gives {mask.dtype}, not true or false")
    return masks


def _in_one_pass(
    select: Callable[[Iterable[pl.Expr]], pl.DataFrame],
    rules: Sequence[Rule],
    wanted: Sequence[Sequence[pl.Expr]],
    engine: Engine,
) -> pl.DataFrame:
    """What each rule wants to know, all in one pass, or one by one where a rule cannot be applied, to name it."""
    try:
        return select(expr for exprs in wanted for expr in exprs)
    except Exception:
        for rule, exprs in zip(rules, wanted, strict=True):
            with applied(rule, engine):
                select(exprs)
        raise


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


def set_rules(rules: RuleSet) -> list[Rule]:
    """The rules that look at all rows at once."""
    return [rule for rule in rules.rules if rule.level == "set" and not rule.summary]


def reads(rule: Rule) -> list[str]:
    """The typed columns that a rule and its message's values are computed from."""
    return sorted({name for read in (rule.fails, *rule.values.values()) for name in read.meta.root_names()})


def quotes(rule: Rule) -> list[str]:
    """The names in a rule's message, with the column that it points at."""
    named = {name for _, name, _, _ in Formatter().parse(rule.message) if name}
    return sorted(named | ({rule.column} if rule.column else set()))


def clash_issues(rule: Rule, rows: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """What a rule finds that gathers rows with the same values: one issue for each such group."""
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


def issues_of_all(rules: Sequence[Rule], rows: pl.LazyFrame, engine: Engine) -> list[pl.DataFrame]:
    """What each of some rules finds that look at all rows, which hold no more than these rules' expressions need."""
    if not rules:
        return []
    wanted = [
        [
            rule.fails.cast(pl.Boolean).fill_null(value=False).any().alias(str(i)),
            *(value.first().alias(f"{i} {name}") for name, value in rule.values.items()),
        ]
        for i, rule in enumerate(rules)
    ]
    result = _in_one_pass(lambda exprs: rows.select(exprs).collect(), rules, wanted, engine)
    found = []
    for i, rule in enumerate(rules):
        with applied(rule, engine):
            values = {name: result[f"{i} {name}"].item() for name in rule.values}
            found.append(_about_all(rule, values) if result[str(i)].item() else no_issues())
    return found


def _about_all(rule: Rule, values: Mapping[str, object]) -> pl.DataFrame:
    told = issue(rule.code, rule.message.format(**values), severity=rule.severity, column=rule.column)
    return pl.DataFrame([told], schema=ISSUE_SCHEMA, orient="row")


def summary_issues(
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
