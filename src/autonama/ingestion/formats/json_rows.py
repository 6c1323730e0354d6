"""Objects become rows of texts, batch by batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from autonama.engines.contract import Column, Json
from autonama.ingestion.formats.alike import Run
from autonama.ingestion.formats.columns import finished, presence_issues
from autonama.ingestion.formats.literals import (
    DEEPEST,
    Unstorable,
    json_of,
    refuse_deep,
    refuse_unstorable,
    text_of,
)
from autonama.ingestion.formats.rows import BAD_ROWS_LIMIT, Rows, too_many_bad_rows
from autonama.ingestion.issues import issue, issue_frame
from autonama.visible import visible

BATCH = 10_000
"""Objects held before they become a frame: a dictionary of thirteen texts takes ten times the room of its line."""

BATCH_TEXT = 4 << 20
"""Characters of the rows that are held: one that is all small numbers takes fifty times its own."""

ABSENT = object()


class Field:
    """Where a column's value stands in an object: under its literal path, else along the path's steps."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self.path = column.path
        self._steps = column.path.split(".")
        self._text = json_of if isinstance(column.type, Json) else text_of

    def of(self, row: dict[str, Any]) -> Any:
        """The value, None for JSON's null, `ABSENT` where the object has none."""
        if self.path in row or len(self._steps) == 1:
            return row.get(self.path, ABSENT)
        value: Any = row
        for step in self._steps:
            if not isinstance(value, dict) or step not in value:
                return ABSENT
            value = value[step]
        return value

    def text(self, value: Any) -> str | None:
        """The text of a value."""
        return None if value is None or value is ABSENT else self._text(value)

    def texts(self, rows: Sequence[dict[str, Any]]) -> list[str | None]:
        """The texts of many rows."""
        if len(self._steps) > 1 or self._text is json_of:
            return [self.text(self.of(row)) for row in rows]
        values = [row.get(self.path) for row in rows]
        return [value if isinstance(value, str) else text_of(value) for value in values]


