"""Which pairs are worth analysing."""

from collections.abc import Collection

# fmt: off
STABLE = frozenset((
    "AEUR", "BFUSD", "BUSD", "DAI", "EUR", "EURI", "FDUSD", "FRAX", "GUSD", "LUSD", "PAX", "PYUSD", "RLUSD", "SUSD",
    "TUSD", "USD1", "USDC", "USDD", "USDE", "USDP", "USDS", "USDT", "UST", "USTC", "XUSD",
))
# fmt: on
"""Bases that stand for a dollar or a euro: their bands are the noise of a peg."""


def base_of(symbol: str, quotes: Collection[str]) -> str | None:
    """The base asset of a pair that result tables take (capitals and digits, at most 20, one of these quote assets).

    BTC of BTCUSDT; None of any other name.
    """
    plain = symbol.isascii() and symbol.isalnum() and symbol.upper() == symbol and len(symbol) <= 20
    for quote in sorted(quotes, key=len, reverse=True):
        if plain and symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote)
    return None


def worth(symbol: str, quotes: Collection[str]) -> bool:
    """Whether a pair is one that result tables take, and its base is not pegged."""
    base = base_of(symbol, quotes)
    return base is not None and base not in STABLE
