"""The order of the packages: each imports only lower ones; the library imports no web package."""

import ast
import json
import subprocess
import sys
from functools import cache

import pytest

import pds
from tests.support.paths import ROOT

PACKAGE = ROOT / "pds"
LAYERS = [
    {"limits", "sde", "spectra"},
    {"appearance", "files", "preconditioners"},
    {"filters", "kernels"},
    {"sampling"},
    {"driving", "scores", "serving", "theory"},
    {"arms", "integrations"},
    {"request"},
    {"models", "portraits"},
    {"evaluation", "jobs"},
    {"bench", "web"},
    {"commands"},
    {"__main__"},
]
"""From the bottom: a package or module imports those of lower layers, and its own files."""

SOURCES = sorted(PACKAGE.rglob("*.py"))


def top_name(path):
    """The part of pds that a file belongs to: web for web/layout.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path):
    """Dotted names that a file imports, `from a import b` giving a.b."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    parts = [
        f"{n.module}.{alias.name}"
        for n in nodes
        if isinstance(n, ast.ImportFrom)
        for alias in n.names
    ]
    return plain + parts


def layer(name):
    (index,) = [i for i, names in enumerate(LAYERS) if name in names]
    return index


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_its_own_package_and_lower_layers_only(path):
    if path == PACKAGE / "__init__.py":
        return  # it imports each of its names when that is used, see below
    parts = [name.split(".") for name in imports(path)]
    others = {part[1] for part in parts if part[0] == "pds" and len(part) > 1} - {top_name(path)}
    assert [name for name in others if layer(name) >= layer(top_name(path))] == []


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("gradio", {"web/layout.py", "web/components.py", "web/server/gradio_internals.py"}),
        ("plotly", {"web/figures.py", "evaluation/report.py"}),
    ],
)
def test_a_web_package_is_imported_in_one_place(package, allowed):
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in SOURCES
        if any(name.split(".")[0] == package for name in imports(path))
    }
    assert importers <= allowed


@pytest.mark.parametrize("figures", sorted((PACKAGE / "web").rglob("figures.py")), ids=str)
def test_figures_do_not_import_torch(figures):
    assert not [name for name in imports(figures) if name.split(".")[0] == "torch"]


@pytest.mark.parametrize("path", sorted((PACKAGE / "web").rglob("*.py")), ids=lambda p: p.name)
def test_within_the_page_the_server_lies_below_the_tabs_and_these_below_the_layout(path):
    upper = ["pds.web.layout", "pds.web.components", "pds.web.api"]
    if path.is_relative_to(PACKAGE / "web" / "server"):
        upper += ["pds.web.tab", "pds.web.figures", "pds.web.sentences"]
    elif not path.is_relative_to(PACKAGE / "web" / "tabs"):
        return
    assert not [name for name in imports(path) if name.startswith(tuple(upper))]


IN_A_NEW_PROCESS = """
import json, sys, torch
from importlib import import_module
cuda = torch.cuda.is_available, torch.cuda.init
torch.cuda.is_available = torch.cuda.init = lambda: 1 / 0  # a device that is touched

def loaded(*names):
    return [name for name in names if name in sys.modules]

found = {}
import pds.integrations
found["integrations"] = loaded("diffusers", "azula", "k_diffusion")
import pds, pds.models, pds.request, pds.jobs.comparison, pds.jobs.run
[getattr(pds, name) for name in pds.__all__]
found["library"] = loaded("gradio", "plotly")
for name in ("conftest", "unit.test_kernels", "unit.theory.test_theory"):
    import_module("tests." + name)
found["tests of the sampler"] = loaded("playwright", "gradio", "plotly")
torch.cuda.is_available, torch.cuda.init = cuda
from pds.commands.cli import main
words = "compare --num-steps 2 --num-images 1 --out".split()
assert main([*words, sys.argv[1]]) == 0
found["a command that samples"] = loaded("torch._dynamo")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """What using each part of this project has loaded; no import may touch a device."""
    out = tmp_path_factory.mktemp("loaded") / "a.png"
    done = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS, out], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_integrations_imports_none_of_their_libraries(loaded):
    assert loaded["integrations"] == []


def test_importing_the_library_loads_neither_gradio_nor_plotly_and_touches_no_device(loaded):
    assert loaded["library"] == []


def test_the_tests_of_the_sampler_load_no_web_package(loaded):
    """So that a change to a kernel is judged within seconds."""
    assert loaded["tests of the sampler"] == []


def test_a_command_samples_without_the_compiler_of_torch(loaded):
    """Its import takes a second."""
    assert loaded["a command that samples"] == []


TESTS = [
    path
    for folder in ("unit", "support")
    for path in (ROOT / "tests" / folder).rglob("*.py")
    if path.name != "pages.py" and not path.is_relative_to(ROOT / "tests" / "unit" / "web")
]


@pytest.mark.parametrize("path", sorted(TESTS), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_unit_test_outside_the_page_needs_no_browser(path):
    assert {name.split(".")[0] for name in imports(path)} & {"playwright"} == set()


def test_the_front_of_the_library_is_what_its_modules_define():
    assert [getattr(pds, name).__name__ for name in pds.__all__] == list(pds.__all__)
    assert set(pds.__all__) == {name for names in pds._MODULES.values() for name in names}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = pds.nothing


def test_few_rooms_lie_at_the_top():
    modules = list(PACKAGE.glob("*.py"))
    packages = [path for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    assert len(modules) <= 13
    assert len(packages) <= 12
    named = {top_name(path) for path in modules} | {path.name for path in packages}
    assert named == {"__init__"}.union(*LAYERS)
