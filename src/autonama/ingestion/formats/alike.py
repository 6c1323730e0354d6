"""Flat JSON objects that a program wrote one like the other, read all at once.

An object of thirteen values took 30 µs to become a dictionary and then texts. Lines of one shape take 3 µs: one
regular expression proves that a line is that object and nothing else, and as a plain text holds no quote, to split at
the quotes finds its values. What does not match is nobody's fault: it is left to whoever reads value by value.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from autonama.engines.contract import Column, Json
from autonama.ingestion.formats.text import LONGEST_LINE

LEAST = 1 << 17
"""Characters below which it does not pay: some 400 rows take 6 ms one by one, and little less at once."""

MOST_SHAPES = 4
"""Shapes that are tried on a block: a key that some lines lack, or a text that is null there, makes another one."""

WIDEST = 1 << 14
"""Characters of an expression: a longer one would take polars more time and room than its rows could bring back."""

BETWEEN = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=\{)")
"""What stands between two objects of an array."""

_BLANKS = r"[ \t\n\r]*"
_TEXT = r'"[^"\\\x00-\x1f]*"'
_BARE = r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|null|true|false|NaN|-?Infinity)"
_MEMBER = re.compile(f"({_BLANKS}{_TEXT}{_BLANKS}:{_BLANKS})(?:({_TEXT})|{_BARE})({_BLANKS}[,}}])")


@dataclass(frozen=True)
class Shape:
    """How an object is written: its keys in order, the signs between values, and which of these are plain texts.

    pattern: matches the whole of an object of this shape, whose text is valid JSON then, and nothing else.
    keys: each once. places: where a key's value stands, after a split at the quotes. texts: keys whose value is quoted.
    """

    pattern: str
    keys: tuple[str, ...]
    places: Mapping[str, int]
    texts: frozenset[str]

    @classmethod
    def of(cls, raw: str) -> "Shape | None":
        """The shape of an object; None where a value is nested, a text has an escape, or a key stands twice."""
        parts, places, texts = [r"\{"], dict[str, int](), set[str]()
        at, place, after = 1, 0, ""
        while raw.startswith("{") and not after.endswith("}") and (member := _MEMBER.match(raw, at)):
            before, text, after = member.groups()
            key = before.split('"')[1]
            if key in places:
                return None
            places[key] = place + (3 if text else 2)
            place += 4 if text else 2
            texts.update([key] if text else [])
            parts += [pl.escape_regex(before), _TEXT if text else _BARE, pl.escape_regex(after)]
            at = member.end()
        pattern = f"^{''.join(parts)}$"
        if not after.endswith("}") or at != len(raw) or len(pattern) > WIDEST:
            return None
        return cls(pattern, tuple(places), places, frozenset(texts))

    def matches(self, raw: pl.Series) -> pl.Series:
        """Which of these texts are objects of this shape, and not too long."""
        return raw.str.contains(self.pattern) & (raw.str.len_bytes() <= LONGEST_LINE)

    def values(self, objects: bytes, end: str, paths: Mapping[str, str]) -> dict[str, pl.Series]:
        """The values as texts, null for JSON's null, by the names that `paths` gives for the keys it wants.

        objects: texts that match, each with `end` behind it.
        """
        found = {name: path for name, path in paths.items() if path in self.places}
        if not found:
            return {}
        places = sorted({self.places[path] for path in found.values()})
        pieces = _split(objects, '"', end, places)
        by_place = dict(zip(places, pieces.get_columns(), strict=True))
        return {
            name: by_place[self.places[path]] if path in self.texts else _bare(by_place[self.places[path]])
            for name, path in found.items()
        }


@dataclass(frozen=True)
class Run:
    """Rows of one shape. frame: `row`, `line`, `raw` and a String column for every column that the shape has."""

    shape: Shape
    frame: pl.DataFrame

    @property
    def first(self) -> int:
        """The number of its first row."""
        return int(self.frame["row"][0])

    def before(self, row: int) -> "Run":
        """Those of its rows that stand before that one."""
        return Run(self.shape, self.frame.filter(pl.col("row") < row))


@dataclass(frozen=True)
class Pieces:
    """What stands between the places of an array that look like the ends of its objects.

    frame: `row`, `line` and `raw`. objects: the pieces, each with a NUL behind it. The first one begins where an object
    does; each one that is an object as a whole proves the same of the next.
    """

    frame: pl.DataFrame
    objects: bytes
    between: str
    begin: int
    end: int

    @classmethod
    def of(cls, text: str, start: int, stop: int, *, row: int, line: int) -> "Pieces | None":
        """Those from the object's end at `start` to `stop`, without the array's last one; None where there is none.

        row: the number of the first. line: on which `start` stands.
        """
        between = BETWEEN.match(text, start)
        sign = f"}}{between[0]}{{" if between else ""
        begin = between.end() if between else stop
        end = text.rfind(sign, begin, stop) + 1
        if end <= 0 or text.find("\1", begin, end) >= 0:
            return None
        objects = text[begin:end].replace(sign, "}\0{").encode()
        raw = _split(objects, "\1", "\0", [0]).to_series().alias("raw")
        inner = (
            raw.str.count_matches("\n", literal=True)
            if b"\n" in objects
            else pl.repeat(0, len(raw), dtype=pl.UInt32, eager=True)
        )
        lines = (inner + sign.count("\n")).cum_sum().shift(1, fill_value=0) + (line + sign.count("\n"))
        frame = pl.DataFrame([lines.cast(pl.UInt32).alias("line"), raw]).with_row_index("row", offset=row)
        return cls(frame.select("row", "line", "raw"), objects, sign[1:-1], begin, end)

    def end_before(self, row: int) -> int:
        """Where the object before that row ends."""
        before = self.frame.filter(pl.col("row") < row)["raw"]
        return self.begin + int(before.str.len_chars().sum()) + (len(before) - 1) * len(self.between)


class Alike:
    """Finds the rows that are alike. It remembers their shapes, as the next ones will hardly have others.

    least: characters below which nothing is looked for.
    """

    def __init__(self, columns: Sequence[Column], least: int = LEAST) -> None:
        self._paths = {column.name: column.path for column in columns}
        # A value that stands in place of a result, or is kept as JSON, is looked at one by one.
        self._odd = {column.path for column in columns if column.instead or isinstance(column.type, Json)}
        self._least = least
        self._known: list[Shape] = []

    def pays(self, size: int) -> bool:
        """Whether so many characters are worth a look."""
        return size >= self._least

    def runs(self, rows: pl.DataFrame, objects: bytes | None, end: str) -> tuple[list[Run], pl.DataFrame]:
        """The runs among these rows, by their first ones, and the rows that are in none.

        rows: `row`, `line` and `raw`. objects: their texts, each with `end` behind it, where they are at hand.
        """
        found: list[Run] = []
        rest, known = rows, iter(self._known)
        for _ in range(MOST_SHAPES if self.pays(int(rows["raw"].str.len_bytes().sum())) else 0):
            if rest.is_empty():
                break
            shape = next(known, None) or self._any_shape(rest["raw"])
            if shape is None:
                break
            alike = shape.matches(rest["raw"])
            if alike.any():
                run, rest = rest.filter(alike), rest.filter(~alike)
                if objects is None or run.height < rows.height:
                    objects, end = _joined(run["raw"]), "\0"
                found.append(self._run(shape, run, objects, end))
        self._known = [run.shape for run in sorted(found, key=lambda run: -run.frame.height)[: MOST_SHAPES - 1]]
        return sorted(found, key=lambda run: run.first), rest

    def _run(self, shape: Shape, rows: pl.DataFrame, objects: bytes, end: str) -> Run:
        values = shape.values(objects, end, self._paths)
        return Run(shape, rows.with_columns(series.alias(name) for name, series in values.items()))

    def _any_shape(self, raw: pl.Series) -> Shape | None:
        """The shape of the first, or where it has none of one further on."""
        return self._shape_of(raw[0]) or self._shape_of(raw[len(raw) // 2])

    def _shape_of(self, raw: str) -> Shape | None:
        shape = Shape.of(raw)
        return None if shape is None or not self._odd.isdisjoint(shape.keys) else shape


def _split(data: bytes, separator: str, end: str, columns: Sequence[int]) -> pl.DataFrame:
    """The pieces of each record at these places, as they stand there."""
    return pl.read_csv(
        data,
        columns=columns,
        has_header=False,
        separator=separator,
        eol_char=end,
        quote_char=None,
        infer_schema=False,
        empty_string_is_null=False,
    )


def _joined(raw: pl.Series) -> bytes:
    buffer = io.BytesIO()
    raw.to_frame().write_csv(buffer, include_header=False, quote_style="never", line_terminator="\0")
    return buffer.getvalue()


def _bare(piece: pl.Series) -> pl.Series:
    """The value in a piece with the signs around it."""
    value = piece.str.strip_chars(" \t\n\r:,}")
    null = value == "null"
    return value.set(null, None) if null.any() else value
