"""The pages in a real browser: at phone and desk, dark and light, with JavaScript and without."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from serving import Serve

from writing import good, many

Publish = Callable[..., Any]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)

QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE, DESK, WALL = (390, 844), (1440, 900), (2560, 1440)
PAGES = ("/", "/?flag=any", "/symbol/AUSDT", "/parameters", "/runs", "/runs/1", "/health", "/api")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *sandbox])
        yield launched
        launched.close()


@pytest.fixture
def address(serve: Serve, publish: Publish) -> str:
    """A dashboard with a flip, warnings, and a quarantined row."""
    for n, signal in enumerate(("HOLD", "BUY")):
        day = f"2026-01-{14 + n}T10:00:00"
        publish([
            good(symbol="AUSDT", analysis_date=day, signal=signal, current_price=("105", "95")[n], degree="2"),
            good(symbol="BUSDT", analysis_date=day, signal="SELL", kstd="2.5"),
            good(symbol="PEPEUSDT", analysis_date=day, current_price="0.00002073", lower_band="0.00002",
                 upper_band="0.000022", sharpe_ratio=""),
            good(symbol="BTC", analysis_date=day),
        ])  # fmt: skip
    return str(serve().base_url)


def opened(browser: Browser, size: tuple[int, int], **more: Any) -> tuple[BrowserContext, Page, list[str]]:
    """A window of that size, and what goes wrong in it: console errors, and requests that leave the host."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: None if re.match(r"(http://127\.0\.0\.1:|data:|blob:)", asked.url) else wrong.append(asked.url),
    )
    return context, page, wrong


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(DESK, "light", id="desk-light"),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.full),
        pytest.param(DESK, "dark", id="desk-dark", marks=pytest.mark.full),
        pytest.param(WALL, "light", id="wall-light", marks=pytest.mark.full),
    ],
)
def test_every_page_fits_and_says_no_error(size: tuple[int, int], scheme: Any, browser: Browser, address: str) -> None:
    """No console error, no request to another host, no page wider than the window, and axe-core's AA rules hold."""
    context, page, wrong = opened(browser, size, color_scheme=scheme)
    for path in PAGES:
        page.goto(address + path, wait_until="load")
        if path in ("/symbol/AUSDT", "/parameters"):
            page.wait_for_selector(".plot .main-svg")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
        found = Axe().run(
            page,
            options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
            context={"exclude": [[".js-plotly-plot"]]},
        )
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert wrong == [], path
    context.close()


def test_without_javascript_the_pages_are_whole(browser: Browser, address: str) -> None:
    """Filters, sorts, pages and links work without a script; times are UTC."""
    context, page, wrong = opened(browser, DESK, java_script_enabled=False)
    page.goto(address)
    expect(page.locator("table.board tbody tr")).to_have_count(3)
    page.get_by_label("flips only").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("table.board tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    page.get_by_role("link", name="Symbol", exact=True).click()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Symbol")
    page.get_by_role("link", name="PEPEUSDT").click()
    assert "0.00002073" in page.content()
    assert page.locator("tbody time").first.inner_text().endswith("UTC")
    assert wrong == []
    context.close()


@pytest.mark.parametrize("path", ["/", "/?flag=any", "/runs", "/runs/3", "/health", "/api"])
def test_pages_without_charts_are_light(path: str, browser: Browser, address: str, publish: Publish) -> None:
    """A full page of rows, each with a warning, with its style, scripts and everything: less than 100 kB are sent."""
    publish(many(60, signal="SELL"))
    context, page, _ = opened(browser, DESK)
    answers: list[Any] = []

    def note(asked: Any) -> None:
        answers.append(asked)

    page.on("requestfinished", note)
    page.goto(address + path, wait_until="load")
    if path == "/":
        expect(page.locator("table.board tbody tr")).to_have_count(50)
    sent = [asked.sizes()["responseBodySize"] for asked in answers if "/events" not in asked.url]
    assert 5_000 < sum(sent) < 100_000
    context.close()


