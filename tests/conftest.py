"""Shared by all tests: one page, and few threads, since torch crawls with more than free cores.

With `--device` only the tests of `placed.MODULES` run, with their tensors on that device.
"""

import gc
import logging
import os
import signal

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
    Placed(device).__enter__()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads its options
def pytest_cmdline_main(config):
    """Run all tests on up to four cores, and a few, which start sooner, in this process."""
    named = config.invocation_params.args and config.args != config.getini("testpaths")
    if (
        named
        or hasattr(config, "workerinput")  # one of those cores
        or config.getoption("--device") != "cpu"
        or not config.pluginmanager.has_plugin("xdist")
    ):
        return
    if config.option.numprocesses is None:
        config.option.numprocesses = min(4, os.cpu_count() or 1)
        config.option.dist = "loadfile"


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file together, which share fixtures, and those of the one browser."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "tests/browser" if file.startswith("tests/browser/") else file

    return Together(config, log) if config.option.dist == "loadfile" else None


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


def pytest_collection_finish(session):
    """Take time from what pytest does around each test.

    The tests and the modules that they import stay to the end: the garbage collector need not
    visit them, and only seldom all the others. And pytest adds its handler to every logger that
    does not propagate, for each phase of each test; torch has forty of them.
    """
    gc.freeze()
    gc.set_threshold(700, 10, 100)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("torch") and isinstance(logger, logging.Logger):
            logger.propagate = True


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
    """Full precision of products on a GPU, unless a test wants less.

    `pds.bench.precision.float32_products` without its imports, which take seconds.
    """
    kept = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.set_float32_matmul_precision(kept[0])
    torch.backends.cudnn.allow_tf32 = kept[1]


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
def local_address():
    """The address of a page that this process serves, for tests without a browser."""
    from tests.support.local_server import served_here

    with served_here() as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    """One Chromium, whose waits are long enough for a busy machine."""
    from playwright.sync_api import expect, sync_playwright

    from tests.support.pages import PATIENCE
    from tools.browser import FLAGS, chromium

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = chromium(playwright, (*FLAGS, "--process-per-site"))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context_of(browser):
    """Browser contexts by their options, each made once and with a cache of its own."""
    from tests.support.pages import DESKTOP, PATIENCE

    contexts = {}

    def context(**options):
        key = repr(sorted(options.items()))
        if key not in contexts:
            contexts[key] = browser.new_context(**{"viewport": DESKTOP} | options)
            contexts[key].set_default_timeout(PATIENCE)
        return contexts[key]

    yield context
    for each in contexts.values():
        each.close()


@pytest.fixture
def blank(context_of, address):
    """A page of a visitor without a past, not yet opened."""
    from tests.support.pages import visitor

    with visitor(context_of(), address) as page:
        yield page


@pytest.fixture
def page(blank, address):
    """The demo as a visitor without a past opens it."""
    from tools.browser import open_page

    open_page(blank, address)
    return blank


@pytest.fixture(scope="module")
def kept_page(context_of, address):
    """The demo on a page that the tests of a module share, with the run that it opened with."""
    from tests.support.pages import opened

    with opened(context_of(), address) as page:
        yield page


@pytest.fixture(scope="module")
def used_page(context_of, address):
    """The demo on a page where the tests of a module sample one after the other."""
    from tests.support.pages import opened

    with opened(context_of(), address) as page:
        yield page


@pytest.fixture
def settled(used_page):
    """That page with the settings of the first paint, and the pictures of its last run."""
    from tests.support.pages import reset

    reset(used_page)
    return used_page
