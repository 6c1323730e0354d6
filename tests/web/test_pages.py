"""The pages behind the board: a symbol, parameters, runs and a run, health, and the figures for Prometheus."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from serving import Serve

from autonama.web.reading import give_up_rights
from writing import good, many

Publish = Callable[..., Any]

MARKUP = "<img src=x onerror=alert(1)>"


def text(page: httpx.Response) -> str:
    """What a page says, without its markup."""
    assert page.status_code == 200, page.text
    return " ".join(unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", page.text, flags=re.DOTALL)).split())


def data(page: httpx.Response, name: str) -> Any:
    """The numbers that a page's chart is drawn from."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page.text)
    assert found is not None, page.text
    return json.loads(found[1])


def test_a_symbol_shows_its_history_and_where_each_point_came_from(publish: Publish, client: httpx.Client) -> None:
    """Analyses in the order of time for the chart; alerts newest first, with flip, warnings, run, file and row."""
    for day in (14, 15):
        publish(
            [
                good(symbol="XUSDT"),
                good(symbol="AUSDT", analysis_date=f"2026-01-{day}T10:00:00", signal=("HOLD", "SELL")[day - 14]),
            ]
        )
    page = client.get("/symbol/AUSDT")
    assert data(page, "points")["signal"] == ["HOLD", "SELL"]
    assert data(page, "metrics")["total_return"] == [12.5, 12.5]
    told = text(page)
    assert "HOLD → SELL" in told
    assert "Signal contradicts bands" in told
    assert "run 2 , row 2 of vectorbt_analysis_results_20260115_103002.csv" in told


def test_a_symbol_at_several_intervals_is_chosen(publish: Publish, client: httpx.Client) -> None:
    """Without a choice the newest analysis; each interval has its own tab; what is not there is said, with 404."""
    publish([good(symbol="AUSDT", interval="4h", analysis_date="2026-01-14T10:00:00")])
    publish([good(symbol="AUSDT", interval="1d", analysis_date="2026-01-15T10:00:00")])
    assert 'aria-current="page">1d' in client.get("/symbol/AUSDT").text
    assert 'aria-current="page">4h' in client.get("/symbol/AUSDT?interval=4h&engine=vectorbt").text
    for missing in ("/symbol/NIXUSDT", "/symbol/AUSDT?interval=1h"):
        assert client.get(missing).status_code == 404
        assert "There is no alert" in client.get(missing).text


def test_parameters_are_medians_that_open_their_rows(publish: Publish, client: httpx.Client) -> None:
    """Median Sharpe and return of every degree and kstd; a cell's link lists its rows alone."""
    publish(
        [
            good(symbol=f"A{n}USDT", degree=str(1 + n % 2), kstd="1.5", sharpe_ratio=str(n), total_return=str(10 * n))
            for n in range(6)
        ]
    )
    page = client.get("/parameters")
    grid = {(cell["degree"], cell["kstd"]): cell for cell in data(page, "drawn")["grid"]}
    assert (grid[1, 1.5]["sharpe"], grid[1, 1.5]["total"], grid[1, 1.5]["rows"]) == (2.0, 20.0, 3)
    cell = client.get("/parameters?engine=vectorbt&interval=1d&degree=2&kstd=1.50")
    assert sorted(set(re.findall(r"A\dUSDT", text(cell)))) == ["A1USDT", "A3USDT", "A5USDT"]
    assert "No analysis of NIX" in text(client.get("/parameters?symbol=nix"))


def test_a_run_says_what_was_wrong_and_how_it_comes_back(publish: Publish, client: httpx.Client) -> None:
    """Findings by rule with what to do, by column, by row and value; quarantine with its text and the command."""
    publish([good(symbol="AUSDT"), good(symbol="BTC"), good(symbol="CUSDT", current_price="abc")])
    told = text(client.get("/runs/1"))
    assert "symbol_format error 1 Row 2: Invalid symbol format: BTC Write the pair as the exchange does" in told
    assert "current_price 1 0" in told
    assert "2 rows put aside with the original text, 2 still waiting" in told
    assert "autonama replay --file" in told
    assert "BTC,1d,105.5" in told
    assert "published" in text(client.get("/runs"))
    assert "No run ended so" in text(client.get("/runs?status=failed"))


def test_pages_that_are_not_there(client: httpx.Client) -> None:
    """An unknown run or page is 404 in words, whatever stands in its address."""
    for address in ("/runs/99", "/runs/x", "/runs/99999999999999999999", "/nix", "/symbol/%00"):
        answer = client.get(address)
        assert answer.status_code == 404, address
        assert "Not here" in answer.text


@pytest.mark.parametrize("address", ["/", "/parameters", "/runs", "/health", "/api"])
def test_an_empty_database_is_no_fault(address: str, client: httpx.Client) -> None:
    """Every page says what it will show, where there is nothing yet."""
    assert client.get(address).status_code == 200


def test_markup_in_names_and_values_stays_text(
    publish: Publish, client: httpx.Client, conn: psycopg.Connection[Any]
) -> None:
    """A symbol, a signal, a file name and a value that carry markup are shown as they are written, on every page."""
    publish([good(symbol="AUSDT"), good(symbol=MARKUP, signal=MARKUP)], name=f"vectorbt_analysis_results_{MARKUP}.csv")
    conn.execute("UPDATE trading.alerts SET symbol = '<b>X</b>', signal = '<i>BUY'")
    conn.execute("UPDATE trading.vectorbt_analysis SET symbol = '<b>X</b>'")
    for address in ("/", "/symbol/%3Cb%3EX%3C%2Fb%3E", "/runs/1", "/runs", "/parameters", "/health", "/?q=%3Cb%3E"):
        page = client.get(address)
        assert page.status_code == 200
        assert "<img src=x" not in page.text, address
        assert "<b>X" not in page.text, address
        assert "<i>BUY" not in page.text, address


