"""`autonama analyze`, and the documented `python run_vectorbt_analysis.py`: market data in, result files out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli.configured import configured
from autonama.cli.edge import at_edge, complain, shown
from autonama.cli.extras import ANALYSIS, need
from autonama.cli.options import ConfigOption, JsonOption
from autonama.errors import ConfigError

if TYPE_CHECKING:
    from autonama.analysis.analyze import Analysis, Plan, Source
    from autonama.analysis.grid import Grid
    from autonama.analysis.sweep import Swept
    from autonama.analysis.workers import Track
    from autonama.config import Settings

BINANCE = "binance"
BACKENDS = ("own", "vectorbt")
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
IntervalOption = Annotated[str, typer.Option("--interval", help="Of the candles: 1m … 1w; neither 1s nor 1M.")]
DaysOption = Annotated[int, typer.Option("--days", min=2, max=3650, help="How far back the candles go.")]
OptimizeOption = Annotated[
    bool, typer.Option("--optimize", help="Search the grid by walk-forward; what is given below stays fixed.")
]
SweepOption = Annotated[
    bool,
    typer.Option(
        "--sweep",
        help="Also write every combination of the grid, in-sample, as Parquet for ingest --engine sweep. "
        "What is given below stays fixed.",
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials",
        min=1,
        help="Of the grid take only so many combinations, drawn at random. Default: all of them, without chance: the "
        "same candles then give the same bytes, whatever --jobs is.",
    ),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Of the draw: the same seed draws the same --trials. Default: 0.")
]
BackendOption = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="own|vectorbt",
        help="Whose backtest gives the reported figures: our own, or that of an installed VectorBT (PRO or open).",
    ),
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
    sweep: SweepOption = False,
    degree: DegreeOption = None,
    kstd: KstdOption = None,
    lookback: LookbackOption = None,
    trials: TrialsOption = None,
    seed: SeedOption = None,
    backend: BackendOption = "own",
    formats: FormatOption = "csv,json",
    source: SourceOption = BINANCE,
    output: OutputOption = None,
    jobs: JobsOption = None,
    exchange_url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute regression bands, signals and backtests from market data, and write the result files for ingest."""
    need("The open engine", "analysis", ANALYSIS)
    chosen = chosen_symbols(symbols, top, top_100=top_100)
    processes = jobs or os.cpu_count() or 1
    wish = Wish(chosen, interval, days, optimize, degree, kstd, lookback, processes, sweep, trials, seed, backend)
    settings, wanted = configured(config), tuple(formats.split(","))
    place = output or settings.engine_results_dir
    with _logged(settings), opened(source, exchange_url, interval, settings) as market, shown_steps() as track:
        result, paths, swept = _perform(wish, market, settings, place, wanted, track)
    for one in (*result.left, *(swept.left if swept else ())):
        complain(shown(f"{one.symbol} is left out: {one.reason}"))
    _tell(result, paths, swept, as_json=as_json)
    _mention_vectorbt(backend)


def chosen_symbols(symbols: str | None, top: int | None, *, top_100: bool) -> tuple[str, ...] | int:
    """Names, or how many of the top. ConfigError where several of these flags are given."""
    if sum((symbols is not None, top is not None, top_100)) > 1:
        raise ConfigError("Of --symbols, --top and --top-100 only one can be given.")
    return tuple(filter(None, symbols.split(","))) if symbols is not None else top or DEFAULT_TOP


@dataclass(frozen=True)
class Wish:
    """What the flags say. symbols: their names, or how many of the top.

    ConfigError for a kstd with more digits than are stored, for flags that would do nothing without another, and for a
    backend that is not there.
    """

    symbols: tuple[str, ...] | int
    interval: str
    days: int
    optimize: bool
    degree: int | None
    kstd: float | None
    lookback: int | None
    jobs: int
    sweep: bool = False
    trials: int | None = None
    seed: int | None = None
    backend: str = "own"

    def __post_init__(self) -> None:
        if self.trials is not None and not (self.optimize or self.sweep):
            raise ConfigError(
                "--trials draws from the grid, which only --optimize and --sweep search. Add one of them."
            )
        if self.seed is not None and self.trials is None:
            raise ConfigError(
                "--seed belongs to --trials. Without --trials the whole grid is searched, and nothing is left to "
                "chance: the same candles give the same bytes."
            )
        if self.backend not in BACKENDS:
            raise ConfigError(f"--backend is '{self.backend}', and has to be {' or '.join(BACKENDS)}.")
        if self.kstd is not None and round(self.kstd, 2) != self.kstd:
            told = f"--kstd is {self.kstd}, and has to have at most two digits after the point, as it is stored."
            raise ConfigError(told)

    def plan(self, symbols: tuple[str, ...], quotes: tuple[str, ...]) -> Plan:
        """The same in the engine's words."""
        from autonama.analysis.analyze import Plan
        from autonama.analysis.follow import Backend
        from autonama.analysis.grid import Parameters

        given = Parameters(self.degree or DEFAULT_DEGREE, self.kstd or DEFAULT_KSTD, self.lookback or DEFAULT_LOOKBACK)
        parameters = None if self.optimize else given
        backend: Backend = "vectorbt" if self.backend == "vectorbt" else "own"
        plan = Plan(symbols, self.interval, self.days, parameters, quotes=quotes, jobs=self.jobs, backend=backend)
        return replace(plan, grid=self._grid()) if self.optimize or self.sweep else plan

    def _grid(self) -> Grid:
        from autonama.analysis.grid import Grid

        grid = Grid()
        grid = Grid(
            grid.degrees if self.degree is None else (self.degree,),
            grid.kstds if self.kstd is None else (self.kstd,),
            grid.lookbacks if self.lookback is None else (self.lookback,),
        )
        return grid if self.trials is None else grid.draw(self.trials, self.seed or 0)