class JsonRows:
    """Collects the rows of one file. `count`: the number of the last one."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._fields = [Field(column) for column in columns]
        self._instead = [field for field in self._fields if field.column.instead]
        self._schema = ["row", "line", "raw", *(column.name for column in columns)]
        self._absent = {field.path: field for field in self._fields}
        self._known = frozenset(key for column in columns for key in (column.path, column.path.split(".")[0]))
        self._keys: dict[str, None] = {}
        self._batch: list[tuple[int, int | None, str, dict[str, Any]]] = []
        self._frames: list[pl.DataFrame] = []
        self._bad: list[int] = []
        self._held = 0
        self._told = 0
        self._strangers = 0
        self._results = False
        self.issues: list[dict[str, Any]] = []
        self.count = 0

    def add(self, value: Any, raw: str, line: int | None, repeated: Sequence[str] = ()) -> None:
        """The next row."""
        if not isinstance(value, dict):
            self.refuse(f"is {kind_of(value)}, expected an object", raw, line)
            return
        try:
            self._refuse_unstorable(value, raw)
        except Unstorable as fault:
            self.refuse(str(fault), raw, line, fault.code)
            return
        self._results = self._results or not any(field.text(field.of(value)) for field in self._instead)
        self._note_keys(value)
        self._append(value, raw, line)
        self._strangers += value.keys().isdisjoint(self._known)
        if self._strangers > BAD_ROWS_LIMIT:
            raise too_many_bad_rows()
        for key in dict.fromkeys(repeated):
            name = visible(key)
            message = f"Row {self.count}{_line(line)} has the key '{name}' more than once"
            self.issues.append(issue("columns_unique", message, row=self.count, line=line, column=name))

    def add_runs(self, runs: Sequence[Run], rest: pl.DataFrame, by_hand: Callable[[str, int], bool]) -> int | None:
        """Rows that were read at once and, in the places that their numbers say, the others.

        by_hand: adds the text that begins on that line, unless it says False: then nothing from there on is added, and
        the row's number is given back.
        """
        last = self.count + rest.height + sum(run.frame.height for run in runs)
        notes, refused = list(reversed(runs)), None
        for row, line, raw in rest.iter_rows():
            while notes and notes[-1].first < row:
                self._note_keys(dict.fromkeys(notes.pop().shape.keys))
            self.count = row - 1
            if not by_hand(raw, line):
                refused = row
                break
        for run in runs:
            self._add_run(run if refused is None else run.before(refused))
        self.count = last if refused is None else refused - 1
        return refused

    def refuse(self, predicate: str, raw: str, line: int | None, code: str = "file_format") -> None:
        """The next row, which cannot be read."""
        self._append({}, raw.replace("\0", "\u2400"), line)
        self._bad.append(self.count)
        message = f"Row {self.count}{_line(line)} {predicate}"
        self.issues.append(issue(code, message, row=self.count, line=line))
        if self._told + len(self.issues) > BAD_ROWS_LIMIT:
            raise too_many_bad_rows()

    def rows(self, summary: pl.DataFrame | None = None) -> Rows:
        """Everything that was added."""
        taken = self.take()
        return replace(taken, issues=pl.concat([issue_frame(self.file_issues()), taken.issues]), summary=summary)

    def take(self) -> Rows:
        """What was added since the last taking, without what is wrong with the file as a whole."""
        self._flush()
        frame = pl.concat(self._frames)
        if not frame["row"].is_sorted():
            frame = frame.sort("row")
        rows = Rows(finished(frame, self._columns, self._bad), issue_frame(self.issues))
        self._told += len(self.issues)
        self._frames, self._bad, self.issues = [], [], []
        return rows

    def file_issues(self) -> list[dict[str, Any]]:
        """What is wrong with the file as a whole, as far as it was read."""
        if not self.count:
            return [issue("has_rows", "The file holds no rows")]
        present = {field.path for field in self._fields if field.path not in self._absent}
        return presence_issues(self._columns, present, self._keys) if self._results else []

    def _add_run(self, run: Run) -> None:
        if run.frame.is_empty():
            return
        self._results = True
        self._note_keys(keys := dict.fromkeys(run.shape.keys))
        self._strangers += run.frame.height if keys.keys().isdisjoint(self._known) else 0
        if self._strangers > BAD_ROWS_LIMIT:
            raise too_many_bad_rows()
        absent = [field.column.name for field in self._fields if field.column.name not in run.frame.columns]
        nothing = (pl.lit(None, pl.String).alias(name) for name in absent)
        self._flush()
        self._frames.append(run.frame.with_columns(nothing).select(self._schema))

    def _append(self, value: dict[str, Any], raw: str, line: int | None) -> None:
        self.count += 1
        self._batch.append((self.count, line, raw, value))
        self._held += len(raw)
        if len(self._batch) >= BATCH or self._held >= BATCH_TEXT:
            self._flush()

    def _note_keys(self, row: dict[str, Any]) -> None:
        if not self._absent and row.keys() <= self._keys.keys():
            return
        self._keys.update(dict.fromkeys(row))
        for field in list(self._absent.values()):
            if field.of(row) is not ABSENT:
                del self._absent[field.path]

    def _refuse_unstorable(self, row: dict[str, Any], raw: str) -> None:
        nested = raw.count("{") + raw.count("[")
        if nested > DEEPEST:
            refuse_deep(row)
        if "\\u" in raw or nested > 1:
            for field in self._fields:
                refuse_unstorable(field.text(field.of(row)))

    def _flush(self) -> None:
        rows = [value for *_, value in self._batch]
        frame = {
            "row": pl.Series([row for row, *_ in self._batch], dtype=pl.UInt32),
            "line": pl.Series([line for _, line, *_ in self._batch], dtype=pl.UInt32),
            "raw": pl.Series([raw for _, _, raw, _ in self._batch], dtype=pl.String),
        }
        texts = {field.column.name: pl.Series(field.texts(rows), dtype=pl.String) for field in self._fields}
        self._frames.append(pl.DataFrame(frame | texts))
        self._batch = []
        self._held = 0


def summary_frame(document: dict[str, Any], columns: Sequence[Column]) -> pl.DataFrame:
    """One row with the texts of the summary's columns. Unstorable where one cannot be stored."""
    texts: dict[str, pl.Series] = {}
    for field in map(Field, columns):
        text = field.text(field.of(document))
        refuse_unstorable(text)
        texts[field.column.name] = pl.Series([text], dtype=pl.String)
    place = {name: pl.Series([None], dtype=pl.String) for name in ("row", "line", "raw")}
    return finished(pl.DataFrame(place | texts), columns).drop("row", "line", "raw")


def _line(line: int | None) -> str:
    return "" if line is None else f" (line {line})"


def kind_of(value: Any) -> str:
    """What a JSON value is, for a message."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", bool: "true or false", str: "a text"}
    return names.get(type(value), "a number")
