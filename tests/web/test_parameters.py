"""The page of parameters over sweeps: look-back, date and cell chosen, down to the rows."""

import html
import json
import re
import statistics
from typing import Any

import httpx
import psycopg
import pytest

from writing import good

FIRST, SECOND = "2026-01-14 23:59:59.999+00", "2026-01-15 23:59:59.999+00"
SWEEP = "/parameters?engine=sweep&interval=1d"


@pytest.fixture
def swept(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Two sweeps of four symbols at 1d, and one at 4h: degree 1–3, kstd 1 and 1.5, look-back 50, 60 and 70."""
    conn.execute(
        "INSERT INTO trading.sweep_results (symbol, interval, analysis_date, degree, kstd, lookback, trades, "
        "data_points, total_return, sharpe_ratio, max_drawdown, win_rate, exposure) "
        "SELECT 'S' || s || 'USDT', interval, date, degree, kstd, lookback, s, 720, degree * s - lookback, "
        "CASE WHEN s < 4 THEN s + kstd + degree + lookback END, 10 * s, 50, 40 "
        "FROM generate_series(1, 4) AS s, generate_series(1, 3) AS degree, unnest(ARRAY[1, 1.5]) AS kstd, "
        "unnest(ARRAY[50, 60, 70]) AS lookback, "
        f"(VALUES ('1d', timestamptz '{FIRST}'), ('1d', '{SECOND}'), ('4h', '{SECOND}')) AS sweeps (interval, date)"
    )
    return conn


def drawn(page: httpx.Response) -> Any:
    """What the charts draw."""
    assert page.status_code == 200, page.text
    found = re.search(r'<script type="application/json" id="drawn">(.*?)</script>', page.text, re.DOTALL)
    assert found is not None, page.text
    return json.loads(found[1])


def cell(page: httpx.Response, degree: int, kstd: float) -> dict[str, Any]:
    """One cell of the heat map."""
    [found] = [one for one in drawn(page)["grid"] if (one["degree"], one["kstd"]) == (degree, kstd)]
    return dict(found)


def listed(page: httpx.Response) -> list[list[str]]:
    """The texts of the rows of the last table."""
    table = page.text.rsplit("<tbody>", 1)[1]
    return [
        [
            html.unescape(re.sub(r"<[^>]+>", "", text)).strip()
            for text in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    ]


def test_a_sweep_opens_at_its_newest_date_and_one_look_back(
    swept: psycopg.Connection[Any], client: httpx.Client
) -> None:
    """The look-back in the middle is shown first, and said; others and the older sweep are a choice away."""
    page = client.get(SWEEP)
    assert "Look-back 60 bars of the sweep of" in page.text
    assert "in-sample" in page.text
    assert re.findall(r"<option[^>]* selected[^>]*>([^<]+)<", page.text) == ["2026-01-15 23:59 UTC", "60"]
    assert re.findall(r"<option[^>]*>([^<]+)<", page.text) == [
        "2026-01-15 23:59 UTC", "2026-01-14 23:59 UTC", "all", "50", "60", "70",
    ]  # fmt: skip
    assert len(drawn(page)["rows"]) == 4 * 3 * 2
    assert {one["lookback"] for one in drawn(page)["rows"]} == {60}


@pytest.mark.parametrize("lookback", [50, 70, None])
def test_cells_are_medians_of_the_chosen_look_back(
    swept: psycopg.Connection[Any], client: httpx.Client, lookback: int | None
) -> None:
    """Median return of an even number of rows, median Sharpe ratio of those that have one, and how many rows."""
    page = client.get(f"{SWEEP}&lookback={lookback or 'all'}")
    chosen = [lookback] if lookback else [50, 60, 70]
    found = cell(page, 2, 1.5)
    returns = [2 * s - bars for s in range(1, 5) for bars in chosen]
    sharpes = [s + 1.5 + 2 + bars for s in range(1, 4) for bars in chosen]
    assert found["rows"] == 4 * len(chosen)
    assert found["total"] == pytest.approx(statistics.median(returns))
    assert found["sharpe"] == pytest.approx(statistics.median(sharpes))


def test_a_cell_opens_its_rows(swept: psycopg.Connection[Any], client: httpx.Client) -> None:
    """The link of a cell keeps look-back and date, and lists that cell's rows, the best Sharpe ratio first."""
    page = client.get(f"{SWEEP}&lookback=70&date={FIRST.replace(' ', 'T').replace('+', '%2B')}:00")
    [address] = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)
                 if "degree=3" in link and "kstd=1.00" in link]  # fmt: skip
    rows = listed(client.get(address))
    assert [row[0] for row in rows] == ["S3USDT", "S2USDT", "S1USDT", "S4USDT"]
    assert rows[0][1:6] == ["2026-01-14 23:59 UTC", "3", "1.00", "70", "-61.00"]
    assert rows[0][-3:] == ["50.00", "3", "40.00"]


