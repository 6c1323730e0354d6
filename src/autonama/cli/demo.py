"""`autonama demo`: the whole way on synthetic files, in a directory and an embedded database of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from autonama.cli.console import Console
    from autonama.database.session import Session

PORT = 8765
PARTS = EARLIER, RESULTS, BROKEN = "earlier", "results", "broken"
"""A directory for the days before today, one for today's good set, one for the set with the faults."""

CONFIG = {"database_host": "embedded", "data_dir": "database", "engine_results_dir": "results"}


def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where its files and its database live.")] = Path(".demo"),
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Leave its database server running.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the dashboard over its database, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the dashboard; 0 takes a free one.")] = PORT,
) -> None:
    """Show it at work: synthetic result sets, good ones and one with every kind of fault, into a real PostgreSQL."""
    from autonama.cli import web
    from autonama.cli.console import Console
    from autonama.config import load_settings
    from autonama.database import embedded
    from autonama.database.session import Session
    from autonama.ingestion.pipeline import Job, ingest
    from autonama.ingestion.report.terminal import print_run

    if serve:
        web.refuse_without_packages()
    console = Console()
    config = _prepare(directory, console)
    settings = load_settings(config)
    try:
        earlier = ingest(Job("vectorbt", settings, (directory / EARLIER,), every=True, allow_stale=True))
        if earlier.status != "nothing_new":
            rows = sum(told.counts.inserted for told in earlier.sets)
            console.print(f"Published the {len(earlier.sets)} days before today first: {rows:,} rows.", highlight=False)
        runs = [
            ingest(Job("vectorbt", settings, (directory / part,), every=True, allow_stale=True)) for part in PARTS[1:]
        ]
        if all(run.status == "nothing_new" for run in runs):
            console.print("[bold]Nothing is new.[/] Both sets are in the ledger already: one published, one refused.")
        else:
            for run in runs:
                print_run(run, console)
                console.print()
        with Session(settings) as session:
            _print_alerts(session, console)
        if serve:
            web.serve(settings, host="127.0.0.1", port=port, token=None, names=[])
    finally:
        if not keep_running:
            embedded.stop(settings.data_dir)
    if not serve:
        _print_next(directory, config, console)


def _prepare(directory: Path, console: Console) -> Path:
    """The demo's files, made on the first run and left alone on the next. Returns its config file."""
    from autonama import samples

    results = directory / RESULTS
    config = directory / "config.json"
    if not config.exists():
        for part in PARTS:
            (directory / part).mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).replace(second=31, microsecond=0, tzinfo=None) - timedelta(minutes=1)
        *before, good = samples.days(now)
        faulty = samples.faulty_rows(now)
        for back, rows in enumerate(reversed(before), 1):
            name = (now - timedelta(days=back)).strftime("vectorbt_analysis_results_%Y%m%d_%H%M%S.csv")
            (directory / EARLIER / name).write_text(samples.as_csv(rows), encoding="utf-8")
        earlier, later = (now.strftime(f"vectorbt_analysis_results_%Y%m%d_%H%M{second}") for second in ("00", "30"))
        (results / f"{earlier}.csv").write_text(samples.as_csv(good), encoding="utf-8")
        (results / f"{earlier}.json").write_text(samples.as_json(good), encoding="utf-8")
        (directory / BROKEN / f"{later}.csv").write_text(samples.as_csv(faulty), encoding="utf-8")
        config.write_text(json.dumps(CONFIG, indent=4) + "\n", encoding="utf-8")
    console.print(f"Synthetic result files in [bold]{directory}[/]: no market data, made from a seed.", highlight=False)
    return config


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


def _print_next(directory: Path, config: Path, console: Console) -> None:
    console.print("\nNext:", highlight=False)
    where = "" if directory == Path(".demo") else f" --dir {directory}"
    dashboard = f"  autonama demo --serve{where}   the dashboard, at http://127.0.0.1:{PORT}/"
    console.print(dashboard, highlight=False, soft_wrap=True)
    for command in ("why BTCUSDT", "runs", "db status"):
        console.print(f"  autonama {command} --config {config}", highlight=False, soft_wrap=True)
