"""`autonama why`: the way back from an alert to its file, row and run."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption, LimitOption
from autonama.errors import AutonamaError, ConfigError

if TYPE_CHECKING:
    import psycopg

SUGGESTIONS = 5


def why(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTCUSDT.")],
    interval: Annotated[
        str | None, typer.Argument(metavar="[INTERVAL]", help="Such as 1d.", show_default=False)
    ] = None,
    day: Annotated[
        str | None, typer.Argument(metavar="[DATE]", help="A UTC day, such as 2026-01-15.", show_default=False)
    ] = None,
    limit: LimitOption = 5,
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which file, row and run the alerts of a symbol came from, the newest first."""
    from autonama.cli.ledger_view import open_ledger, print_json
    from autonama.database import ledger

    wanted = None if day is None else _day(day)
    with open_ledger(config, database_url) as session:
        alerts = session.run(lambda conn: ledger.why(conn, symbol, interval=interval, day=wanted, limit=limit))
        if not alerts and not as_json:
            asked = " ".join(part for part in (symbol, interval, day) if part)
            raise AutonamaError(f"There is no alert for {asked}.{session.run(lambda conn: _hint(conn, symbol))}")
    print_json({"alerts": alerts}) if as_json else _print(alerts)


def _hint(conn: psycopg.Connection[Any], symbol: str) -> str:
    """What there is instead: other intervals and days of this symbol, or symbols that are spelt nearly so."""
    from autonama.database import ledger

    if there := ledger.known_alerts(conn, symbol):
        told = (f"{interval} (the newest of {newest or 'an unknown day'})" for interval, newest in there.items())
        return f" {symbol} has alerts at {', '.join(told)}."
    similar = _similar(symbol, ledger.known_symbols(conn))
    return f" Did you mean {' or '.join(similar)}?" if similar else ""


def _similar(asked: str, known: Sequence[str]) -> list[str]:
    """Of the known symbols the one that differs in case only, or else a few that are spelt nearly so."""
    upper = asked.upper()
    if same := [symbol for symbol in known if symbol.upper() == upper]:
        return same
    beginning = [symbol for symbol in known if symbol.startswith(upper[:3])]
    return list(dict.fromkeys([*difflib.get_close_matches(upper, known, SUGGESTIONS, 0.8), *beginning]))[:SUGGESTIONS]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"DATE is '{text}'; it has to be a day such as 2026-01-15.") from None


def _print(alerts: list[dict[str, Any]]) -> None:
    from autonama.cli.console import Console
    from autonama.cli.ledger_view import plain, price, utc

    console = Console(highlight=False, soft_wrap=True)
    for alert in alerts:
        bands = f"bands {price(alert['lower_band'])} to {price(alert['upper_band'])}"
        console.print(
            f"[bold]{alert['symbol']} {alert['interval']}[/] {alert['signal']} at {price(alert['current_price'])} "
            f"({bands}), analysed {utc(alert['analysis_date'])} UTC by {alert['engine']}"
        )
        if alert["file"] is None:
            console.print("  It was in the database before Autonama kept a ledger: its file is not known.")
        else:
            console.print(plain(f"  file  {alert['path']}, row {alert['row_number']}"))
            console.print(f"        SHA-256 {alert['sha256']}")
            console.print(f"  run   {alert['run_id']}, begun {utc(alert['run_started_at'])} UTC")
        for found in alert["issues"] or ():
            console.print(plain(f"  flag  {found}"))
