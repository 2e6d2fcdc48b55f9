"""Shared by all tests: few threads, since more than free cores make torch crawl, and one page.

With `--device` only the tests of `placed.MODULES` run, with their tensors on that device.
"""

import os
import signal
from urllib.parse import urlsplit

import pytest
import torch

from tests.support import imitated_device
from tests.support.placed import MODULES, Placed

torch.set_num_threads(1)

LEFT_OUT = {"slow", "fuzz", "load"}
"""Markers of the tests that run only if `-m` names them."""


def pytest_configure(config):
    if (device := config.getoption("--device")) == "cpu":
        return
    if device == imitated_device.NAME:
        imitated_device.register()
        torch.set_num_threads(1)
    Placed(device).__enter__()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads its options
def pytest_cmdline_main(config):
    """Run all tests on up to four cores, and a few, which start sooner, in this process."""
    named = config.invocation_params.args and config.args != config.getini("testpaths")
    if (
        named
        or config.getoption("--device") != "cpu"
        or not config.pluginmanager.has_plugin("xdist")
    ):
        return
    if config.option.numprocesses is None:
        config.option.numprocesses = min(4, os.cpu_count() or 1)
        config.option.dist = "worksteal"


def pytest_ignore_collect(collection_path, config):
    if config.getoption("--device") == "cpu" or collection_path.is_dir():
        return None
    chosen = collection_path.stem.removeprefix("test_") in MODULES
    return None if chosen else True  # False would overrule --ignore


def pytest_collection_modifyitems(items, config):
    device = config.getoption("--device")
    for item in items:
        if device != "cpu" and item.get_closest_marker("about_cpu"):
            item.add_marker(pytest.mark.skip("about the CPU"))
        if device == imitated_device.NAME and item.get_closest_marker("not_imitated"):
            item.add_marker(pytest.mark.skip("the imitated device cannot do it"))
    if device != imitated_device.NAME:
        others = [item for item in items if item.get_closest_marker("only_imitated")]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter, exitstatus):
    """Say how to run the named tests if all of them are left out by default."""
    left_out = terminalreporter.stats.get("deselected", [])
    markers = {mark.name for item in left_out for mark in item.iter_markers()} & LEFT_OUT
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and markers:
        expression = " or ".join(sorted(markers))
        terminalreporter.write_line(f'No test ran without its marker: add -m "{expression}".')


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="cpu, cuda or imitated; see conftest.py")
    parser.addoption("--cases", type=int, default=500, help="hostile requests of tests/test_fuzz")
    parser.addoption("--visits", type=int, default=5, help="visitors of tests/test_load")


@pytest.fixture(scope="session")
def device(request):
    """The name of the device."""
    return request.config.getoption("--device")


@pytest.fixture(autouse=True)
def full_precision():
    """Full precision of products on a GPU, unless a test wants less."""
    from pds.bench.precision import float32_products

    with float32_products(tf32=False):
        yield


@pytest.fixture
def one_thread():
    """One thread for small tensors: two wait for each other on a busy machine."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt, which a shell turns off for jobs in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
