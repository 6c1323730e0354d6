"""Take README's pictures of the dashboard: `python scripts/screenshots.py ADDRESS` of a running `demo --serve`.

Needs the development requirements and the machine's own Chromium.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SHOTS = {"board.png": ("/", 760), "symbol.png": ("/symbol/BTCUSDT", 760)}


def main(address: str) -> None:
    """Write the pictures."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--disable-gpu", *sandbox])
        for name, (path, height) in SHOTS.items():
            page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
            page.goto(address.rstrip("/") + path, wait_until="load")
            page.wait_for_timeout(1000)  # charts and the live sign have come
            page.screenshot(path=IMAGES / name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
