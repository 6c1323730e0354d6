"""The documented engine command: `python run_vectorbt_analysis.py --config config.json --top-100 --optimize`."""

from autonama.cli.process import whole_process

if __name__ == "__main__":
    with whole_process():
        from autonama.cli.analyze import app

        app(prog_name="run_vectorbt_analysis.py")
