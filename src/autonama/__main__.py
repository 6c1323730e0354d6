"""`python -m autonama` is the command."""

from autonama.cli.main import run

run()
