"""Power spectra, rings, and the grain above half Nyquist."""

import numpy as np
import pytest
import torch

from pds import spectra
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE
from pds.spectra import inverse_square_power


def noise_images(count=400, size=16):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, size, size, generator=generator)


def test_the_mean_power_is_the_mean_square():
    images = noise_images(5)
    torch.testing.assert_close(spectra.power(images).mean(), images.double().square().mean())


def test_a_wave_has_all_its_power_at_its_own_radius():
    columns = torch.arange(32)
    wave = torch.cos(2 * torch.pi * 5 * columns / 32).expand(1, 1, 32, 32)
    spectrum = spectra.radial(spectra.power(wave))
    assert spectrum.radii[spectrum.power.argmax()] == 5 / 32
    assert np.delete(spectrum.power, spectrum.power.argmax()).max() < 1e-12


def test_the_radial_spectrum_of_a_power_law_falls_with_its_square():
    spectrum = spectra.radial(inverse_square_power(64, variance=0.06))
    slope = np.polyfit(np.log(spectrum.radii[3:]), np.log(spectrum.power[3:]), 1)[0]
    # Rings one cycle wide average |k|^-2 over their width, which bends the first few.
    assert slope == pytest.approx(-2, abs=0.03)


def test_the_radial_spectrum_reaches_from_one_cycle_to_nyquist():
    spectrum = spectra.radial(torch.ones(3, 16, 16))
    assert spectrum.radii.tolist() == [k / 16 for k in range(1, 9)]
    assert spectrum.power.tolist() == [1.0] * 8


def fine_power(images):
    return spectra.fine_power(spectra.power(images))


def test_exact_samples_of_a_field_have_its_fine_power():
    power = inverse_square_power(16, variance=0.06)
    images = GaussianField(power, VESDE()).sample(noise_images())
    # 400 x 3 x 184 modes: a standard error of .2 %; five of them.
    assert fine_power(images) / spectra.fine_power(power) == pytest.approx(1, abs=0.015)


def test_added_noise_is_counted_in_units_of_the_datas_fine_power():
    power = inverse_square_power(16, variance=0.06)
    clean = GaussianField(power, VESDE()).sample(noise_images())
    fine = spectra.fine_power(power)
    grain = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)) * fine**0.5
    assert fine_power(clean + grain) / fine == pytest.approx(2, abs=0.03)


def test_blur_leaves_less_than_the_data():
    power = inverse_square_power(16, variance=0.06)
    clean = GaussianField(power, VESDE()).sample(noise_images(50))
    blurred = (clean + clean.roll(1, -1)) / 2
    assert fine_power(blurred) / spectra.fine_power(power) < 0.7


@pytest.mark.parametrize("size", [(5, 7), (6, 8), (4, 5)])
def test_the_power_is_that_of_the_whole_complex_transform(size):
    x = torch.randn(3, 2, *size, generator=torch.Generator().manual_seed(0))
    whole = torch.fft.fft2(x.double()).abs().square().mean(0) / (size[0] * size[1])
    torch.testing.assert_close(spectra.power(x), whole)


@pytest.mark.parametrize("size", [(5, 7), (6, 8), (4, 1), (4, 2)])
def test_a_weighted_sum_over_the_half_spectrum_is_that_over_the_grid(size):
    x = torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    half = torch.fft.rfft2(x).abs().square() * spectra.half_multiplicity(size[1])
    torch.testing.assert_close(half.sum(), torch.fft.fft2(x).abs().square().sum())


def test_rings_hold_every_frequency_once():
    ring, size = spectra.rings(6, 8)
    assert len(ring) == 48 and size.sum() == 48 and size[0] == 1
    radius = spectra.radii(6, 8).flatten() * 6
    assert bool(((radius - ring).abs() <= 0.5).all())
