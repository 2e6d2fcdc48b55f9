"""Sentences on grain and contrast, measured before rounding to 8 bits."""

import math
from types import SimpleNamespace

import pytest
import torch

from pds import models
from pds.appearance import Appearance, References, grain
from pds.commands.cli import main
from pds.driving import seeded_noise
from pds.files import pictures
from pds.jobs import comparison, quality
from pds.jobs.quality import Quality
from pds.models import Model, Pair, load_model
from pds.portraits import portraits
from pds.request import Request
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE
from pds.spectra import inverse_square_power

NETWORK = "the network's own images"


def sides(vanilla, pds):
    return {"vanilla": vanilla, "PDS": pds}


# In words


def test_the_sentence_says_both_numbers_of_both_sides_and_relative_to_what():
    both = sides(Quality(2.934, 0.791, NETWORK, 4), Quality(1.312, 0.738, NETWORK, 4))
    assert quality.sentence(both) == (
        "grain 2.93 (vanilla), 1.31 (PDS) times that of the network's own images; "
        "contrast 0.79, 0.74 (4 images: give or take 0.5)"
    )


def test_one_picture_has_no_contrast_to_speak_of():
    both = sides(Quality(2.934, math.nan, NETWORK), Quality(1.312, math.nan, NETWORK))
    assert quality.sentence(both) == (
        "grain 2.93 (vanilla), 1.31 (PDS) times that of the network's own images"
    )


def test_without_a_reference_grain_is_in_pixel_units_with_the_ratio_of_the_sides():
    assert quality.sentence(sides(Quality(0.034), Quality(0.0136))) == (
        "grain 0.0340 (vanilla), 0.0136 (PDS) in pixel units, 0 to 1; vanilla / PDS 2.50"
    )


def test_pictures_without_any_noise_have_no_ratio():
    assert quality.sentence(sides(Quality(0.02), Quality(0.0))) == (
        "grain 0.0200 (vanilla), 0.0000 (PDS) in pixel units, 0 to 1"
    )


@pytest.mark.parametrize("reference", [NETWORK, ""])
def test_a_side_that_diverged_is_called_so(reference):
    both = sides(Quality(math.nan, math.nan, reference, 4), Quality(1.3, 0.7, reference, 4))
    said = quality.sentence(both)
    assert said.startswith("grain diverged (vanilla), 1.30")
    assert ("contrast diverged, 0.70" in said) == bool(reference)
    assert "nan" not in said


def test_two_sides_that_diverged_have_no_grain():
    both = sides(*[Quality(math.nan, math.nan, NETWORK, 4)] * 2)
    assert quality.sentence(both) == (
        "vanilla and PDS diverged; their images have no grain to measure"
    )


def test_a_number_without_a_bound_is_called_large():
    both = sides(Quality(1e30, math.nan, NETWORK), Quality(123.4, math.nan, NETWORK))
    assert "grain over 1000 (vanilla), 123 (PDS)" in quality.sentence(both)


def test_a_label_has_a_line_for_each_number_that_is_known():
    assert quality.label("PDS", Quality(1.3, 0.7, NETWORK, 4)) == "PDS\ngrain 1.30\ncontrast 0.70"
    assert quality.label("PDS", Quality(0.0123)) == "PDS\ngrain 0.0123"
    assert quality.label("PDS", None) == "PDS"


def test_a_sheet_says_what_its_numbers_are_relative_to():
    assert quality.note(Quality(1, 1, NETWORK, 16)) == f"1 = {NETWORK}; contrast ± 0.2"
    assert quality.note(Quality(1, math.nan, NETWORK)) == f"grain: 1 = {NETWORK}"
    assert quality.note(Quality(0.01)) == "grain in pixel units, 0 to 1"
    assert quality.note(None) == ""


@pytest.mark.parametrize(
    "count", [4, *(pytest.param(count, marks=pytest.mark.slow) for count in (8, 16))]
)
def test_contrast_varies_between_groups_of_pictures_as_much_as_is_said(count):
    """Twice its standard deviation is 1 / sqrt(count), within a third: from 25 groups."""
    held_out = portraits(range(3_000_000, 3_000_000 + 25 * count))
    reference = Appearance.of(held_out)
    groups = [Appearance.of(group).relative_to(reference).contrast for group in
              held_out.split(count)]  # fmt: skip
    spread = 2 * float(torch.tensor(groups).std())
    assert spread == pytest.approx(quality.contrast_margin(count), rel=0.33)


# Measured


def clouds(shape, *, centered=False, references=None, score=None):
    """A model of Gaussian clouds of any shape; masks of ones, so that M is the identity."""
    size = max(shape[1:])
    sde = VESDE()
    field = GaussianField(inverse_square_power(size, variance=0.06)[None], sde, mean=0.5)
    ones = torch.ones(shape)
    return Model(
        score=score or field,
        sde=sde,
        num_scales=2000,
        frequency_mask=ones,
        space_mask=ones,
        corrector=load_model("field64").corrector,
        centered=centered,
        references=references,
    )


