import pytest
import torch

from pds.preconditioners import Composition, FrequencyFilter, Identity, Skew, SpaceFilter
from pds.spectra import inverse_square_power

SHAPE = (3, 4, 5)


def even_gain(*, seed=0, shape=SHAPE):
    """A random positive gain with gain[-k] = gain[k]."""
    gain = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1
    return (gain + gain.flip(-2, -1).roll((1, 1), (-2, -1))) / 2


def space_gain():
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 1


PRECONDITIONERS = {
    "identity": Identity(),
    "frequency": FrequencyFilter(even_gain()),
    "space": SpaceFilter(space_gain()),
    "both": Composition(FrequencyFilter(even_gain()), SpaceFilter(space_gain())),
    "skew": Skew(Composition(FrequencyFilter(even_gain()), SpaceFilter(space_gain())), 0.7),
}


def matrix(operator):
    """The matrix of a linear map on images of SHAPE, one column per unit image."""
    size = torch.Size(SHAPE).numel()
    units = torch.eye(size, dtype=torch.float64).reshape(size, *SHAPE)
    return operator(units).reshape(size, size).T


@pytest.fixture(params=PRECONDITIONERS)
def preconditioner(request):
    return PRECONDITIONERS[request.param]


def test_transpose_is_the_adjoint(preconditioner):
    torch.testing.assert_close(
        matrix(preconditioner.apply_transpose), matrix(preconditioner.apply).T
    )


@pytest.mark.parametrize("name", ["identity", "frequency", "space", "both"])
def test_drift_is_the_matrix_product_of_m_and_its_transpose(name):
    m = matrix(PRECONDITIONERS[name].apply)
    torch.testing.assert_close(matrix(PRECONDITIONERS[name].drift), m @ m.T)


def test_drift_is_that_product_plus_the_skew_part():
    skew = PRECONDITIONERS["skew"]
    m = matrix(skew.apply)
    torch.testing.assert_close(
        matrix(skew.drift), m @ m.T + matrix(skew.skew), rtol=1e-12, atol=1e-12
    )


