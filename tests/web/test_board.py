"""The board: what is new, what flipped, how old it is, what looks wrong; every view of it a link."""

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest

from autonama.web.filters import PRESETS, SORTS, BoardQuery
from writing import good, many

Publish = Callable[..., Any]

YESTERDAY, TODAY = "2026-01-14T10:00:00", "2026-01-15T10:00:00"


def symbols(page: httpx.Response) -> list[str]:
    """The symbols of a board, in its order."""
    assert page.status_code == 200, page.text
    return re.findall(r'<tr data-key="vectorbt/([^/"]+)/', page.text)


def row(page: httpx.Response, symbol: str) -> str:
    """The text of one row of a board."""
    found = re.search(rf'<tr data-key="vectorbt/{symbol}/.*?</tr>', page.text, re.DOTALL)
    assert found is not None, page.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


@pytest.fixture
def morning(publish: Publish) -> None:
    """Two days: one symbol flips, one contradicts its bands, one has no Sharpe ratio, one is as it was."""
    publish([good(symbol=name, analysis_date=YESTERDAY) for name in ("AUSDT", "BUSDT", "CUSDT", "DUSDT")])
    publish([
        good(symbol="AUSDT", analysis_date=TODAY, signal="BUY", current_price="89", sharpe_ratio="2.5"),
        good(symbol="BUSDT", analysis_date=TODAY, signal="SELL"),
        good(symbol="CUSDT", analysis_date=TODAY, sharpe_ratio="", current_price="0.00002073",
             lower_band="0.00002", upper_band="0.000022", potential_return="10"),
        good(symbol="DUSDT", analysis_date=TODAY),
    ])  # fmt: skip


@pytest.mark.usefixtures("morning")
def test_the_first_screen_answers_the_morning(client: httpx.Client) -> None:
    """Each symbol once with its newest alert; flips first, in words; warnings in words; small prices whole."""
    page = client.get("/")
    assert symbols(page) == ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]
    assert "HOLD → BUY" in row(page, "AUSDT")
    assert "HOLD → SELL" in row(page, "BUSDT")
    assert "signal contradicts bands" in row(page, "BUSDT")
    assert "metric undefined" in row(page, "CUSDT")
    assert "0.00002073" in row(page, "CUSDT")
    assert "→" not in row(page, "DUSDT")


@pytest.mark.usefixtures("morning")
def test_the_strip_counts_the_whole_board(client: httpx.Client) -> None:
    """Signals, flips and warnings are counted over all alerts, whatever is filtered."""
    page = client.get("/", params={"signal": "BUY"})
    told = " ".join(
        unescape(re.sub(r"<[^>]+>", " ", page.text.split('<dl class="strip">')[1].split("</dl>")[0])).split()
    )
    for part in ("Alerts 4", "Buy ▲ 1", "Sell ▼ 1", "Hold ■ 2", "Flips 2", "With warnings 2", "Last run published"):
        assert part in told, told


@pytest.mark.usefixtures("morning")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"signal": ["BUY", "SELL"]}, ["AUSDT", "BUSDT"]),
        ({"flip": "1"}, ["AUSDT", "BUSDT"]),
        ({"flip": "1", "clean": "1"}, ["AUSDT"]),
        ({"flag": "any"}, ["BUSDT", "CUSDT"]),
        ({"flag": "undefined_metric"}, ["CUSDT"]),
        ({"q": "b"}, ["BUSDT"]),
        ({"q": "%"}, []),
        ({"symbol": "AUSDT,DUSDT"}, ["AUSDT", "DUSDT"]),
        ({"sharpe": "2"}, ["AUSDT"]),
        ({"interval": "1h"}, []),
        ({"engine": "vectorbt", "sort": "-symbol"}, ["DUSDT", "CUSDT", "BUSDT", "AUSDT"]),
        ({"older": "1"}, ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]),
        ({"older": "10000000"}, ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]),
    ],
)
def test_filters(asked: dict[str, Any], expected: list[str], client: httpx.Client) -> None:
    """Each filter alone and several at once leave the rows that they name; what makes no sense leaves all."""
    assert symbols(client.get("/", params=asked)) == expected


@pytest.mark.usefixtures("morning")
@pytest.mark.parametrize("name", [name for name, _, _ in PRESETS])
def test_presets(name: str, client: httpx.Client) -> None:
    """A preset is a link that its own page shows as chosen."""
    view = next(view for known, view, _ in PRESETS if known == name)
    page = client.get(view.link())
    assert page.status_code == 200
    assert re.search(rf'aria-current="true">{name}</a>', page.text), page.text
    expected = {"Flips": ["AUSDT", "BUSDT"], "Strong BUY": ["AUSDT"], "Suspicious": ["BUSDT", "CUSDT"]}
    assert symbols(page) == expected.get(name, ["AUSDT", "BUSDT", "CUSDT", "DUSDT"])


