"""The examples: each script, and the notebook, runs and prints what its text claims."""

import base64
import io
import os
import re
import runpy
import sys

import nbclient
import nbformat
import numpy as np
import pytest
from diffusers import ScoreSdeVePipeline, ScoreSdeVeScheduler, UNet2DModel
from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image

from pds import VESDE, PredictorCorrector, filters, load_model, spectra, theory
from pds.files.shipped import ROOT
from tools.notebook import stripped

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
NOTEBOOK = EXAMPLES / "pds_in_ten_minutes.ipynb"


def numbers(printed):
    """The last number of each line that has a colon, by what is before it."""
    lines = [line.split(":") for line in printed.splitlines() if ":" in line]
    return {name: float(re.findall(r"\d+\.?\d*", rest)[-1]) for name, rest in lines}


def own_score(printed, folder):
    """PDS is nearer with 25 iterations, vanilla with 66."""
    texture = numbers(printed)
    error = {name: abs(value - texture["exact"]) for name, value in texture.items()}
    assert texture["N = 25, vanilla"] > 1.1 * texture["exact"]
    assert error["N = 25, PDS"] < error["N = 25, vanilla"] / 2
    assert error["N = 66, PDS"] > error["N = 66, vanilla"]


def any_denoiser(printed, folder):
    """Vanilla leaves a quarter too much texture, PDS nearly the right amount."""
    texture = numbers(printed)
    assert texture["vanilla"] > 1.15 * texture["exact"]
    assert abs(texture["PDS"] / texture["exact"] - 1) < 0.1


def exact_theory(printed, folder):
    """Few iterations favor PDS, many vanilla, and tuned is best."""
    table = np.array([line.split() for line in printed.splitlines()[1:]], float)
    num_steps, vanilla, preconditioned, tuned = table.T
    assert ((preconditioned < vanilla) == (num_steps <= 100)).all()
    assert (tuned < np.minimum(vanilla, preconditioned)).all()


def filters_from_folder(printed, folder):
    """The gain settles, the masks are usable, and PDS removes the grain."""
    found = numbers(printed)
    changes = [value for name, value in found.items() if name.endswith("images")]
    assert len(changes) == 6
    assert changes[-1] < 0.3 < changes[0]
    mask = filters.load(folder / "mine_freq.npy", (3, 32, 32), kind="frequency")
    assert filters.difference(mask, load_model("portraits32").frequency_mask).largest < 0.02
    filters.load(folder / "mine_space.npy", (3, 32, 32), kind="space")
    assert found["vanilla"] > 1.6
    assert found["PDS"] == pytest.approx(1, abs=0.15)


def diffusers_pipeline(printed, folder):
    """Vanilla has more grain than the network's own images, PDS about as much."""
    grain, own = numbers(printed), load_model("portraits32").references.network.grain
    assert own == pytest.approx(0.012, abs=0.0005)
    assert grain["vanilla"] > 1.6 * own
    assert grain["PDS"] == pytest.approx(own, rel=0.25)


CLAIMS = (own_score, any_denoiser, exact_theory, filters_from_folder, diffusers_pipeline)
"""Each checks what the script of its name prints and saves in a folder."""
LONG = ("diffusers_pipeline", "exact_theory", "filters_from_folder")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, one_thread):
    """Runs a script in an empty folder, and returns what it prints."""

    def run(path, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else [])
        for path in SCRIPTS
    ],
)
def test_a_script_prints_and_saves_what_its_docstring_says(path, run, tmp_path):
    described = path.read_text(encoding="utf-8").split('"""')[1]
    assert re.search(r"Takes \d+ seconds on\s+two cores", described)
    printed = run(path)
    {claim.__name__: claim for claim in CLAIMS}[path.stem](printed, tmp_path)
    promised = re.findall(r"[\w.]+\.(?:png|html|npy)", described)
    saved = {file.name for file in tmp_path.iterdir() if file.is_file()}
    assert saved == set(promised)


def test_every_claim_is_of_a_script():
    assert {claim.__name__ for claim in CLAIMS} == {path.stem for path in SCRIPTS}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_read_in_a_minute(path):
    code = path.read_text(encoding="utf-8").split('"""', 2)[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 40


def test_the_diffusers_script_takes_a_pipeline_of_ones_own(run, tmp_path):
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(32,),
        layers_per_block=1,
        norm_num_groups=8,
        time_embedding_type="fourier",
        down_block_types=("SkipDownBlock2D",),
        up_block_types=("SkipUpBlock2D",),
    )
    ScoreSdeVePipeline(unet, ScoreSdeVeScheduler()).save_pretrained(tmp_path / "own")
    grain = numbers(run(EXAMPLES / "diffusers_pipeline.py", tmp_path / "own"))
    assert set(grain) == {"vanilla", "PDS"}


def test_the_notebook_is_stored_without_outputs():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert nbformat.writes(stripped(nbformat.reads(text, as_version=4))) == text.rstrip("\n")


