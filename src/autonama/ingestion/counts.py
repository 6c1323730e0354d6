"""Where rows and alerts went, as numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RowCounts:
    """Where every row that was read went: `read = inserted + updated + unchanged + quarantined` once published."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class AlertCounts:
    """What publishing did to `trading.alerts`. A row older than the stored alert counts as unchanged."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
