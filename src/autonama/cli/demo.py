"""`autonama demo`: the whole day on synthetic candles, in a directory and an embedded database of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autonama.cli import daily
from autonama.cli.extras import ANALYSIS, need

if TYPE_CHECKING:
    from autonama.cli.console import Console
    from autonama.config import Settings
    from autonama.database.session import Session
    from autonama.ingestion.outcome import RunOutcome

PORT = 8765
CONFIG = {"database_host": "embedded", "data_dir": "database", "engine_results_dir": "results"}


def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where its files and its database live.")] = Path(".demo"),
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Leave its database server running.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the dashboard over its database, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the dashboard; 0 takes a free one.")] = PORT,
) -> None:
    """Show the whole day at work: synthetic candles, analysed, proved, published into a real PostgreSQL."""
    from autonama.cli import web
    from autonama.cli.console import Console
    from autonama.cli.demo_files import make
    from autonama.config import load_settings
    from autonama.database import embedded
    from autonama.database.session import Session
    from autonama.logs import logging_to

    need("The demo", "analysis", ANALYSIS)
    if serve:
        web.refuse_without_packages()
    console = Console()
    settings = load_settings(_configure(directory))
    told = f"Synthetic candles in [bold]{directory / 'market'}[/]: no market data, made from a seed."
    console.print(told, highlight=False)
    try:
        with logging_to(settings):
            make(directory, settings.quote_assets)
            _publish(directory, settings, console)
        with Session(settings) as session:
            _print_alerts(session, console)
        if serve:
            web.serve(settings, host="127.0.0.1", port=port, token=None, names=[])
    finally:
        if not keep_running:
            embedded.stop(settings.data_dir)
    if not serve:
        _print_next(directory, console)


def _configure(directory: Path) -> Path:
    """The demo's config file, made once."""
    config = directory / "config.json"
    if not config.exists():
        directory.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps(CONFIG, indent=4) + "\n", encoding="utf-8")
    return config


def _publish(directory: Path, settings: Settings, console: Console) -> None:
    """The days before today, then today's as `autonama daily` does it, then the set with the faults."""
    from autonama.cli.day import run_day
    from autonama.cli.day_report import print_day
    from autonama.cli.demo_files import BROKEN, EARLIER, HISTORY, MARKET, RESULTS, SWEEPS, WISH
    from autonama.ingestion.pipeline import Job, ingest
    from autonama.ingestion.report.terminal import print_run

    def entered(part: str, engine: str = "vectorbt") -> RunOutcome:
        return ingest(Job(engine, settings, (directory / part,), every=True, allow_stale=True))

    runs = [entered(EARLIER), entered(SWEEPS, "sweep")]
    if runs[0].status != "nothing_new":
        rows, swept = (sum(told.counts.inserted for told in run.sets) for run in runs)
        told = f"Published {HISTORY} days before today, each analysed with the candles it had: {rows:,} rows;"
        console.print(f"{told} a sweep of parameters: {swept:,} rows.\n", highlight=False)
    if any((directory / RESULTS).iterdir()):
        runs.append(entered(RESULTS))
    else:
        step = daily.Analysing(WISH, str(directory / MARKET), None, directory / RESULTS, ("csv", "json"))
        day = run_day(settings, lambda: step.done(settings), ingest)
        print_day(day, console)
        console.print()
        runs.append(day.run)
    runs.append(entered(BROKEN))
    if all(run.status == "nothing_new" for run in runs):
        console.print(
            "[bold]Nothing is new.[/] Every set is in the ledger already, the one with the faults as refused."
        )
    elif runs[-1].status != "nothing_new":
        print_run(runs[-1], console)


def _print_alerts(session: Session, console: Console) -> None:
    from autonama.cli.ledger_view import brief, grid
    from autonama.database import ledger

    numbers = ("Price", "Lower band", "Upper band", "Return %", "Sharpe")
    table = grid(("Symbol", "Int.", "Signal", *numbers), right=numbers, whole=("Symbol", "Int.", "Signal"))
    alerts = session.run(lambda conn: ledger.latest_alerts(conn, 100))
    for alert in alerts:
        values = ("current_price", "lower_band", "upper_band", "total_return", "sharpe_ratio")
        table.add_row(alert["symbol"], alert["interval"], alert["signal"], *(brief(alert[name]) for name in values))
    told = f"{len(alerts)} rows, one for each symbol, interval and UTC day"
    console.print(f"\n[bold]trading.alerts[/]: {told}", highlight=False)
    console.print(table)


def _print_next(directory: Path, console: Console) -> None:
    console.print("\nNext:", highlight=False)
    where = "" if directory == Path(".demo") else f" --dir {directory}"
    dashboard = f"  autonama demo --serve{where}   the dashboard, at http://127.0.0.1:{PORT}/"
    console.print(dashboard, highlight=False, soft_wrap=True)
    for command in ("why BTCUSDT", "runs", "db status"):
        console.print(f"  autonama {command} --config {directory / 'config.json'}", highlight=False, soft_wrap=True)
