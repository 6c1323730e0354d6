"""What to do about a finding, by the rule's code: one sentence each, in one place for terminal and page."""

REMEDIES = {
    "file_exists": "Check the path; the engine may still be writing under a temporary name.",
    "file_readable": "Give this user the right to read it, or name a regular file.",
    "file_not_empty": "The engine wrote nothing: run it again.",
    "file_format": "The file is cut off or its rows are ragged: write it again with the engine, not with an editor.",
    "file_encoding": "Save the file as UTF-8 without NUL bytes.",
    "file_age": "Run the engine again for fresh results, or add --allow-stale if the age is known and meant.",
    "columns_present": "Write the file with every column of the engine's contract; the names count, not their order.",
    "columns_unique": "Keep each column once: of two with the same name nobody knows which one is meant.",
    "has_rows": "The file has a header but no results: run the engine again.",
    "csv_json_agree": "Export both formats from the same run, or take away the one that is wrong.",
    "undefined_metric": "Stored as NULL; a strategy without trades has no Sharpe ratio.",
    "symbol_format": "Write the pair as the exchange does, such as BTCUSDT; other quote assets go into `quote_assets`.",
    "interval_valid": "Use one of the exchange's intervals, such as 1d, 4h or 15m.",
    "signal_valid": "Write BUY, SELL or HOLD in capital letters.",
    "price_positive": "A price has to be above 0 with 8 decimals: look at the market data of this symbol.",
    "bands_ordered": "The bands are swapped or collapsed into one: look at the band calculation of this symbol.",
    "duplicate_key": "Keep one row for each key: of two nobody knows which one is meant.",
    "analysis_date_valid": "Check the engine machine's clock, and `engine_timezone` for times without an offset.",
    "lower_band_positive": "No price can reach such a band: take a smaller kstd, or a longer look-back.",
    "signal_matches_bands": "Do not act on the signal alone: price and bands say something else.",
    "price_near_bands": "The bands may come from an older price: run the engine again on fresh candles.",
    "potential_return_consistent": "It measures something else than the way between the bands: go by the bands.",
    "total_return_realistic": "Look for a split, a gap in the candles or an over-fitted strategy before you trust it.",
    "sharpe_realistic": "So extreme a Sharpe ratio comes from few trades or over-fitting: check the number of trades.",
    "drawdown_realistic": "A drawdown is a percentage from -100 to 100: check the unit that the engine writes.",
    "deflated_sharpe": "As many trials on as few bars show such a Sharpe ratio by luck: try fewer, over more bars.",
    "return_within_drawdown": "Return and drawdown contradict each other: check the sign and the unit of both.",
    "negative_sharpe_share": "Most strategies lose: look at the engine's settings before you use any of its signals.",
    "extreme_band_share": "Many bands are too wide to mean anything: check kstd and the look-back.",
    "constant_metric": "The engine probably did not compute it: every row has the same value.",
    "summary_counts_agree": "The summary was written for other rows: export the file again.",
    "rsi_in_range": "RSI lies between 0 and 100: check how the engine computes it.",
    "analysis_failed": "Run the engine again for this symbol, or leave it out: there is no result to store.",
    "repeated_fields_agree": "The same field has two values in one analysis: export the file again.",
    "stored_row_kept": "If this row shall replace the stored one, ingest it in a result file of its own.",
    "correction_matches": "Leave file_id and row_number as they were written, and keep one line for each row.",
    "not_reproduced": "Do not act on it before you know why: other candles, other parameters, or a changed file.",
    "not_checked": "Name a --source with the candles of this symbol and time, or state what the file leaves out.",
    "trend_valid": "Write BULLISH or BEARISH in capital letters.",
    "risk_level_valid": "Write LOW, MEDIUM, HIGH or UNKNOWN in capital letters.",
    "degree_valid": "The degree of a polynomial is a whole number from 1 on: look at the sweep's grid.",
    "kstd_valid": "Take widths with at most two digits: of 1.501 and 1.5 the table could keep only one.",
    "lookback_exceeds_degree": "Take a longer look-back or a lower degree: so few bars fit any such curve exactly.",
    "candles_exceed_lookback": "Leave this look-back out: it needs more candles than the symbol has.",
    "trades_counted": "A number of trades counts from 0: look at how the engine counts them.",
    "win_rate_in_range": "A win rate is a percentage from 0 to 100: check the unit that the engine writes.",
    "exposure_in_range": "Exposure is a percentage from 0 to 100: check the unit that the engine writes.",
    "price_within_support_resistance": "Support and resistance may be out of date: run the engine on fresh candles.",
}
"""By code, for the whole catalogue."""

SHAPE_REMEDIES = {
    "missing_": "Fill in {column}; blank, null and NaN are all taken as missing.",
    "invalid_": "Correct {column}: the message says what is wanted there.",
    "out_of_range_": "The value does not fit the database's column: check the unit of {column}.",
}
"""By what the code begins with; the rest of it is the column."""

WARNING_REMEDIES = {"file_age": "Its rows count as of their analysis_date: for today's, run the engine again."}
"""By code, where a warning leaves other things to do than an error."""

OTHER_ERROR = "Correct this in the file and ingest it again."
OTHER_WARNING = "Stored, and flagged on the dashboard: look at these rows before you act on them."


def remedy(code: str, severity: str) -> str:
    """What to do about a finding of that rule; for a custom rule, what its severity means."""
    if severity == "warning" and code in WARNING_REMEDIES:
        return WARNING_REMEDIES[code]
    if code in REMEDIES:
        return REMEDIES[code]
    for beginning, sentence in SHAPE_REMEDIES.items():
        if code.startswith(beginning):
            return sentence.format(column=code.removeprefix(beginning))
    return OTHER_ERROR if severity == "error" else OTHER_WARNING
