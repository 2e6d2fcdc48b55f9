"""The tuned gain: better than the initial one, at a minimum, unchanged by saving and loading."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import filters, theory
from pds.commands.cli import main
from pds.driving import sample, seeded_noise
from pds.kernels import Ancestral, AnnealedLangevin, Langevin, MarginalPreserving, ReverseDiffusion
from pds.preconditioners import FrequencyFilter, Identity
from pds.sampling import PredictorCorrector
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE
from pds.spectra import inverse_square_power, power, radii
from pds.theory import tuning
from tests.support import tiny_run

VE = VESDE(0.01, 1348.0)
POWER = inverse_square_power(256, variance=0.06)
FIELD = theory.bins(POWER)
ONES = np.ones(len(FIELD.power))
TOTAL = POWER * 256**2
TOTAL[0, 0] += (0.5 * 256**2) ** 2
PDS = theory.bins(filters.gain(TOTAL.log1p(), 5)).power


def sampler(num_steps, predictor=ReverseDiffusion(), corrector=Langevin(0.15)):
    eps = 1e-5 * 2000 / num_steps
    return PredictorCorrector(num_steps, eps, predictor=predictor, corrector=corrector)


def w2(gain, at, sde=VE):
    return float(theory.w2(FIELD, theory.variances(FIELD, gain, sde, [at])[0]))


@pytest.mark.parametrize("num_steps", [25, 66, pytest.param(200, marks=pytest.mark.slow)])
def test_the_tuned_gain_beats_vanilla_pds_and_the_best_scalar(num_steps):
    at = sampler(num_steps)
    scalar = tuning.tune_scalar(FIELD, VE, at)
    best = w2(tuning.tune(FIELD, VE, at, start=PDS), at)
    assert best < w2(scalar * ONES, at) / 3
    assert best < w2(PDS, at) / 20
    assert best < w2(ONES, at) / 20


@pytest.mark.parametrize(
    ("sde", "predictor", "corrector"),
    [
        pytest.param(VE, MarginalPreserving(), Langevin(0.15), marks=pytest.mark.slow),
        (VE, ReverseDiffusion(), AnnealedLangevin(0.15)),
        (VE, ReverseDiffusion(), None),
        (VPSDE(), ReverseDiffusion(), Langevin(0.15)),
    ],
    ids=["marginal-preserving", "annealed", "predictor alone", "vp"],
)
def test_it_is_worse_than_none_of_its_starts_for_other_processes_and_kernels(
    sde, predictor, corrector
):
    at = sampler(33, predictor, corrector)
    scalar = tuning.tune_scalar(FIELD, sde, at)
    gain = tuning.tune(FIELD, sde, at, start=PDS)
    assert w2(scalar * ONES, at, sde) <= w2(ONES, at, sde)
    assert w2(gain, at, sde) <= min(w2(scalar * ONES, at, sde), w2(PDS, at, sde))


def test_the_scalar_of_natural_images_is_the_one_known():
    """1/f^2 at 256 px, N = 66: c = 1.093 leaves .0003, as a search by hand had found."""
    scalar = tuning.tune_scalar(FIELD, VE, sampler(66))
    assert scalar == pytest.approx(1.093, abs=5e-4)
    assert w2(scalar * ONES, sampler(66)) == pytest.approx(3e-4, abs=5e-5)


def test_no_scalar_of_a_fine_grid_is_better():
    grid = np.linspace(1, 1.5, 501)[:, None]
    variance = theory.variances(FIELD, grid * ONES, VE, [sampler(66)] * len(grid))
    scalar = tuning.tune_scalar(FIELD, VE, sampler(66))
    assert w2(scalar * ONES, sampler(66)) <= theory.w2(FIELD, variance).min()


@pytest.fixture(scope="module")
def gain():
    """The tuned gain at N = 66."""
    return tuning.tune(FIELD, VE, sampler(66))


@pytest.mark.parametrize("nudge", [-0.01, -0.001, 0.001, 0.01])
def test_moving_any_knot_of_the_tuned_gain_makes_it_no_better(gain, nudge):
    """Up to the share of the squared error at which tuning stops, times the rounds left out."""
    moved = gain * np.exp(nudge * tuning.hats(FIELD, tuning.NUM_KNOTS))
    variance = theory.variances(FIELD, moved, VE, [sampler(66)] * len(moved))
    assert (theory.w2(FIELD, variance) >= w2(gain, sampler(66)) * (1 - 1e-5)).all()


@pytest.mark.parametrize(("share", "turned"), [(0.999, False), (1.01, True)])
@pytest.mark.parametrize("num_steps", [10, 20, 33])
def test_a_steady_gain_turns_no_sign_and_a_larger_one_does(num_steps, share, turned):
    at = sampler(num_steps)
    gain = share * tuning.steady_gain(VE, at)
    sigma = torch.tensor(
        [1348.0 * (0.01 / 1348.0) ** (i / (num_steps - 1)) for i in range(num_steps)]
    )
    factors = 1 - gain**2 * (sigma[:-1] ** 2 - sigma[1:] ** 2) / sigma[:-1] ** 2
    assert bool((factors < 0).any()) is turned


def test_tuning_is_deterministic():
    first, again = (tuning.tune(FIELD, VE, sampler(25), start=PDS) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_gains_stay_within_their_bounds_and_reach_below_one_where_allowed():
    """A spectrum steeper than 1/f^2, like the portraits', wants less than vanilla at its end."""
    modes, at = theory.bins(POWER**1.5), sampler(100)
    bounded, free = (tuning.tune(modes, VE, at, bounds=(low, 4)) for low in (1, 0.25))
    assert bounded.min() >= 1
    assert 0.25 <= free.min() < 1
    variance = theory.variances(modes, np.stack([bounded, free]), VE, [at, at])
    assert theory.w2(modes, variance)[1] < theory.w2(modes, variance)[0]