def test_news_come_in_without_losing_the_place(browser: Browser, address: str, publish: Publish) -> None:
    """A publication is on an open, filtered page within a second, marked, focus and filter as they were."""
    context, page, wrong = opened(browser, PHONE)
    page.goto(f"{address}/?q=USDT&sort=symbol")
    expect(page.locator("#live")).to_have_text("● Live")
    page.evaluate("document.querySelector('#board .scroll').scrollLeft = 120")
    page.get_by_role("link", name="BUSDT").focus()
    publish([good(symbol="AUSDT", analysis_date="2026-01-16T10:00:00", signal="SELL", current_price="120")])
    row = page.locator('tr[data-key="vectorbt/AUSDT/1d"]')
    expect(row).to_contain_text("BUY → SELL", timeout=1000)
    expect(row).to_have_class(re.compile("changed"))
    expect(page.locator("tr.changed")).to_have_count(1)
    assert page.evaluate("document.activeElement.textContent") == "BUSDT"
    assert page.evaluate("document.querySelector('#board .scroll').scrollLeft") == 120
    assert page.locator("#find").input_value() == "USDT"
    assert page.locator("#news").inner_text() == "1 row is new."
    assert wrong == []
    context.close()


def test_a_lost_connection_is_said_and_comes_back(
    browser: Browser, address: str, server: Any, publish: Publish
) -> None:
    """The page says that it is not live, and by itself that it is again, with what it missed."""
    context, page, _ = opened(browser, DESK)
    page.goto(address)
    expect(page.locator("#live")).to_have_text("● Live")
    context.set_offline(True)
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'autonama web listener'"
    )
    expect(page.locator("#live")).to_contain_text("Not live")
    publish([good(symbol="NEWUSDT")])
    context.set_offline(False)
    expect(page.locator("#live")).to_have_text("● Live", timeout=10_000)
    expect(page.locator('tr[data-key="vectorbt/NEWUSDT/1d"]')).to_be_visible(timeout=10_000)
    context.close()


def test_look_favourites_and_zone_are_the_readers(browser: Browser, address: str) -> None:
    """The chosen look and the favourites stay over a reload; times are in the reader's zone, UTC beside them."""
    context, page, wrong = opened(browser, DESK, color_scheme="light", timezone_id="Asia/Tokyo", locale="en-GB")
    page.goto(address)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    page.get_by_role("button", name="Favourite BUSDT").click()
    page.reload()
    assert page.evaluate(ground) != before
    page.get_by_role("link", name="Favourites").click()
    expect(page.locator("table.board tbody tr")).to_have_count(1)
    assert "symbol=BUSDT" in page.url
    page.get_by_role("link", name="BUSDT").click()
    time = page.locator("tbody time").first
    expect(time).to_contain_text("19:00")
    assert time.get_attribute("title") == "2026-01-15 10:00:00 UTC"
    assert wrong == []
    context.close()


def test_keys_find_walk_and_open(browser: Browser, address: str) -> None:
    """/ goes to the search, j and k or arrows walk the rows in sight, Enter opens one; an address has no noise."""
    context, page, wrong = opened(browser, DESK)
    page.goto(f"{address}/?sort=symbol")
    page.keyboard.press("/")
    page.keyboard.type("b")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?sort=symbol&q=b")
    page.goto(f"{address}/?sort=symbol")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "2px"
    expect(page.locator("tr.at")).to_contain_text("BUSDT")
    page.keyboard.press("ArrowUp")
    expect(page.locator("tr.at")).to_contain_text("AUSDT")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/symbol/BUSDT**")
    assert wrong == []
    context.close()


def test_charts_follow_the_look_and_open_their_rows(browser: Browser, address: str) -> None:
    """The heat map's cell opens the rows behind it; charts are drawn again in the other look's colours."""
    context, page, wrong = opened(browser, DESK, color_scheme="light")
    page.goto(f"{address}/parameters")
    ink = "document.querySelector('#heat-sharpe .xtick text').style.fill"
    page.wait_for_selector("#heat-sharpe .xtick text")
    before = page.evaluate(ink)
    page.get_by_role("button", name="Dark").click()
    page.wait_for_function(f"{ink} !== '{before}'")
    area = page.locator("#heat-sharpe .nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 60, area["y"] + area["height"] - 50)
    page.wait_for_selector("#heat-sharpe .hovertext")
    page.mouse.click(area["x"] + 60, area["y"] + area["height"] - 50)
    page.wait_for_url("**degree=2*")
    assert wrong == []
    context.close()
