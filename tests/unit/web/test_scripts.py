"""The scripts of the page as ES modules, and how they are served."""

import posixpath
import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pds.web.layout import TABS
from pds.web.server import scripts

IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
DECLARES = re.compile(r"import |export |(async )?function |const |let |//|/\*|[\s})\]]|$")


@pytest.fixture(scope="module")
def client():
    with TestClient(Starlette(routes=[scripts.ROUTE])) as client:
        yield client


def text(path):
    return scripts.modules()[path].decode()


def exports(path, source):
    """The names that a module exports which the one at `path` imports as `source`."""
    module = posixpath.normpath(posixpath.join(posixpath.dirname(path), source))
    return EXPORT.findall(text(module))


@pytest.mark.parametrize("tab", TABS, ids=[tab.name for tab in TABS])
def test_the_module_of_a_tab_exports_start(tab):
    path = f"tabs/{tab.folder.name}/{tab.script}"
    assert "start" in EXPORT.findall(text(path))
    assert f"{scripts.address()}{path}" in tab.on_load()


@pytest.mark.parametrize("path", scripts.modules())
def test_every_import_is_exported_where_it_is_sought(path):
    imports = IMPORT.findall(text(path))
    assert len(imports) == len(re.findall("^import ", text(path), re.MULTILINE))
    wanted = [
        (source, name.split(" as ")[0].strip())
        for names, source in imports
        for name in names.split(",")
    ]
    assert [(source, name) for source, name in wanted if name not in exports(path, source)] == []


@pytest.mark.parametrize("path", scripts.modules())
def test_a_module_only_declares_at_import(path):
    """A module is loaded before its tab is drawn, so that only `start` may use the page."""
    assert [line for line in text(path).splitlines() if not DECLARES.match(line)] == []


def test_a_module_is_served_with_its_hash_and_kept_by_browsers(client):
    answer = client.get(f"/{scripts.address()}static/format.js")
    assert answer.content == scripts.modules()["static/format.js"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "scripts/000000000000/static/format.js",
        f"{scripts.address()}static/missing.js",
        f"{scripts.address()}static/stage.css",
        f"{scripts.address()}tab.py",
        f"{scripts.address()}../layout.py",
    ],
)
def test_an_old_hash_and_an_unknown_path_are_not_found(client, path):
    answer = client.get(f"/{path}")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_the_hash_changes_with_any_script(monkeypatch):
    before = scripts.address()
    changed = {**scripts.modules(), "static/format.js": b"export const short = String;"}
    monkeypatch.setattr(scripts, "modules", lambda: changed)
    assert scripts.address.__wrapped__() != before
