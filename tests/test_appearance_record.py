"""The record of how pictures look: what is written is read again, by models too."""

import json

import pytest

from pds import models
from pds.appearance import Appearance, References
from pds.evaluation import appearance_record
from pds.evaluation.appearance_record import Measured, RecordedSampler, samplers
from pds.evaluation.metrics import Interval
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