def test_health_tells_freshness_schema_and_rights(publish: Publish, client: httpx.Client) -> None:
    """Newest analysis, last trouble, sizes, versions; and that this session could not write."""
    publish([good(symbol="AUSDT")])
    publish([good(symbol="BTC")], validation={"strict_mode": True})
    told = text(client.get("/health"))
    for part in (
        "Last trouble : run 2 of vectorbt refused",
        "current",
        "read-only, without any right to write",
        "trading.alerts 1",
    ):
        assert part in told, told


def test_the_session_cannot_write(database_url: str, conn: psycopg.Connection[Any]) -> None:
    """The role that the dashboard reads with has no right to write, even if it leaves its read-only transactions."""
    with psycopg.connect(database_url, autocommit=True) as reader:
        give_up_rights(reader)
        reader.execute("SET default_transaction_read_only = off")
        for statement in ("DELETE FROM trading.alerts", "UPDATE ingestion.runs SET error = 'x'",
                          "CREATE TABLE trading.x (y int)", "DROP VIEW trading.board"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement.encode())


def test_a_reader_role_is_enough(
    publish: Publish, serve: Serve, server: Any, database_url: str, conn: psycopg.Connection[Any]
) -> None:
    """Every page works for the role that `db grants` makes for reading."""
    from autonama.database.grants import statements

    publish(many(3))
    role = f"reader_{conn.info.dbname}"
    conn.execute(statements(conn, f"writer_{conn.info.dbname}", role).encode())
    try:
        client = serve(database_url.replace("user=postgres", f"user={role}"))
        for address in (
            "/",
            "/symbol/S1USDT",
            "/parameters",
            "/runs/1",
            "/health",
            "/alerts.csv",
            "/metrics",
            "/api/v1/alerts",
        ):
            assert client.get(address).status_code == 200, address
        assert f"{role}, read-only, without any right to write" in text(client.get("/health"))
    finally:
        client.close()
        for name in (role, f"writer_{conn.info.dbname}"):
            conn.execute(f"DROP OWNED BY {name}".encode())
            conn.execute(f"DROP ROLE {name}".encode())


def test_figures_for_prometheus(publish: Publish, client: httpx.Client) -> None:
    """Rows, findings by rule, runs by status, freshness and durations in the text format."""
    publish([good(symbol="AUSDT", signal="SELL"), good(symbol="BUSDT")])
    families = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").text)}

    def value(name: str, **labels: str) -> float:
        return next(sample.value for sample in families[name].samples if labels.items() <= sample.labels.items())

    assert value("autonama_up") == 1
    assert value("autonama_rows", table="trading.alerts") == 2
    assert value("autonama_board_alerts", engine="vectorbt", signal="SELL") == 1
    assert value("autonama_issues", code="signal_matches_bands", severity="warning") == 1
    assert value("autonama_runs", engine="vectorbt", status="published") == 1
    assert value("autonama_newest_analysis_timestamp_seconds", engine="vectorbt") > 1.7e9
    assert value("autonama_last_run_duration_seconds", engine="vectorbt") > 0


def test_a_fault_of_ours_is_one_page_and_one_line_of_the_log(
    publish: Publish, client: httpx.Client, conn: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A page that fails says so with 500 and the usual headers, without its inside; the log has it; others go on."""
    publish([good(symbol="AUSDT")])
    conn.execute("ALTER TABLE ingestion.runs DROP CONSTRAINT runs_status_check")
    conn.execute("UPDATE ingestion.runs SET status = 'odd'")
    answer = client.get("/runs/1")
    assert answer.status_code == 500
    assert "The log has the details" in answer.text
    assert "odd" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (record,) = [record for record in caplog.records if record.name == "autonama.web"]
    assert (record.levelname, record.getMessage()) == ("ERROR", "A page failed: /runs/1")
    assert record.exc_info is not None
    assert client.get("/api/v1/runs").status_code == 200


def test_a_database_that_is_away_is_told_and_found_again(
    server: Any, publish: Publish, serve: Serve, database_url: str
) -> None:
    """503 in words on a page, in the API and for the watcher, 0 for Prometheus; and all is well once it is back."""
    publish([good(symbol="AUSDT")])
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    client = serve()
    assert client.get("/healthz").json() == {"status": "ok"}
    server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        page = client.get("/")
        assert page.status_code == 503
        assert "The database cannot be read" in page.text
        assert "AUSDT" not in page.text
        assert client.get("/api/v1/alerts").status_code == client.get("/healthz").status_code == 503
        assert "autonama_up 0.0" in client.get("/metrics").text
    finally:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert client.get("/").status_code == 200


def test_numbers_beyond_all_bounds_are_no_fault(publish: Publish, client: httpx.Client) -> None:
    """A page or a run of a thousand digits is a page beyond the last, or a run that is not there."""
    publish([good(symbol="AUSDT")])
    for digits in (20, 5_000):
        for address in ("/", "/runs", "/symbol/AUSDT"):
            assert client.get(address, params={"page": "9" * digits}).status_code == 200, address
        assert client.get(f"/runs/{'9' * digits}").status_code == 404