def test_the_tuned_mask_makes_the_sampler_itself_right():
    """64 images of 32 px: noise left within 3 %, vanilla 10 % off.

    The fine half has 816 of the 1023 modes, so its power is known within sqrt(2 / (816 x 64)) =
    0.6 %; five of those leave a false-failure chance of 6e-7. Seeded.
    """
    field = inverse_square_power(32, variance=0.06)
    modes, at = theory.bins(field), sampler(40)
    gain = tuning.on_grid(modes, tuning.tune(modes, VE, at), 32, 32)
    alpha = tuning.alpha_for(gain)
    stored = FrequencyFilter(filters.gain(tuning.mask(gain, alpha), alpha))
    left = []
    for m in (stored, Identity()):
        noise, shape = seeded_noise(range(64)), (64, 1, 32, 32)
        chain = replace(at, m=m).chain(VE, noise=noise, shape=shape)
        measured = theory.rings(power(sample(GaussianField(field, VE), chain)).mean(0))
        left.append(theory.noise_left(theory.rings(field), measured.power))
    assert left[0] == pytest.approx(1, abs=0.03)
    assert left[1] > 1.1


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 7, 9), (3, 5, 6)])
def test_a_mask_gives_its_gain_back_through_a_file(shape, tmp_path):
    """To a few roundings of float32, 1.2e-7 each."""
    slopes = torch.tensor([0.1, 0.2, 0.3])[: shape[0], None, None]
    gain = 1.05 + slopes * radii(*shape[1:])
    alpha = tuning.alpha_for(gain)
    filters.save(tmp_path / "tuned.npy", tuning.mask(gain, alpha))
    mask = filters.load(tmp_path / "tuned.npy", shape, kind="frequency")
    gain[:, 0, 0] = 1
    torch.testing.assert_close(filters.gain(mask, alpha).double(), gain, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("largest", "alpha"), [(1.25, 5), (1.1, 11), (1.0, 1000), (4.0, 1.33)])
def test_alpha_is_the_largest_that_reaches_the_gain(largest, alpha):
    gain = torch.full((4, 4), largest, dtype=torch.float64)
    assert tuning.alpha_for(gain) == pytest.approx(alpha, abs=0.011)
    assert tuning.mask(gain, tuning.alpha_for(gain)).max() == 1


