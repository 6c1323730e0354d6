"""What the board reads: the newest alerts in one look each, with the alert before and the warnings."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL as it stands in its file, past SQLAlchemy, which would read `:` and `%` in it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0004_board.sql").read_text(encoding="utf-8"))
