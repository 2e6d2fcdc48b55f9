"""The tab "Ladder": a figure drawn column by column."""

import base64
import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from pds.appearance import Appearance
from pds.commands.cli import main
from pds.files.pictures import to_uint8
from pds.jobs import sheet
from pds.models import compare_request, load_model, run_chains
from pds.request import Request
from pds.web.components import run_handler
from pds.web.sentences import grain_begins
from pds.web.server.messages import dumps
from pds.web.tabs.ladder import tab as ladder_tab

FIELD = {"model": "field64", "seed": 3, "run": "a"}
ROWS = ("Vanilla", "PDS", "Tuned")


def stream(values):
    """What the page gets for the event that starts a run."""
    return run_handler(ladder_tab.TAB.run)(SimpleNamespace(_data=values), None)


def messages(**changes):
    return [json.loads(text) for text in stream(FIELD | changes)]


@pytest.fixture(scope="module")
def drawn():
    return messages(num_steps=[66, 10, 25, 20])


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def sample_tuned(request):
    """The last step of the sampler that is tuned for this N."""
    *_, last = compare_request(replace(request, tuned=True))
    return last.pds


def test_columns_come_from_the_quickest_to_the_slowest_and_then_all_in_order(drawn):
    columns = [m["num_steps"] for m in drawn if m["kind"] == "column"]
    assert columns == [10, 20, 25, 66]
    assert drawn[-1]["kind"] == "done"
    assert [c["num_steps"] for c in drawn[-1]["columns"]] == [66, 10, 25, 20]


def test_a_sheet_that_names_no_columns_has_all_of_them():
    counts = (200, 133, 100, 66, 40, 25, 20, 10)
    assert sheet.Sheet().num_steps == ladder_tab.setup()["counts"] == counts


def test_a_sheet_that_names_no_rows_keeps_those_that_it_had(drawn):
    """Programs and saved pictures rely on them, whatever the page opens with."""
    assert drawn[-1]["sheet"]["samplers"] == ["vanilla", "pds:5", "tuned"]
    assert ladder_tab.setup()["opening"]["samplers"][-1] == "response"


def test_columns_and_rows_are_those_that_are_requested():
    done = messages(num_steps=[10, 14], samplers=["pds:2", "ode-heun"])[-1]
    assert [c["num_steps"] for c in done["columns"]] == [10, 14]
    assert done["sheet"]["samplers"] == ["pds:2", "ode-heun"]
    assert done["titles"] == ["PDS", "Heun"]
    assert [c["calls"] for c in done["columns"]] == [[20, 19], [28, 27]]


def test_progress_grows_and_names_the_run(drawn):
    shares = [m["share"] for m in drawn if m["kind"] == "progress"]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    assert {m["run"] for m in drawn} == {"a"}


def test_a_picture_is_the_result_of_its_comparison(drawn):
    request = Request("field64", 25, num_images=2, seed=3)
    *_, last = compare_request(request)
    (column,) = [c for c in drawn[-1]["columns"] if c["num_steps"] == 25]
    alone = sample_tuned(request)
    images = [to_uint8(step.x_mean.numpy())[..., 0] for step in (*last, alone)]
    expected = [image.reshape(2 * 64, 64) for image in images]
    np.testing.assert_array_equal([pixels(png) for png in column["pictures"]], expected)


def test_closing_the_stream_closes_the_sampler(monkeypatch):
    closed = []

    def sampler(request, methods):
        try:
            yield from run_chains(request, methods)
        finally:
            closed.append(True)

    monkeypatch.setattr(sheet, "run_chains", sampler)
    run = stream(FIELD)
    next(run)
    run.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": ""}, "seed must be a whole number"),
        ({"model": "../secret"}, "model must be one of"),
        ({"samplers": ["vanilla", "magic"]}, "a sampler is one of"),
        ({"num_steps": ["many"]}, "the number of iterations must be a whole number"),
    ],
)
def test_a_bad_value_becomes_one_sentence(changes, words):
    (message,) = messages(**changes)
    assert message["kind"] == "error"
    assert words in message["sentence"]
    assert message["run"] == "a"


