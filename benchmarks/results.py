"""Figures as they are kept: one JSON document with a section a command, each with the machine and versions it is of."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost
from benchmarks.server import Server, machine, versions


@dataclass(frozen=True)
class Figure:
    """The runs of one program on one file.

    rows: of the file. scale: the file has so many times the rows that the program was given; every figure in `runs` is
    as measured, so for the part. failed: why there are no runs.
    """

    name: str
    form: str
    rows: int
    runs: tuple[Cost, ...]
    scale: float = 1.0
    failed: str = ""

    def median(self, field: str = "wall_s") -> float:
        """The middle of the runs, for the whole file."""
        return self._for_all(field, statistics.median(self._values(field)))

    def spread(self, field: str = "wall_s") -> tuple[float, float]:
        """The least and the most, for the whole file."""
        values = self._values(field)
        return self._for_all(field, min(values)), self._for_all(field, max(values))

    def _values(self, field: str) -> list[float]:
        return [getattr(run, field) for run in self.runs]

    def _for_all(self, field: str, value: float) -> float:
        """Time grows with the rows; memory is told as it was."""
        return value * self.scale if field.endswith("_s") else value


def write(path: Path, section: str, figures: Sequence[Figure], server: Server, *, add: bool = False) -> None:
    """Put these figures in the place of the section's older ones.

    add: those of other rows and formats stay, if machine, versions and the server's settings are still the same.
    """
    document = _document(path)
    told = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "server": server.settings(),
    }
    before = document.get(section, {"figures": []})
    place = itemgetter("name", "form", "rows")
    new = [json.loads(json.dumps(asdict(figure))) for figure in figures]
    kept = before["figures"] if add and all(before.get(name) == told[name] for name in list(told)[1:]) else []
    replaced = set(map(place, new))
    document[section] = {**told, "figures": [*(one for one in kept if place(one) not in replaced), *new]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Section:
    """One command's figures, and what they were measured on."""

    measured: str
    machine: dict[str, str]
    versions: dict[str, str]
    server: dict[str, str]
    figures: tuple[Figure, ...]


def read(path: Path, section: str) -> Section | None:
    """The section; None where it was never measured."""
    found = _document(path).get(section)
    if found is None:
        return None
    figures = tuple(
        Figure(**{**figure, "runs": tuple(Cost(**run) for run in figure["runs"])}) for figure in found["figures"]
    )
    return Section(**{**found, "figures": figures})


def _document(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
