"""A file's text frames and a rule set -> the rows that may be stored, the bad ones, and every finding."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import cached_property

import polars as pl

from autonama.engines.contract import Engine, Rule, Timestamp
from autonama.ingestion.apply import (
    applied,
    clash_issues,
    issues_of_all,
    quotes,
    reads,
    row_issues,
    set_rules,
    summary_issues,
)
from autonama.ingestion.formats.rows import Rows
from autonama.ingestion.issues import ISSUE_SCHEMA, no_issues
from autonama.ingestion.read import SourceFile
from autonama.ingestion.rules import RuleSet
from autonama.ingestion.spill import Spill
from autonama.ingestion.typed import type_columns

COMPARED = 4_000_000
"""Rows whose hashes are compared with each other at a time, with some 60 bytes each."""


@dataclass(frozen=True)
class Verdict:
    """What validation says of one file.

    typed: every row whose fields could be told apart, typed as `typed.type_columns` says, in the file's order; of a
        file that is judged block by block it has none.
    kept: of the rows with a sound key the columns that rules of the set read, and those that were asked for.
    issues: columns of `ISSUE_SCHEMA`; findings on the whole file first, then by row.
    summary: the summary's one row, typed likewise, or None.
    read: rows in the file, good and bad.
    """

    typed: pl.DataFrame
    kept: Spill
    issues: pl.DataFrame
    summary: pl.DataFrame | None
    read: int
    notes: tuple[str, ...] = ()

    @cached_property
    def bad(self) -> pl.DataFrame:
        """`row` and `reasons` (list of text) of the rows with an error, in the file's order."""
        return bad_rows(self.issues)

    @property
    def good(self) -> pl.DataFrame:
        """The typed rows without an error."""
        return without(self.typed, self.bad)

    def accepted(self, rules: RuleSet) -> bool:
        """Whether the good rows may be published: strict, only without any error; else while few rows are bad."""
        if self.condemned or (rules.strict and self.bad.height):
            return False
        return self.bad.height <= rules.max_bad_share * self.read

    @property
    def condemned(self) -> bool:
        """Whether an error concerns the file or set as a whole, so that no row of it can be trusted."""
        return _condemns(self.issues)

    def with_issues(self, more: pl.DataFrame) -> "Verdict":
        """The verdict with findings of another stage added: the set's comparison, the file's age."""
        return replace(self, issues=_sorted([self.issues, more])) if more.height else self


def validate(source: SourceFile, engine: Engine, rules: RuleSet, zone: tzinfo, keep: Iterable[str] = ()) -> Verdict:
    """Judge one file that was read as a whole.

    zone: in which times without an offset are read.
    keep: columns of the contract that are wanted in `Verdict.kept`, where the engine has them.
    """
    validation = Validation(engine, rules, zone, nests=source.format != "csv", keep=keep)
    block = validation.judge(Rows(source.frame, source.issues))
    validation.add(validation.part(block))
    return validation.verdict(no_issues(), block.typed, source.summary)


@dataclass(frozen=True)
class Block:
    """A block of rows after the rules of rows.

    rows: as they were read. texts, typed: those whose fields could be told apart.
    found: the reader's issues. by_row: what the rules found.
    bad: `row` and `reasons` of what is wrong with rows by themselves.
    """

    rows: Rows
    texts: pl.DataFrame
    typed: pl.DataFrame
    found: pl.DataFrame
    by_row: pl.DataFrame
    bad: pl.DataFrame

    @property
    def good(self) -> pl.DataFrame:
        """The typed rows that are good by themselves."""
        return without(self.typed, self.bad)


@dataclass(frozen=True)
class Part:
    """What of a judged block the verdict on the whole needs: it may come from another process.

    read: rows in the block. found, by_row: findings, as of `Block`. condemned: whether they concern the whole file.
    naive: by column of times, how many had no offset. kept: as `Verdict.kept` says.
    """

    read: int
    found: pl.DataFrame
    by_row: pl.DataFrame
    condemned: bool
    naive: Mapping[str, int]
    kept: pl.DataFrame