@pytest.mark.parametrize("name", SORTS)
def test_every_sort_turns_round(name: str, publish: Publish, client: httpx.Client) -> None:
    """Down is the reverse of up, where no two rows are equal there; the heading says which way."""
    rows = [
        good(symbol=f"{n}USDT", interval=("1h", "4h", "1d")[n], signal=("BUY", "HOLD", "SELL")[n],
             current_price=str((80, 100, 120)[n]), sharpe_ratio=str(n), total_return=str(n), max_drawdown=str(10 + n),
             potential_return=str(22 + n), degree=str(1 + n), kstd=str(1 + n),
             analysis_date=f"2026-01-{13 + n}T00:00:00")
        for n in range(3)
    ]  # fmt: skip
    publish(rows)
    up, down = (client.get("/", params={"sort": f"{sign}{name}"}) for sign in ("", "-"))
    assert sorted(symbols(up)) == sorted(symbols(down)) == ["0USDT", "1USDT", "2USDT"]
    if name not in ("engine", "flip", "flags", "potential_return"):
        assert symbols(up) == symbols(down)[::-1]
    if name == "interval":
        assert symbols(up) == ["0USDT", "1USDT", "2USDT"]
    if name not in ("changed", "engine"):
        assert 'aria-sort="ascending"' in up.text
        assert 'aria-sort="descending"' in down.text


def test_pages_hold_every_alert_once(publish: Publish, client: httpx.Client) -> None:
    """The pages of a view together are the view; a page beyond the last is the last."""
    publish(many(120))
    seen = [symbols(client.get("/", params={"sort": "symbol", "page": n})) for n in (1, 2, 3, 99)]
    assert [len(page) for page in seen] == [50, 50, 20, 20]
    assert sorted(seen[0] + seen[1] + seen[2]) == sorted(set(seen[0] + seen[1] + seen[2]))
    assert seen[3] == seen[2]
    assert len(symbols(client.get("/", params={"per": 250}))) == 120


@pytest.mark.usefixtures("morning")
def test_a_publication_is_on_the_next_page(publish: Publish, client: httpx.Client) -> None:
    """What is remembered between two looks is forgotten when something was published, and when a row was deleted."""
    assert "HOLD" in row(client.get("/"), "DUSDT")
    publish([good(symbol="DUSDT", analysis_date="2026-01-16T10:00:00", signal="SELL", current_price="111")])
    page = client.get("/")
    assert symbols(page)[0] == "DUSDT", row(page, "DUSDT")
    assert "HOLD → SELL" in row(client.get("/"), "DUSDT")


def test_export_is_the_view_with_all_digits(publish: Publish, client: httpx.Client) -> None:
    """The CSV of a view has its rows, in its order, numbers exactly as stored and times in UTC."""
    publish([good(symbol="AUSDT", current_price="100.12345678"), good(symbol="BUSDT", signal="SELL")])
    answer = client.get("/alerts.csv", params={"sort": "-symbol"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [found["symbol"] for found in rows] == ["BUSDT", "AUSDT"]
    assert Decimal(rows[1]["current_price"]) == Decimal("100.12345678")
    assert rows[0]["flags"] == "signal_matches_bands"
    assert rows[0]["analysis_date"].endswith("+00:00")
    assert "attachment" in answer.headers["content-disposition"]
    assert len(client.get("/alerts.csv", params={"signal": "SELL"}).text.splitlines()) == 2


def test_columns_are_chosen_in_the_address(publish: Publish, client: httpx.Client) -> None:
    """Only the named columns are shown, besides symbol, interval and signal."""
    publish([good(symbol="AUSDT")])
    headings = re.findall(r'<th scope="col"[^>]*><a [^>]*>([^<]+)', client.get("/?cols=price&cols=engine").text)
    assert headings == ["Symbol", "Int.", "Signal", "Engine", "Price"]


def test_an_empty_board_teaches(client: httpx.Client) -> None:
    """Without an alert the page says how to get one; with filters that nothing passes, how to get rid of them."""
    assert "autonama ingest" in client.get("/").text


def test_one_refused_run_is_loud_until_a_good_one(publish: Publish, client: httpx.Client) -> None:
    """A refused set is told on top of the board with its name and run, and no more after a good run."""
    publish([good(symbol="AUSDT")])
    assert 'role="alert"' not in client.get("/").text
    publish([good(symbol="BTC")], validation={"strict_mode": True})
    page = client.get("/").text
    assert re.search(r'role="alert"><strong>vectorbt: the last run was refused\.', page), page
    assert 'href="/runs/2"' in page
    publish([good(symbol="BUSDT")])
    assert 'role="alert"' not in client.get("/").text


def test_rows_of_unknown_origin_and_date(conn: psycopg.Connection[Any], client: httpx.Client) -> None:
    """A row that was there before the ledger, even without a date or bands, is shown with what is known of it."""
    for symbol, date in (("OLDUSDT", None), ("FARUSDT", "infinity")):
        conn.execute(
            "INSERT INTO trading.alerts (symbol, interval, signal, analysis_date) VALUES (%s, '1d', 'BUY', %s)",
            [symbol, date],
        )
    page = client.get("/")
    assert "unknown" in row(page, "OLDUSDT")
    assert client.get("/symbol/OLDUSDT").status_code == 200
    assert client.get("/symbol/FARUSDT").status_code == 200


def test_a_link_is_read_as_it_was_written() -> None:
    """The address of a view, read again, is the same view."""
    view = BoardQuery(
        q="b&c",
        signal=("BUY", "SELL"),
        flag=("any",),
        flip=True,
        sharpe="1.5",
        sort="age",
        cols=("price",),
        page=3,
        per=100,
    )
    again = BoardQuery.parse(httpx.URL(view.link(page=3)).params.multi_items())
    assert again == view
    assert BoardQuery.parse(httpx.URL(BoardQuery().link()).params.multi_items()) == BoardQuery()
