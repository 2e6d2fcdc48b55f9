"""Decoding of picture files: orientation, depth, transparency, size, and unreadable files."""

import base64
import io
import os
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from pds import filters
from pds.commands.cli import main
from pds.files.decoding import Fit, decode
from pds.files.images import Images
from pds.files.rasters import Budget
from pds.files.unread import Unread
from pds.web import api
from tests.fuzz.pictures import fault, joined
from tests.support.encoding import encoded

RAMP = np.linspace(0, 1, 64).reshape(8, 8)
TURNED = Image.Exif()
TURNED[0x0112] = 6
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def file(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(content, name="a.png", **fit):
    fit = Fit(**{"size": 8, "channels": 1, **fit})
    return decode(io.BytesIO(content), name, fit, Budget(10_000_000))


def noise(seed, side=8):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)


def deep(values, color):
    """A PNG of 16-bit samples (H, W, bands), of the PNG color type."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = np.array(values.shape[1::-1], ">u4").tobytes() + bytes([16, color, 0, 0, 0])
    return joined([(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


@pytest.mark.parametrize("number", range(300))
def test_a_file_with_damaged_metadata_is_read_or_refused_in_a_sentence(number):
    assert fault(number) == ""


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_is_turned_by_the_exif_of_every_format(kind):
    image = np.zeros((8, 8), np.uint8)
    image[:4] = 255
    options = {"TIFF": {"tiffinfo": {274: 6}}, "WEBP": {"exif": TURNED, "lossless": True}}
    content = file(image, kind, **options.get(kind, {"exif": TURNED, "quality": 100}))
    np.testing.assert_allclose(pixels(content)[0], np.rot90(image, -1) / 255, atol=0.02)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_turned(kind):
    ramp = (65535 * RAMP).astype(np.uint16)
    options = {"exif": TURNED} if kind == "PNG" else {"tiffinfo": {274: 6}}
    expected = np.rot90(ramp, -1).astype(np.float32) / np.float32(65535)
    np.testing.assert_array_equal(pixels(file(ramp, kind, **options))[0], expected)


@pytest.mark.parametrize(("color", "bands"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_colors_keep_their_low_bytes(color, bands):
    values = np.random.default_rng(0).integers(0, 65536, (8, 8, bands)).astype(np.uint16)
    opacity = values[..., -1:] / 65535 if color in (4, 6) else 1
    shown = 1 + opacity * (values[..., : 3 if bands > 2 else 1] / 65535 - 1)
    expected = np.broadcast_to(shown, (8, 8, 3)).transpose(2, 0, 1)
    np.testing.assert_allclose(pixels(deep(values, color), channels=3), expected, atol=1e-6)


@pytest.mark.parametrize("maximum", [1000, 4095, 65535])
def test_the_maximum_of_a_netpbm_file_is_white(maximum):
    values = np.round(maximum * RAMP)
    content = b"P5 8 8\n# words\n%d\n" % maximum + values.astype(">u2").tobytes()
    np.testing.assert_allclose(pixels(content)[0], values / maximum, atol=1e-6)


def test_floats_in_0_to_1_are_taken_as_they_are():
    floats = RAMP.astype(np.float32)
    np.testing.assert_array_equal(pixels(file(floats, "TIFF"))[0], floats)


@pytest.mark.parametrize(
    ("values", "words", "detail"),
    [
        (255 * RAMP, "outside the range", "from 0 to 255"),
        (2 * RAMP - 1, "outside the range", "from -1 to 1"),
        (RAMP * np.nan, "not numbers", ""),
        ((1000 * RAMP).astype(np.int32), "not known", "from 0 to 1000"),
    ],
    ids=["255", "-1", "nan", "int32"],
)
def test_values_that_may_mean_several_things_are_refused_with_them(values, words, detail):
    values = values.astype(np.float32) if values.dtype == float else values
    with pytest.raises(Unread, match=words) as refused:
        pixels(file(values, "TIFF"))
    assert refused.value.detail == detail


def test_a_range_says_which_floats_are_black_and_white():
    content = file((2 * RAMP - 1).astype(np.float32), "TIFF")
    np.testing.assert_allclose(pixels(content, value_range=(-1, 1))[0], RAMP, atol=1e-6)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_transparency_shows_white(mode):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    options = {}
    if mode in ("L", "RGB"):
        options = {"transparency": 0 if mode == "L" else (0, 0, 0)}
    image = Image.new(mode, (8, 8), 0) if mode == "P" else image.convert(mode)
    options = {"transparency": 0} if mode == "P" else options
    assert (pixels(file(image, **options), channels=3) == 1).all()


def test_a_picture_that_is_too_small_is_refused_or_enlarged():
    with pytest.raises(Unread, match="smaller than 16 px"):
        pixels(file(noise(0)), size=16)
    assert pixels(file(noise(0)), size=16, enlarge=True).shape == (1, 16, 16)


def test_a_large_picture_keeps_its_means():
    """Blocks are averaged before Lanczos; half a picture stays half."""
    image = np.zeros((999, 999), np.uint8)
    image[:, 500:] = 255
    small = pixels(file(image))[0]
    np.testing.assert_allclose(small[:, :3], 0, atol=0.03)
    np.testing.assert_allclose(small[:, 5:], 1, atol=0.03)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (HEIC, "a.jpg", "HEIC file"),
        (b"%PDF-1.7", "a.pdf", "PDF file"),
        (b"\0\0\0\x18ftypisom" + bytes(20), "a.mp4", "video file"),
        (b"II*\0\x08\0\0\0", "a.NEF", "camera RAW file"),
        (file(noise(0), "TIFF", tiffinfo={254: 1}), "a.tif", "camera RAW file"),
        (b"<svg xmlns='a'/>", "a.png", "SVG file"),
        ("words é".encode(), "a.txt", "text file"),
        (b"", "a.png", "empty file"),
        (b"\x00\x01\x02\x03", "a.png", "file of an unknown kind"),
        (file(noise(0))[:90], "a.png", "damaged or unusual PNG file"),
    ],
)
def test_a_file_that_is_no_picture_is_named_by_its_kind(content, name, words):
    with pytest.raises(Unread, match=words):
        pixels(content, name)


def test_links_are_followed_once_and_hidden_files_do_not_count(tmp_path):
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    for place in (folder, elsewhere):
        place.mkdir()
    (elsewhere / "a").write_bytes(file(noise(0)))
    for hidden in (".DS_Store", "._a.png", "Thumbs.db", "dataset.json"):
        (folder / hidden).write_text("system")
    os.symlink(elsewhere, folder / "linked")
    os.symlink(elsewhere / "a", folder / "again.png")
    os.symlink(folder, elsewhere / "loop")
    os.symlink(tmp_path / "gone", folder / "broken.png")
    source = Images(folder, 8)
    assert sum(map(len, source)) == 1
    assert source.sentences() == [
        "1 path that cannot be opened was not read; change the permissions, or mend the links: "
        "broken.png"
    ]


@pytest.mark.parametrize("inside", [False, True])
def test_the_pictures_of_an_archive_are_read(tmp_path, inside):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(3):
            archive.writestr(f"0000{i}/img.png", file(noise(i)))
        for name in ("dataset.json", "__MACOSX/00000/._img.png", "b.heic"):
            archive.writestr(name, HEIC)
    source = Images(tmp_path if inside else tmp_path / "a.zip", 8)
    assert sum(map(len, source)) == 3
    assert source.skipped == ["a.zip/b.heic" if inside else "b.heic"]


def test_an_archive_with_a_password_and_a_damaged_one_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", file(noise(0)))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    (tmp_path / "b.zip").write_bytes(content[:50])
    (tmp_path / "c.png").write_bytes(file(noise(0)))
    source = Images(tmp_path, 8)
    list(source)
    sentences = " ".join(source.sentences())
    assert "1 file behind a password was not read; unpack the archive: a.zip/a.png" in sentences
    assert "1 damaged archive was not read; copy it again: b.zip" in sentences


def test_what_was_skipped_is_counted_by_kind_with_five_names(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(file(noise(0)))
    for i in range(7):
        (tmp_path / f"{i}.HEIC").write_bytes(HEIC)
    assert main(["filter", str(tmp_path), "--size", "8", "--out", str(tmp_path / "out")]) == 0
    sentence = (
        "7 HEIC files were not read; convert them to JPEG or PNG: 0.HEIC, 1.HEIC, 2.HEIC, 3.HEIC, "
        "4.HEIC and 2 more"
    )
    assert sentence in capsys.readouterr().out.splitlines()


def test_masks_of_black_pictures_are_not_written(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(file(np.zeros((8, 8), np.uint8)))
    out = tmp_path / "out" / "mine"
    assert main(["filter", str(tmp_path / "a.png"), "--size", "8", "--out", str(out)]) == 2
    assert "black" in capsys.readouterr().err
    assert not out.parent.exists()
    with pytest.raises(ValueError, match="all 2 images are black"):
        api.filter_from_images([encoded(np.zeros((32, 32), np.uint8))] * 2)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_mask_that_cannot_be_read_back_is_not_saved(tmp_path, value):
    with pytest.raises(ValueError, match="mask holds values"):
        filters.save(tmp_path / "a.npy", torch.full((3, 8, 8), value))
    assert not list(tmp_path.iterdir())


def test_black_pictures_before_others_leave_the_changes_finite():
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    images[:2] = 0
    masks, changes = filters.convergence(filters.running(images.split(1)))
    assert masks is not None and masks.num_images == 8
    assert all(np.isfinite(change.mean) for change in changes)


def ramp_array(low, high, dtype, shape=(4, 8, 8, 3)):
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (ramp_array(-1, 1, np.float32), "from -1 to 1; pass --range -1 1"),
        (ramp_array(0, 254.5, np.float32), "from 0 to 254.5; pass --range 0 255"),
        (ramp_array(0, 1, np.uint8), "pass --range 0 1"),
        (ramp_array(0, 4095, np.uint16), "such as --range 0 4095"),
        (ramp_array(-5, 200, np.int64), "int64 numbers from -5 to 200"),
    ],
    ids=["-1..1", "0..255", "0..1", "12 bits", "signed"],
)
def test_an_array_of_an_unknown_range_is_refused_with_its_values(tmp_path, capsys, array, words):
    np.save(tmp_path / "a.npy", array)
    assert main(["filter", str(tmp_path / "a.npy"), "--size", "8", "--out", str(tmp_path / "b")])
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("array", "value_range"),
    [
        (ramp_array(-1, 1, np.float32), (-1, 1)),
        (ramp_array(0, 1, np.float64), None),
        (ramp_array(0, 65535, np.uint16), None),
        (ramp_array(0, 1, np.float32, (4, 3, 8, 8)).transpose(0, 2, 3, 1), None),
    ],
)
def test_arrays_are_scaled_by_their_range(tmp_path, array, value_range):
    np.save(tmp_path / "a.npy", array)
    (batch,) = Images(tmp_path / "a.npy", 8, value_range=value_range)
    low, high = float(array.min()), float(array.max())
    expected = ((array.astype(float) - low) / (high - low)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(batch, expected, atol=1e-6)


def test_a_key_names_the_images_of_several_arrays(tmp_path):
    images = ramp_array(0, 255, np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images, y=np.arange(4))
    with pytest.raises(ValueError, match=r"it holds x_train \(4, 8, 8, 3\), y \(4,\)"):
        list(Images(tmp_path / "a.npz", 8))
    (batch,) = Images(tmp_path / "a.npz", 8, key="x_train")
    assert len(batch) == 4


def test_the_endpoint_names_what_it_skipped_and_turns_and_scales_as_the_command_line(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    contents = [file(ramp, exif=TURNED), file(noise(0, 40)), HEIC]
    for i, content in enumerate(contents):
        (tmp_path / f"{i}.png").write_bytes(content)
    answer = api.filter_from_images([base64.b64encode(c).decode() for c in contents])
    expected = filters.estimate(Images(tmp_path, 32))
    saved = np.load(io.BytesIO(base64.b64decode(answer["space"])))
    np.testing.assert_allclose(saved, expected.space, rtol=1e-6)
    assert answer["num_images"] == 2
    assert answer["skipped"] == ["1 HEIC file was not read; convert it to JPEG or PNG: image 2"]
