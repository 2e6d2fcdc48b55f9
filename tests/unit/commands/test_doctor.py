"""`pds doctor`: its report on a working installation, and on broken ones."""

import json
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from packaging.specifiers import SpecifierSet

from pds.commands.cli import main
from pds.commands.doctor import devices, files, folders, sample, section, versions
from pds.files.shipped import ROOT

HEAVY = ("torch", "numpy", "gradio", "plotly", "safetensors")


def quiet(step):
    """A progress that is not shown."""


@pytest.fixture
def report(monkeypatch, capsys):
    """Exit code and JSON of the report, without a sample and without the test of bfloat16."""
    monkeypatch.setattr(devices, "_bfloat16", lambda torch: "not tried")

    def made(*flags):
        code = 0
        try:
            main(["doctor", "--json", "--no-sample", *flags])
        except SystemExit as stopped:
            code = stopped.code
        return code, json.loads(capsys.readouterr().out)

    return made


@pytest.fixture
def versions_of(monkeypatch):
    """Makes packages have other versions, or none."""
    installed = versions.installed

    def changed(**others):
        monkeypatch.setattr(
            versions,
            "installed",
            lambda name: others.get(name) if name in others else installed(name),
        )

    return changed


# The report


def test_where_all_is_well_there_is_no_problem_and_the_exit_code_is_0(report):
    code, found = report()
    assert (code, found["problems"]) == (0, [])
    assert found["versions"]["torch"] and found["files"]["whole"] == found["files"]["expected"]
    assert list(found) == ["versions", "devices", "files", "folders", "problems"]


def test_a_problem_is_the_exit_code_1(report, versions_of):
    versions_of(plotly="6.0.0")
    code, found = report()
    assert code == 1
    assert found["problems"] == [
        'plotly 6.0.0 is not in the range that pds is tested with, >=7: pip install "plotly>=7"'
    ]


def test_the_text_has_every_fact_and_progress_is_apart_from_it(monkeypatch, capsys):
    monkeypatch.setattr(devices, "_bfloat16", lambda torch: "not tried")
    assert main(["doctor", "--no-sample"]) == 0
    out, err = capsys.readouterr()
    assert "  CPU bfloat16  not tried\n" in out
    assert out.endswith("\nproblems\n  none: all is well\n")
    assert "pds: importing torch ...\n" in err


def test_the_report_needs_no_package():
    hidden = "".join(f"sys.modules[{name!r}] = None;" for name in HEAVY)
    code = f"import sys; {hidden} from pds.commands.cli import main; main(['doctor', '--json'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    *packages, drawn = json.loads(done.stdout)["problems"]
    assert [problem.split()[0] for problem in packages] == [
        name for name in ("torch", "numpy", "gradio", "plotly", "safetensors")
    ]
    assert all("cannot be imported (ModuleNotFoundError" in problem for problem in packages)
    assert drawn.startswith("sampling failed (ModuleNotFoundError")


def test_a_fact_is_shown_in_words():
    facts = {"a_b": True, "c": None, "d": ["x", "y"], "e": [], "f": {"g": 1.5}}
    shown = section.Section("title", facts).text()
    assert shown == "title\n  a b  yes\n  c    none\n  d    x; y\n  e    none\n  f    g 1.5"


# Versions


def test_a_missing_package_is_named_with_the_range_to_install(versions_of):
    versions_of(gradio=None)
    problems = versions.check(quiet).problems
    assert problems == ['gradio is missing: pip install "gradio>=6.31,<6.32"']


def test_a_package_that_is_broken_is_named_with_its_error(monkeypatch):
    real = section.import_module

    def import_module(name):
        if name == "PIL":
            raise OSError("libjpeg.so.62: cannot open\nshared object file")
        return real(name)

    monkeypatch.setattr(section, "import_module", import_module)
    (problem,) = versions.check(quiet).problems
    assert "cannot be imported (OSError: libjpeg.so.62: cannot open shared object" in problem
    assert problem.endswith('pip install --force-reinstall "pillow"')


def test_a_folder_that_is_left_of_a_package_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "leftover").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert section.imported("leftover") == (
        None,
        "its folder has no code, as after an installation that broke off",
    )


def test_an_optional_package_may_be_missing_but_not_of_another_version(versions_of):
    versions_of(shtab=None)
    assert versions.check(quiet).problems == []
    versions_of(shtab="1.0")
    (problem,) = versions.check(quiet).problems
    assert problem.startswith("shtab 1.0 is not in the range")


