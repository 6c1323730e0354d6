"""The rules that every engine shares, and the rule set of one engine: theirs, its own, those of its columns' shape.

A shared rule applies to an engine whose contract has the columns that the rule reads; an engine may skip one by name.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from autonama import __version__
from autonama.config import Settings
from autonama.engines.contract import Engine, Rule, Severity, Text
from autonama.errors import ConfigError
from autonama.ingestion.shape import shape_rules

INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
"""The exchange's kline intervals."""

SIGNALS = ("BUY", "SELL", "HOLD")
METRICS = ("potential_return", "total_return", "sharpe_ratio", "max_drawdown")

PRICE_SCALE = 8
"""Digits that a stored price has; a rule of order judges what will be stored."""

SYMBOL_LENGTH = 20
FUTURE_TOLERANCE = timedelta(minutes=5)
RETURN_TOLERANCE = 0.01
LOSS_TOLERANCE = 1e-6
"""Percentage points: the float noise of an engine that computes loss and drawdown by different ways."""

FILE_RULES: tuple[tuple[str, str], ...] = (
    ("file_exists", "the file is there"),
    ("file_readable", "it is a regular file that this user may read"),
    ("file_not_empty", "it holds more than nothing"),
    ("file_format", "it is what its ending says, every row complete"),
    ("file_encoding", "UTF-8 without NUL bytes"),
    ("file_age", "its age is at most `max_file_age_hours`; `--allow-stale` overrides"),
    ("columns_present", "every column of the contract is there"),
    ("columns_unique", "each of them once"),
    ("has_rows", "at least one row"),
)
"""Judged while reading; `file_age` also by the settings."""

ALWAYS_ERRORS = ("file_exists", "file_readable", "file_not_empty", "file_format", "file_encoding")
"""Without these there are no rows to judge."""

AGREEMENT = ("csv_json_agree", "both formats of a set hold the same rows: same keys, values equal to 1e-9 relative")


def _float(name: str) -> pl.Expr:
    return pl.col(f"{name}=float")


def _as_stored(name: str) -> pl.Expr:
    return pl.col(name).round(PRICE_SCALE, mode="half_away_from_zero")


def _band_rules() -> Iterable[Rule]:
    price, lower, upper, signal = (pl.col(name) for name in ("current_price", "lower_band", "upper_band", "signal"))
    # A price or bands that are wrong by themselves have their own issue: one fault, one issue.
    sound = (lower < upper) & (_as_stored("current_price") > 0)
    below, above = price < lower, price > upper
    margin = 0.5 * pl.max_horizontal(_float("upper_band") - _float("lower_band"), _float("current_price").abs())
    yield Rule(
        "price_positive",
        _as_stored("current_price") <= 0,
        "current_price {current_price} is not above 0",
        "current_price > 0 (after rounding to 8 digits, as it is stored)",
        column="current_price",
        group="prices",
    )
    yield Rule(
        "bands_ordered",
        _as_stored("lower_band") >= _as_stored("upper_band"),
        "lower_band {lower_band} is not below upper_band {upper_band}",
        "lower_band < upper_band (after rounding to 8 digits, as they are stored)",
        column="lower_band",
        group="prices",
    )
    yield Rule(
        "lower_band_positive",
        lower <= 0,
        "lower_band {lower_band} is not above 0: no price can reach it",
        "lower_band > 0",
        "warning",
        column="lower_band",
        group="prices",
    )
    yield Rule(
        "signal_matches_bands",
        sound & (((signal == "BUY") & ~below) | ((signal == "SELL") & ~above) | ((signal == "HOLD") & (below | above))),
        "signal {signal} contradicts the bands: price {current_price}, bands {lower_band} to {upper_band}",
        "BUY ⇔ price < lower_band, SELL ⇔ price > upper_band, HOLD ⇔ between",
        "warning",
        column="signal",
        group="prices",
    )
    yield Rule(
        "price_near_bands",
        sound
        & (
            (_float("current_price") < _float("lower_band") - margin)
            | (_float("current_price") > _float("upper_band") + margin)
        ),
        "current_price {current_price} is far from its bands {lower_band} to {upper_band}",
        "the price lies within the bands widened by 50 % of their width, or by 50 % of the price",
        "warning",
        column="current_price",
        group="prices",
    )