SHORTER = (
    ("for i in (0, 30, 50, 60, 65, 70, 75, 80, 90, 99)", "for i in range(5)"),
    ("sample(100, ", "sample(5, "),
    ("sample(40, ", "sample(4, "),
    ("sample(25, ", "sample(3, "),
    ("num_steps=40,", "num_steps=3, num_images=1,"),
    ("[25, 33, 40, 50, 66, 100, 133, 200, 400]", "[25, 40]"),
)
"""Amounts of the notebook that take long, and those of the gate."""


def test_the_cells_of_the_notebook_run_with_fewer_iterations(tmp_path, monkeypatch, one_thread):
    cells = [c for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    code = "\n".join(TransformerManager().transform_cell(cell.source) for cell in cells)
    assert [longer for longer, _ in SHORTER if longer not in code] == []
    for longer, shorter in SHORTER:
        code = code.replace(longer, shorter)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, NOTEBOOK.name, "exec"), names := {"__name__": "__main__"})
    assert [curve.name for curve in names["figure"].data] == ["vanilla", "PDS", "tuned"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells of the notebook by their id, executed in an empty folder."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place)
    here = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "1"}
    client.execute(env={**os.environ, **here})
    return {cell.id: cell for cell in notebook.cells}


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def displayed(cell, kind):
    (shown,) = [o.data[kind] for o in cell.outputs if kind in o.get("data", {})]
    return shown


@pytest.mark.slow
def test_the_notebook_shows_vanilla_beside_pds_with_grain_and_contrast(executed):
    data = base64.b64decode(displayed(executed["compare"], "image/png"))
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width > 4 * 96
    grains, contrasts = (
        [float(value) for value in re.findall(rf"{name} (\d\.\d+)", printed(executed["compare"]))]
        for name in ("grain", "contrast")
    )
    assert len(contrasts) == 2
    assert 1.6 < grains[0] < 2.1
    assert 0.85 < grains[1] < 1.15


@pytest.mark.slow
def test_the_notebook_says_how_grain_grows_as_iterations_get_fewer(executed):
    grains = numbers(printed(executed["grain"]))
    assert grains["N = 100"] == pytest.approx(1, abs=0.2)
    assert grains["N = 40"] == pytest.approx(2, abs=0.3)
    assert 3 < grains["N = 25"] < 4


@pytest.mark.slow
def test_the_notebook_ends_with_the_error_against_the_number_of_iterations(executed):
    figure = displayed(executed["theory"], "application/vnd.plotly.v1+json")
    error = {curve["name"]: values(curve["y"]) for curve in figure["data"]}
    num_steps = np.array(figure["data"][0]["x"])
    assert ((error["PDS"] < error["vanilla"]) == (num_steps <= 100)).all()
    assert (error["tuned"] < np.minimum(error["vanilla"], error["PDS"])).all()


def test_many_iterations_of_pds_leave_detail_up_to_three_percent_too_weak_as_the_notebook_says():
    power = spectra.inverse_square_power(256, variance=0.06)
    mask = filters.frequency_mask(power, mean=0.5)
    data, gain = (theory.bins(values) for values in (power, filters.gain(mask, alpha=5)))
    sampler = PredictorCorrector(num_steps=400, eps=0.02 / 400)
    left = theory.variances(data, gain.power, VESDE(), [sampler])
    ratio = theory.octaves(data, left).ratio
    assert 0.965 < ratio.min() < 0.975
    assert ratio.max() < 1


@pytest.mark.slow
def test_the_notebook_draws_the_gain_within_its_bounds(executed):
    (curve,) = displayed(executed["filter"], "application/vnd.plotly.v1+json")["data"]
    gain = values(curve["y"])
    assert (np.diff(gain) > -0.02).all()
    assert 1 < gain.min() < gain.max() < 1.25


def values(encoded):
    """Numbers of a plotly figure, which has arrays in base64."""
    if isinstance(encoded, dict):
        return np.frombuffer(base64.b64decode(encoded["bdata"]), encoded["dtype"])
    return np.array(encoded)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Runs the first cell of the notebook where pds is not installed; returns pip's arguments."""
    (cell,) = [c for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.id == "install"]
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    def install():
        lines = []
        code = TransformerManager().transform_cell(cell.source)
        shell = type("Shell", (), {"run_line_magic": lambda self, *words: lines.append(words)})
        exec(code, names := {"get_ipython": shell})
        return [(magic, line.format(**names)) for magic, line in lines]

    return install


def test_the_notebook_installs_the_wheel_that_was_uploaded(install, tmp_path):
    (tmp_path / "notebooks" / "pds-1.0-py3-none-any.whl").touch()
    assert install() == [("pip", "install --quiet pds-1.0-py3-none-any.whl")]


def test_the_notebook_installs_the_checkout_that_it_lies_in(install, tmp_path):
    (tmp_path / "pds").mkdir()
    assert install() == [("pip", "install --quiet ..")]


def test_the_notebook_says_what_to_upload_where_there_is_nothing_to_install(install):
    with pytest.raises(FileNotFoundError, match=r"no pds-\*.whl in .*; upload one"):
        install()
