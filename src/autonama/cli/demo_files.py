"""What the demo shows, made in a few seconds: synthetic candles, the sets of sixty days, a sweep, a set with faults."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autonama import samples
from autonama.analysis import synthetic
from autonama.analysis.analyze import gather, judge_all
from autonama.analysis.grid import Grid
from autonama.analysis.offline import Offline
from autonama.analysis.results import STEM, write_results
from autonama.analysis.sweep import write_sweep
from autonama.cli.analyze import Wish

MARKET, EARLIER, RESULTS, SWEEPS, BROKEN = "market", "earlier", "results", "sweeps", "broken"
"""A directory for the candles, the sets of the days before today, today's, the sweep, and the set with the faults."""

HISTORY = 59
"""Days before today that have a set."""

WISH = Wish(100, "1d", days=720, optimize=False, degree=3, kstd=1.5, lookback=100, jobs=1)
"""The same on every day, so that a flip is the market's doing and not that of other parameters."""

SWEPT = Grid(lookbacks=(50, 100, 150, 200))
"""The whole grid would take a minute."""


def make(directory: Path, quotes: tuple[str, ...]) -> None:
    """Make what is not there yet; what the first run made is left alone.

    Each day's set is the analysis of the candles that had closed by then, and of no later ones. Today's is left to the
    demo's day; the set with the faults has its rows.
    """
    broken = directory / BROKEN
    if broken.exists():
        return
    for part in (MARKET, EARLIER, RESULTS):
        (directory / part).mkdir(exist_ok=True)
    now = datetime.now(UTC).replace(microsecond=0)
    synthetic.frame(synthetic.market(now, WISH.days + HISTORY)).write_parquet(directory / MARKET / "candles.parquet")
    source = Offline(directory / MARKET, WISH.interval, quotes)
    plan = WISH.plan(tuple(source.top(100)), quotes)
    for back in range(HISTORY, 0, -1):
        time = now - timedelta(days=back)
        write_results(judge_all(gather(source, plan, time), plan).rows, directory / EARLIER, ("csv",), time)
    gathered = gather(source, plan, now)
    write_sweep(gathered, replace(plan, grid=SWEPT), directory / SWEEPS, now)
    faulty = samples.as_csv(samples.faulty_rows(judge_all(gathered, plan).rows))
    unfinished = directory / f".{BROKEN}"  # the last thing to be there says that all of it is
    unfinished.mkdir(exist_ok=True)
    (unfinished / f"{now.strftime(STEM)}.csv").write_text(faulty, encoding="utf-8")
    unfinished.rename(broken)
