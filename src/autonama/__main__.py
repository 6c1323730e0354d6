"""The `autonama` command, which is also `python -m autonama`."""

from autonama.cli.process import whole_process


def main() -> None:
    """Run it."""
    with whole_process():
        from autonama.cli.main import app  # noqa: PLC0415 - inside, where it is imported without looks for garbage

        app(prog_name="autonama")


if __name__ == "__main__":
    main()
