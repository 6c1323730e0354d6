"""A run's outcome as people and programs see it.

`report.terminal` is not imported here: it needs rich, which only the CLI uses.
"""

from autonama.ingestion.report.html import write_html
from autonama.ingestion.report.json import as_json
from autonama.ingestion.report.performance import Performance, performance
from autonama.ingestion.report.remedies import remedy

__all__ = ["Performance", "as_json", "performance", "remedy", "write_html"]