def test_a_symbol_alone(swept: psycopg.Connection[Any], client: httpx.Client) -> None:
    """A symbol's own sweep, and a sentence where it has none."""
    page = client.get(f"{SWEEP}&symbol=s2usdt&lookback=all")
    assert {one["symbol"] for one in drawn(page)["rows"]} == {"S2USDT"}
    assert cell(page, 1, 1.0)["rows"] == 3
    assert "No analysis of NIX" in client.get(f"{SWEEP}&symbol=nix").text


def test_analyses_and_sweeps_have_tabs_of_their_own(
    swept: psycopg.Connection[Any], publish: Any, client: httpx.Client
) -> None:
    """What engines report is never mixed with what a sweep tried; each interval of both is a tab."""
    publish([good(symbol=f"A{n}USDT") for n in range(3)])
    page = client.get("/parameters")
    tabs = re.findall(r"<a href=\"/parameters\?engine=(\w+)&amp;interval=(\w+)\"", page.text)
    assert tabs[:3] == [("vectorbt", "1d"), ("sweep", "1d"), ("sweep", "4h")]
    assert {one["symbol"] for one in drawn(page)["rows"]} == {"A0USDT", "A1USDT", "A2USDT"}
    assert "Sweep of" not in page.text
    assert "2026-01-14" not in client.get("/parameters?engine=sweep&interval=4h").text


@pytest.mark.parametrize(
    "more",
    ["lookback=55", "lookback=x", "lookback=-1", "lookback=99999999999999", "date=x", "date=0001-01-01", "degree=1e9",
     "degree=x&kstd=nan", "kstd=1e400", "symbol=%00", "date=2026-01-14"],
)  # fmt: skip
def test_an_address_that_makes_no_sense_opens_something(
    swept: psycopg.Connection[Any], client: httpx.Client, more: str
) -> None:
    """An old or mistyped link is answered with the nearest view there is, never with a fault."""
    assert client.get(f"{SWEEP}&{more}").status_code == 200


def test_most_rows_are_drawn_and_the_best_listed(conn: psycopg.Connection[Any], client: httpx.Client) -> None:
    """Of thousands of rows the 500 best are drawn and 100 listed, which is said; of a cell all up to 500."""
    conn.execute(
        "INSERT INTO trading.sweep_results (symbol, interval, analysis_date, degree, kstd, lookback, trades, "
        f"data_points, sharpe_ratio) SELECT 'S' || s || 'USDT', '1d', '{FIRST}', degree, 1, 50, 1, 720, s "
        "FROM generate_series(1, 300) AS s, generate_series(1, 6) AS degree"
    )
    page = client.get(SWEEP)
    assert (len(drawn(page)["rows"]), len(listed(page))) == (500, 100)
    assert "more are not listed" in page.text
    one = client.get(f"{SWEEP}&degree=3&kstd=1")
    assert (len(listed(one)), "more are not listed" in one.text) == (300, False)
