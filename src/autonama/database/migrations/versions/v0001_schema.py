"""The schemas `ingestion` and `trading`; tables that the older scripts made are adopted with their rows."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL as it stands in its files, past SQLAlchemy, which would read `:` and `%` in it."""
    driver: Any = op.get_bind().connection.driver_connection
    for name in ("0001_ingestion.sql", "0001_trading.sql", "0001_adopt.sql", "0001_keys.sql"):
        driver.execute(Path(__file__).with_name(name).read_text(encoding="utf-8"))
