"""The order of sets, which decides where two of them disagree."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL as it stands in its file, past SQLAlchemy, which would read `:` and `%` in it."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0003_order.sql").read_text(encoding="utf-8"))
