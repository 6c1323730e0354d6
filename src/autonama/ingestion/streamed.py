"""A long file, judged block by block while its rows are taken, in memory that does not grow with it."""

import hashlib
import sys
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from autonama.config import Settings
from autonama.engines import Engine
from autonama.errors import FileChanging
from autonama.ingestion.ahead import side_by_side
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.formats.blocks import BLOCK, BlockReader, read_blocks
from autonama.ingestion.formats.content import opened, opening
from autonama.ingestion.formats.parquet import ParquetReader
from autonama.ingestion.formats.rows import Rows, Unreadable
from autonama.ingestion.formats.text import begins_array
from autonama.ingestion.issues import issue_frame, no_issues
from autonama.ingestion.judge import Judged, max_bytes, settled, with_originals
from autonama.ingestion.names import Compression, ResultName
from autonama.ingestion.read import BLOCK_READERS, Fingerprint, SourceFile, fingerprint, settle_if_cut
from autonama.ingestion.rules import RuleSet
from autonama.ingestion.shares import Share, new_validation, originals_of, share_of
from autonama.ingestion.slices import Slices
from autonama.ingestion.validate import Validation, without
from autonama.visible import visible

LONG = 4 << 20
"""Bytes of a file from which on its blocks pay: below, all is read before PostgreSQL could begin."""


TAIL = 64
"""Bytes of a content's end by which it is told whether a writer left it there: what is blank stands behind JSON."""


