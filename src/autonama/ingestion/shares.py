"""A block's share in the verdict and in the table: made beside others, in a thread or on another machine."""

import pickle
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from autonama.config import Settings
from autonama.engines import Engine
from autonama.ingestion.formats.rows import Rows
from autonama.ingestion.formats.zstandard import zstd
from autonama.ingestion.names import Format
from autonama.ingestion.outcome import REPORTED
from autonama.ingestion.rules import RuleSet
from autonama.ingestion.validate import Part, Validation


@dataclass(frozen=True)
class Share:
    """What is left of a block that was judged.

    part: for the verdict.
    good: the rows that are good by themselves, with the columns that publishing reads.
    originals: `row`, `line` and `original` (their own text) of those that are bad by themselves.
    """

    part: Part
    good: pl.DataFrame
    originals: pl.DataFrame

    def packed(self) -> bytes:
        """As it travels: a fifth of the bytes that its frames take, of which many wait for their turn."""
        return zstd.compress(pickle.dumps(self), 1)

    @staticmethod
    def unpacked(data: bytes) -> "Share":
        """What was packed, by a worker that is trusted with this run's rows."""
        share = pickle.loads(zstd.decompress(data))  # noqa: S301 - Dask itself loads whatever its workers send
        assert isinstance(share, Share)  # noqa: S101
        return share


def new_validation(engine: Engine, rules: RuleSet, settings: Settings, form: Format | None) -> Validation:
    """Of a file of that format that is read block by block."""
    return Validation(engine, rules, ZoneInfo(settings.engine_timezone), nests=form != "csv", keep=REPORTED)


def share_of(validation: Validation, engine: Engine, rows: Rows) -> Share:
    """Judge a block. It changes nothing in the validation."""
    block = validation.judge(rows)
    return Share(
        validation.part(block), block.good.select(published_columns(engine)), originals_of(rows, block.bad["row"])
    )


def published_columns(engine: Engine) -> list[str]:
    """What of the typed rows publishing reads: the texts that are stored, the key's values, the time."""
    texts = [f"{column.name}=text" for column in engine.columns if column.stored]
    return list(dict.fromkeys(["row", "analysis_date", *engine.key, *texts]))


def originals_of(block: Rows, numbers: pl.Series) -> pl.DataFrame:
    """`row`, `line` and `original` of the rows with these numbers."""
    frame = block.frame
    wanted = pl.col("row").is_in(numbers.cast(pl.UInt32).implode())
    return (frame.filter(wanted) if len(numbers) else frame.clear()).select("row", "line", original="raw")
