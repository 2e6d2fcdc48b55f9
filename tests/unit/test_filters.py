import numpy as np
import pytest
import torch

from pds import filters
from pds.preconditioners import Composition, FrequencyFilter, Identity, SpaceFilter
from pds.spectra import power
from tests.support.paths import GOLDEN

SHAPE = (3, 32, 32)


@pytest.fixture(scope="module")
def maskgen():
    return {k: torch.from_numpy(v) for k, v in np.load(GOLDEN / "maskgen.npz").items()}


@pytest.fixture
def masks():
    return {
        "freq": filters.load(GOLDEN / "freq_mask_raw.npy", SHAPE, kind="frequency"),
        "space": filters.load(GOLDEN / "space_mask_raw.npy", SHAPE, kind="space"),
    }


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_masks_are_the_reference_masks_in_batches_of_any_size(maskgen, batch_size):
    estimated = filters.estimate(maskgen["images"].split(batch_size))
    assert estimated.num_images == 4
    # The reference accumulates in float32.
    torch.testing.assert_close(
        estimated.frequency.float(), maskgen["freq_mask_raw"], rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(
        estimated.space.float(), maskgen["space_mask_raw"], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("alpha", [5, 2, 1.5])
@pytest.mark.parametrize(("kind", "name"), [("freq", "Rinv_freq"), ("space", "Ainv_space")])
def test_gains_are_the_reference_gains(masks, kind, name, alpha):
    expected = torch.from_numpy(np.load(GOLDEN / "sampler.npz")[f"{name}_alpha{alpha}"])
    torch.testing.assert_close(filters.gain(masks[kind], alpha), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("alpha", [1.01, 2.0, 5.0, 100.0])
def test_a_gain_runs_from_one_to_at_most_alpha_over_alpha_minus_one(alpha):
    mask = torch.tensor([[[4.0, 1.0], [0.0, 2.0]]])
    gain = filters.gain(mask, alpha)
    assert gain[0, 0, 0] == 1
    assert float(gain.max()) == pytest.approx(alpha / (alpha - 1))
    assert gain.argmax() == mask.argmin()


@pytest.mark.parametrize("alpha", [1.0, 0.5, -3.0, float("nan"), float("inf")])
def test_an_alpha_out_of_range_is_refused_with_a_reason(alpha):
    with pytest.raises(ValueError, match="alpha must be > 1"):
        filters.gain(torch.ones(SHAPE), alpha)


def test_the_power_of_the_data_is_recovered_from_the_mask(maskgen):
    estimated = filters.estimate([maskgen["images"]])
    torch.testing.assert_close(
        filters.data_power(estimated.frequency), power(maskgen["images"]), rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize(
    ("given", "kind"),
    [((), Identity), (("freq",), FrequencyFilter), (("space",), SpaceFilter)],
)
def test_only_the_given_masks_make_the_preconditioner(masks, given, kind):
    chosen = [masks[name] if name in given else None for name in ("freq", "space")]
    assert type(filters.preconditioner(*chosen, alpha=5)) is kind


def test_both_masks_make_frequency_after_space(masks):
    both = filters.preconditioner(masks["freq"], masks["space"], alpha=5)
    assert isinstance(both, Composition)
    assert isinstance(both.outer, FrequencyFilter)
    assert isinstance(both.inner, SpaceFilter)


def test_a_saved_mask_is_loaded_again(tmp_path, masks):
    filters.save(tmp_path / "mask.npy", masks["freq"])
    loaded = filters.load(tmp_path / "mask.npy", SHAPE, kind="frequency")
    torch.testing.assert_close(loaded, masks["freq"])
    assert [p.name for p in tmp_path.iterdir()] == ["mask.npy"]


def test_no_images_and_mixed_shapes_are_refused():
    with pytest.raises(ValueError, match="at least one image"):
        filters.estimate([])
    with pytest.raises(ValueError, match="one shape"):
        filters.estimate([torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 8, 8)])


GOOD = np.ones(SHAPE, np.float32)


def spoiled(value):
    array = GOOD.copy()
    array[0, 1, 2] = value
    return array


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.ones((3, 16, 16)), r"shape \(3, 16, 16\), but the model's images are \(3, 32, 32\)"),
        (np.ones(SHAPE, complex), "real numbers, got dtype complex128"),
        (np.full(SHAPE, "x"), "real numbers, got dtype <U1"),
        (spoiled(np.nan), "not finite"),
        (spoiled(np.inf), "not finite"),
        (spoiled(-1), "values from -1 to 1"),
        (np.zeros(SHAPE), "values from 0 to 0"),
        (spoiled(2), "not even"),
    ],
    ids=["shape", "complex", "text", "nan", "inf", "negative", "zero", "uneven"],
)
def test_a_mask_that_does_not_fit_is_refused_with_what_is_wrong(tmp_path, array, sentence):
    np.save(tmp_path / "mask.npy", array)
    with pytest.raises(ValueError, match=sentence):
        filters.load(tmp_path / "mask.npy", SHAPE, kind="frequency")


def test_an_uneven_space_mask_is_welcome(tmp_path):
    np.save(tmp_path / "mask.npy", spoiled(2))
    filters.load(tmp_path / "mask.npy", SHAPE, kind="space")


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "mask.npy").write_bytes(content)
    with pytest.raises(ValueError, match="not a readable"):
        filters.load(tmp_path / "mask.npy", SHAPE, kind="space")


def test_a_pickle_is_refused_and_not_run(tmp_path):
    np.save(tmp_path / "mask.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(ValueError, match="not a readable"):
        filters.load(tmp_path / "mask.npy", SHAPE, kind="space")


def test_an_archive_is_refused(tmp_path):
    np.savez(tmp_path / "mask.npz", GOOD)
    with pytest.raises(ValueError, match="archive"):
        filters.load(tmp_path / "mask.npz", SHAPE, kind="space")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no filter at .*absent\.npy"):
        filters.load(tmp_path / "absent.npy", SHAPE, kind="space")


@pytest.mark.parametrize("sizes", [[1], [7], [3, 3, 1], [1, 20, 2, 40]])
def test_batches_are_cut_at_every_power_of_two(sizes):
    images = torch.arange(float(sum(sizes)))[:, None, None, None]
    pieces = list(filters.doubling(images.split(sizes)))
    assert torch.equal(torch.cat(pieces), images)
    ends = set(np.cumsum([len(piece) for piece in pieces]).tolist())
    assert {2**i for i in range(10) if 2**i <= len(images)} <= ends
