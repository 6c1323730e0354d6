"""The rules that follow from a column's type alone: is the value there, is it of the type, does it fit."""

from collections.abc import Iterable

import polars as pl

from autonama.engines.contract import Column, Rule, Timestamp


def shape_rules(columns: Iterable[Column], zone: str) -> Iterable[Rule]:
    """The rules that follow from each column's type: missing, invalid, out of range, undefined.

    zone: in which times without an offset are read.
    """
    columns = tuple(column for column in columns if not column.instead)
    metrics = ", ".join(column.name for column in columns if column.metric)
    for column in columns:
        name, label = column.name, column.label
        missing, invalid, too_large = (pl.col(f"{name}?{fault}") for fault in ("missing", "invalid", "out_of_range"))
        if column.metric:
            infinite = pl.col(f"{name}?infinite")
            missing, invalid = missing | infinite, invalid & ~infinite
            message = f"{label} is undefined ({{{name}}}), stored as NULL"
            holds = f"{metrics} {'are finite numbers' if ',' in metrics else 'is a finite number'}"
            yield Rule("undefined_metric", missing, message, holds, "warning", column=name)
        elif column.required:
            yield Rule(f"missing_{name}", missing, f"Missing {label}", f"{label} is there", column=name)
        wanted = column.type.describe()
        message = f"Invalid {label}: {{{name}}} is not {wanted}"
        yield Rule(f"invalid_{name}", invalid, message, f"{label} is {wanted}", column=name)
        if isinstance(column.type, Timestamp):
            yield from _clock_rules(column, zone)
        if column.type.bound:
            message = f"{label} {{{name}}} does not fit {column.type.bound}"
            holds = f"{label} fits {column.type.bound}"
            yield Rule(f"out_of_range_{name}", too_large, message, holds, column=name)


def _clock_rules(column: Column, zone: str) -> Iterable[Rule]:
    """Times that a change of the clocks makes ambiguous, or that no clock has shown."""
    name, label = column.name, column.label
    holds = f"{label} is {column.type.describe()}"
    for flag, reason in (("skipped", "was skipped by the clocks"), ("twice", "happens twice")):
        message = f"Invalid {label}: {{{name}}} {reason} in {zone} (`engine_timezone`): write it with its UTC offset"
        yield Rule(f"invalid_{name}", pl.col(f"{name}?{flag}"), message, holds, column=name)