@contextmanager
def opened(name: str, url: str | None, interval: str, settings: Settings) -> Iterator[Source]:
    """The source of candles that --source names."""
    if name != BINANCE:
        from autonama.analysis.offline import Offline

        yield Offline(Path(name), interval, settings.quote_assets)
        return
    from autonama.analysis.binance import Binance
    from autonama.analysis.cache import Cache
    from autonama.analysis.exchange import PUBLIC_DATA, Exchange

    with Exchange(url or PUBLIC_DATA) as exchange:
        yield Binance(exchange, Cache(settings.data_dir / "candles.sqlite"), interval, settings.quote_assets)


@contextmanager
def _logged(settings: Settings) -> Iterator[None]:
    from autonama.logs import logging_to

    with logging_to(settings):
        yield


def planned(wish: Wish, market: Source, settings: Settings, formats: tuple[str, ...]) -> Plan:
    """The plan, its symbols known. ConfigError for unknown formats and a missing backend, before any work is done."""
    from autonama.analysis.results import check_formats
    from autonama.analysis.vectorbt_backend import required
    from autonama.analysis.workers import interruptible

    interruptible()
    check_formats(formats)
    if wish.backend == "vectorbt":
        required()
    names = tuple(market.top(wish.symbols)) if isinstance(wish.symbols, int) else wish.symbols
    return wish.plan(names, settings.quote_assets)


def perform(
    wish: Wish, market: Source, settings: Settings, formats: tuple[str, ...], track: Track | None = None
) -> Analysis:
    """Analyse what is wished for. ConfigError for what `planned` refuses."""
    from datetime import UTC, datetime

    from autonama.analysis.analyze import analyze
    from autonama.analysis.workers import untracked

    return analyze(market, planned(wish, market, settings, formats), datetime.now(UTC), track or untracked)


def _perform(
    wish: Wish, market: Source, settings: Settings, place: Path, formats: tuple[str, ...], track: Track
) -> tuple[Analysis, list[Path], Swept | None]:
    """The result set first: it is what the day waits for, and a sweep takes a minute longer."""
    from datetime import UTC, datetime

    from autonama.analysis.analyze import gather, judge_all
    from autonama.analysis.sweep import write_sweep

    plan = planned(wish, market, settings, formats)
    gathered = gather(market, plan, datetime.now(UTC), track)
    result = judge_all(gathered, plan, track)
    paths = written(result, place, formats)
    swept = write_sweep(gathered, plan, place, datetime.now(UTC), track) if wish.sweep else None
    return result, paths, swept


@contextmanager
def shown_steps() -> Iterator[Track]:
    """Bars on stderr, one for each kind of work, on a terminal only."""
    from autonama.analysis.workers import untracked

    if not sys.stderr.isatty():
        yield untracked
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from autonama.cli.console import Console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield lambda results, what, total: bar.track(results, total=total, description=what)


def written(result: Analysis, place: Path, formats: tuple[str, ...]) -> list[Path]:
    """The files of one result set. FilesError where there is no row."""
    from datetime import UTC, datetime

    from autonama.analysis.results import write_results

    return write_results(result.rows, place, formats, datetime.now(UTC))


def _tell(result: Analysis, paths: list[Path], swept: Swept | None, *, as_json: bool) -> None:
    from autonama.cli.ledger_view import print_json

    if as_json:
        told = {"rows": len(result.rows), "files": [str(path) for path in paths], "left_out": _left(result)}
        sweep = None if swept is None else {"rows": swept.rows, "file": str(swept.path), "left_out": _left(swept)}
        print_json({**told, "sweep": sweep})
        return
    signals = [row["signal"] for row in result.rows]
    counts = ", ".join(f"{word} {signals.count(word)}" for word in ("BUY", "SELL", "HOLD"))
    typer.echo(f"{len(signals)} {'row' if len(signals) == 1 else 'rows'}: {counts}; {len(result.left)} left out")
    for path in paths:
        typer.echo(shown(str(path)))
    typer.echo(f"Publish with: autonama ingest {shown(str(paths[0].parent))}")
    if swept is not None:
        typer.echo(f"Sweep: {swept.rows:,} combinations, in-sample: the best of so many is partly luck")
        typer.echo(shown(str(swept.path)))
        typer.echo(f"Publish with: autonama ingest --engine sweep {shown(str(swept.path.parent))}")


def _left(made: Analysis | Swept) -> list[dict[str, str]]:
    return [{"symbol": one.symbol, "reason": one.reason} for one in made.left]


def _mention_vectorbt(backend: str) -> None:
    """Where VectorBT is installed its owner may want its figures."""
    from autonama.analysis.vectorbt_backend import installed

    if backend == "own" and (found := installed()) is not None:
        complain(f"Note: {found} is installed here; with --backend vectorbt the reported figures are its own.")


app.command()(at_edge(analyze))
