"""Filters from a folder of images: every kind of file, and errors in them."""

import numpy as np
import pytest
import torch
from PIL import Image

from pds import filters
from pds.commands import filter_picture
from pds.commands.cli import main
from pds.files.images import Images
from pds.files.pictures import GAP, read_pixels
from pds.files.shipped import ROOT
from tests.support.paths import GOLDEN


def pixels(seed=0, size=(8, 8), channels=3):
    shape = (*size, channels) if channels > 1 else size
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def only(folder, **options):
    (batch,) = Images(folder, **{"size": 8, **options})
    return batch


def save(folder, name, image, **options):
    Image.fromarray(image).save(folder / name, **options)


def test_png_files_of_the_reference_s_images_give_its_masks(tmp_path):
    data = np.load(GOLDEN / "maskgen.npz")
    for i, image in enumerate(data["images"]):
        save(tmp_path, f"{i}.png", np.rint(image.transpose(1, 2, 0) * 255).astype(np.uint8))
    out = tmp_path / "made" / "mine"
    assert main(["filter", str(tmp_path), "--out", str(out)]) == 0
    for kind in ("freq", "space"):
        mask = np.load(tmp_path / "made" / f"mine_{kind}.npy")
        # Rounding to 8 bits moves a pixel by at most 1/510.
        np.testing.assert_allclose(mask, data[f"{kind}_mask_raw"], rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "deep/er/a.PNG"])
def test_lossless_files_of_the_wanted_size_are_taken_as_they_are(tmp_path, name):
    image = pixels()
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    save(tmp_path, name, image)
    assert torch.equal(only(tmp_path), torch.from_numpy(image).permute(2, 0, 1)[None] / 255)


def test_a_wide_picture_is_cropped_around_its_center(tmp_path):
    image = pixels(size=(8, 20))
    save(tmp_path, "a.png", image)
    assert torch.equal(
        only(tmp_path), torch.from_numpy(image[:, 6:14]).permute(2, 0, 1)[None] / 255
    )


def test_a_large_picture_is_resized(tmp_path):
    save(tmp_path, "a.png", np.full((64, 96, 3), 51, np.uint8))
    assert torch.equal(only(tmp_path), torch.full((1, 3, 8, 8), 51 / 255))


def test_exif_turns_a_picture_upright(tmp_path):
    image = pixels()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    save(tmp_path, "a.png", image, exif=exif)
    expected = np.rot90(image, -1).copy()
    assert torch.equal(only(tmp_path)[0], torch.from_numpy(expected).permute(2, 0, 1) / 255)


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA", "LA", "L", "1"])
def test_other_color_modes_become_color(tmp_path, mode):
    name = "a.tiff" if mode == "CMYK" else "a.png"
    Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(tmp_path / name)
    assert torch.equal(only(tmp_path), torch.ones(1, 3, 8, 8))


def test_sixteen_bits_become_eight_and_are_not_clipped(tmp_path):
    Image.fromarray(np.full((8, 8), 257 * 100, np.uint16)).save(tmp_path / "a.png")
    assert torch.equal(only(tmp_path, channels=1), torch.full((1, 1, 8, 8), 100 / 255))


def test_gray_images_on_request(tmp_path):
    save(tmp_path, "a.png", pixels())
    assert only(tmp_path, channels=1).shape == (1, 1, 8, 8)


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("order", ["BHWC", "BCHW", "BHW"])
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_arrays_of_any_order_and_scale_are_read(tmp_path, ending, order, scale):
    image = pixels(channels=1 if order == "BHW" else 3)
    images = np.stack([image, image[::-1]])
    stored = np.moveaxis(images, -1, 1) if order == "BCHW" else images
    stored = stored / np.float32(255) if scale == 1 else stored
    path = tmp_path / f"a.{ending}"
    np.save(path, stored) if ending == "npy" else np.savez(path, images=stored, labels=[1])
    batch = only(path)
    color = images if order != "BHW" else np.repeat(images[..., None], 3, -1)
    assert torch.equal(batch, torch.from_numpy(color.copy()).permute(0, 3, 1, 2) / 255)


def bomb(path):
    """A PNG that claims 60,000 x 60,000 pixels."""
    Image.new("L", (1, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    path.write_bytes(content)


def test_files_that_cannot_be_read_are_skipped_by_name(tmp_path):
    save(tmp_path, "good.png", pixels())
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:90])
    bomb(tmp_path / "bomb.png")
    source = Images(tmp_path, 8)
    assert len(list(source)) == 1
    assert source.skipped == ["bomb.png", "cut.png", "text.png"]


