"""`python -m autonama` is the command."""

from autonama.cli.main import app

app(prog_name="autonama")
