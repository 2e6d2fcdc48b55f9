"""Octaves of pictures: their sum, their power, and the octave where the noise exceeds the data."""

import math
from itertools import pairwise

import pytest
import torch

from pds.evaluation import octaves
from pds.evaluation.gaussian import field
from pds.models import MODELS
from pds.web.tabs.story import tab as story_tab
from pds.web.tabs.story import truths

FIELD = field("field64")


def taken(model="field64", sigma=0.3, seed=0):
    return octaves.take_apart(field(model), octaves.wall(field(model), sigma, seed=seed))


def enlarged(image, size):
    """Fourier interpolation to a size, by a sum over all waves of a small image."""
    height = image.shape[-1]
    spectrum = torch.fft.fft2(image) / height**2
    places = torch.arange(size, dtype=torch.float64) * height / size
    waves = torch.exp(2j * math.pi * torch.outer(torch.fft.fftfreq(height).double(), places))
    return torch.einsum("cyx,yh,xw->chw", spectrum, waves, waves).real


def answer(model="field64", **values):
    return story_tab.view({"step": "octaves", "model": model, **values})


@pytest.mark.parametrize("part", ["clean", "noisy"])
@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_the_octaves_add_up_to_the_picture(model, part):
    whole = getattr(octaves.wall(field(model), 0.3), part).double()
    size = whole.shape[-1]
    total = sum(enlarged(getattr(octave, part), size) for octave in taken(model))
    torch.testing.assert_close(total, whole - whole.mean((-2, -1), keepdim=True))


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_the_octaves_hold_every_mode_once(model):
    parts = octaves.powers(field(model))
    pixels = field(model).power.numel()
    assert sum(part.share for part in parts) == pytest.approx(1 - 1 / pixels, abs=1e-12)
    total = sum(part.power * part.share for part in parts)
    assert total == pytest.approx(float(field(model).power.flatten()[1:].sum()) / pixels)


def test_the_noise_of_an_octave_has_the_power_that_parseval_says():
    """sigma^2 times the share of its modes. Five standard errors of 768 modes are 26 %."""
    parts = taken(sigma=0.5)[3:]
    noise = [float((octave.noisy - octave.clean).square().mean()) for octave in parts]
    assert noise == pytest.approx([octave.noise_std**2 for octave in parts], rel=0.26)


def test_an_octave_of_the_data_has_the_power_of_its_spectrum():
    """The mean over 20 pictures: of 20 x 200 modes and more, five standard errors are 11 %."""
    drawn = [taken(seed=seed)[2:] for seed in range(20)]
    powers = torch.tensor([[octave.clean.square().mean() for octave in parts] for parts in drawn])
    expected = [octave.std**2 for octave in drawn[0]]
    assert powers.mean(0).tolist() == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_an_octave_is_drowned_where_the_noise_has_more_power(model):
    powers = [part.power for part in octaves.powers(field(model))]
    between = [math.sqrt(math.sqrt(power * finer)) for power, finer in pairwise(powers)]
    drowned = [answer(model, sigma=sigma)["drowned"] for sigma in between]
    octave = range(len(powers))
    assert drowned == [[j > finest for j in octave] for finest in octave[:-1]]


@pytest.mark.parametrize("sigma", [0.15, 0.3, 0.6, 1.2])
def test_the_wall_of_the_rings_lies_in_the_finest_octave_above_the_noise_or_the_next(sigma):
    parts = octaves.powers(FIELD)
    wall = 64 * octaves.wall(FIELD, sigma).radius
    finest = max(j for j, part in enumerate(parts) if part.power > sigma**2)
    assert parts[finest].low < wall < 2 * parts[finest + 1].low


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_every_octave_is_sent_with_its_label(model):
    view = answer(model, sigma=0.3)
    names = [f"octave{j}" for j in range(len(octaves.powers(field(model))))]
    assert [name for name in view["images"] if name.startswith("octave")] == names
    assert view["text"]["octave0"].startswith("1 to 2: ")
    assert " and finer: drowned" in view["text"][names[-1]]


@pytest.mark.parametrize(
    ("sigma", "said"),
    [(0.01, "every octave is stronger"), (1348, "the noise drowns every octave")],
)
def test_the_ends_of_sigma_are_said(sigma, said):
    assert said in answer(sigma=sigma)["text"]["octaves"]


@pytest.mark.parametrize("model", story_tab.FIELDS)
def test_the_true_octave_of_the_question_is_the_finest_that_is_not_drowned(model):
    truth = story_tab.judge({"step": "octaves", "model": model, "guess": "1"})["truth"]
    drowned = answer(model, sigma=truths.NOISE)["drowned"]
    assert int(truth) == 2 ** (drowned.index(True) - 1)


def test_the_wall_of_a_power_law_stands_where_the_powers_are_equal():
    """lambda = c / k^2 falls below sigma^2 at k = sqrt(c) / sigma."""
    c = float(FIELD.rings.power[0] * FIELD.rings.radius[0] ** 2)
    sigmas = (0.2, 0.4, 1.0)
    radii = [octaves.wall(FIELD, sigma).radius for sigma in sigmas]
    spacing = 1 / 64  # groups are no further apart
    assert radii == pytest.approx([c**0.5 / sigma for sigma in sigmas], abs=spacing)


def test_the_share_above_the_noise_counts_every_mode():
    flat = FIELD.power.flatten()[1:]
    expected = float((flat > 0.3**2).double().mean())
    assert octaves.wall(FIELD, 0.3).share == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_the_ends_of_sigma_put_everything_above_or_below_the_noise(model):
    low, high = octaves.wall(field(model), 0.01), octaves.wall(field(model), 1348.0)
    assert low.share > 0.9
    assert high.radius == high.share == 0


def test_the_best_guess_errs_as_a_gaussian_says():
    """Its mean squared error is mean lambda sigma^2 / (lambda + sigma^2).

    Each of 8 pictures has 4,095 modes; five standard errors of the mean square are below 4 %.
    """
    sigma, flat = 0.3, FIELD.power.flatten()[1:]
    expected = float((flat * sigma**2 / (flat + sigma**2)).mean())
    removed = octaves.wall(FIELD, sigma).removed
    assert 1 - expected / sigma**2 == pytest.approx(removed, abs=1e-12)
    errors = [
        (at.guess - at.clean).square().mean() for at in (octaves.wall(FIELD, sigma, seed=s)
        for s in range(0, 16, 2))
    ]  # fmt: skip
    assert float(torch.stack(errors).mean()) == pytest.approx(expected, rel=0.04)