def _metric_rules() -> Iterable[Rule]:
    band_return = (_float("upper_band") - _float("lower_band")) / _float("lower_band") * 100
    loss = -_float("total_return")
    yield Rule(
        "potential_return_consistent",
        (pl.col("lower_band") > 0)
        & (pl.col("lower_band") < pl.col("upper_band"))
        & ((_float("potential_return") - band_return).abs() > RETURN_TOLERANCE),
        "potential_return is {potential_return}, its bands {lower_band} to {upper_band} give {expected}",
        "potential_return = (upper_band − lower_band) / lower_band × 100 within 0.01",
        "warning",
        column="potential_return",
        values={"expected": band_return.round(4)},
    )
    yield Rule(
        "total_return_realistic",
        ~pl.col("total_return").is_between(-100, 1000, closed="left"),
        "total_return {total_return} % is not realistic",
        "−100 ≤ total_return < 1000 (%)",
        "warning",
        column="total_return",
    )
    yield Rule(
        "sharpe_realistic",
        pl.col("sharpe_ratio").abs() >= 10,
        "sharpe_ratio {sharpe_ratio} is not realistic",
        "|sharpe_ratio| < 10",
        "warning",
        column="sharpe_ratio",
    )
    yield Rule(
        "drawdown_realistic",
        ~pl.col("max_drawdown").is_between(-100, 100),
        "max_drawdown {max_drawdown} % is not possible",
        "−100 ≤ max_drawdown ≤ 100 (%); both signs occur",
        "warning",
        column="max_drawdown",
    )
    yield Rule(
        "return_within_drawdown",
        loss.is_between(0, 100) & (_float("max_drawdown").abs() < loss - LOSS_TOLERANCE),
        "a total_return of {total_return} % needs a drawdown as deep, max_drawdown is {max_drawdown} %",
        "a loss of x % needs a drawdown of at least x %",
        "warning",
        column="max_drawdown",
    )


def _key_rules(now: datetime, quote_assets: tuple[str, ...]) -> Iterable[Rule]:
    quotes = "|".join(quote_assets)
    symbol = pl.col("symbol")
    yield Rule(
        "symbol_format",
        ~symbol.str.contains(rf"^[A-Z0-9]+({quotes})$") | (symbol.str.len_chars() > SYMBOL_LENGTH),
        "Invalid symbol format: {symbol}",
        f"`^[A-Z0-9]+({quotes})$`, at most {SYMBOL_LENGTH} characters; quote assets from `quote_assets`",
        column="symbol",
    )
    yield Rule(
        "interval_valid",
        ~pl.col("interval").is_in(INTERVALS),
        "Invalid interval: {interval}",
        "one of " + " ".join(INTERVALS),
        column="interval",
    )
    yield Rule(
        "signal_valid",
        ~pl.col("signal").is_in(SIGNALS),
        "Invalid signal: {signal}",
        "BUY, SELL or HOLD",
        column="signal",
    )
    yield Rule(
        "analysis_date_valid",
        pl.col("analysis_date") > pl.lit(now + FUTURE_TOLERANCE).cast(pl.Datetime("us", "UTC")),
        "analysis_date {analysis_date} lies in the future",
        "not more than 5 minutes in the future; naive times are read in `engine_timezone`",
        column="analysis_date",
    )


