"""The installed package: its files, and its command without a checkout."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string

import pytest
from packaging.requirements import Requirement

from pds import __version__
from pds.commands import cli
from pds.files.shipped import ROOT, resolve_path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DESCRIPTION = PROJECT["project"]["readme"]["text"]
EXTRAS = PROJECT["project"]["optional-dependencies"]


def pins(name):
    """Versions by package, of a file of requirements."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


PINS, DEV_PINS = pins("requirements.txt"), pins("requirements-dev.txt")
CONFIG = "configs/ve/portraits32_ncsnpp.py"
HEAVY = ("torch", "numpy", "gradio", "plotly")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs a command of the package, installed into a folder of its own, in another folder."""
    site, elsewhere = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    pip("install", "--target", site, wheel)
    environment = {**os.environ, "PYTHONPATH": str(site), "CUDA_VISIBLE_DEVICES": ""}

    def run(*words):
        done = subprocess.run(
            words, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.site, run.folder = site, elsewhere
    run.pds = str(site / "bin" / "pds")
    return run


def pip(command, *words):
    quiet = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", command, *quiet, *map(str, words)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files(folder, pattern="*"):
    """Paths of a folder's files from the top of the project, without caches."""
    found = (ROOT / folder).rglob(pattern)
    return {p.relative_to(ROOT).as_posix() for p in found if p.is_file() and p.suffix != ".pyc"}


@pytest.mark.parametrize("folder", ["assets", "filters", "configs"])
def test_the_wheel_holds_what_is_shipped(wheel, folder):
    assert {f"pds/_shipped/{name}" for name in files(folder)} <= names_in(wheel)


@pytest.mark.parametrize("pattern", ["*.py", "*.html", "*.js", "*.css", "py.typed"])
def test_the_wheel_holds_code_and_page(wheel, pattern):
    assert files("pds", pattern)
    assert files("pds", pattern) <= names_in(wheel)


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert tops == {"pds", f"pds-{__version__}.dist-info"}


@pytest.mark.slow
def test_the_command_compares_from_any_folder(installed):
    words = ["--num-steps", "2", "--num-images", "1", "--out", "x.png"]
    printed = installed(sys.executable, "-m", "pds", "compare", *words)
    first, last = printed.splitlines()
    assert first == "x.png: vanilla above, PDS below"
    assert last.startswith("grain ")
    assert (installed.folder / "x.png").is_file()


@pytest.mark.slow
def test_the_command_estimates_a_filter(installed):
    installed(installed.pds, "filter", "portraits", "--num-images", "10", "--out", "mine")
    names = {path.name for path in installed.folder.glob("mine*")}
    assert names == {"mine_freq.npy", "mine_space.npy", "mine_gain.png"}


@pytest.mark.slow
def test_the_command_samples_by_shipped_files_and_shows_the_run_of_its_picture(installed):
    words = ["--config", CONFIG, "--freq_mask_path", "filters/portraits32_freq.npy"]
    few = ["--workdir", "run", "--speed_up", "1000", "--num_samples", "1"]
    printed = installed(installed.pds, "sample", *words, *few)
    assert printed == "run/eval: 1 images sampled, 0 were there\n"
    shown = installed(installed.pds, "show", "run/eval/000000.png")
    assert shown.startswith("pds sample ")


@pytest.mark.slow
def test_the_code_that_ran_is_the_installed_one(installed):
    code = "import pds.files.shipped; print(pds.files.shipped.ROOT)"
    assert installed(sys.executable, "-c", code).strip() == str(installed.site / "pds/_shipped")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_loads_nothing_heavy(flag):
    code = (
        "import sys; from pds.commands.cli import main\n"
        f"try: main(['{flag}'])\n"
        f"finally: print('loaded:', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("text", PROJECT["project"]["dependencies"])
def test_a_pinned_version_lies_in_the_range_of_the_package(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(PINS[requirement.name])


@pytest.mark.parametrize("text", [t for ts in EXTRAS.values() for t in ts])
def test_a_pin_of_the_tests_lies_in_the_range_of_an_extra(text):
    requirement = Requirement(text)
    pin = {**PINS, **DEV_PINS}.get(requirement.name)
    assert pin is None or requirement.specifier.contains(pin)


def test_an_index_of_packages_gets_what_the_wheel_says(wheel):
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"pds-{__version__}.dist-info/METADATA").decode()
    found = message_from_string(text)
    assert set(found.get_all("Provides-Extra")) == set(EXTRAS)
    assert found["Description-Content-Type"] == "text/markdown"
    assert found.get_payload().strip() == PROJECT["project"]["readme"]["text"].strip()


@pytest.mark.parametrize("line", re.findall(r"^pds .*$", DESCRIPTION, re.MULTILINE))
def test_a_command_of_the_description_is_one(line):
    assert callable(cli.parse_arguments(line.split()[1:]).run)


def test_every_pin_is_a_dependency_of_the_package():
    assert {Requirement(text).name for text in PROJECT["project"]["dependencies"]} == set(PINS)


def test_a_file_of_the_current_folder_goes_before_a_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_path(CONFIG) == str(ROOT / CONFIG)
    (tmp_path / CONFIG).parent.mkdir(parents=True)
    (tmp_path / CONFIG).write_text("mine")
    assert resolve_path(CONFIG) == CONFIG


@pytest.mark.parametrize("path", ["no/such/file.py", "", "configs", "a" * 5000, "/nowhere"])
def test_other_paths_stay_as_they_are(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_path(path) == path
