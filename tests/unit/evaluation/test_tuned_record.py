"""The recorded tuned gains: tuning finds them again, and no gain of the story is better."""

import numpy as np
import pytest

from pds.commands.cli import main
from pds.evaluation import gaussian, tuned_record
from pds.evaluation.gaussian import COUNTS, field
from pds.web.tabs.story.tab import FIELDS


@pytest.mark.parametrize("model", FIELDS)
def test_the_best_gain_is_nowhere_worse_than_the_best_scalar_nor_that_than_vanilla(model):
    best, subject = tuned_record.load(model), field(model)
    vanilla = subject.w2(np.ones(len(subject.data.power)))
    scalar, gains = subject.w2_of(best.scalars[:, None]), subject.w2_of(best.gains)
    # Gains are recorded to five digits.
    assert (gains <= 1.01 * scalar + 1e-5).all()
    assert (scalar <= vanilla + 1e-5).all()


@pytest.mark.parametrize("model", FIELDS)
def test_tuned_is_several_times_closer_than_vanilla_wherever_there_are_few_iterations(model):
    tuned = tuned_record.curves(model)["tuned"]
    few = np.array(COUNTS) <= 66
    assert (tuned[few] < field(model).vanilla_w2[few] / 2.5).all()
    assert (tuned <= field(model).vanilla_w2).all()


@pytest.mark.parametrize("model", FIELDS)
def test_the_recorded_samplers_are_those_of_the_model(model):
    at = COUNTS.index(20)
    assert tuned_record.samplers(model)[at] == field(model).model.tuned(20)


@pytest.mark.parametrize("model", FIELDS)
@pytest.mark.parametrize("num_steps", [25, pytest.param(66, marks=pytest.mark.slow)])
def test_the_record_is_what_tuning_finds(model, num_steps):
    gain, scalar, levels = tuned_record.find(field(model), num_steps)
    at = COUNTS.index(num_steps)
    best = tuned_record.load(model)
    assert best.scalars[at] == pytest.approx(scalar, abs=2e-5)
    assert best.levels[at] == pytest.approx(levels, rel=0.02)
    recorded = field(model).w2_of(best.gains)[at]
    assert recorded == pytest.approx(field(model).w2(gain, (num_steps,))[0], rel=0.05, abs=2e-6)


def test_where_nothing_is_recorded_the_error_says_how_to_record_it():
    with pytest.raises(FileNotFoundError, match="python -m pds record --tuned"):
        tuned_record.load("no such field")


def test_the_command_line_records_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tuned_record, "COUNTS", (3, 5))
    out = tmp_path / "tuned.json"
    assert main(["record", "--tuned", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in FIELDS)
    monkeypatch.setattr(tuned_record, "RECORDED", out)
    tuned_record.load.cache_clear()
    try:
        assert tuned_record.load("field64").gains.shape == (2, len(field("field64").data.power))
    finally:
        tuned_record.load.cache_clear()


def test_the_story_has_a_curve_for_each_control():
    from pds.web.tabs.story import tab as story_tab

    view = story_tab.view({"step": "controls", "model": "field64", "num_steps": 66, "alpha": 5})
    names = {trace.get("name") for trace in view["plots"]["controls"]}
    assert {
        "vanilla",
        "PDS",
        "tuned",
        "best gain",
        "best constant",
        "inverted",
        "shuffled",
    } <= names
    assert "tuned" in view["text"]["controls"]
    assert gaussian.COUNTS == tuned_record.COUNTS
