"""The same pixels of a comparison from page, link, API, command and PNG."""

import base64
import io
import shlex
from collections import deque
from functools import cache

import numpy as np
import pytest
from PIL import Image

from pds.commands.cli import main
from pds.files import pictures
from pds.jobs import comparison, request_text
from pds.jobs.record import read_request
from pds.request import Request
from pds.web import api
from pds.web.tabs.compare import downloads, live_comparison

PAIRS = [
    Request("field64", 9, num_images=2, seed=7, left="vanilla@9", right="pds:5@6"),
    Request("portraits32", 3, num_images=2, seed=7, left="tuned", right="ode-heun"),
    Request(
        "field64",
        6,
        num_images=2,
        seed=7,
        left="scalar:1.2",
        right="preserving:3",
        snr=0.2,
        corrector_steps=2,
    ),
]


@cache
def of_python(request):
    """Both sides as Python draws them, (2, num_images, H, W, C); drawn once for equal requests."""
    left, right = comparison.final(request)
    assert (left.tiles != right.tiles).any()
    return np.stack([left.tiles, right.tiles])


@pytest.fixture(scope="module", params=PAIRS, ids=lambda r: f"{r.left} {r.right}")
def drawn(request):
    """A request, and what Python draws of it."""
    return request.param, of_python(request.param)


@cache
def of_page(request):
    """The last images of what the page's Sample runs; drawn once for equal requests."""
    (last,) = deque(live_comparison.messages(request), maxlen=1)
    sheet = base64.b64decode(last["png"])
    height, count = last["height"], 2 * request.num_images
    row = opened(sheet)[-height:]
    return tiles(row, count).reshape(2, request.num_images, height, height, -1), last


def opened(content):
    with Image.open(io.BytesIO(content)) as image:
        return np.atleast_3d(np.asarray(image))


def tiles(row, count):
    """Images (count, H, W, C) that stand side by side in a row."""
    height, width, channels = row.shape
    return row.reshape(height, count, width // count, channels).swapaxes(0, 1)


def test_the_page_draws_what_python_draws(drawn):
    request, expected = drawn
    images, _ = of_page(request)
    assert (images == expected).all()


def test_a_link_opens_on_the_page_as_the_comparison_it_was_made_of(drawn):
    request, expected = drawn
    opened = downloads.open_settings({"query": request_text.to_query(request)})
    images, _ = of_page(live_comparison.parse(opened["request"]))
    assert (images == expected).all()


def test_the_api_draws_the_same(drawn):
    request, expected = drawn
    (last,) = deque(api.compare(**vars(request)), maxlen=1)
    assert last["samplers"] == dict(zip(("left", "right"), map(str, request.arms), strict=True))
    rows = [opened(base64.b64decode(last[side].partition(",")[2])) for side in ("left", "right")]
    images = np.stack([tiles(row, request.num_images) for row in rows])
    assert (images == expected).all()


def test_the_command_writes_the_same_picture_as_the_page(drawn, tmp_path):
    request, _ = drawn
    _, last = of_page(request)
    page = base64.b64decode(downloads.file_of({**last, "kind": "sheet"})["content"])
    words = request_text.to_command(request, str(tmp_path / "c.png"))
    assert main(shlex.split(words)[3:]) == 0
    assert (tmp_path / "c.png").read_bytes() == page


def test_a_picture_opens_its_comparison_and_draws_it_again(drawn, tmp_path):
    request, expected = drawn
    path = tmp_path / "c.png"
    sides = (comparison.Finished(images) for images in expected)
    comparison.save(path, request, *sides)
    again = read_request(pictures.read_text(path))
    assert again == request
    assert (of_python(again) == expected).all()
