"""The documented command: `python run_ingestion.py --engine vectorbt --config config.json`."""

from autonama.cli.process import whole_process

if __name__ == "__main__":
    with whole_process():
        from autonama.cli.run_ingestion import app

        app(prog_name="run_ingestion.py")
