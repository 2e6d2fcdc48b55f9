"""What a host reads, builds and starts."""

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from pds.files.shipped import ROOT
from pds.web.api import compare
from pds.web.server import zerogpu
from pds.web.tabs.compare import live_comparison
from tests import dockerfile_steps

PINS = dict(
    line.split("==")
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line
)
COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def front():
    """What Hugging Face reads at the top of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, block, rest = text.split("---\n", 2)
    assert rest.startswith("\n# ")
    return dict(line.split(": ", 1) for line in block.splitlines())


def test_a_space_is_told_what_to_run(front):
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == PINS["gradio"]
    assert (ROOT / front["app_file"]).is_file()
    assert (ROOT / front["thumbnail"]).is_file()
    assert front["python_version"] == '"3.11"'
    assert {front["colorFrom"], front["colorTo"]} <= COLORS
    assert len(front["short_description"]) <= 60
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").lower().startswith(front["license"])


def test_the_container_has_the_python_of_the_space(front):
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"FROM python:{front['python_version'].strip(chr(34))}-slim" in docker


@pytest.fixture(scope="module")
def walked():
    return dockerfile_steps.walk()


def test_the_container_s_command_samples_as_its_user(walked):
    assert walked["uid"] in ("1000", str(dockerfile_steps.os.geteuid()))
    assert walked["iterations"] == [1, 2, 3]


def test_the_container_holds_the_demo_and_little_else(walked):
    assert walked["megabytes"] < 40


def test_the_container_writes_to_one_folder_only(walked):
    if not walked["read_only"]:
        pytest.skip("this machine cannot make its file system read-only for a process")
    assert all(not path.endswith((".png", ".webp")) for path in walked["written"])


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("tests/test_page.py", True),
        ("pds/__pycache__/x.pyc", True),
        ("pds/web/tabs/compare/stage.js", False),
        ("README.md", False),
        ("app.py", False),
    ],
)
def test_what_the_image_leaves_out(path, left_out):
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert dockerfile_steps.ignored(patterns, path) == left_out


def test_sampling_borrows_a_gpu_where_spaces_lends_one(monkeypatch, tmp_path):
    lent = []

    def gpu(*, duration):
        def wrap(function):
            def run(*args, **kwargs):
                lent.append(duration)
                yield from function(*args, **kwargs)

            return run

        return wrap

    spaces = types.ModuleType("spaces")
    spaces.GPU = gpu
    spaces.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    lent_gpu = zerogpu.on_lent_gpu(compare)
    steps = list(lent_gpu(model="field64", num_steps=2, num_images=1))
    assert len(steps) == 2
    assert lent == [zerogpu.SECONDS]
    with pytest.raises(ValueError, match="model must be one of"):
        list(lent_gpu(model="gone"))


def test_elsewhere_sampling_is_untouched(monkeypatch):
    monkeypatch.setattr(zerogpu.importlib.util, "find_spec", lambda name: None)
    assert zerogpu.on_lent_gpu(live_comparison.messages) is live_comparison.messages


def test_mcp_without_its_package_says_what_to_install():
    if zerogpu.importlib.util.find_spec("mcp"):
        pytest.skip("the package is installed")
    done = subprocess.run(
        [sys.executable, "app.py", "--mcp"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[-1]
        == 'app.py: --mcp needs a package more: pip install "gradio[mcp]"'
    )


def test_the_scratch_folder_is_named_for_every_library_that_keeps_files():
    text = Path(ROOT / "Dockerfile").read_text(encoding="utf-8")
    for name in ("HOME", "TMPDIR", "GRADIO_TEMP_DIR", "HF_HOME", "MPLCONFIGDIR"):
        assert re.search(rf"\b{name}=/scratch", text)
