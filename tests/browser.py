"""Pages opened in Chromium: what a reader with a phone, a printer, a keyboard or a screen reader meets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here: pages were not opened in a real browser"
)
WIDTHS = (390, 768, 1280)
PAPER = {"width": 688, "height": 1000}  # what A4 leaves between margins of 14 mm, at 96 dots an inch
BEYOND = """() => [...document.querySelectorAll('main *')]
  .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((one) => one.outerHTML.slice(0, 80))"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser. The policy of a page is set aside, so that axe can be run in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def faults(browser: Any, path: Path) -> list[str]:
    """Return what is wrong with a page: requests, sideways scrolling, what axe finds, what a printer would cut."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[str] = []
    asked: list[Any] = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request))
        page.goto(path.as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"scrolls sideways at {width}")
            said = Axe().run(page).response["violations"]
            found += [f"{one['id']} at {width}, {scheme}: {one['nodes'][0]['html'][:100]}" for one in said]
        page.emulate_media(media="print")
        page.set_viewport_size(PAPER)
        found += [f"cut on paper: {html}" for html in page.evaluate(BEYOND)[:3]]
        context.close()
    return [*found, *(f"asks for {one.url}" for one in asked if _leaves(one.url, path))]


def _leaves(url: str, path: Path) -> bool:
    return not url.startswith(("data:", "about:")) and url.split("#")[0] != path.as_uri()