def _set_rules() -> Iterable[Rule]:
    key = pl.struct("symbol", "interval")
    lower = _float("lower_band")
    wide = (lower > 0) & ((_float("upper_band") - lower) / lower > 1)
    band_share = wide.sum() / pl.len()
    negative_share = (pl.col("sharpe_ratio") < 0).sum() / pl.len()
    yield Rule(
        "duplicate_key",
        key.is_duplicated(),
        "Duplicate symbol: {symbol} at {interval} stands in rows {rows}",
        "symbol + interval once per file; the issue names every row of the clash",
        level="set",
        column="symbol",
        group="duplicates",
        same=("symbol", "interval"),
    )
    yield Rule(
        "negative_sharpe_share",
        negative_share > 0.5,
        "{share} % of the rows have a negative Sharpe ratio",
        "at most 50 % of the rows have Sharpe < 0",
        "warning",
        "set",
        column="sharpe_ratio",
        values={"share": (negative_share * 100).round(1)},
    )
    yield Rule(
        "extreme_band_share",
        band_share > 0.1,
        "{share} % of the rows have bands wider than their lower band",
        "at most 10 % of the rows have (upper − lower) / lower > 100 %",
        "warning",
        "set",
        column="upper_band",
        values={"share": (band_share * 100).round(1)},
    )
    for metric in METRICS:
        value = pl.col(metric)
        yield Rule(
            "constant_metric",
            (pl.len() >= 10) & (value.null_count() == 0) & (value.min() == value.max()),
            f"{metric} is {{value}} in every one of {{rows}} rows",
            "no metric is the same in every row of 10 or more",
            "warning",
            "set",
            column=metric,
            values={"value": _float(metric).first(), "rows": pl.len()},
        )


def shared_rules(now: datetime, quote_assets: tuple[str, ...]) -> tuple[Rule, ...]:
    """The catalogue's rules of meaning and of the set, in its order."""
    return (*_key_rules(now, quote_assets), *_band_rules(), *_metric_rules(), *_set_rules())


@dataclass(frozen=True)
class RuleSet:
    """What one engine's files are judged by in one run, severities settled.

    rules: in the order of the catalogue; those that are "off" are gone.
    severity: of the rules that the reader, the set's comparison and its age apply, by code.
    strict: one error refuses the set. Otherwise bad rows go to quarantine, up to `max_bad_share` of all.
    basis: what else decides how a file is read: the contract's columns, the time zone, the size limit.
    listed: the rules with those that are "off", as a list to read.
    """

    rules: tuple[Rule, ...]
    severity: Mapping[str, Severity]
    strict: bool = True
    max_bad_share: float = 0.1
    basis: str = ""
    listed: tuple[Rule, ...] = ()

    @property
    def version(self) -> str:
        """Names this rule set in the ledger: the package's version and a digest of all that decides."""
        rules = [(r.code, r.column, r.severity, r.holds, r.message, _judgement(r)) for r in self.rules]
        text = repr((rules, sorted(self.severity.items()), self.strict, self.max_bad_share, self.basis))
        return f"{__version__}+{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def rules_for(
    engine: Engine, settings: Settings, *, now: datetime, allow_stale: bool = False, extra: tuple[Rule, ...] = ()
) -> RuleSet:
    """The rule set that the settings ask for. `extra`: custom rules, beside the engine's."""
    chosen = settings.validation
    switches = {"duplicates": chosen.check_duplicates, "prices": chosen.validate_prices}
    rules = rule_set(
        engine,
        now=now,
        quote_assets=settings.quote_assets,
        severity=chosen.severity,
        groups_off=frozenset(group for group, on in switches.items() if not on),
        extra=extra,
        zone=settings.engine_timezone,
    )
    age = chosen.severity.get("file_age", "error" if chosen.strict_mode else "warning")
    severity = {**rules.severity, "file_age": "warning" if allow_stale and age == "error" else age}
    basis = repr((engine.columns, engine.delimiter, settings.engine_timezone, settings.max_file_size_mb))
    share = chosen.max_quarantine_share
    return replace(rules, severity=severity, strict=chosen.strict_mode, max_bad_share=share, basis=basis)


