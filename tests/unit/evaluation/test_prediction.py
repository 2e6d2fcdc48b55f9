"""Grain and contrast predicted from a response, against closed forms and samples."""

import csv
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from pds.commands.cli import main
from pds.evaluation import draw, report, responses, subject
from pds.evaluation.gaussian import Field
from pds.evaluation.law import theory_grain
from pds.evaluation.prediction import Predictor, sampler_of
from pds.evaluation.store import NETWORK
from pds.evaluation.subject import Subject
from pds.sde import VPSDE
from pds.theory import Evolution, LinearResponse, response_file
from tests.support.paths import ROOT
from tools.theory_tables import EVIDENCE

CPU = torch.device("cpu")
COUNTS = (20, 25, 40, 66)


def measured(one, count=8):
    *_, found = responses.measure(one, draw.prepared(one), count)
    return found


@pytest.fixture(scope="module")
def linear(clouds):
    """The predictor of an exact Gaussian score, from its measured response."""
    return Predictor(clouds.field, measured(clouds, 16))


# An exact Gaussian score


@pytest.mark.parametrize("arm", ["vanilla", "pds:5", "scalar:1.1"])
@pytest.mark.parametrize("num_steps", [25, 40])
def test_a_linear_score_has_the_grain_of_the_exact_theory(clouds, linear, arm, num_steps):
    field = clouds.field
    own, exact = (
        theory_grain(field, field.plan(*cell)) for cell in (NETWORK.drawn_by, (arm, num_steps))
    )
    # One power stands for all frequencies of the differences, which have a factor of 16.
    assert linear.of(arm, num_steps).grain == pytest.approx(exact / own, rel=0.08)


@pytest.mark.parametrize("arm", ["vanilla", "pds:5", "tuned", "ode-heun"])
def test_with_a_measured_linear_response_a_sampler_follows_the_exact_recursion(linear, arm):
    sampler = linear.field.plan(arm, 33).sampler
    exact = Evolution(
        LinearResponse(linear.response.bands, linear.response.power), linear.field.model.sde
    )
    octaves = slice(1, linear.response.bands.num_octaves)
    ratio = linear.evolution.final(sampler)[octaves] / exact.final(sampler)[octaves]
    # The mean of power / (power + sigma^2) over an octave is not that of the mean power.
    np.testing.assert_allclose(ratio, 1.0, atol=0.15)


def test_the_networks_own_pictures_are_those_of_its_converged_sampler(linear):
    assert linear.of(*NETWORK.drawn_by) == (1.0, 1.0)


def test_many_iterations_of_an_exact_score_end_at_its_own_pictures(linear):
    # Between two levels, 1.8 apart, a chord stands for sigma^2: a tenth of what is not kept.
    assert linear.of("vanilla", 1000) == pytest.approx((1.0, 1.0), rel=0.12)


def test_a_sampler_that_diverges_has_no_grain_to_predict(linear):
    found = linear.of("scalar:20", 400)
    assert np.isnan(found.grain) and np.isnan(found.contrast)
    assert linear.error(np.full(len(linear.own), np.inf)) == np.inf


def test_the_error_of_a_samplers_pictures_is_in_decibel(linear):
    assert linear.error(linear.own) == 0.0
    assert linear.error(10 * linear.own) == pytest.approx(10.0)


def test_a_saved_response_predicts_the_same(linear, tmp_path):
    response_file.save(tmp_path / "clouds.npz", linear.response, "mine")
    again = Predictor(linear.field, response_file.load(tmp_path / "clouds.npz"))
    assert again.of("vanilla", 25) == pytest.approx(linear.of("vanilla", 25), rel=1e-4)


# The small network


@pytest.fixture(scope="module")
def portraits():
    """The predictor of the recorded response, measured on more pictures than tests can afford."""
    field = subject.open_subject("portraits32", None, CPU).field
    return Predictor(field, response_file.load(EVIDENCE / "responses" / "portraits32.npz"))


@pytest.fixture(scope="module")
def measured_now():
    one = subject.open_subject("portraits32", None, CPU)
    return Predictor(one.field, measured(one))


