"""Shared by all tests: few threads, since more than free cores make torch crawl, and one page."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
torch.set_num_threads(2)


def pytest_addoption(parser):
    parser.addoption("--cases", type=int, default=500, help="hostile requests of tests/test_fuzz")
    parser.addoption("--visits", type=int, default=5, help="visitors of tests/test_load")
    parser.addoption("--device", default="cpu", help="of the tests that take one, such as cuda")


@pytest.fixture(scope="session")
def device(request):
    return request.config.getoption("--device")


@pytest.fixture(scope="session")
def address():
    from tools.browser import served

    with served() as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    from tools.browser import chromium

    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """A fresh visitor; `page.asked()` lists the requests, and errors on the page fail the test."""
    from tools.browser import open_page

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    page.asked = lambda: [u for u in asked if urlsplit(u).scheme in ("http", "https", "ws", "wss")]
    open_page(page, address)
    yield page
    context.close()
    assert not errors
