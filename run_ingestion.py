"""The documented command: `python run_ingestion.py --engine vectorbt --config config.json`."""

from autonama.cli.run_ingestion import app

if __name__ == "__main__":
    app(prog_name="run_ingestion.py")
