"""The flags beside a typed column, which the rules of shape read."""

from functools import lru_cache

import polars as pl


def flags(name: str, missing: pl.Series, invalid: pl.Series, out_of_range: pl.Series) -> list[pl.Series]:
    """`<name>?missing`, `<name>?invalid` and `<name>?out_of_range`, never null."""
    return [
        true(missing).alias(f"{name}?missing"),
        true(invalid).alias(f"{name}?invalid"),
        true(out_of_range).alias(f"{name}?out_of_range"),
    ]


def true(mask: pl.Series) -> pl.Series:
    """The mask with null as false."""
    return mask.fill_null(value=False) if mask.null_count() else mask


@lru_cache(maxsize=4)
def nowhere(length: int) -> pl.Series:
    """A mask that is false everywhere: the same one for every column of a block, as each took 1 ms to be made."""
    return pl.repeat(value=False, n=length, eager=True)


def where(mask: pl.Series, value: pl.Series) -> pl.Series:
    """The value where the mask is true, else null."""
    if not mask.null_count() and mask.all():
        return value
    return value.to_frame().select(pl.when(mask).then(pl.first())).to_series()
