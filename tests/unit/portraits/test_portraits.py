import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pds.portraits import SIZES, canvas, portrait, portrait_at, portraits
from pds.portraits.painting import paint
from pds.portraits.person import CLOTHS, PALETTES, STYLES, draw_person
from pds.spectra import fine_power, power, radial


def people(seeds):
    return [draw_person(np.random.Generator(np.random.PCG64(seed))) for seed in seeds]


COUNTS = {32: 100, 64: 40, 128: 24, 256: 24}


@cache
def drawn(size):
    """The portraits of the first seeds, painted once for all tests, which only read them."""
    return portraits(range(COUNTS[size]), size=size)


def recorded(size, count):
    """Seeds 0 to count - 1, from the images that shipped weights were trained on, 8 a row."""
    sheet = np.asarray(Image.open(Path(__file__).parent / f"portraits{size}.png"), dtype=int)
    tiles = sheet.reshape(count // 8, size, 8, size, 3)
    return tiles.transpose(0, 2, 4, 1, 3).reshape(count, 3, size, size)


@pytest.mark.parametrize(("size", "count"), [(32, 32), (64, 8), (128, 8)])
def test_portraits_are_the_ones_that_the_model_was_trained_on(size, count):
    found = np.round(drawn(size)[:count].numpy() * 255).astype(int)
    # All are equal here. Elementary functions may round differently elsewhere: that moves a value
    # by 1e-7 and so its gray level in about one of 10,000.
    assert (found != recorded(size, count)).mean() < 3e-4


def test_the_recorded_people_have_every_trait():
    """Else a change to one of them could pass unseen."""
    shown = people(range(32))
    assert {person.style for person in shown} == set(STYLES)
    combinations = {(person.cloth_kind, person.collar) for person in shown}
    assert combinations == {(kind, collar) for kind in CLOTHS for collar in ("round", "v", "shirt")}
    traits = ("glasses", "beard", "freckles", "earrings", "open_mouth")
    values = {trait: {bool(getattr(person, trait)) for person in shown} for trait in traits}
    assert values == {trait: {True, False} for trait in traits}


@pytest.mark.parametrize(
    "worn", [{"glasses": True}, {"beard": 0.8}, {"freckles": True}, {"earrings": True}]
)
def test_each_trait_can_be_seen(worn):
    plain = {"glasses": False, "beard": 0.0, "freckles": False, "earrings": False}
    person = dataclasses.replace(people([2])[0], style="short", **plain)

    def painted(person):
        return paint(person, np.random.default_rng(1)).reduced(32)

    change = painted(dataclasses.replace(person, **worn)) - painted(person)
    # At 4 pixels or more, by more than 12 of 255 gray levels.
    assert np.sum(np.abs(change).max(0) > 12 / 255) >= 4


def test_a_portrait_depends_on_its_seed_alone():
    together = portraits([9, 4, 9])
    assert torch.equal(together[0], together[2])
    np.testing.assert_array_equal(together[1].numpy(), portrait(4))


@pytest.mark.parametrize("size", SIZES)
def test_pixels_lie_in_0_1_and_fill_the_range(size):
    images = drawn(size)[:12]
    assert images.shape == (12, 3, size, size)
    assert images.dtype == torch.float32
    assert 0 <= float(images.min()) < 0.15
    assert 0.9 < float(images.max()) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_a_portrait_is_the_same_each_time_it_is_drawn(size):
    np.testing.assert_array_equal(portrait(3, size=size), portrait(3, size=size))


def test_128_pixels_are_the_average_of_256():
    averaged = torch.nn.functional.avg_pool2d(drawn(256)[:6], 2)
    # Sums of four in another order.
    torch.testing.assert_close(averaged, drawn(128)[:6], atol=2e-7, rtol=0)


def test_several_sizes_are_the_portraits_of_each():
    for found, size in zip(portrait_at(5, (256, 32, 128)), (256, 32, 128), strict=True):
        np.testing.assert_array_equal(found, portrait(5, size=size))


def test_a_person_is_recognized_at_every_size():
    small, large = drawn(64)[:24], drawn(256)[:24]
    averaged = torch.nn.functional.avg_pool2d(large, 4)
    across = torch.corrcoef(torch.cat([small, averaged]).flatten(1))[:24, 24:]
    # Measured: 0.87 to 0.97 for the same person, and the most similar other is 0.08 below.
    assert float(across.diagonal().min()) > 0.85
    assert across.argmax(1).tolist() == list(range(24))


def test_no_seeds_are_an_empty_batch():
    assert portraits([], size=64).shape == (0, 3, 64, 64)


def test_64_pixels_average_to_the_same_person_at_32():
    small, large = drawn(32)[:12], drawn(64)[:12]
    averaged = torch.nn.functional.avg_pool2d(large, 2)
    # A value that was clipped before the average may differ: highlights, 2.5 % of them.
    clipped = torch.nn.functional.max_pool2d(((large == 0) | (large == 1)).float(), 2) > 0
    torch.testing.assert_close(averaged[~clipped], small[~clipped], atol=1e-6, rtol=0)
    assert float(clipped.float().mean()) < 0.04


def test_64_pixels_show_finer_detail():
    # Beyond what 32 pixels can hold, more than 8 of 255 gray levels.
    assert fine_power(power(drawn(64))) ** 0.5 > 8 / 255


def test_no_two_people_look_alike():
    images = drawn(32)[:40].flatten(1)
    distances = torch.cdist(images, images) / images.shape[1] ** 0.5
    distances.fill_diagonal_(1)
    assert float(distances.min()) > 0.04


def test_people_of_all_kinds_are_drawn_in_the_middle():
    found = people(range(600))
    assert {person.style for person in found} == set(STYLES)
    assert len({person.wall.tobytes() for person in found}) == len(PALETTES)
    skin = np.array([person.skin.mean() for person in found])
    assert skin.min() < 0.35
    assert skin.max() > 0.8
    # Four standard deviations of each: 600 draws stay inside with probability 0.93, these do.
    assert max(abs(person.x) for person in found) < 0.08
    assert max(abs(person.y + 0.04) for person in found) < 0.08


def test_the_mean_spectrum_falls_as_that_of_images():
    # Edges fall as f^-3, textures more slowly: measured -2.56 to -2.60 over sets of 100.
    rings = radial(power(drawn(32)))
    slope = np.polyfit(np.log(rings.radii), np.log(rings.power), 1)[0]
    assert -2.75 < slope < -2.4


@pytest.mark.parametrize("size", [128, 256])
def test_the_spectrum_in_detail_is_a_power_law_up_to_nyquist(size):
    rings = radial(power(drawn(size)))
    slope = np.polyfit(np.log(rings.radii), np.log(rings.power), 1)[0]
    # Measured: -2.54 at 128 and -2.50 at 256, of gray pictures.
    assert -2.65 < slope < -2.3
    # Neither a bump nor a cut-off: in the top two octaves the power stays near the law.
    top = rings.radii > 0.125
    flat = rings.power[top] * rings.radii[top] ** 2.2
    assert flat.max() < 2.5 * flat.min()


def test_the_finest_octave_holds_real_detail():
    # Measured: 16 of 255 gray levels.
    assert fine_power(power(drawn(32))) ** 0.5 > 12 / 255


@pytest.mark.parametrize("size", [32, 64])
def test_every_wall_has_texture_down_to_the_last_pixel(size):
    corner = 255 * drawn(size)[:40, :, : size // 4, : size // 5]
    around = corner[..., :-2, 1:-1] + corner[..., 2:, 1:-1]
    around += corner[..., 1:-1, :-2] + corner[..., 1:-1, 2:]
    texture = (corner[..., 1:-1, 1:-1] - around / 4).square().mean((1, 2, 3)).sqrt()
    # In gray levels: seen against a smooth wall, far below the grain of an unfinished sample.
    assert 1.5 < float(texture.min())
    assert float(texture.max()) < 12


# Soft spots go on beyond their window: at 64 px by less than a hundredth of a gray level, at
# 256 px, where shades and creases fade out as well, by half a gray level.
@pytest.mark.parametrize(("size", "step", "count"), [(64, 4e-5, 16), (256, 2e-3, 4)])
def test_windows_hold_all_that_is_painted_in_them(size, step, count, monkeypatch):
    in_windows = drawn(size)[:count]
    monkeypatch.setattr(canvas.Canvas, "window", lambda whole, *_: whole)
    torch.testing.assert_close(in_windows, portraits(range(count), size=size), atol=step, rtol=0)


@pytest.mark.parametrize("slope", [0.6, 1.0])
def test_fractal_noise_falls_with_its_slope(slope):
    rng = np.random.default_rng(0)
    noise = np.stack([canvas.fractal(rng, slope=slope) for _ in range(20)])
    rings = radial(power(torch.from_numpy(noise)[:, None]))
    measured = np.polyfit(np.log(rings.radii[4:]), np.log(rings.power[4:]), 1)[0]
    # The error of the fit is below 0.02.
    assert measured == pytest.approx(-2 * slope, abs=0.06)
    assert noise.std((1, 2)) == pytest.approx(np.ones(20), abs=1e-5)


def test_curls_have_the_requested_size():
    curls = canvas.band(np.random.default_rng(0), center=13)
    rings = radial(power(torch.from_numpy(curls)[None, None]))
    cycles = rings.radii * canvas.GRID
    in_ring = rings.power * cycles
    mean = (cycles * in_ring).sum() / in_ring.sum()
    # Rings grow with the radius, so the mean lies a little above the peak.
    assert 13 <= mean < 15


@pytest.mark.parametrize("size", [16, 512, 0])
def test_another_size_is_refused(size):
    with pytest.raises(ValueError, match=f"32, 64, 128 or 256 pixels, got {size}"):
        portrait(1, size=size)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="must be a whole number >= 0, got -1"):
        portrait(-1)
