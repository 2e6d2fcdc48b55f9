"""Files of a run, made of the message that the page sends back."""

import base64
import csv
import io
import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pds.files.png_text import SIGNATURE
from pds.jobs import comparison, request_text
from pds.request import Request
from pds.web.server.runs import answer
from pds.web.tabs.compare import downloads, live_comparison
from tests.support.png_files import chunk

SIDES = ("left", "right")
REQUEST = Request(model="field64", num_steps=5, num_images=2, seed=3)


@pytest.fixture(scope="module")
def message():
    *_, done = live_comparison.messages(REQUEST)
    return {name: done[name] for name in ("request", "steps", "png")}


def content(message, kind):
    answer = downloads.file_of({**message, "kind": kind})
    assert answer["file"].startswith("pds_field64_n5_seed3.")
    return base64.b64decode(answer["content"])


def test_the_sheet_is_the_one_of_the_command_line(message):
    expected = comparison.png(REQUEST, *comparison.final(REQUEST))
    assert content(message, "sheet") == expected


def test_the_animation_shows_every_step_without_loss(message):
    kept = downloads.read_run(message)
    with Image.open(io.BytesIO(content(message, "animation"))) as image:
        assert image.n_frames == 5
        image.seek(4)
        last = np.asarray(image.convert("RGB"))
    tile = np.repeat(np.repeat(kept.images[-1, 1, -1], 2, axis=0), 2, axis=1)  # at 128 px
    assert (last[-4 - 128 : -4, -4 - 128 : -4] == tile).all()


def test_the_arrays_are_the_pictures_and_numbers_of_every_step(message):
    with np.load(io.BytesIO(content(message, "steps")), allow_pickle=False) as file:
        assert file["vanilla"].shape == file["pds"].shape == (5, 2, 64, 64, 1)
        vanilla, pds = comparison.final(REQUEST)
        np.testing.assert_array_equal(file["vanilla"][-1], vanilla.tiles)
        np.testing.assert_array_equal(file["pds"][-1], pds.tiles)
        assert file["iteration"].tolist() == [1, 2, 3, 4, 5]
        assert file["noise_left"][-1].tolist() == message["steps"][-1]["left"]
        last = message["steps"][-1]
        assert file["grain"][-1].tolist() == last["grain"]["network"]
        assert file["contrast"][-1].tolist() == last["contrast"]["network"]
        assert file["grain_data"][-1].tolist() == last["grain"]["data"]
        assert file["contrast_data"][-1].tolist() == last["contrast"]["data"]
        assert file["grain_pixels"][-1].tolist() == last["grain"]["pixels"]
        assert file["sigma"].tolist() == [step["sigma"] for step in message["steps"]]
        ratios = [step["noise_ratio"] for step in message["steps"]]
        np.testing.assert_array_equal(file["noise_ratio"], np.array(ratios, dtype=float))
        assert file["exact_power"].shape == file["power"].shape
        assert request_text.from_record(str(file["request"])) == REQUEST


def test_the_table_has_a_row_for_each_step_and_frequency(message):
    rows = list(csv.DictReader(io.StringIO(content(message, "curves").decode())))
    assert len(rows) == 5 * 32
    last = message["steps"][-1]
    assert float(rows[-1]["pds_power"]) == pytest.approx(last["power"][1][-1], rel=1e-5)
    assert float(rows[-1]["vanilla_exact_power"]) == pytest.approx(last["theory"][0][-1], rel=1e-5)
    assert [float(rows[-1][f"{name}_sigma"]) for name in ("vanilla", "pds")] == last["sigma"]
    assert float(rows[-1]["vanilla_noise_left"]) == pytest.approx(last["left"][0], rel=1e-5)
    given = [float(rows[0][f"{name}_noise_ratio"]) for name in ("vanilla", "pds")]
    assert given == pytest.approx(message["steps"][0]["noise_ratio"], rel=1e-5)
    assert rows[-1]["pds_noise_ratio"] == "nan"
    looks = ("vanilla_grain", "pds_grain", "vanilla_contrast", "pds_contrast")
    expected = [*last["grain"]["network"], *last["contrast"]["network"]]
    assert [float(rows[-1][name]) for name in looks] == pytest.approx(expected, rel=1e-5)


