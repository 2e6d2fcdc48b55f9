"""The record of grain and contrast: it is read back as written, also by models."""

import json
import shutil

import pytest
import torch

from pds import models
from pds.appearance import Appearance, References
from pds.commands.cli import main
from pds.evaluation import appearance_record
from pds.evaluation.appearance_record import Measured, RecordedSampler, samplers
from pds.evaluation.metrics import Interval
from pds.evaluation.store import NETWORK, Batch, Cell, Store
from pds.portraits import portraits

CELL = RecordedSampler("pds:5", 40, 256, Interval(1.02, 0.99, 1.05), Interval(0.9, 0.8, 1.0))


@pytest.fixture(scope="module")
def references():
    return References(*(Appearance.of(portraits(range(i, i + 3))) for i in (0, 3)))


def test_a_model_without_a_record_has_no_samplers():
    assert samplers("field64") == samplers("no such model") == ()


def test_what_is_saved_is_read_again(tmp_path, monkeypatch, references):
    path = tmp_path / "appearance.json"
    appearance_record.save({"portraits32": Measured(references, [CELL])}, path)
    monkeypatch.setattr(models.appearance_record, "__defaults__", (path,))
    assert samplers("portraits32") == (CELL,)
    read = models._recorded_references("portraits32")
    assert read.data.grain == pytest.approx(references.data.grain, rel=1e-4)
    assert read.network.spectrum == pytest.approx(references.network.spectrum, rel=1e-4)


def test_other_models_of_the_file_keep_their_record(tmp_path, references):
    path = tmp_path / "appearance.json"
    appearance_record.save({"portraits32": Measured(references, [CELL])}, path)
    before = json.loads(path.read_text())["portraits32"]
    appearance_record.save({"portraits64": Measured(references, [])}, path)
    after = json.loads(path.read_text())
    assert after["portraits32"] == before
    assert set(after) == {"portraits32", "portraits64"}


@pytest.fixture
def folder(tmp_path):
    """An evaluation folder of portraits: as they are, grainy, and an arm that is not recorded."""
    store = Store(tmp_path / "evaluation")
    store.claim("portraits32", "fingerprint", seed=0)
    store.reference(8, source="", held_out=lambda count: portraits(range(count)))
    pictures = portraits(range(10, 34))
    noise = 0.03 * torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for cell, images in (
        (NETWORK, pictures[:8]),
        (Cell("pds:5", 40), pictures[8:16]),
        (Cell("vanilla", 40), pictures[8:16] + noise),
        (Cell("vanilla", 25), torch.full((8, 3, 32, 32), torch.inf)),
        (Cell("pds:20", 40), pictures[16:]),
    ):
        store.save(Batch(cell, 0, 8), images, nfe=1, seconds=1.0)
    return store.folder


def test_the_command_line_records_an_evaluation_folder(folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "appearance.json"
    assert main(["record", "--appearance", str(folder), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: portraits32\n"
    monkeypatch.setattr(models.appearance_record, "__defaults__", (out,))
    vanilla, pds = samplers("portraits32")
    assert (vanilla.arm, vanilla.num_steps, vanilla.images) == ("vanilla", 40, 8)
    assert (pds.arm, pds.num_steps) == ("pds:5", 40)
    assert pds.grain.high < 1.5 < vanilla.grain.low
    references = models._recorded_references("portraits32")
    own = Appearance.of(portraits(range(10, 18)).half().float())
    assert references.network.grain == pytest.approx(own.grain, rel=1e-4)
    recorded = references.data.relative_to(references.network).contrast
    expected = Appearance.of(portraits(range(8)).half().float()).relative_to(own).contrast
    assert recorded == pytest.approx(expected, rel=1e-3)


def test_a_folder_without_own_pictures_is_refused(folder, tmp_path, capsys):
    shutil.rmtree(folder / "images" / "converged=ode-heun")
    out = ["--out", str(tmp_path / "out.json")]
    assert main(["record", "--appearance", str(folder), *out]) == 2
    assert "lacks held-out images or the network's own" in capsys.readouterr().err


def test_what_is_no_evaluation_of_the_page_is_refused(tmp_path, capsys):
    assert main(["record", "--appearance", str(tmp_path)]) == 2
    assert "is no folder of python -m pds evaluate" in capsys.readouterr().err
    Store(tmp_path / "mine").claim("mine.safetensors", "fingerprint", seed=0)
    assert main(["record", "--appearance", str(tmp_path / "mine")]) == 2
    assert "which is no model of the page" in capsys.readouterr().err