def random(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1


@pytest.mark.parametrize("with_noise", [True, False])
@pytest.mark.parametrize("sizes", ["numbers", "a number for each image"])
def test_a_move_adds_drift_and_noise(preconditioner, with_noise, sizes):
    x, d, z = (random(seed, 4, *SHAPE) for seed in (1, 2, 3))
    a, b = (2.0, 0.5) if sizes == "numbers" else (random(seed, 4, 1, 1, 1) for seed in (4, 5))
    expected = x + a * preconditioner.drift(d)
    if with_noise:
        expected = expected + b * preconditioner.apply(z)
    moved = preconditioner.move(d, z).add(x, a, b if with_noise else None)
    torch.testing.assert_close(moved, expected)


@pytest.mark.parametrize("over", ["batch", "sample"])
def test_a_move_knows_the_ratio_of_its_norms(preconditioner, over):
    d, z = random(2, 4, *SHAPE), random(3, 4, *SHAPE)
    norms = [
        torch.linalg.vector_norm(v, dim=(1, 2, 3), keepdim=True)
        for v in (preconditioner.apply(z), preconditioner.drift(d))
    ]
    noise, drift = (n.mean() if over == "batch" else n for n in norms)
    torch.testing.assert_close(preconditioner.move(d, z).norm_ratio(over), noise / drift)


@pytest.mark.parametrize(("name", "count"), [("identity", 0), ("frequency", 2)])
def test_a_step_needs_one_transform_each_way_beyond_that_of_the_noise(name, count, monkeypatch):
    transforms = []
    forward, inverse = torch.fft.rfft2, torch.fft.irfft2
    monkeypatch.setattr(torch.fft, "rfft2", lambda v: transforms.append("F") or forward(v))
    monkeypatch.setattr(
        torch.fft, "irfft2", lambda v, s: transforms.append("F^-1") or inverse(v, s=s)
    )
    x, d, z = (random(seed, 1, *SHAPE) for seed in (1, 2, 3))
    PRECONDITIONERS[name].move(d, z).add(x, 1.0, 1.0)
    assert transforms == ["F"] * count + ["F^-1"] * (count // 2)


def test_a_filter_knows_the_gain_of_every_mode():
    torch.testing.assert_close(PRECONDITIONERS["frequency"].mode_gain(), even_gain().mean(0))
    assert Identity().mode_gain() == 1
    assert SpaceFilter(torch.tensor(1.5)).mode_gain() == 1.5


@pytest.mark.parametrize("name", ["space", "both", "skew"])
def test_what_mixes_frequencies_has_no_gain_for_each(name):
    with pytest.raises(ValueError, match="has no gain for each frequency"):
        PRECONDITIONERS[name].mode_gain()


def test_the_skew_part_is_antisymmetric_and_not_zero():
    skew = matrix(PRECONDITIONERS["skew"].skew)
    assert skew.abs().max() > 0.1
    torch.testing.assert_close(skew, -skew.T)


def test_the_skew_part_of_a_wave_is_its_quarter_turn_times_the_documented_factor():
    rows = torch.arange(8, dtype=torch.float64)
    wave = torch.exp(2j * torch.pi * 3 * rows / 8)[:, None].expand(1, 1, 8, 8)
    skew = Skew(Identity(), 0.6)
    turned = torch.complex(skew.skew(wave.real), skew.skew(wave.imag))
    factor = 0.6j * torch.sin(torch.tensor(2 * torch.pi * 3 / 8)) / 2
    torch.testing.assert_close(turned, factor * wave, check_dtype=False)


def test_composition_applies_the_space_filter_first():
    frequency, space = PRECONDITIONERS["frequency"], PRECONDITIONERS["space"]
    composed = matrix(PRECONDITIONERS["both"].apply)
    torch.testing.assert_close(composed, matrix(frequency.apply) @ matrix(space.apply))
    swapped = matrix(space.apply) @ matrix(frequency.apply)
    assert (composed - swapped).abs().max() > 1e-3


def test_a_frequency_filter_multiplies_each_fourier_coefficient_by_its_gain():
    gain = even_gain()
    v = torch.randn(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    filtered = FrequencyFilter(gain).apply(v)
    torch.testing.assert_close(torch.fft.fft2(filtered), gain * torch.fft.fft2(v))


def test_identity_returns_its_argument_itself():
    v = torch.ones(1, 1, 2, 2)
    identity = Identity()
    results = (identity.apply(v), identity.apply_transpose(v), identity.drift(v))
    assert all(r is v for r in results)


def test_an_uneven_gain_is_refused():
    gain = even_gain()
    gain[0, 1, 2] += 0.1
    with pytest.raises(ValueError, match="must be even"):
        FrequencyFilter(gain)


def test_rounding_in_an_even_gain_is_accepted():
    FrequencyFilter(even_gain() * (1 + 1e-7 * torch.rand(SHAPE)))


@pytest.mark.parametrize("make", [FrequencyFilter, SpaceFilter])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gain_that_is_not_finite_is_refused(make, bad):
    gain = torch.ones(SHAPE)
    gain[0, 0, 0] = bad
    with pytest.raises(ValueError, match="finite"):
        make(gain)


def test_a_filter_of_another_size_is_refused_by_name():
    with pytest.raises(ValueError, match="does not fit images of 8 x 8"):
        FrequencyFilter(torch.ones(3, 4, 4)).apply(torch.zeros(1, 3, 8, 8))


@pytest.mark.about_cpu
def test_the_power_law_has_its_variance_and_slope():
    power = inverse_square_power(16, variance=0.06)
    torch.testing.assert_close(power.mean(), torch.tensor(0.06, dtype=torch.float64))
    torch.testing.assert_close(power[0, 2] / power[0, 4], torch.tensor(4.0, dtype=torch.float64))
