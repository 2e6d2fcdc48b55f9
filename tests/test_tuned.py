"""The recorded tuned gains are those that tuning finds, and the best of what the story shows."""

import numpy as np
import pytest
import torch

from pds import story, theory, tuned
from pds.cli import main
from pds.story import COUNTS, field
from pds.web.story_tab import FIELDS


@pytest.mark.parametrize("model", FIELDS)
def test_tuned_is_nowhere_worse_than_the_best_scalar_nor_that_than_vanilla(model):
    best, subject = tuned.load(model), field(model)
    vanilla = subject.w2(np.ones(len(subject.data.power)))
    scalar, gains = subject.w2_of(best.scalars[:, None]), subject.w2_of(best.gains)
    # Gains are recorded to five digits.
    assert (gains <= 1.01 * scalar + 1e-5).all()
    assert (scalar <= vanilla + 1e-5).all()


@pytest.mark.parametrize("model", FIELDS)
@pytest.mark.parametrize("num_steps", [25, 66])
def test_the_record_is_what_tuning_finds(model, num_steps):
    gain, scalar = tuned.find(field(model), num_steps)
    at = COUNTS.index(num_steps)
    best = tuned.load(model)
    assert best.scalars[at] == pytest.approx(scalar, abs=2e-5)
    recorded = field(model).w2_of(best.gains)[at]
    assert recorded == pytest.approx(field(model).w2(gain, (num_steps,))[0], rel=0.05, abs=2e-6)


def test_where_nothing_is_recorded_the_error_says_how_to_record_it():
    with pytest.raises(FileNotFoundError, match="python -m pds record --tuned"):
        tuned.load("no such field")


def test_the_command_line_records_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tuned, "COUNTS", (10, 14))
    out = tmp_path / "tuned.json"
    assert main(["record", "--tuned", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in FIELDS)
    monkeypatch.setattr(tuned, "RECORDED", out)
    tuned.load.cache_clear()
    try:
        assert tuned.load("field64").gains.shape == (2, len(field("field64").data.power))
    finally:
        tuned.load.cache_clear()


def test_the_story_has_a_curve_for_each_control():
    from pds.web import story_tab

    view = story_tab.view({"step": "errors", "model": "field64", "num_steps": 66, "alpha": 5})
    names = {trace.get("name") for trace in view["plots"]["errors"]}
    assert {"vanilla", "PDS", "tuned", "best scalar", "inverted", "shuffled"} <= names
    assert "tuned" in view["text"]["errors"]
    assert story.COUNTS == tuned.COUNTS


def test_m_of_a_tuned_gain_is_the_recorded_one_at_every_frequency():
    subject, at = field("field64"), COUNTS.index(25)
    m = tuned.preconditioner("field64", 25)
    impulse = torch.zeros(1, 1, 64, 64)
    impulse[..., 0, 0] = 1
    gain = theory.bins(torch.fft.fft2(m.apply(impulse))[0, 0].real)
    np.testing.assert_allclose(gain.power, tuned.load("field64").gains[at], rtol=0.01)
    assert len(gain.power) == len(subject.data.power)


def test_a_count_that_is_not_tuned_is_refused():
    with pytest.raises(ValueError, match="gains are tuned for N of 10, 14"):
        tuned.preconditioner("field64", 11)
