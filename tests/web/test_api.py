"""The JSON API: what its OpenAPI says is what it does."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from serving import served

from writing import good, many

Publish = Callable[..., Any]


def test_alerts_are_the_board(publish: Publish, client: httpx.Client) -> None:
    """The same filters, sorts and pages as the board; numbers as text with all their digits."""
    publish([good(symbol="AUSDT", current_price="100.12345678"), good(symbol="BUSDT", signal="SELL")])
    answer = client.get("/api/v1/alerts", params={"sort": "-symbol", "per": 1}).json()
    assert (answer["total"], answer["page"], answer["pages"]) == (2, 1, 2)
    assert answer["rows"][0]["symbol"] == "BUSDT"
    assert answer["rows"][0]["flags"] == ["signal_matches_bands"]
    second = client.get("/api/v1/alerts", params={"sort": "-symbol", "per": 1, "page": 2}).json()["rows"][0]
    assert (second["current_price"], second["file_name"], second["row_number"]) == (
        "100.12345678", "vectorbt_analysis_results_20260115_103001.csv", 1,
    )  # fmt: skip


def test_symbols_runs_and_issues(publish: Publish, client: httpx.Client) -> None:
    """What the pages show stands there, paged, with what a program needs to find it again."""
    publish([good(symbol="AUSDT"), good(symbol="BTC"), good(symbol="CUSDT", signal="BUY")])
    assert [row["symbol"] for row in client.get("/api/v1/symbols").json()["rows"]] == ["AUSDT", "CUSDT"]
    assert client.get("/api/v1/symbols/AUSDT/alerts").json()["rows"][0]["signal"] == "HOLD"
    assert client.get("/api/v1/symbols/NIX/alerts").status_code == 404
    (run,) = client.get("/api/v1/runs", params={"status": "partial"}).json()["rows"]
    assert (run["rows_read"], run["inserted"], run["quarantined"]) == (3, 2, 1)
    (issue,) = client.get("/api/v1/issues", params={"run": run["id"], "severity": "error"}).json()["rows"]
    assert (issue["code"], issue["row_number"], issue["value"]) == ("symbol_format", 2, "BTC")


def test_what_cannot_be_meant_is_refused(client: httpx.Client) -> None:
    """An unknown sort, a page before the first, a number that is none: 422, and which parameter it was."""
    for parameter, value in (
        ("sort", "id; DROP TABLE x"),
        ("page", "0"),
        ("per", "100000"),
        ("sharpe", "NaN"),
        ("flip", "perhaps"),
    ):
        answer = client.get("/api/v1/alerts", params={parameter: value})
        assert answer.status_code == 422
        assert parameter in answer.text


@pytest.mark.parametrize("examples", [pytest.param(15, id="few"), pytest.param(300, id="many", marks=pytest.mark.full)])
def test_the_api_is_what_its_description_says(examples: int, publish: Publish, database_url: str) -> None:
    """Whatever the OpenAPI allows or forbids is asked: no answer is a fault of ours, each fits its schema."""
    publish(many(5))
    with served(database_url) as address:
        api = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")
        operations = [found.ok() for found in api.get_all_operations()]
        answers = sum(_ask(operation, examples) for operation in operations)
    assert len(operations) == 5
    assert answers >= 5 * examples


def _ask(operation: Any, examples: int) -> int:
    """Ask for so many examples and check each answer against the description; how many answers there were."""
    answers = 0

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        nonlocal answers
        case.call_and_validate()
        answers += 1

    asked()
    return answers


def test_numbers_are_exact(publish: Publish, client: httpx.Client) -> None:
    """The largest price that fits its column comes back digit for digit."""
    price = "999999999999.12345678"
    publish([good(symbol="AUSDT", current_price=price, signal="SELL")])
    assert Decimal(client.get("/api/v1/alerts").json()["rows"][0]["current_price"]) == Decimal(price)
