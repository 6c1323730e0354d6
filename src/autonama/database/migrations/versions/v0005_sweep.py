"""The table of parameter sweeps."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL as it stands in its file, past SQLAlchemy, which would read `:` and `%` in it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0005_sweep.sql").read_text(encoding="utf-8"))