def test_a_run_from_before_the_noise_was_read_is_saved_without_it(message):
    steps = [{k: v for k, v in step.items() if k != "noise_ratio"} for step in message["steps"]]
    kept = downloads.read_run({**message, "steps": steps})
    assert np.isnan(kept.noise_ratio).all()
    assert kept.noise_ratio.shape == (5, 2)


def test_a_browser_s_own_sheet_is_read_as_well(message):
    """Of a stopped run the page draws the sheet on a canvas, which has an alpha channel."""
    with Image.open(io.BytesIO(base64.b64decode(message["png"]))) as image:
        buffer = io.BytesIO()
        image.convert("RGBA").save(buffer, "PNG")
    rgba = {**message, "png": base64.b64encode(buffer.getvalue()).decode()}
    np.testing.assert_array_equal(
        downloads.read_run(rgba).images, downloads.read_run(message).images
    )


def picture(width, height):
    """A small PNG whose header gives it this size."""
    head = chunk(b"IHDR", struct.pack(">II5B", width, height, 1, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(64 * 33)))
    return base64.b64encode(SIGNATURE + head + body + chunk(b"IEND", b"")).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"png": None},
        {"png": "no base64"},
        {"png": "AAAA"},
        {"png": picture(256, 64)},
        {"png": picture(30_000, 30_000)},  # 900 million pixels
        {"steps": []},
        {"steps": [{}] * 5},
        {"steps": [{"iteration": 1, "grain": 1}] * 5},
        {"steps": [1] * 5},
        {"steps": [{}] * 100_000},
        {"request": None},
        {"request": {}},
        {"request": {"model": "field64"}},
    ],
    ids=range(13),
)
def test_a_damaged_run_gets_a_sentence(message, changes):
    with pytest.raises(ValueError, match=r"^.+$"):
        downloads.file_of({**message, **changes, "kind": "sheet"})


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_browser_sends_is_answered(message, data):
    values = json.loads(json.dumps(message)) | {
        "kind": data.draw(st.sampled_from([*downloads.KINDS, "x", None]))
    }
    steps = values["steps"][data.draw(st.integers(0, 4))]
    where, names = data.draw(
        st.sampled_from(
            [
                (values, ["request", "steps", "png", "kind"]),
                (values["request"], list(vars(REQUEST))),
            ]
            + [(steps, sorted(steps))] * 2
        )
    )
    where[data.draw(st.sampled_from(names))] = data.draw(ANYTHING)
    given = answer(downloads.file_of, values)
    json.dumps(given, allow_nan=False)
    if "error" in given:
        assert len(given["error"].splitlines()) == 1


@settings(max_examples=60, deadline=None)
@given(values=st.dictionaries(st.sampled_from(["query", "record", *vars(REQUEST)]), ANYTHING))
def test_whatever_is_opened_is_answered(values):
    for view in (downloads.open_settings, downloads.request_texts):
        json.dumps(answer(view, values), allow_nan=False)


def test_sides_of_different_n_are_saved_with_their_counts():
    *_, done = live_comparison.messages(Request("field64", 3, num_images=1, left="vanilla@5"))
    answer = downloads.file_of({**done, "kind": "curves"})
    assert answer["file"] == "vanilla-n5_pds_field64_n3_seed0.csv"
    *_, last = csv.DictReader(io.StringIO(base64.b64decode(answer["content"]).decode()))
    counts = [last[f"{side}_{count}"] for count in ("iteration", "calls") for side in SIDES]
    assert counts == ["5", "3", "10", "6"]
    steps = base64.b64decode(downloads.file_of({**done, "kind": "steps"})["content"])
    with np.load(io.BytesIO(steps), allow_pickle=False) as file:
        assert file["iterations"][-1].tolist() == [5, 3]
        assert file["left"].shape == file["right"].shape == (5, 1, 64, 64, 1)
