"""VectorBT's engine without its alerts: ingest fills one table with it, as a bare COPY does.

The directory is on PYTHONPATH while something is measured; the dist-info beside this file makes it an installed engine.
"""

from dataclasses import replace

from autonama.engines.vectorbt import ENGINE as VECTORBT

ENGINE = replace(VECTORBT, name="one_table", alerts=False)
