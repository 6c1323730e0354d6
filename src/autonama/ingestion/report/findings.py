"""Issues grouped by rule, as people read them: how often, and the first ones."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Issue:
    """One issue of a finding, with what it quotes of the file."""

    row: int | None
    line: int | None
    column: str | None
    value: str | None
    message: str

    @property
    def text(self) -> str:
        """The message without the row that it begins with."""
        return self.message.removeprefix(f"Row {self.row}: ")


@dataclass(frozen=True)
class Finding:
    """What one rule found in a set.

    count: how many issues there are; `first` holds only so many of them as were asked for.
    """

    code: str
    severity: str
    count: int
    first: tuple[Issue, ...]

    @property
    def hidden(self) -> int:
        """How many issues are not in `first`."""
        return self.count - len(self.first)

    @property
    def concerns_rows(self) -> bool:
        """Whether the issues point at rows, and not at the file or the set as a whole."""
        return self.first[0].row is not None

    def folded(self) -> str:
        """The finding in one line: `Row 7 and 92 more: Missing current_price`."""
        return fold(self.first[0], self.count - 1)


def fold(issue: Issue, more: int) -> str:
    """An issue that stands for itself and so many more."""
    if not more:
        return issue.message
    if issue.text != issue.message:
        return f"Row {issue.row} and {more:,} more: {issue.text}"
    return f"{issue.message} (and {more:,} more)"


def findings(issues: pl.DataFrame, first: int) -> list[Finding]:
    """The issues by rule, each with its `first` ones.

    Errors come before warnings, what concerns the whole file or set before what concerns rows, the frequent before the
    rare.
    """
    by_rule = ["code", "severity"]
    rules = (
        issues.group_by(by_rule, maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("row", "line", "column", "value", "message").head(first))
        .sort(
            pl.col("severity") != "error",
            pl.col("row").list.first().is_not_null(),
            "count",
            "code",
            descending=[False, False, True, False],
        )
    )
    return [
        Finding(code, severity, number, tuple(Issue(*values) for values in zip(*quoted, strict=True)))
        for code, severity, number, *quoted in rules.iter_rows()
    ]


def severities(issues: pl.DataFrame) -> tuple[int, int]:
    """How many errors and how many warnings."""
    errors = int((issues["severity"] == "error").sum())
    return errors, issues.height - errors
