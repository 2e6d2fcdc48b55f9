"""The frequency filter of natural pictures, which needs no data set."""

import re

import numpy as np
import pytest
import torch

from pds import filters
from pds.commands.cli import main
from pds.commands.sample import sample_main
from pds.evaluation.gaussian import field
from pds.preconditioners import FrequencyFilter
from pds.spectra import radii
from tests.support import tiny_run
from tests.support.paths import ROOT
from tests.support.tiny_run import draw, flags, metadata, pictures, pixels

SHIPPED = sorted(ROOT.glob("filters/portraits*_freq.npy"))


@pytest.fixture
def workdir(tmp_path):
    return tiny_run.workdir(tmp_path)


def natural(folder, *more):
    return [*flags(folder, filtered=False), "--freq_mask_path", "natural", *more]


def test_its_power_falls_as_the_square_of_the_frequency():
    power = filters.data_power(filters.natural((3, 64, 64)))[0]
    radius = radii(64, 64)
    kept = radius > 0
    product = (power * radius.square())[kept]
    assert float(product.max() / product.min()) == pytest.approx(1, rel=1e-6)


def test_it_has_the_mean_and_the_variance_of_imagenet():
    power = filters.data_power(filters.natural((1, 64, 64)))[0]
    mean = (power[0, 0] / 64**2).sqrt()
    assert float(mean) == pytest.approx(0.45, rel=0.01)
    # k = 0 holds a part of the variance, too.
    assert float(power.flatten()[1:].sum()) / 64**2 == pytest.approx(0.051, rel=0.1)


def test_all_channels_have_the_same_gain():
    gain = filters.gain(filters.natural((3, 16, 16)), 5)
    assert torch.equal(gain[0], gain[1])
    assert torch.equal(gain[0], gain[2])
    FrequencyFilter(gain)  # even


def test_the_difference_of_a_mask_to_itself_is_none():
    mask = filters.natural((3, 16, 16))
    assert filters.difference(mask, mask) == (0.0, 0.0)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_it_is_close_to_a_filter_of_smooth_drawings(path):
    """Whose power falls faster than that of photographs, as f^-2.8."""
    size = int(re.search(r"portraits(\d+)", path.name)[1])
    mask = filters.load(path, (3, size, size), kind="frequency")
    assert filters.difference(mask, filters.natural(tuple(mask.shape))).largest < 0.06


def test_it_is_closer_to_photographs():
    """193 of 1024 px and more have a gain of 1.06 at the coarsest frequency, 1.18 at the finest."""
    gain = filters.gain(filters.natural((1, 1024, 1024)), 5)[0]
    assert float(gain[0, 1]) == pytest.approx(1.06, abs=0.021)
    assert float(gain.max()) == pytest.approx(1.18, abs=0.021)


def test_main_needs_no_file_for_it(workdir):
    assert sample_main(natural(workdir)) == 0
    np.save(workdir / "same.npy", filters.natural((3, 8, 8)).float().numpy())
    drawn = pictures(workdir / "eval")
    by_file = ["--freq_mask_path", f"{workdir}/same.npy", "--eval_folder", "file"]
    assert draw(workdir, *by_file, filtered=False) == 0
    from_file = pictures(workdir / "file")
    assert len(drawn) == len(from_file) > 1
    differing = [n for n in drawn if not np.array_equal(pixels(drawn[n]), pixels(from_file[n]))]
    assert differing == []


def test_a_picture_says_that_it_was_used(workdir, capsys):
    assert sample_main(natural(workdir)) == 0
    path = next(iter(sorted((workdir / "eval").rglob("*.png"))))
    assert metadata(path)["request"]["freq_mask_path"] == "natural"
    assert main(["show", str(path)]) == 0
    assert "--freq_mask_path=natural" in capsys.readouterr().out


def test_a_run_with_a_measured_filter_does_not_go_on_with_it(workdir, capsys):
    assert draw(workdir) == 0
    assert sample_main(natural(workdir)) == 2
    assert "another model or filter" in capsys.readouterr().err


def test_a_file_of_that_name_is_named_by_its_folder(workdir, monkeypatch):
    monkeypatch.chdir(workdir)
    (workdir / "natural").write_bytes(b"no mask")
    assert sample_main(natural(workdir)) == 0
    with pytest.raises(ValueError, match="natural is not a readable"):
        filters.frequency("./natural", (3, 8, 8))


def test_there_is_no_natural_space_filter(workdir, capsys):
    words = ["--space_mask_path", "natural"]
    assert sample_main(flags(workdir, *words)) == 2
    assert "it has no space filter; leave space_mask_path out" in capsys.readouterr().err


def test_the_arm_of_an_evaluation_is_the_published_sampler_with_it():
    clouds = field("field64")
    plan = clouds.plan("natural:5", 10)
    assert torch.equal(plan.sampler.m.gain, filters.gain(filters.natural((1, 64, 64)), 5))
    # Clouds follow the same law.
    np.testing.assert_allclose(plan.gain, clouds.gain(5), atol=0.01)


def test_measuring_a_filter_says_how_far_off_it_would_be(tmp_path, capsys):
    np.save(tmp_path / "pictures.npy", np.random.default_rng(0).random((4, 16, 16, 3)))
    words = [str(tmp_path / "pictures.npy"), "--size", "16", "--out", str(tmp_path / "mine")]
    assert main(["filter", *words]) == 0
    assert "differs from this one in gain by 0." in capsys.readouterr().out