def test_a_radial_gain_on_the_grid_is_even_and_one_at_the_mean():
    gain = tuning.on_grid(FIELD, PDS, 9, 12)
    assert gain[0, 0] == 1
    FrequencyFilter(gain)
    averaged = theory.bins(tuning.on_grid(FIELD, PDS, 256, 256)).power
    np.testing.assert_allclose(averaged, PDS, rtol=1e-3)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: tuning.mask(torch.full((4, 4), 0.9), 5), "none those below 1"),
        (lambda: tuning.mask(torch.full((4, 4), 1.3), 5), "gains from 1 to 1.25, got 1 to 1.3"),
        (lambda: tuning.mask(torch.ones(4, 4), 1), "alpha must be > 1, got 1"),
        (lambda: tuning.alpha_for(torch.full((4, 4), 101.0)), "gains up to 100, got 101"),
        (
            lambda: tuning.tune(FIELD, VE, sampler(5), num_knots=0),
            "num_knots must be .*>= 1, got 0",
        ),
        (lambda: tuning.tune_scalar(FIELD, VE, sampler(5), bounds=(2, 1)), "0 < low < high, got 2"),
        (
            lambda: tuning.tune_scalar(FIELD, VE, sampler(66, Ancestral(), None)),
            "cannot take a preconditioner",
        ),
        (
            lambda: tuning.tune_scalar(FIELD, VE, sampler(200, None, AnnealedLangevin(9.0))),
            "diverges for every gain from 1 to 4",
        ),
    ],
)
def test_what_cannot_be_tuned_or_stored_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_the_command_line_tunes_a_mask_that_main_takes(tmp_path, capsys):
    folder = tiny_run.workdir(tmp_path)
    out = str(tmp_path / "mine" / "tuned.npy")
    words = ["--num-steps", "5", "--config", f"{folder}/tiny.py", "--out", out]
    assert main(["tune", f"{folder}/freq.npy", *words]) == 0
    *_, line, passed = capsys.readouterr().out.splitlines()
    assert line == f"{out}: (3, 8, 8), for 5 iterations"
    flags = passed.removeprefix("pass ").split()
    assert flags[::2] == ["--freq_mask_path", "--alpha"]
    gain = filters.gain(torch.from_numpy(np.load(out)), float(flags[3]))
    assert gain.max() > 1.01
    assert tiny_run.draw(folder, *flags, "--eval_folder", "tuned", filtered=False) == 0
    assert tiny_run.draw(folder, "--eval_folder", "vanilla", filtered=False) == 0
    tuned, vanilla = (
        tiny_run.pixels(folder / name / "000000.png") for name in ("tuned", "vanilla")
    )
    assert (tuned != vanilla).any()


def test_the_command_line_prints_the_error_of_each_sampler(tmp_path, capsys):
    np.save(tmp_path / "freq.npy", tiny_run.mask(16))
    words = ["--num-steps", "40", "--sigma-max", "300", "--snr", "0.1", "--num-scales", "1000"]
    assert main(["tune", f"{tmp_path}/freq.npy", *words, "--out", f"{tmp_path}/tuned.npy"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()[:5]
    at = PredictorCorrector(40, 1e-5 * 1000 / 40, corrector=Langevin(0.1))
    power = filters.data_power(torch.from_numpy(tiny_run.mask(16)))[0]
    data, sde = theory.bins(power), VESDE(0.01, 300.0)
    variance = theory.variances(data, np.ones(len(data.power)), sde, [at])[0]
    errors = [float(row.split()[-2]) for row in rows]
    assert errors[0] == pytest.approx(float(theory.w2(data, variance)), abs=1e-5)
    assert errors[3] == min(errors)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--num-steps", "0"], "--num-steps must lie in 1 to num_scales 2000, got 0"),
        (["--num-steps", "9", "--num-scales", "8"], "in 1 to num_scales 8, got 9"),
        (["--num-steps", "9", "--snr", "-1"], "snr must be > 0, got -1"),
        (["--num-steps", "9", "--sigma-max", "0"], "VE needs 0 < sigma_min < sigma_max"),
    ],
)
def test_what_the_command_line_cannot_tune_is_one_sentence(words, sentence, tmp_path, capsys):
    np.save(tmp_path / "freq.npy", tiny_run.mask())
    assert main(["tune", f"{tmp_path}/freq.npy", *words, "--out", f"{tmp_path}/out.npy"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
