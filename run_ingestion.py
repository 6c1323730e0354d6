"""The documented command: `python run_ingestion.py --engine vectorbt --config config.json`."""

import sys

from autonama.cli.run_ingestion import main

if __name__ == "__main__":
    sys.exit(main())
