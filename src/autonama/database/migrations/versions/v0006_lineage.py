"""The file of every row is checked once a statement, not once a row."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL as it stands in its file, past SQLAlchemy, which would read `:` and `%` in it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0006_lineage.sql").read_text(encoding="utf-8"))