@pytest.fixture(scope="module")
def sampled():
    with (ROOT / "docs" / "evidence" / "resolution" / "law.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == "portraits32"]
    return {(row["arm"], int(row["N"])): float(row["grain"]) for row in rows}


CELLS = pytest.mark.parametrize(
    "cell", [("vanilla", 25), ("vanilla", 40), ("tuned", 25), ("ode-heun", 25)]
)


@CELLS
def test_the_predicted_grain_is_near_what_was_sampled(portraits, sampled, cell):
    assert portraits.of(*cell).grain == pytest.approx(sampled[cell], rel=0.15)


@pytest.mark.slow
@CELLS
def test_the_grain_predicted_from_a_new_measurement_is_near_too(measured_now, sampled, cell):
    assert measured_now.of(*cell).grain == pytest.approx(sampled[cell], rel=0.15)


def test_vanilla_has_less_grain_with_more_iterations(portraits):
    grain = [portraits.of("vanilla", n).grain for n in COUNTS]
    assert (np.diff(grain) < 0).all()


def test_a_larger_alpha_is_nearer_to_vanilla(portraits):
    grain = [portraits.of(arm, 25).grain for arm in ("pds:5", "pds:10", "pds:30", "vanilla")]
    assert (np.diff(grain) > 0).all()


def test_a_network_takes_noise_for_texture_where_a_linear_score_would_not(portraits):
    response = portraits.response
    gaussian = Predictor(portraits.field, LinearResponse(response.bands, response.power))
    assert portraits.of("vanilla", 25).grain > 2 * gaussian.of("vanilla", 25).grain


def test_the_fewest_iterations_are_the_least_from_which_on_grain_stays_below(portraits):
    found = portraits.fewest("vanilla", 1.25, COUNTS)
    assert portraits.of("vanilla", found).grain < 1.25 <= portraits.of("vanilla", found - 1).grain
    assert portraits.fewest("vanilla", 0.5, COUNTS) is None
    assert portraits.fewest("vanilla", 100.0, COUNTS) == COUNTS[0]


def test_the_best_alpha_has_the_least_error_and_grows_with_n(portraits):
    alphas = (3.0, 5.0, 10.0, 20.0)
    few, many = (portraits.best_alpha(n, alphas) for n in (25, 100))
    assert few < many


# What cannot be predicted


@pytest.mark.parametrize(
    ("arm", "num_steps", "sentence"),
    [
        ("space:5", 25, "space:5 has a space filter, which mixes"),
        ("pds.space", 25, "a sampler is one of vanilla"),
        ("vanilla", 0, "number of iterations must be a whole number from 1 to 2000, got 0"),
        ("vanilla", 2001, "from 1 to 2000, got 2001"),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_one_sentence(portraits, arm, num_steps, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        sampler_of(portraits.field, arm, num_steps)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("bands", "what"), [(slice(6, 7), "flat places"), (slice(1, 2), "coarse detail")]
)
def test_pictures_that_nothing_can_be_relative_to_are_refused(linear, bands, what):
    power = linear.response.power.copy()
    power[bands] = 0
    with pytest.raises(ValueError, match=f"have no {what} but of one color"):
        Predictor(linear.field, LinearResponse(linear.response.bands, power))


# The commands


@contextmanager
def at_few_levels():
    """Measure at a few levels, for tests of what is done with a response."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pds.theory.response.PER_OCTAVE", 0.3)
        yield


@pytest.fixture
def few_levels():
    with at_few_levels():
        yield


class Written(NamedTuple):
    """The file of a response, and what the command printed."""

    path: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder, out, err = tmp_path_factory.mktemp("response"), StringIO(), StringIO()
    with at_few_levels(), redirect_stdout(out), redirect_stderr(err):
        assert main(["response", "field64", "--pictures", "8", "--out", str(folder)]) == 0
    return Written(folder / "field64.npz", out.getvalue(), err.getvalue())


def test_a_response_is_written_for_programs_and_for_readers(written):
    path = written.path
    assert {p.name for p in path.parent.iterdir()} == {
        f"field64.{e}" for e in ("npz", "csv", "html")
    }
    assert "Share of the noise that is kept in flat places" in path.with_suffix(".html").read_text()
    assert path.with_suffix(".csv").read_text().startswith("sigma,c,tilt,band,picture,picture_low")
    assert "of 8 images" in written.out
    assert "Mean distance from 1: 0.0" in written.out
    assert "100%" in written.err


def test_without_plotly_the_figure_is_left_out(few_levels, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "can_draw", lambda: False)
    assert main(["response", "field64", "--pictures", "8", "--out", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"field64.npz", "field64.csv"}
    assert "field64.html needs plotly" in capsys.readouterr().err


def test_predictions_of_a_response_are_printed_and_written(written, tmp_path, capsys):
    table = tmp_path / "predicted.csv"
    words = ["--response", str(written.path), "--arms", "vanilla,pds:5", "--counts", "40,25"]
    assert main(["predict", "field64", *words, "--csv", str(table)]) == 0
    printed = capsys.readouterr()
    assert "Nothing was sampled" in printed.out
    assert "response of" not in printed.err  # nothing was measured either
    assert "vanilla needs 25 iterations or fewer to stay below a grain of 1.25" in printed.out
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], row["N"]) for row in rows[:4]] == [
        ("vanilla", "25"), ("pds:5", "25"), ("vanilla", "40"), ("pds:5", "40"),
    ]  # fmt: skip
    assert all(row["arm"].startswith("pds:") for row in rows[4:])
    assert float(rows[0]["grain"]) > float(rows[2]["grain"]) > 0


def test_what_is_tuned_to_the_network_has_its_own_grain_and_says_its_settings(capsys):
    path = EVIDENCE / "responses" / "portraits32.npz"
    words = ["--response", str(path), "--arms", "vanilla,response", "--counts", "12"]
    assert main(["predict", "portraits32", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    _, vanilla, tuned = lines[lines.index("Grain relative to the network's own images") + 2].split()
    assert float(vanilla) > 5 and float(tuned) == pytest.approx(1, abs=0.05)
    (at,) = [k for k, line in enumerate(lines) if line.startswith("response: sigma")]
    steps, highest, lowest, snr, *gain = map(float, lines[at + 2].split())
    assert steps == 12 and lowest < 0.5 < 16 <= highest and 0.02 <= snr <= 0.5 and len(gain) == 5


def test_without_a_file_the_response_is_measured(few_levels, capsys):
    assert main(["predict", "field64", "--arms", "ode-heun", "--counts", "20"]) == 0
    printed = capsys.readouterr()
    assert "response of field64" in printed.err
    assert "response of 12 images" in printed.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["field64", "--pictures", "7"], "--pictures must be a whole number from 8 to 1000, got 7"),
        (["field64", "--response", "none.npz"], "no response at none.npz"),
        (["field64", "--response", "filters/portraits32_freq.npy"], "is no .npz file"),
        (["portraits32", "--arms", "vanilla,space:5"], "space:5 has a space filter, which mixes"),
        (
            ["field64", "--counts", "25,0"],
            "number of iterations must be a whole number from 1 to 2000",
        ),
        (["field64", "--grain", "nan"], "--grain must be > 0 and finite, got nan"),
        (["field64", "--device", "tpu"], "device must be cpu, cuda"),
        (["field64", "--data", "no/such/folder"], "no images at no/such/folder"),
        (["field64", "--csv", "README.md/a.csv"], "cannot write README.md/a.csv"),
    ],
)
def test_what_is_wrong_with_a_prediction_is_one_sentence_and_exit_code_2(words, sentence, capsys):
    assert main(["predict", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pds: ") and sentence in error and error.count("\n") == 1


@pytest.mark.parametrize("command", ["predict", "response"])
@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("checkpoint.pth", "`pds convert` writes one of any other checkpoint"),
        ("none.safetensors", "none.safetensors has no held-out images to compare with"),
    ],
)
def test_a_model_that_is_not_there_is_one_sentence(command, model, sentence, capsys):
    assert main([command, model, *(["--out", "unused"] if command == "response" else [])]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_an_unknown_arm_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "field64", "--arms", "vanila"])
    assert "a sampler is one of vanilla, pds:ALPHA" in capsys.readouterr().err


def test_the_response_of_another_model_is_refused(written, capsys):
    assert main(["predict", "portraits32", "--response", str(written.path)]) == 2
    assert "is the response of another network, or of other masks" in capsys.readouterr().err


def test_a_model_of_a_process_without_sigma_is_refused_before_anything(monkeypatch, clouds, capsys):
    model = replace(clouds.field.model, sde=VPSDE())
    other = Subject("mine", Field("mine", model), None, CPU)
    monkeypatch.setattr(subject, "open_subject", lambda *_: other)
    assert main(["predict", "mine"]) == 2
    assert "there it would hold for x / scale" in capsys.readouterr().err


def test_a_measurement_that_is_stopped_leaves_nothing_behind(monkeypatch, tmp_path, capsys):
    def stopped(*_):
        yield 0.5
        raise KeyboardInterrupt

    monkeypatch.setattr(responses, "measure", stopped)
    assert main(["response", "field64", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err.endswith("pds: stopped; what was saved is kept\n")
    assert not list(tmp_path.iterdir())
