"""`autonama doctor`: is everything in place, and what to do where it is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autonama.cli.edge import shown
from autonama.cli.options import ConfigOption, DatabaseUrlOption, JsonOption, ResultsDirOption

if TYPE_CHECKING:
    from autonama.cli.checks import Check
    from autonama.config import Settings

COLOURS = {"ok": "green", "warning": "yellow", "problem": "bold red"}

NEEDS_SETTINGS = ("engines", "database", "results", "disk")


def doctor(
    config: ConfigOption = None,
    database_url: DatabaseUrlOption = None,
    engine_results_dir: ResultsDirOption = None,
    as_json: JsonOption = False,
) -> int:
    """Look at Python, packages, configuration, database, result files and disk, and say what to do."""
    given = {"database_url": database_url, "engine_results_dir": engine_results_dir}
    found = list(_examination(config, {name: value for name, value in given.items() if value is not None}))
    exit_code = min((check.code for check in found if check.state == "problem"), default=0)
    if as_json:
        report = {"ok": exit_code == 0, "exit_code": exit_code, "checks": [asdict(check) for check in found]}
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        _print(found)
    return exit_code


def _examination(config: Path | None, overrides: dict[str, object]) -> Iterator[Check]:
    """Every check, whatever the others find."""
    from autonama.cli import checks

    yield from _survived("python", 2, checks.python)
    yield from _survived("packages", 2, checks.packages)
    yield from _survived("vectorbt", 2, checks.vectorbt)
    loaded: list[Settings] = []
    yield from _survived("configuration", 2, lambda: _configuration(config, overrides, loaded))
    if not loaded:
        words = "Not looked at, since the configuration cannot be used."
        yield from (checks.Check(name, "warning", words) for name in NEEDS_SETTINGS)
        return
    settings = loaded[0]
    yield from _survived("engines", 2, lambda: checks.engines(settings), settings)
    yield from _survived("database", 3, lambda: checks.database(settings), settings)
    yield from _survived("results", 4, lambda: checks.results(settings), settings)
    yield from _survived("disk", 4, lambda: checks.disk(settings), settings)


def _configuration(config: Path | None, overrides: dict[str, object], loaded: list[Settings]) -> list[Check]:
    from autonama.cli import checks
    from autonama.config import load_settings

    loaded.append(load_settings(config, **overrides))
    return checks.configuration(loaded[0])


def _survived(
    name: str, code: int, look: Callable[[], list[Check]], settings: Settings | None = None
) -> Sequence[Check]:
    """What a check finds; where it breaks, that is the finding."""
    from autonama.cli.checks import Check
    from autonama.errors import AutonamaError

    try:
        return look()
    except AutonamaError as error:
        return [Check(name, "problem", str(error), code=error.exit_code)]
    except Exception as error:  # noqa: BLE001  a broken package may fail in any way, and the rest is to be reported
        said = f"{type(error).__name__}: {error}"
        for secret in settings.secrets if settings is not None else ():
            said = said.replace(secret, "***")
        advice = "Reinstall Autonama and its packages: pip install -r requirements.txt"
        return [Check(name, "problem", f"This could not be looked at: {said}", advice, code)]


def _print(found: Sequence[Check]) -> None:
    if sys.stdout.isatty():
        _print_table(found)
    else:
        for check in found:
            typer.echo("\n".join(_lines(check)))
    problems, warnings = (sum(check.state == state for check in found) for state in ("problem", "warning"))
    typer.echo(f"\nProblems: {problems}, warnings: {warnings}" if problems + warnings else "\nEverything is in place.")


def _lines(check: Check) -> Iterator[str]:
    """`state name found`, with further lines and the advice below."""
    first, *more = [*shown(check.found).splitlines(), *([f"-> {check.advice}"] if check.advice else [])]
    yield f"{check.state:<8} {check.name:<14} {first}"
    yield from (f"{'':<23} {line}" for line in more)


def _print_table(found: Sequence[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    from autonama.cli.console import Console

    table = Table.grid(padding=(0, 2))
    for check in found:
        text = Text(shown(check.found), overflow="fold")
        if check.advice:
            text.append(f"\n-> {shown(check.advice)}", style="bold")
        table.add_row(Text(check.state, style=COLOURS[check.state]), check.name, text)
    Console().print(table)