class Validation:
    """Judges the blocks of one file, and then what only all of them, added in their order, tell.

    nests: whether the format has objects in the place of a text. Other arguments are those of `validate`.
    """

    def __init__(self, engine: Engine, rules: RuleSet, zone: tzinfo, *, nests: bool, keep: Iterable[str] = ()) -> None:
        self._engine, self._rules, self._zone, self._nests = engine, rules, zone, nests
        self._kept = Kept(engine, rules, keep)
        self._found: list[pl.DataFrame] = []
        self._by_row: list[pl.DataFrame] = []
        self._naive: dict[str, int] = {}
        self._read = 0
        self.condemned = False

    def judge(self, rows: Rows) -> Block:
        """Judge a block's rows by themselves. It changes nothing here, so that blocks can be judged side by side."""
        found = self._settled(rows.issues)
        texts = (
            rows.frame.clear() if _condemns(found) else without(rows.frame, _errors(found, pl.col("row").is_not_null()))
        )
        typed = type_columns(texts, self._engine.columns, self._zone, nests=self._nests)
        by_row = row_issues(typed, texts, self._engine, self._rules)
        return Block(rows, texts, typed, found, by_row, bad_rows(pl.concat([found, by_row])))

    def part(self, block: Block) -> Part:
        """What of a block is added. Like `judge` it changes nothing here."""
        times = [column.name for column in self._engine.columns if isinstance(column.type, Timestamp)]
        keys = {"symbol", "interval", *self._engine.key}
        unsound = _errors(block.by_row, pl.col("column").is_in(keys))
        return Part(
            read=block.rows.frame.height,
            found=block.found,
            by_row=block.by_row,
            condemned=_condemns(block.found),
            naive={name: int(block.typed[f"{name}?naive"].sum()) for name in times},
            kept=self._kept.of(without(block.typed, unsound), block.texts),
        )

    def add(self, part: Part) -> None:
        """Take in the next block."""
        self._read += part.read
        self.condemned = self.condemned or part.condemned
        self._found.append(part.found)
        self._by_row.append(part.by_row)
        for name, naive in part.naive.items():
            self._naive[name] = self._naive.get(name, 0) + naive
        self._kept.add(part.kept)

    def verdict(
        self, at_end: pl.DataFrame, typed: pl.DataFrame | None = None, summary: pl.DataFrame | None = None
    ) -> Verdict:
        """The verdict on all blocks.

        at_end: the issues of the file as a whole that its reader told at its end.
        typed: the rows, of a file that was read as a whole. summary: of a nested document the texts of its summary.
        """
        found = [self._settled(at_end), *self._found]
        self.condemned = self.condemned or _condemns(found[0])
        rows = type_columns(_no_texts(self._engine), self._engine.columns, self._zone) if typed is None else typed
        if self.condemned:
            return Verdict(rows, Spill(), _sorted(found), None, self._read)
        of_summary, about_summary = None, no_issues()
        if summary is not None:
            of_summary = type_columns(_numbered(summary), self._engine.summary_columns, self._zone)
            about_summary = summary_issues(of_summary, summary, rows, self._engine, self._rules)
        issues = _sorted([*found, about_summary, *self._by_row, self._kept.issues()])
        return Verdict(rows, self._kept.rows, issues, of_summary, self._read, tuple(self._notes()))

    def _settled(self, issues: pl.DataFrame) -> pl.DataFrame:
        """The reader's issues with the severities of the config; those that are off are gone."""
        if issues.is_empty():
            return no_issues()
        code, severity = pl.col("code"), pl.col("severity")
        severity = code.replace_strict(dict(self._rules.severity), default=severity, return_dtype=pl.String)
        return issues.with_columns(severity=severity).filter(pl.col("severity") != "off").select(ISSUE_SCHEMA.names())

    def _notes(self) -> Iterator[str]:
        for name, naive in self._naive.items():
            if naive:
                yield f"{name} has no UTC offset in {naive:,} rows: read as {self._zone} (`engine_timezone`)."


