"""The page under a prefix: behind a proxy that keeps or strips it, and mounted."""

import urllib.error
import urllib.request
from contextlib import ExitStack
from functools import cache, partial

import pytest
from fastapi import FastAPI
from gradio_client import Client
from starlette.testclient import TestClient

from pds.web import layout
from pds.web.server.public_path import VARIABLE, PublicPath, configured, route_path
from tests.support.local_server import served_here
from tests.support.loops import run
from tests.support.pages import follow_link
from tests.support.proxies import FORWARDED, NGINX, PREFIX, nginx, proxy
from tools.server import free_port

PROXIES = {
    "nginx": (PREFIX, nginx),
    "keeps": (PREFIX, proxy),
    "strips": (PREFIX, partial(proxy, strips=True)),
    "forwards": ("", partial(proxy, strips=True, headers=FORWARDED)),
}
"""The prefix that the page is configured with, and the proxy before it."""
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("keeps", "strips")]
"""What the gate leaves to the slow tests."""


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("", ""),
        ("/", ""),
        ("/pds", "/pds"),
        ("/pds/", "/pds"),
        ("pds", "/pds"),
        ("/a/b.c/~d_e-f/", "/a/b.c/~d_e-f"),
        ("/d%C3%A9mo", "/démo"),
        ("https://example.org", "https://example.org"),
        ("https://example.org:8443/a/pds/", "https://example.org:8443/a/pds"),
    ],
)
def test_the_configured_path_is_written_in_one_way(monkeypatch, given, root):
    monkeypatch.setenv(VARIABLE, given)
    assert configured() == root


@pytest.mark.parametrize(
    "given", ["ftp://x/y", "/a//b", "/a/../b", "/a b", "/a?b", "/" + "a" * 300]
)
def test_what_is_no_path_is_refused_with_its_value(monkeypatch, given):
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(ValueError, match=f"{VARIABLE} must be the path of the page.*got '"):
        configured()


def located(path, *, root="", mount="", mounted="", forwarded=None):
    """Root path, and address within the page, of a request."""
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    header = [] if forwarded is None else [(b"x-forwarded-prefix", forwarded.encode())]
    scope = {"type": "http", "path": path, "root_path": mount, "headers": header}
    run(PublicPath(app, root=root, mounted=mounted)(scope, None, None))
    return scopes[0]["root_path"], route_path(scopes[0])


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("/config", {}, ("", "/config")),
        ("/config", {"root": "/pds"}, ("/pds", "/config")),
        ("/pds/config", {"root": "/pds"}, ("/pds", "/config")),
        ("/pds", {"root": "/pds"}, ("/pds", "/")),
        ("/pds/", {"root": "/pds"}, ("/pds", "/")),
        ("/pdsx", {"root": "/pds"}, ("/pds", "/pdsx")),
        ("/pds/config", {"root": "https://h/pds", "mount": "https://h/pds"}, ("/pds", "/config")),
        ("/config", {"root": "https://h", "mount": "https://h"}, ("", "/config")),
        ("/config", {"forwarded": "/a/b"}, ("/a/b", "/config")),
        ("/a/b/config", {"forwarded": "/a/b/"}, ("/a/b", "/config")),
        ("/config", {"forwarded": "/a, /b"}, ("/a/b", "/config")),
        ("/config", {"forwarded": "/a", "root": "/pds"}, ("/pds", "/config")),
        ("/pds/config", {"mount": "/pds", "mounted": "/pds"}, ("/pds", "/config")),
        ("/x/pds/config", {"mount": "/x/pds", "mounted": "/pds"}, ("/x/pds", "/config")),
        ("/pds/config", {"mount": "/pds", "forwarded": "/x"}, ("/x/pds", "/config")),
        ("/pds/config", {"root": "/x/pds", "mounted": "/pds"}, ("/x/pds", "/config")),
    ],
)
def test_prefix_and_address_are_separated(path, given, expected):
    assert located(path, **given) == expected


@pytest.mark.parametrize("prefix", ["//evil.org", "/a/../..", "/<script>", '/"', "/é", "a" * 300])
def test_a_forwarded_prefix_that_is_no_path_is_ignored(prefix):
    root, path = located("/config", forwarded=prefix)
    assert path == "/config"
    assert root in ("", "/evil.org")  # a folder of this host, no other host