def test_an_installed_package_is_checked_by_its_metadata(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    needed = ["huggingface-hub", "torch<2.14,>=2.11", "shtab>=1.13; extra == 'completion'"]
    monkeypatch.setattr(versions.metadata, "requires", lambda name: needed)
    found = {r.name: r.needed for r in map(versions.Requirement.of, versions.declared())}
    assert found == {"huggingface-hub": True, "torch": True, "shtab": False}
    assert versions.check(quiet).problems == []


@pytest.mark.parametrize("version", ["2.11", "2.13.0+cpu", "2.14.0", "2.9.1", "3", "2.20.0"])
@pytest.mark.parametrize("bounds", [">=2.11,<2.14", ">=2.11.0", "<3", "==2.14", "!=2.9.1", ""])
def test_a_range_means_what_pip_takes_it_for(version, bounds):
    ours = versions.Requirement.of(f"torch{bounds}").contains(version)
    assert ours == SpecifierSet(bounds).contains(version)


def test_a_requirement_of_an_extra_is_read_whole():
    read = versions.Requirement.of("gradio[mcp]<6.32,>=6.31; extra == 'mcp'")
    assert read == ("gradio[mcp]<6.32,>=6.31", "gradio", "<6.32,>=6.31", False)


def test_the_report_has_the_commit_of_a_checkout_and_its_state(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    assert versions.commit() is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("a")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    name = versions.commit()
    assert len(name) >= 7 and int(name, 16) >= 0
    (tmp_path / "file").write_text("b")
    assert versions.commit() == f"{name}, with changed files"


# Devices


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("", 8)],
)
def test_cores_are_those_that_a_container_may_use(quota, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(devices, "QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(quota)
    assert devices.cores() == expected


@pytest.mark.parametrize(("cuda", "built"), [(None, "no CUDA"), ("13.0", "CUDA 13.0")])
def test_a_driver_without_a_card_for_torch_is_a_problem_unless_cards_are_hidden(
    cuda, built, tmp_path, monkeypatch
):
    torch = SimpleNamespace(
        version=SimpleNamespace(cuda=cuda),
        cuda=SimpleNamespace(is_available=lambda: False, device_count=lambda: 0),
    )
    monkeypatch.setattr(devices, "DRIVER", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (problem,) = devices._card_problems(torch)
    assert f"torch, which is built with {built}, finds no card: install" in problem
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices._card_problems(torch) == []


def test_devices_that_are_not_there_are_a_problem(report, monkeypatch):
    def chosen():
        raise ValueError("PDS_DEVICES must name devices of this machine")

    monkeypatch.setattr(devices, "_chosen", chosen)
    code, found = report()
    assert code == 1
    assert found["problems"] == [
        "PDS_DEVICES must name devices of this machine; unset it to use what is there"
    ]


# Files and folders


def test_every_shipped_file_is_checked():
    shipped = {
        path.relative_to(ROOT).as_posix()
        for folder in ("assets", "filters")
        for path in (ROOT / folder).iterdir()
    }
    assert shipped == {name for name in files.SHIPPED if not name.startswith("configs/")}


@pytest.mark.parametrize(
    "name",
    ["assets/portraits32.safetensors", "filters/portraits32_freq.npy", "assets/grain.json"],
)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_ends_too_early_is_damaged(name, share, tmp_path):
    content = (ROOT / name).read_bytes()
    path = tmp_path / name.replace("/", "_")
    path.write_bytes(content)
    assert files.damage(path) == ""
    path.write_bytes(content[: int(share * len(content))])
    assert files.damage(path).startswith("is damaged or ends too early, at ")


def test_a_pointer_in_place_of_the_weights_is_damaged(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\nsize 5096924\n")
    assert files.damage(path).startswith("is damaged")


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROOT", tmp_path)
    found = files.check(quiet)
    assert found.facts["whole"] == 0
    assert found.problems[0].startswith(f"{tmp_path}/assets/portraits32.safetensors is missing: ")


def test_no_temporary_folder_is_a_problem(monkeypatch):
    def gettempdir():
        raise FileNotFoundError

    monkeypatch.setattr(folders.tempfile, "gettempdir", gettempdir)
    (problem,) = folders.check(quiet).problems
    assert problem.endswith("set TMPDIR to one that can")


def test_a_full_disk_is_a_problem(monkeypatch):
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    (problem,) = folders.check(quiet).problems
    assert "has 1 MiB of free space, the page needs at least 100: free some" in problem


def test_a_folder_below_a_file_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    assert folders.writable(tmp_path / "new" / "folder")
    assert not folders.writable(tmp_path / "file" / "folder")


# The sample


def test_a_sample_is_drawn_and_measured(monkeypatch):
    """After a few iterations there is far too much grain."""
    monkeypatch.setattr(sample, "NUM_STEPS", 6)
    monkeypatch.setattr(sample, "NUM_IMAGES", 1)
    seconds, grain = sample.draw_sample()
    assert seconds > 0
    assert set(grain) == {"vanilla", "PDS"} and min(grain.values()) > 10


@pytest.mark.slow
def test_the_sample_has_the_grain_that_it_must_have(monkeypatch):
    """Already with the first two of its images."""
    monkeypatch.setattr(sample, "NUM_IMAGES", 2)
    found = sample.check(quiet)
    assert found.problems == []
    assert found.facts["seconds"] > 0


def test_no_sampler_passes_for_the_other():
    swapped = {"vanilla": sample.GRAIN["PDS"][1], "PDS": sample.GRAIN["vanilla"][0]}
    assert len(sample._problems(swapped)) == 2


@pytest.mark.parametrize("grain", [math.nan, math.inf, 1.0, 40.0])
def test_another_grain_is_a_problem(grain, monkeypatch):
    monkeypatch.setattr(sample, "draw_sample", lambda: (1.0, {"vanilla": grain, "PDS": 1.5}))
    (problem,) = sample.check(quiet).problems
    assert problem.startswith(f"vanilla leaves {grain:g} times the network's own grain, expected")