def test_no_more_than_a_batch_is_held(tmp_path):
    for i in range(40):
        save(tmp_path, f"{i:02}.png", pixels(i))
    assert [len(batch) for batch in Images(tmp_path, 8)] == [16, 16, 8]


def test_the_reported_change_is_that_of_the_gain_between_doublings():
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    masks, changes = filters.convergence(filters.running(images.split(1)))
    assert masks is not None and masks.num_images == 8
    assert [change.num_images for change in changes] == [2, 4, 8]
    gains = [filters.gain(filters.estimate([images[:n]]).frequency, 5) for n in (4, 8)]
    ratio = (gains[1] / gains[0] - 1).abs()
    assert changes[-1].mean == pytest.approx(float(ratio.mean()))
    assert changes[-1].largest == pytest.approx(float(ratio.max()))


def test_a_model_s_own_samples_make_a_filter_that_fits_it(tmp_path):
    out = tmp_path / "own"
    arguments = ["--num-images", "12", "--num-steps", "20", "--out", str(out)]
    assert main(["filter", "field64", *arguments]) == 0
    mask = filters.load(tmp_path / "own_freq.npy", (1, 64, 64), kind="frequency")
    assert float(mask[:, 0, 0].min()) > float(mask[:, 32, 32].max())


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((4, 4)), "expected images"),
        (np.zeros((2, 5, 4, 4, 3)), "expected images"),
        (np.full((1, 8, 8, 3), 2.0), "floats outside"),
        (np.full((1, 8, 8, 3), np.nan), "floats outside"),
        (np.full((1, 8, 8, 3), 300), "whole numbers from 0 to 255"),
        (np.full((1, 8, 8, 3), "x"), "whole numbers from 0 to 255"),
        (np.array([{}]), "not a readable array file"),
        (np.zeros((0, 8, 8, 3)), "no image"),
    ],
    ids=["2-D", "5-D", "bright", "nan", "300", "text", "pickle", "empty"],
)
def test_an_array_of_no_images_is_one_sentence(tmp_path, capsys, array, sentence):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    assert main(["filter", str(tmp_path / "a.npy"), "--out", str(tmp_path / "b")]) == 2
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("pds: ")]
    assert len(lines) == 1
    assert sentence in lines[0]


@pytest.mark.parametrize(
    ("source", "sentence"), [(".", "holds no image"), ("x", "no images at")], ids=["empty", "none"]
)
def test_an_empty_folder_and_a_missing_one_are_one_sentence(tmp_path, capsys, source, sentence):
    assert main(["filter", str(tmp_path / source), "--out", str(tmp_path / "b")]) == 2
    assert sentence in capsys.readouterr().err


def test_a_network_s_own_samples_make_a_filter_that_fits_it(tmp_path):
    source = ROOT / "assets" / "portraits32.safetensors"
    words = ["--num-images", "2", "--num-steps", "5", "--out", str(tmp_path / "own")]
    assert main(["filter", str(source), *words]) == 0
    filters.load(tmp_path / "own_freq.npy", (3, 32, 32), kind="frequency")
    filters.load(tmp_path / "own_space.npy", (3, 32, 32), kind="space")


def test_the_filter_is_drawn_with_zero_frequency_in_the_middle(tmp_path):
    """The lightest shade, gain 1, is at k = 0 and nowhere else on the plane."""
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    drawn = filter_picture.drawing(filters.estimate([images]))
    lightest = (drawn == filter_picture.SHADES[0].astype(np.uint8)).all(-1)
    rows, columns = np.nonzero(lightest)
    side = filter_picture.SIDE
    top, left = drawn.shape[0] - side - GAP, GAP
    middle = side * 16 // 32
    assert (rows.min() - top, columns.min() - left) == (middle, middle)
    assert (rows.max() - top, columns.max() - left) == (middle + 9, middle + 9)
    assert drawn.shape[1] == 3 * (side + GAP) + GAP


def test_the_filter_command_writes_its_picture(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((4, 8, 8, 3)))
    words = ["--size", "8", "--out", str(tmp_path / "mine")]
    assert main(["filter", str(tmp_path / "a.npy"), *words]) == 0
    drawn = filter_picture.drawing(
        filters.Masks(
            filters.load(tmp_path / "mine_freq.npy", (3, 8, 8), kind="frequency"),
            filters.load(tmp_path / "mine_space.npy", (3, 8, 8), kind="space"),
            4,
        )
    )
    assert np.abs(read_pixels(tmp_path / "mine_gain.png").astype(int) - drawn).max() <= 1