def _judgement(rule: Rule) -> str:
    """The rule's expression as text; the clock's own rule without the time of day."""
    return "" if rule.code == "analysis_date_valid" else str(rule.fails)


def _required_codes(engine: Engine) -> set[str]:
    """Codes that cannot be lowered: the table could not hold such a row."""
    kept = set(ALWAYS_ERRORS)
    for column in engine.columns:
        if column.stored and (column.name in engine.key or column.name in ("symbol", "interval", "signal")):
            kept |= {f"{fault}_{column.name}" for fault in ("missing", "invalid", "out_of_range")}
        elif column.stored and isinstance(column.type, Text):
            kept.add(f"out_of_range_{column.name}")
    return kept


def _database_key(engine: Engine) -> Rule:
    """The table's own key holds whatever the config says: of two such rows the last one would silently win."""
    others = [name for name in engine.key if name not in ("symbol", "interval", "analysis_date")]
    beside = "".join(f", {name} {{{name}}}" for name in others)
    return Rule(
        "duplicate_key",
        pl.struct(engine.key).is_duplicated(),
        f"Duplicate symbol: {{symbol}} at {{interval}} and {{analysis_date}}{beside} stands in rows {{rows}}",
        f"{' + '.join(engine.key)} once per file, whatever the configuration says: the table's own key",
        level="set",
        column="symbol" if "symbol" in engine.key else engine.key[0],
        same=engine.key,
    )


def rule_set(
    engine: Engine,
    *,
    now: datetime,
    quote_assets: tuple[str, ...] = ("USDT",),
    severity: Mapping[str, Severity] | None = None,
    groups_off: frozenset[str] = frozenset(),
    extra: tuple[Rule, ...] = (),
    zone: str = "UTC",
) -> RuleSet:
    """The rules for an engine's files.

    severity: the config's own, by code. ConfigError for an unknown code, or where a row could not be stored.
    groups_off: of "duplicates" and "prices", what the config switched off.
    extra: custom rules of the caller.
    zone: in which times without an offset are read.
    """
    own = severity or {}
    names = {column.name for column in engine.columns}
    applicable = [
        rule
        for rule in shared_rules(now, quote_assets)
        if rule.operands <= names and rule.code not in engine.skip_rules
    ]
    skipped = set(engine.skip_rules) - _required_codes(engine)
    of_shape = [rule for rule in shape_rules(engine.columns, zone) if rule.code not in skipped]
    about_summary = tuple(replace(rule, summary=True) for rule in shape_rules(engine.summary_columns, zone))
    all_rules = (*of_shape, *about_summary, *applicable, *engine.rules, *extra)
    fixed = {code: "error" for code, _ in FILE_RULES} | {AGREEMENT[0]: "error"}
    known = {rule.code for rule in all_rules} | set(fixed)
    _check_severities(engine, own, known)
    listed = [
        replace(rule, severity="off" if rule.group in groups_off else own.get(rule.code, rule.severity))
        for rule in all_rules
    ]
    if not any(rule.code == "duplicate_key" and rule.severity == "error" for rule in listed):
        listed.append(_database_key(engine))
    rules = tuple(rule for rule in listed if rule.severity != "off")
    return RuleSet(rules, {code: own.get(code, "error") for code in fixed}, listed=tuple(listed))


def _check_severities(engine: Engine, own: Mapping[str, Severity], known: set[str]) -> None:
    everywhere = {rule.code for rule in shared_rules(datetime.min, ("USDT",))}
    for code, wanted in own.items():
        if code not in known | everywhere:
            raise ConfigError(
                f"validation.severity names '{code}', which is no rule of engine '{engine.name}'. "
                "`autonama rules` lists them."
            )
        if wanted != "error" and code in _required_codes(engine):
            raise ConfigError(f"validation.severity: '{code}' has to stay \"error\": such a row could not be stored.")