def test_pictures_of_a_centered_network_are_measured_in_the_range_0_to_1():
    images = portraits(range(3_000_000, 3_000_004))
    plain = quality.measured(clouds((3, 32, 32)), images)
    centered = quality.measured(clouds((3, 32, 32), centered=True), 2 * images - 1)
    assert plain.grain == pytest.approx(float(grain(images).mean()))
    assert centered.grain == pytest.approx(plain.grain, rel=1e-4)


def test_a_reference_without_grain_leaves_pixel_units():
    flat = Appearance.of(torch.full((2, 1, 8, 8), 0.5))
    model = clouds((1, 8, 8), references=References(flat, flat))
    measured = quality.measured(model, 0.1 * torch.randn(2, 1, 8, 8))
    assert measured.reference == "" and math.isfinite(measured.grain)


def test_the_reference_of_a_network_and_of_an_exact_score_have_their_names():
    assert quality.reference_of(load_model("portraits32")) == NETWORK
    assert quality.reference_of(load_model("field64")) == "exact samples"


# At the command line


@pytest.fixture
def said(tmp_path, capsys):
    """Run `pds compare` on a model, and return what it prints after the name of the file."""

    def run(model, *options):
        name = models.visitor_models.add(model)
        words = ["compare", f"--model={name}", "--num-steps", "3", *options]
        assert main([*words, "--out", str(tmp_path / "c.png")]) == 0
        _, *lines = capsys.readouterr().out.splitlines()
        return lines

    return run


def test_the_command_ends_with_one_line_of_grain_and_contrast(tmp_path, capsys):
    out = tmp_path / "c.png"
    words = "--model field64 --num-steps 20 --num-images 3 --seed 5".split()
    assert main(["compare", *words, "--out", str(out)]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    request = Request("field64", num_steps=20, num_images=3, seed=5)
    model, drawn = load_model("field64"), comparison.final(request)
    exact = Appearance.of(model.score.sample(seeded_noise(range(64))(torch.Size((64, 1, 64, 64)))))
    *_, steps = models.compare_request(request)
    found = [Appearance.of(step.x_mean).relative_to(exact) for step in steps]
    assert last == (
        f"grain {found[0].grain:.2f} (vanilla), {found[1].grain:.2f} (PDS) times that of exact "
        f"samples; contrast {found[0].contrast:.2f}, {found[1].contrast:.2f} (3 images: give or "
        "take 0.6)"
    )
    assert (pictures.read_pixels(out) == comparison.sheet(request, *drawn)).all()


def test_what_is_measured_is_not_what_the_rounded_pictures_show():
    request = Request("field64", num_steps=20, num_images=2)
    vanilla, _ = comparison.final(request)
    rounded = torch.from_numpy(vanilla.tiles / 255).permute(0, 3, 1, 2)
    assert vanilla.quality != quality.measured(load_model("field64"), rounded)


@pytest.mark.parametrize("size", [4, 7])
def test_pictures_below_eight_pixels_are_drawn_and_said_to_have_no_measure(said, size):
    assert said(clouds((1, size, size))) == ["images below 8 px have no grain measure"]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 9, 9), (3, 33, 33)])
def test_odd_sizes_and_any_channels_have_grain_in_pixel_units(said, shape):
    (line,) = said(clouds(shape))
    assert line.startswith("grain ") and "in pixel units" in line


def test_one_picture_is_measured_without_contrast(said):
    references = load_model("field64").references
    (line,) = said(clouds((1, 64, 64), references=references), "--num-images", "1")
    assert line.endswith("times that of exact samples")


def test_a_score_that_is_not_finite_is_a_comparison_that_diverged(said):
    (line,) = said(clouds((1, 8, 8), score=lambda x, t: x * math.nan))
    assert line == "vanilla and PDS diverged; their images have no grain to measure"


def test_a_constant_picture_has_no_grain(said):
    """The score of a single gray picture: the last step ends at it."""
    sde = VESDE()

    def score(x, t):
        return (0.5 - x) / sde.marginal(t).std.view(-1, 1, 1, 1) ** 2

    gray = clouds((1, 8, 8), score=score)
    (line,) = said(gray, "--num-steps", "100")
    assert line.startswith("grain 0.00")


def test_one_side_that_diverged_is_said_beside_the_other(said, monkeypatch):
    compare = comparison.compare_request

    def broken(request):
        for pair in compare(request):
            yield Pair(SimpleNamespace(x_mean=pair.vanilla.x_mean * math.inf), pair.pds)

    monkeypatch.setattr(comparison, "compare_request", broken)
    (line,) = said(clouds((1, 16, 16)))
    assert line.startswith("grain diverged (vanilla), ") and "(PDS) in pixel units" in line