@pytest.fixture(scope="module")
def mounted():
    """A client of the page, mounted in an application."""
    with TestClient(layout.mount(FastAPI(), "/pds")) as client:
        yield client


def test_the_guard_refuses_the_same_under_a_prefix(mounted):
    statuses = {
        path: mounted.get(path).status_code
        for path in ("/pds/healthz", "/pds/gradio_api/runs", "/pds/pds/healthz", "/healthz")
    }
    posted = mounted.post("/pds/gradio_api/upload", files={"files": b"x"}).status_code
    assert statuses == {
        "/pds/healthz": 200, "/pds/gradio_api/runs": 404, "/pds/pds/healthz": 404, "/healthz": 404
    }  # fmt: skip
    assert posted == 404


@pytest.mark.parametrize("path", ["/pds", "/pds/"])
def test_a_mounted_page_finds_its_files_under_its_path(mounted, path):
    page = mounted.get(path)
    script = mounted.get("/pds/plotly.min.js")
    assert '<base href="/pds/" />' in page.text
    assert script.status_code == 200


@pytest.fixture(scope="module")
def server(local_address):
    """Returns a function from a configured prefix to the address of its page."""
    with ExitStack() as stack:
        with_prefix = cache(lambda root: stack.enter_context(served_here(root)))
        yield lambda root: with_prefix(root) if root else local_address


@pytest.fixture(scope="module")
def behind(server):
    """Returns a function from a name in `PROXIES` to the address of the page behind that proxy."""
    with ExitStack() as stack:

        @cache
        def address(name):
            if name == "nginx" and not NGINX:
                pytest.skip("nginx is not installed")
            root, kind = PROXIES[name]
            return stack.enter_context(kind(server(root), prefix=PREFIX))

        yield address


def status(address, method="GET"):
    try:
        return urllib.request.urlopen(urllib.request.Request(address, method=method)).status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["", "/", "/healthz", "/plotly.min.js"])
@pytest.mark.parametrize("name", PROXIES)
def test_the_page_answers_behind_a_proxy_with_and_without_the_final_slash(
    behind, name, path, method
):
    assert status(behind(name) + path, method) == 200


@pytest.mark.parametrize("name", ["nginx", "forwards", *SLOW])
def test_a_program_runs_a_comparison_behind_a_proxy(behind, name):
    client = Client(behind(name), verbose=False)
    job = client.submit("field64", 3, 5.0, True, False, 1, 0, False, api_name="/compare")
    assert [message["iteration"] for message in job] == [1, 2, 3]
    client.close()


@pytest.mark.slow
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", PROXIES)
def test_a_link_runs_and_figures_draw_behind_a_proxy(browser, behind, name, slash):
    """tests/browser/test_prefix.py does so behind one proxy in each run of the tests."""
    page = browser.new_page()
    follow_link(page, behind(name), slash)
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nginx", "forwards", *SLOW])
def test_a_run_behind_a_proxy_is_stopped_by_its_page(browser, behind, name):
    page = browser.new_page()
    page.goto(f"{behind(name)}/?model=field256&num_steps=2000&num_images=8")
    page.wait_for_selector(".pds[data-state=running]")
    page.wait_for_function(
        "document.querySelector('.pds-verdict')?.textContent.startsWith('Sampling')"
    )
    page.click(".pds-stop")
    page.wait_for_function(
        "() => fetch('healthz').then((answer) => answer.json()).then(({ runs }) => runs === 0)"
    )
    page.close()


@pytest.mark.slow
def test_a_whole_address_is_taken_where_the_proxy_changes_the_host(browser):
    port = free_port()
    headers = {"Host": "inside.invalid"}
    with (
        proxy(f"http://127.0.0.1:{port}", prefix=PREFIX, headers=headers) as address,
        served_here(address, port),
    ):
        page = browser.new_page()
        page.goto(f"{address}?model=field64&num_steps=5&num_images=1")
        page.wait_for_function("document.querySelector('.pds-verdict')?.textContent.length > 40")
        page.close()
