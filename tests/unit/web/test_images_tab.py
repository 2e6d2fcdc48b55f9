"""The tab "Your images": pixels in, filters and the name of a model out."""

import base64
import io

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

from pds import filters, models
from pds.files.pictures import encode_png
from pds.jobs.hosting import from_page
from pds.models import compare_request
from pds.portraits import portraits
from pds.request import Request
from pds.web.tabs.compare.measurements import Scene
from pds.web.tabs.filter import masks
from pds.web.tabs.images import tab as images_tab


def pixels(n=6, size=32):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype(np.uint8)


def values(array, **changes):
    files = [sent(encode_png(image, "")) for image in array]
    return {"size": array.shape[1], "files": files, "texture": 0.2, **changes}


def sent(content, name="a.png"):
    return {"name": name, "content": base64.b64encode(content).decode()}


@pytest.fixture(scope="module")
def answer():
    return images_tab.bring(values(pixels(20)))


def test_the_filter_is_the_published_one_of_the_pictures(answer):
    images = torch.from_numpy(pixels(20).transpose(0, 3, 1, 2).astype(np.float32) / 255)
    expected = filters.estimate([images])
    experiment = models.load_model(answer["model"])
    torch.testing.assert_close(experiment.frequency_mask, expected.frequency)
    torch.testing.assert_close(experiment.space_mask, expected.space)


def test_the_model_can_be_compared_and_its_masks_saved(answer):
    request = Request(model=answer["model"], num_steps=3, num_images=2)
    *_, last = compare_request(request)
    assert last.pds.x_mean.shape == (2, 3, 32, 32)
    assert Scene.of(request).header["title"] == "Your images"
    saved = masks.file_of({"model": answer["model"], "kind": "frequency"})
    assert saved["file"] == "mine_freq.npy"


def test_every_figure_is_one_that_plotly_accepts(answer):
    layouts = images_tab.setup()["layouts"]
    assert answer["plots"].keys() == layouts.keys()
    for name, traces in answer["plots"].items():
        go.Figure(traces, layouts[name])


def test_the_convergence_is_measured_at_every_doubling(answer):
    largest, mean = answer["plots"]["convergence"]
    assert largest["x"] == mean["x"] == [2, 4, 8, 16]
    assert all(m < most for m, most in zip(mean["y"], largest["y"], strict=True))
    assert "to 16 images" in answer["text"]["convergence"]


def test_the_sheet_shows_the_pictures_as_they_are():
    array = pixels(13)
    content = images_tab.bring(values(array))["images"]["sheet"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert sheet.shape == (2 * 32, 12 * 32, 3)
    np.testing.assert_array_equal(sheet[:32, :32], array[0])
    np.testing.assert_array_equal(sheet[32:, :32], array[12])
    assert (sheet[32:, 32:] == 255).all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (values(pixels(4)), "5 or more images are needed; 4 of these"),
        (values(pixels(size=32), size=64), "6 images smaller than 64 px were not read; tick"),
        (values(pixels(1)[[0] * 6]), "all the same"),
        (values(pixels(), size=48), "size must be 32 or 64 pixels, got 48"),
        (values(pixels(), size="32"), "size must be 32 or 64 pixels, got '32'"),
        (values(pixels(), enlarge="yes"), "enlarge must be true or false, got 'yes'"),
        (values(pixels(), files=None), "images were expected, got none"),
        (values(pixels(), files=[{"name": "a", "content": "%%"}]), "did not arrive whole"),
        (values(pixels(), files=[{"name": "a"}]), "did not arrive whole"),
        (values(pixels(), files=["a"]), "did not arrive whole"),
        (values(pixels(), files=[sent(b"GIF89a")] * 501), "at most 500"),
        (values(pixels(), files=[sent(b"%PDF-1.7", "a.pdf")] * 6), "6 PDF files were not read"),
        (values(pixels(), model=["a"]), "model must be a name"),
        (values(pixels(), model="gone"), "no longer on the server"),
        (values(pixels(), texture=0), "beta must lie in"),
        (values(pixels(), texture="much"), "texture must be a number"),
        (values(pixels(), texture=float("nan")), "beta must lie in"),
    ],
)
def test_what_makes_no_model_is_refused_in_one_sentence(changed, words):
    with pytest.raises(ValueError, match=words):
        images_tab.bring(changed)


def test_what_is_no_picture_is_named_beside_those_that_were_taken():
    mixed = values(pixels())
    mixed["files"] += [sent(b"no picture", "notes.png"), sent(b"%PDF-1.7", "a.pdf")]
    taken = images_tab.bring(mixed)["taken"]
    assert taken.startswith("6 images taken. 1 text file was not read: notes.png.")
    assert "1 PDF file was not read; save it as JPEG or PNG: a.pdf." in taken


def test_small_pictures_are_taken_if_they_are_to_be_enlarged():
    answer = images_tab.bring(values(pixels(size=32), size=64, enlarge=True))
    assert models.load_model(answer["model"]).image_shape == (3, 64, 64)


def test_another_texture_needs_no_files(answer):
    changed = images_tab.bring({"size": 32, "model": answer["model"], "texture": 0.7})
    first, second = (models.load_model(name) for name in (answer["model"], changed["model"]))
    assert second.score.beta == 0.7
    torch.testing.assert_close(second.frequency_mask, first.frequency_mask, rtol=1e-6, atol=0)
    assert changed["images"] == answer["images"]


def test_a_model_that_was_dropped_for_others_says_so():
    names = [images_tab.bring(values(pixels()))["model"] for _ in range(9)]
    with pytest.raises(ValueError, match="model must be one of"):
        from_page({"model": names[0]})
    with pytest.raises(ValueError, match="no longer on the server"):
        models.load_model(names[0])


def test_drawn_portraits_stand_in_where_no_pictures_are_at_hand():
    answer = images_tab.bring({"size": 32, "example": True, "texture": 0.5})
    assert models.load_model(answer["model"]).image_shape == (3, 32, 32)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["images"]["sheet"]))))
    expected = (255 * portraits([0])[0]).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(sheet[:32, :32], expected)