def is_long(result_set: ResultSet) -> bool:
    """Whether a set is one long file of a format that has blocks. A compressed one may be five times as long."""
    path = result_set.files[0]
    name = ResultName.of(path.name)
    parquet = name.format == "parquet" and name.compression is None
    if len(result_set.files) > 1 or not (parquet or name.format in BLOCK_READERS):
        return False
    try:
        size = path.stat().st_size
    except OSError:
        return False
    long = size >= (LONG // 5 if name.compression or parquet else LONG)
    return long and (name.format != "json" or _is_array(path, name.compression))


def _is_array(path: Path, compression: Compression | None) -> bool:
    """Whether a JSON file is an array: an object tells more than its rows, and is read as a whole."""
    try:
        with opening(path, compression, sys.maxsize) as content_of:
            return begins_array(next(content_of.chunks, b""))
    except Unreadable:
        return False  # whoever reads it says why


class Streamed:
    """Such a set on its way to a verdict, as `judging.Judging` says.

    first_look: what the content was then, if it was looked at; where it is another by now, FileChanging.
    block: bytes of a block.
    slices: of a Parquet file, who judges them; without, it is done here.
    """

    def __init__(
        self,
        result_set: ResultSet,
        engine: Engine,
        rules: RuleSet,
        settings: Settings,
        first_look: Fingerprint | None,
        *,
        block: int = BLOCK,
        slices: Slices | None = None,
    ) -> None:
        self._set, self._engine, self._rules, self._settings = result_set, engine, rules, settings
        self._path: Path = result_set.files[0]
        self._name = ResultName.of(self._path.name)
        self._fingerprint, self._block, self._given_out = first_look, block, slices
        self._most = max_bytes(settings)
        self._verdict: Judged | None = None
        self._begin()

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """The file, without its rows."""
        given, name = self._fingerprint or Fingerprint("", 0, datetime.now(UTC)), self._name
        frame = pl.DataFrame(schema={"row": pl.UInt32, "line": pl.UInt32, "raw": pl.String})
        return (
            SourceFile(
                self._path,
                name.format,
                given.sha256,
                given.size,
                given.modified_at,
                frame,
                no_issues(),
                header=None if isinstance(self._reader, ParquetReader) else self._reader.header,
            ),
        )

    def blocks(self) -> Iterator[pl.DataFrame]:
        """The rows that are good by themselves. Where the first bad one refuses the set, none follow it."""
        self._begin()
        try:
            yield from self._good()
        except Unreadable as fault:
            self._validation, self._at_end = self._new_validation(), issue_frame([fault.issue])
        verdict = self._validation.verdict(self._at_end)
        self._verdict = settled(self._set, self.sources, verdict, [], self._rules, self._settings)

    def judged(self) -> Judged:
        """The verdict, once all blocks are taken."""
        assert self._verdict is not None, "all blocks have to be taken first"  # noqa: S101
        return self._verdict

    def late(self) -> Sequence[int]:
        """Numbers of the rows that only all rows together showed to be bad."""
        bad = self.judged().verdict.bad
        return without(bad, self._found()).get_column("row").to_list()

    def originals(self) -> pl.DataFrame:
        """The bad rows. The text of those that are bad by others is looked up in the file again; so is Parquet's."""
        found = self._found()
        verdict = self.judged().verdict
        wanted = pl.Series(self.late()) if self._name.format != "parquet" else verdict.bad["row"]
        if len(wanted):
            again = [originals_of(block, wanted) for block in self._blocks(self._new_reader(), raw=True)]
            found = pl.concat([*again, found]).unique("row", keep="first")
        return with_originals(verdict, found)

    def _begin(self) -> None:
        self._reader = self._new_reader()
        self._validation = self._new_validation()
        self._at_end = no_issues()
        self._originals: list[pl.DataFrame] = []
        self._verdict = None

    def _new_reader(self) -> BlockReader | ParquetReader:
        form = self._name.format or ""
        return ParquetReader(self._engine) if form == "parquet" else BLOCK_READERS[form](self._engine)

    def _new_validation(self) -> Validation:
        return new_validation(self._engine, self._rules, self._settings, self._name.format)

    def _good(self) -> Generator[pl.DataFrame]:
        refused = False
        for share in self._shares():
            self._validation.add(share.part)
            self._originals.append(share.originals)
            refused = refused or self._validation.condemned or (self._rules.strict and not share.originals.is_empty())
            if not refused:
                yield share.good

    def _shares(self) -> Generator[Share]:
        if self._given_out is not None and self._fingerprint is not None:
            yield from self._given_out.shares(self._path, self._fingerprint)
            self._refuse_other(fingerprint(self._path, max_bytes=self._most))
            return
        judge = partial(share_of, self._validation, self._engine)
        yield from side_by_side(judge, self._blocks(self._reader, raw=False))
        self._at_end = issue_frame(self._reader.finish())

    def _blocks(self, reader: BlockReader | ParquetReader, *, raw: bool) -> Generator[Rows]:
        """The rows. FileChanging, at the end, where the file is another than it was. raw: also Parquet's own texts."""
        yield from self._slices(reader, raw=raw) if isinstance(reader, ParquetReader) else self._text_blocks(reader)

    def _slices(self, reader: ParquetReader, *, raw: bool) -> Generator[Rows]:
        """Of Parquet: the decoder reads the file by itself, so that what it was is looked at once more."""
        with opened(self._path) as file:
            yield from reader.blocks(file, self._most, raw=raw)
        self._refuse_other(fingerprint(self._path, max_bytes=self._most))

    def _text_blocks(self, reader: BlockReader) -> Generator[Rows]:
        content, size, tail = hashlib.sha256(), 0, b""
        with opening(self._path, self._name.compression, self._most) as content_of:

            def chunks() -> Iterator[bytes]:
                nonlocal size, tail
                for chunk in content_of.chunks:
                    content.update(chunk)
                    size, tail = size + len(chunk), (tail + chunk[-TAIL:])[-TAIL:]
                    yield chunk

            yield from read_blocks(chunks(), reader, self._block)
            settle_if_cut(self._path, self._name.format, tail, content_of.modified_at)
            self._refuse_other(Fingerprint(content.hexdigest(), size, content_of.modified_at))

    def _refuse_other(self, seen: Fingerprint | None) -> None:
        self._fingerprint = self._fingerprint or seen
        if seen != self._fingerprint:
            raise FileChanging(f"{visible(self._path)} changed while it was read. It is left for the next look.")

    def _found(self) -> pl.DataFrame:
        none = pl.DataFrame(schema={"row": pl.UInt32, "line": pl.UInt32, "original": pl.String})
        return pl.concat([none, *self._originals])
