"""`autonama analyze`, and the documented `python run_vectorbt_analysis.py`: market data in, result files out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.edge import at_edge, complain, shown
from autonama.cli.options import ConfigOption, JsonOption
from autonama.errors import ConfigError

if TYPE_CHECKING:
    from autonama.analysis.analyze import Analysis, Plan, Source
    from autonama.config import Settings

BINANCE = "binance"
DEFAULT_TOP = 100
DEFAULT_DEGREE, DEFAULT_KSTD, DEFAULT_LOOKBACK = 3, 2.0, 100

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B,…", help="These symbols, such as BTCUSDT,ETHUSDT.")
]
TopOption = Annotated[
    int | None, typer.Option("--top", min=1, help="The symbols with the greatest 24 h volume. Default: 100.")
]
Top100Option = Annotated[bool, typer.Option("--top-100", help="The same as --top 100.")]
IntervalOption = Annotated[str, typer.Option("--interval", help="Of the candles: 1m … 1w.")]
DaysOption = Annotated[int, typer.Option("--days", min=2, max=3650, help="How far back the candles go.")]
OptimizeOption = Annotated[
    bool, typer.Option("--optimize", help="Search the grid by walk-forward; what is given below stays fixed.")
]
DegreeOption = Annotated[
    int | None, typer.Option("--degree", min=1, max=6, help=f"Of the polynomial. Default: {DEFAULT_DEGREE}.")
]
KstdOption = Annotated[
    float | None,
    typer.Option("--kstd", min=0.01, max=99, help=f"Band width in residual deviations. Default: {DEFAULT_KSTD}."),
]
LookbackOption = Annotated[
    int | None, typer.Option("--lookback", min=10, max=5000, help=f"Bars of a fit. Default: {DEFAULT_LOOKBACK}.")
]
FormatOption = Annotated[str, typer.Option("--format", help="Of the result files: csv, json, parquet.")]
SourceOption = Annotated[
    str,
    typer.Option("--source", metavar="binance|FILE|DIR", help="The exchange, or CSV or Parquet files."),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", help="Where the result files go. Default: engine_results_dir of the config.")
]
JobsOption = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes. Default: one a processor.")]
UrlOption = Annotated[
    str | None,
    typer.Option("--exchange-url", metavar="URL", help="Another host with the exchange's interface."),
]


def analyze(
    symbols: SymbolsOption = None,
    top: TopOption = None,
    top_100: Top100Option = False,
    interval: IntervalOption = "1d",
    days: DaysOption = 720,
    optimize: OptimizeOption = False,
    degree: DegreeOption = None,
    kstd: KstdOption = None,
    lookback: LookbackOption = None,
    formats: FormatOption = "csv,json",
    source: SourceOption = BINANCE,
    output: OutputOption = None,
    jobs: JobsOption = None,
    exchange_url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute regression bands, signals and backtests from market data, and write the result files for ingest."""
    if sum((symbols is not None, top is not None, top_100)) > 1:
        raise ConfigError("Of --symbols, --top and --top-100 only one can be given.")
    if kstd is not None and round(kstd, 2) != kstd:
        raise ConfigError(f"--kstd is {kstd}, and has to have at most two digits after the point, as it is stored.")
    settings = configured(config)
    chosen = tuple(filter(None, symbols.split(","))) if symbols is not None else top or DEFAULT_TOP
    wish = _Wish(chosen, interval, days, optimize, degree, kstd, lookback, jobs or os.cpu_count() or 1)
    place = output or settings.engine_results_dir
    with _source(source, exchange_url, interval, settings) as market:
        result, paths = _perform(wish, market, settings, place, tuple(formats.split(",")))
    _tell(result, paths, as_json=as_json)


@dataclass(frozen=True)
class _Wish:
    """What the flags say. symbols: their names, or how many of the top."""

    symbols: tuple[str, ...] | int
    interval: str
    days: int
    optimize: bool
    degree: int | None
    kstd: float | None
    lookback: int | None
    jobs: int

    def plan(self, symbols: tuple[str, ...], quotes: tuple[str, ...]) -> Plan:
        """The same in the engine's words."""
        from autonama.analysis.analyze import Plan
        from autonama.analysis.grid import Grid, Parameters

        parameters, grid = None, Grid()
        if self.optimize:
            grid = Grid(
                grid.degrees if self.degree is None else (self.degree,),
                grid.kstds if self.kstd is None else (self.kstd,),
                grid.lookbacks if self.lookback is None else (self.lookback,),
            )
        else:
            parameters = Parameters(
                self.degree or DEFAULT_DEGREE, self.kstd or DEFAULT_KSTD, self.lookback or DEFAULT_LOOKBACK
            )
        return Plan(symbols, self.interval, self.days, parameters, grid, quotes=quotes, jobs=self.jobs)


@contextmanager
def _source(name: str, url: str | None, interval: str, settings: Settings) -> Iterator[Source]:
    if name != BINANCE:
        from autonama.analysis.offline import Offline

        yield Offline(Path(name), interval, settings.quote_assets)
        return
    from autonama.analysis.binance import Binance
    from autonama.analysis.cache import Cache
    from autonama.analysis.exchange import PUBLIC_DATA, Exchange

    with Exchange(url or PUBLIC_DATA) as exchange:
        yield Binance(exchange, Cache(settings.data_dir / "candles.sqlite"), interval, settings.quote_assets)


def _perform(
    wish: _Wish, market: Source, settings: Settings, place: Path, formats: tuple[str, ...]
) -> tuple[Analysis, list[Path]]:
    from datetime import UTC, datetime

    from autonama.analysis.analyze import analyze
    from autonama.analysis.results import check_formats, write_results
    from autonama.logs import logging_to

    check_formats(formats)  # before an hour's work, not after it
    with logging_to(settings):
        names = tuple(market.top(wish.symbols)) if isinstance(wish.symbols, int) else wish.symbols
        result = analyze(market, wish.plan(names, settings.quote_assets), datetime.now(UTC))
        for one in result.left:
            complain(shown(f"{one.symbol} is left out: {one.reason}"))
        return result, write_results(result.rows, place, formats, datetime.now(UTC))


def _tell(result: Analysis, paths: list[Path], *, as_json: bool) -> None:
    from autonama.cli.ledger_view import print_json

    if as_json:
        left = [{"symbol": one.symbol, "reason": one.reason} for one in result.left]
        print_json({"rows": len(result.rows), "files": [str(path) for path in paths], "left_out": left})
        return
    signals = [row["signal"] for row in result.rows]
    counts = ", ".join(f"{word} {signals.count(word)}" for word in ("BUY", "SELL", "HOLD"))
    typer.echo(f"{len(signals)} {'row' if len(signals) == 1 else 'rows'}: {counts}; {len(result.left)} left out")
    for path in paths:
        typer.echo(shown(str(path)))
    typer.echo(f"Publish with: autonama ingest {shown(str(paths[0].parent))}")


app.command()(at_edge(analyze))
