"""The columns that link a quarantined row to its header and to the replay that published it."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL as it stands in its file, past SQLAlchemy, which would read `:` and `%` in it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0002_replay.sql").read_text(encoding="utf-8"))