class Kept:
    """What of the rows is kept until all blocks are read: for rules of the set, and columns that were asked for."""

    def __init__(self, engine: Engine, rules: RuleSet, keep: Iterable[str]) -> None:
        own = {column.name for column in engine.columns}
        self._engine = engine
        self._rules = set_rules(rules)
        self._same = sorted({rule.same for rule in self._rules if rule.same})
        self._quoted = sorted({name for rule in self._rules if rule.same for name in quotes(rule) if name in own})
        read = {name for rule in self._rules for name in (*reads(rule), *rule.same)}
        self._names = sorted(read | {name for name in keep if name.split("=")[0] in own})
        self._hashes = {same: Spill() for same in self._same}
        self.rows = Spill()

    def of(self, typed: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
        """What is kept of rows, typed and as texts."""
        quoted = texts.select("row", *(pl.col(name).alias(f"{name}=file") for name in self._quoted))
        # A rule may name what is no column: it is told, with the rule's name, when the rule is applied.
        kept = typed.select("row", "line", *(name for name in self._names if name in typed.columns))
        if quoted.width == 1:
            return kept
        aligned = quoted.height == kept.height
        return kept.hstack(quoted.drop("row")) if aligned else kept.join(quoted, on="row", maintain_order="left")

    def add(self, kept: pl.DataFrame) -> None:
        """The next rows. Hashed here and not where they were judged: another machine may hash otherwise."""
        for same in self._same:
            self._hashes[same].add(kept.select("row", hash=kept.select(same).hash_rows(seed=1)))
        self.rows.add(kept)

    def issues(self) -> pl.DataFrame:
        """What the rules of the set find, in the order of the rules."""
        if not self.rows.height:
            return no_issues()
        of_all = [rule for rule in self._rules if not rule.same]
        # All at once takes half of the time, and all of their columns in memory: not where the rows are many.
        together = [of_all] if self.rows.in_memory else [[rule] for rule in of_all]
        lazy = self.rows.lazy()
        found = iter([told for rules in together for told in issues_of_all(rules, lazy, self._engine)])
        return pl.concat([no_issues(), *(self._clashes(rule) if rule.same else next(found) for rule in self._rules)])

    def _clashes(self, rule: Rule) -> pl.DataFrame:
        """Only rows that share the rule's values can clash: their hashes find them without holding the values."""
        numbers = _alike(self._hashes[rule.same])
        if numbers.is_empty():
            return no_issues()
        rows = self.rows.lazy().filter(pl.col("row").is_in(numbers.implode())).collect()
        texts = rows.select("row", "line", *(pl.col(f"{name}=file").alias(name) for name in self._quoted))
        with applied(rule, self._engine):
            return clash_issues(rule, rows, texts)


def _alike(hashes: Spill) -> pl.Series:
    """The numbers of the rows whose hash another row has, too. Of many rows only a part is compared at a time."""
    parts = -(-hashes.height // COMPARED)
    found = []
    for part in range(parts):
        lazy = hashes.lazy() if parts == 1 else hashes.lazy().filter(pl.col("hash") % parts == part)
        compared = lazy.collect()
        # Hardly a file has two: to sort and compare neighbours takes a third of the time that naming the rows takes.
        in_order = compared["hash"].sort()
        if (in_order[1:] == in_order[:-1]).any():
            found.append(compared.filter(pl.col("hash").is_duplicated())["row"])
    return pl.concat([pl.Series("row", [], pl.UInt32), *found])


def without(rows: pl.DataFrame, some: pl.DataFrame) -> pl.DataFrame:
    """The rows but for those whose number is among some. An anti-join of none costs as much as one of many."""
    return rows if some.is_empty() else rows.join(some.select("row"), on="row", how="anti", maintain_order="left")


def bad_rows(issues: pl.DataFrame) -> pl.DataFrame:
    """`row` and `reasons` (list of text) of the rows that an error names, in the order of rows."""
    errors = _errors(issues, pl.col("row").is_not_null())
    if errors.is_empty():
        return pl.DataFrame(schema={"row": pl.UInt32, "reasons": pl.List(pl.String)})
    rows = pl.coalesce(pl.col("rows"), pl.concat_list("row"))
    told = errors.select(row=rows, reasons=pl.concat_str("code", pl.lit(": "), "message")).explode("row")
    return told.group_by("row", maintain_order=True).agg("reasons").sort("row")


def _sorted(issues: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([no_issues(), *issues]).sort("row", nulls_last=False, maintain_order=True)


def _condemns(issues: pl.DataFrame) -> bool:
    return not _errors(issues, pl.col("row").is_null()).is_empty()


def _errors(issues: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """Those of severity error. Most blocks have no issue, and a filter of nothing takes as long as one of many."""
    return issues if issues.is_empty() else issues.filter((pl.col("severity") == "error") & where)


def _numbered(summary: pl.DataFrame) -> pl.DataFrame:
    return summary.with_columns(row=pl.lit(0, pl.UInt32), line=pl.lit(None, pl.UInt32))


def _no_texts(engine: Engine) -> pl.DataFrame:
    place = {"row": pl.UInt32, "line": pl.UInt32}
    return pl.DataFrame(schema=place | {column.name: pl.String for column in engine.columns})
