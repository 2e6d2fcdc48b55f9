"""The site builds strictly, has every public name, and requests nothing from another host.

Its build takes seconds, and is among the slow tests. Files and names that a page needs are looked
up without it.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from types import FunctionType

import pytest

import pds
from pds.files.shipped import ROOT

MODULES = [
    *(f"pds.{name}" for name in "sde preconditioners kernels sampling filters driving".split()),
    *("pds.request", "pds.appearance", "pds.spectra", "pds.portraits", "pds.arms.names"),
    *(f"pds.theory.{name}" for name in "modes recursion tuning levels response evolution".split()),
    *("pds.scores.gaussian", "pds.scores.mixture", "pds.scores.ncsnpp.score"),
    *("pds.jobs.comparison", "pds.integrations.denoisers", "pds.integrations.diffusers"),
]
"""What a researcher imports from."""

PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))

CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
"""Blocks and words of code, in which a bracket is no link."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `mkdocs build --strict` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Resources(HTMLParser):
    """The addresses that a browser requests for a page: not what a reader may follow."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "link" and attributes.get("rel") in ("canonical", "next", "prev"):
            return
        name = "href" if tag == "link" else None if tag == "a" else "src"
        if attributes.get(name):
            self.found.append(attributes[name])


def text_of(page):
    return CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_a_link_of_a_page_leads_to_a_file(page):
    links = [link for link in re.findall(r"\]\(([^)\s]*)\)", text_of(page)) if "://" not in link]
    files = [link.partition("#")[0] for link in links if not link.startswith("#")]
    assert [name for name in files if not (ROOT / page).parent.joinpath(name).is_file()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/reference/")])
def test_a_name_that_a_page_of_the_reference_is_about_is_there(page):
    """The modules and names of ::: lines, and those of links such as [pds.sample][name]."""
    text = text_of(page)
    modules = re.findall(r"^::: (\S+)", text, re.MULTILINE)
    assert [name for name in modules if not find_spec(name)] == []
    for name in re.findall(r"\]\[(pds\.[\w.]+)\]", text):
        resolve_name(name)  # raises where there is no such name


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_strict_build_has_every_page(site, page):
    name = page.removeprefix("docs/").removesuffix(".md").removesuffix("index")
    assert (site / name / "index.html").is_file()


@pytest.mark.slow
def test_nothing_is_requested_from_another_host(site):
    urls = {p: Resources(p.read_text(encoding="utf-8")).found for p in site.rglob("*.html")}
    assert sum(map(len, urls.values())) > 100
    for path in site.rglob("*.css"):
        urls[path] = re.findall(r"url\(['\"]?([^'\")]*)", path.read_text(encoding="utf-8"))
    elsewhere = re.compile(r"(?:[a-z]+:)?//")
    assert [(p, url) for p, found in urls.items() for url in found if elsewhere.match(url)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", pds.__all__)
def test_a_name_of_the_library_is_in_the_reference(site, name):
    place = f"{getattr(pds, name).__module__}.{name}"
    pages = [path.read_text(encoding="utf-8") for path in (site / "reference").rglob("*.html")]
    assert any(f'id="{place}"' in page for page in pages)
    overview = (site / "reference" / "python" / "index.html").read_text(encoding="utf-8")
    assert f"<code>pds.{name}</code>" in overview


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_a_public_name_of_a_module_is_in_the_reference(site, module):
    names = [
        name
        for name, value in vars(import_module(module)).items()
        if isinstance(value, type | FunctionType)
        if value.__module__ == module and not name.startswith("_")
    ]
    text = "".join(
        path.read_text(encoding="utf-8") for path in (site / "reference").rglob("*.html")
    )
    assert names
    assert [name for name in names if f'id="{module}.{name}"' not in text] == []


def test_readme_is_short_and_its_picture_is_small():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    assert (ROOT / "docs" / "samplers_at_work.webp").stat().st_size < 1_500_000


def test_a_link_of_the_readme_leads_to_a_file():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link]
    assert len(links) > 10
    assert not [link for link in links if not Path(ROOT / link.partition("#")[0]).is_file()]