def test_a_column_says_grain_as_it_is_measured(drawn):
    request = Request("field64", 25, num_images=2, seed=3)
    *_, last = compare_request(request)
    (column,) = [c for c in drawn[-1]["columns"] if c["num_steps"] == 25]
    network = load_model("field64").references.network
    steps = (*last, sample_tuned(request))
    looks = [Appearance.of(step.x_mean).relative_to(network) for step in steps]
    grain, contrast = [look.grain for look in looks], [look.contrast for look in looks]
    assert column["grain"]["network"] == pytest.approx(grain, rel=1e-4)
    assert column["contrast"]["network"] == pytest.approx(contrast, rel=1e-4)


def test_the_sentence_is_about_grain_relative_to_the_reference(drawn):
    done = drawn[-1]
    grain = {c["num_steps"]: c["grain"]["network"] for c in done["columns"]}
    assert all(outside < 0.5 for c in done["columns"] for outside in c["outside"])
    assert done["sentence"] == grain_begins(grain, ROWS, "exact samples")


def test_the_sentence_says_that_a_sampler_whose_pictures_are_lost_diverged():
    column = {
        "num_steps": 2000,
        "grain": {"network": [1.0, 5.5, None]},
        "outside": [0.1, 0.6, None],
    }
    assert ladder_tab._grain([column]) == {2000: [1.0, None, None]}


def test_a_column_says_which_share_of_the_values_is_outside_of_pictures():
    x = torch.tensor([-1.0, 0.0, 0.5, 2.0]).repeat(2, 1, 64, 16)
    assert [sheet.share_outside(each) for each in (x, x.clamp(0, 1))] == [0.5, 0.0]


def test_the_shipped_figure_has_every_column_and_its_sentence():
    """After a new record of the samplers' settings: python -m pds record --ladder."""
    shipped = json.loads(ladder_tab.recorded())
    setup = ladder_tab.setup()
    assert shipped["sheet"] == json.loads(dumps(setup["opening"] | {"model": "portraits128"}))
    assert shipped["titles"] == setup["titles"] == ["Vanilla", "PDS", "Network-tuned"]
    assert [c["num_steps"] for c in shipped["columns"]] == list(ladder_tab.COUNTS)
    grain = ladder_tab._grain(shipped["columns"])
    own = "the network's own images"
    assert shipped["sentence"] == grain_begins(grain, shipped["titles"], own)


@pytest.mark.slow
def test_the_shipped_pictures_are_drawn_by_the_shipped_model():
    """After a new record of the samplers' settings: python -m pds record --ladder."""
    shipped = json.loads(ladder_tab.recorded())
    request = Request("portraits128", 20, num_images=2)
    last, ours = (
        [*compare_request(replace(request, right=right))][-1] for right in ("", "response")
    )
    (column,) = [c for c in shipped["columns"] if c["num_steps"] == 20]
    width = load_model(request.model).image_shape[-1]
    fresh = [to_uint8(step.x_mean.numpy()).reshape(-1, width, 3) for step in (*last, ours.right)]
    recorded = [pixels(png).astype(int) for png in column["pictures"]]
    differences = np.abs(np.stack(recorded) - np.stack(fresh)).mean((1, 2, 3))
    # Another machine rounds differently.
    assert (differences < 0.5).all(), dict(zip(ROWS, differences, strict=True))


def test_the_shipped_figure_quotes_the_shipped_references():
    """After a new record of how pictures look: python -m pds record --ladder."""
    shipped = json.loads(ladder_tab.recorded())
    network = load_model(shipped["sheet"]["model"]).references.network
    grain = [column["grain"] for column in shipped["columns"]]
    expected = np.array([look["pixels"] for look in grain]) / network.grain
    np.testing.assert_allclose([look["network"] for look in grain], expected, rtol=1e-3)


def test_without_a_recorded_figure_the_page_says_how_to_make_one(tmp_path):
    message = json.loads(ladder_tab.recorded(tmp_path / "nothing.json"))
    assert "python -m pds record --ladder" in message["sentence"]


def test_the_command_line_records_a_figure(tmp_path, capsys):
    out = tmp_path / "ladder.json"
    arguments = ["--ladder", "--model", "field64", "--counts", "14,10", "--out", str(out)]
    assert main(["record", *arguments]) == 0
    whole = json.loads(out.read_text())
    assert [c["num_steps"] for c in whole["columns"]] == [14, 10]
    assert whole["sheet"]["samplers"] == ["vanilla", "pds:5", "response"]
    assert whole["sentence"] in capsys.readouterr().out
