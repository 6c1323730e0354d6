"""The documented engine command: `python run_vectorbt_analysis.py --config config.json --top-100 --optimize`."""

from autonama.cli.analyze import app

if __name__ == "__main__":
    app(prog_name="run_vectorbt_analysis.py")
