"""Unusual numbers of iterations: those that are refused, and those with a warning."""

import math
import warnings
from dataclasses import replace

import pytest
import torch

from pds.commands.sample import sample_main
from pds.jobs import iterations
from pds.kernels import Ancestral, AnnealedLangevin, Langevin
from pds.scores import checkpoints
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.support import tiny_run

CARD = replace(tiny_run.CARD, num_scales=2000)
VP = replace(tiny_run.CARD, sde=VPSDE(), scaling="published", num_scales=1000)


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


@pytest.fixture
def said(capsys):
    """Run, and return the exit code and the lines on stderr without the progress."""

    def run(*words):
        code = sample_main([*words, "--num_samples", "1", "--device", "cpu"])
        lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
        return code, [line for line in lines if line.startswith("main.py: ")]

    return run


@pytest.mark.parametrize(
    ("speed_up", "num_steps"), [(1, 2000), (30, 66), (1000, 2), (1999, 1), (0.5, 4000), (2000, 1)]
)
def test_n_is_num_scales_over_speed_up_rounded_down(speed_up, num_steps):
    assert iterations.num_steps(CARD, speed_up) == num_steps


@pytest.mark.parametrize(
    ("speed_up", "sentence"),
    [
        (2000.5, "speed_up 2000.5 leaves no iteration of the 2000"),
        (0, "must be a number above 0, got 0"),
        (-1, "must be a number above 0, got -1"),
        (math.inf, "must be a number above 0, got inf"),
        (math.nan, "must be a number above 0, got nan"),
        (1e-6, r"gives 2e\+09 iterations; use 1 for the 2000"),
        (1e-320, "gives inf iterations; use 1 for the 2000"),
    ],
)
def test_a_speed_up_that_gives_no_run_is_refused(speed_up, sentence):
    with pytest.raises(ValueError, match=sentence):
        iterations.num_steps(CARD, speed_up)


def test_a_speed_up_that_ends_where_the_sampling_starts_is_refused():
    with pytest.raises(ValueError, match="speed_up 1000 would end the sampling at time 1"):
        iterations.num_steps(VP, 1000)


def test_a_single_iteration_is_drawn_with_a_word(folder, said):
    words = ["--workdir", str(folder), "--speed_up", "10"]
    code, (note,) = said(*words)
    assert code == 0 and note.startswith("main.py: note: N = 1, a single iteration, gives little")


def test_more_iterations_than_levels_are_drawn_with_a_word(folder, said):
    code, (note,) = said("--workdir", str(folder), "--speed_up", "0.5")
    assert code == 0
    assert note.startswith("main.py: note: N = 20 is more than the 10 noise levels of the model")
    assert "takes 2 times as long" in note


@pytest.mark.parametrize("ladder", ["1", "11"])
def test_a_ladder_gets_the_same_words(folder, said, ladder):
    words = ["--workdir", str(folder), "--ladder", ladder, "--freq_mask_path", "natural"]
    code, (note,) = said(*words)
    assert code == 0 and note.startswith(f"main.py: note: N = {ladder}")


def test_an_ordinary_run_gets_no_word(folder, said):
    assert said("--workdir", str(folder), "--speed_up", "3") == (0, [])


@pytest.mark.parametrize("most", ["0", "1000001"])
def test_a_ladder_of_none_or_too_many_iterations_is_refused(folder, said, most):
    words = ["--workdir", str(folder), "--ladder", f"5,{most}", "--freq_mask_path", "natural"]
    code, (sentence,) = said(*words)
    assert code == 2 and f"got {most}" in sentence


# The corrector of VP at few iterations


@pytest.mark.parametrize("sde", [VPSDE(), SubVPSDE()], ids=["VP", "sub-VP"])
@pytest.mark.parametrize(("num_steps", "alpha"), [(1000, 0.98), (100, 0.80), (25, 0.20), (20, 0.0)])
def test_the_corrector_of_few_iterations_is_scaled_by_what_the_documents_say(sde, num_steps, alpha):
    assert float(sde.alpha(num_steps)[0]) == pytest.approx(alpha, abs=1e-12)


def times(num_steps):
    return torch.linspace(1, 1e-3, num_steps, dtype=torch.float64)


@pytest.mark.parametrize("corrector", [Langevin(0.1), AnnealedLangevin(0.1)])
@pytest.mark.parametrize("sde", [VPSDE(), SubVPSDE()], ids=["VP", "sub-VP"])
@pytest.mark.parametrize(
    ("num_steps", "sentence"),
    [
        (20, r"no effect at the first of the 20 .* 1 - beta_k = 0 there; from 100 iterations"),
        (25, r"little effect at the first of the 25 .* 1 - beta_k = 0.2 there; from 100 iter"),
    ],
)
def test_a_corrector_with_little_effect_warns(corrector, sde, num_steps, sentence):
    with pytest.warns(UserWarning, match=sentence):
        corrector.coefficients(sde, times(num_steps))


@pytest.mark.parametrize("sde", [VPSDE(), VESDE()], ids=["VP", "VE"])
def test_a_corrector_with_some_effect_does_not_warn(sde):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Langevin(0.1).coefficients(sde, times(100 if isinstance(sde, VPSDE) else 2))


@pytest.mark.parametrize("num_steps", [20, 19])
def test_ancestral_sampling_needs_more_iterations_than_beta_max(num_steps):
    with pytest.raises(ValueError, match=r"(more than|at least) 20 iterations"):
        Ancestral().coefficients(VPSDE(), times(num_steps))


def test_the_coefficients_of_ancestral_sampling_are_finite_from_there_on():
    assert all(c.isfinite().all() for c in Ancestral().coefficients(VPSDE(), times(21)))


@pytest.fixture
def vp(folder):
    checkpoints.save(folder / "checkpoints" / "only.safetensors", tiny_run.make_score(card=VP))
    return ["--workdir", str(folder)]


@pytest.mark.parametrize("more", [[], ["--freq_mask_path", "natural", "--compare"]], ids=str)
def test_main_says_once_that_a_corrector_has_no_effect(vp, said, more):
    code, (note,) = said(*vp, "--speed_up", "50", *more)
    assert code == 0
    assert note.startswith("main.py: note: the corrector has no effect at the first of the 20")


def test_without_a_corrector_nothing_is_said_of_it(vp, said):
    assert said(*vp, "--speed_up", "50", "--corrector", "none") == (0, [])


@pytest.mark.parametrize("more", [[], ["--corrector", "none"]], ids=str)
def test_too_few_iterations_for_vp_are_refused(vp, said, more):
    code, (sentence,) = said(*vp, "--speed_up", "100", *more)
    assert code == 2 and "needs at least 20 iterations (beta_max = 20" in sentence
