"""A sheet of samplers over numbers of iterations: from the page, the endpoint and the command."""

import base64
import csv
import io
import json
import signal
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from gradio_client import Client
from PIL import Image

from pds.arms.names import MENU
from pds.commands.cli import main
from pds.files import pictures
from pds.jobs import quality, sheet_files
from pds.jobs.record import read_request
from pds.jobs.sheet import NUM_STEPS, Progress, Sheet, draw_sheet
from pds.models import MODELS, compare_request, load_model, run_chains
from pds.request import Request
from pds.sde import VPSDE
from pds.web import api
from pds.web.tabs.ladder import downloads
from pds.web.tabs.ladder import tab as ladder_tab

SHEET = Sheet(("vanilla", "pds:2", "ode-heun"), (14, 10), "field64", seed=3)
VALUES = {"samplers": list(SHEET.samplers), "num_steps": [14, 10], "model": "field64", "seed": 3}


def columns_of(sheet):
    return [item for item in draw_sheet(sheet) if not isinstance(item, Progress)]


@pytest.fixture(scope="module")
def drawn():
    return columns_of(SHEET)


@pytest.fixture(scope="module")
def streamed():
    return list(api.sheet([14, 10], list(SHEET.samplers), "field64", seed=3))


@pytest.fixture(scope="module")
def done():
    *_, last = ladder_tab.messages(VALUES)
    return json.loads(json.dumps(last))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder with what the command writes."""
    folder = tmp_path_factory.mktemp("sheet")
    words = ["--samplers", "vanilla,pds:2,ode-heun", "--num-steps", "14,10", "--model", "field64"]
    words += ["--seed", "3", "--out", f"{folder}/s.png", "--csv", f"{folder}/s.csv"]
    assert main(["sheet", *words]) == 0
    return folder


def decoded(text):
    with Image.open(io.BytesIO(base64.b64decode(text.rpartition(",")[2]))) as image:
        return np.atleast_3d(np.asarray(image))


def lines(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_quickest_column_comes_first(drawn):
    assert [column[0].numbers.num_steps for column in drawn] == [10, 14]


@pytest.mark.parametrize(
    "name", ["pds:3", "tuned", "scalar", "preserving:5", "ode-euler", "vanilla/4/pds:2"]
)
def test_a_cell_is_the_side_of_its_comparison(name):
    """Pixels and numbers, whatever stands beside it."""
    ((cell, _),) = columns_of(Sheet((name, "inverted:9"), (12,), "field64", 3, 5))
    *_, last = compare_request(Request("field64", 12, num_images=3, seed=5, right=name))
    expected = pictures.to_uint8(last.right.x_mean.numpy()).reshape(3 * 64, 64, 1)
    np.testing.assert_array_equal(cell.picture, expected)
    measured = quality.measured(load_model("field64"), last.right.x_mean)
    assert (cell.numbers.grain, cell.numbers.contrast) == (measured.grain, measured.contrast)
    assert cell.numbers.calls == last.right.nfe


def test_a_cell_of_a_network_is_the_side_of_its_comparison():
    ((_, cell),) = columns_of(Sheet(("vanilla", "pds:5"), (4,), "portraits32", 2, 1))
    *_, last = compare_request(Request("portraits32", 4, num_images=2, seed=1))
    expected = pictures.to_uint8(last.right.x_mean.numpy()).reshape(2 * 32, 32, 3)
    np.testing.assert_array_equal(cell.picture, expected)


def test_the_endpoint_streams_the_pictures_and_numbers_cell_by_cell(drawn, streamed):
    cells = [cell for column in drawn for cell in column]
    np.testing.assert_array_equal(
        [decoded(item["image"]) for item in streamed], [cell.picture for cell in cells]
    )
    names = ("sampler", "num_steps", "calls", "diverged")
    assert [[item[name] for name in names] for item in streamed] == [
        [getattr(cell.numbers, name) for name in names] for cell in cells
    ]
    assert [item["grain"]["network"] for item in streamed] == pytest.approx(
        [cell.numbers.grain for cell in cells], rel=1e-4
    )


def test_page_endpoint_and_command_give_the_same_numbers(streamed, done, saved):
    def number(value):
        return "" if value is None else f"{value:.5g}"

    answer = downloads.file_of({**done["sheet"], "columns": done["columns"], "kind": "csv"})
    page = base64.b64decode(answer["content"]).decode()
    command = (saved / "s.csv").read_text()
    assert page == command
    assert sorted(map(str, lines(page))) == sorted(
        str(
            {
                "sampler": item["sampler"],
                "num_steps": str(item["num_steps"]),
                "grain": number(item["grain"]["network"]),
                "contrast": number(item["contrast"]["network"]),
                "calls": str(item["calls"]),
                "diverged": str(int(item["diverged"])),
            }
        )
        for item in streamed
    )


def test_page_and_command_save_the_same_picture(done, saved):
    answer = downloads.file_of({**done["sheet"], "columns": done["columns"], "kind": "png"})
    assert base64.b64decode(answer["content"]) == (saved / "s.png").read_bytes()
    assert answer["file"] == "sheet_field64_seed3.png"


def test_a_sheet_has_its_cells_side_by_side_and_its_settings(drawn, saved):
    sheet = pictures.read_pixels(saved / "s.png")
    cell = drawn[0][0].picture.repeat(2, axis=0).repeat(2, axis=1)  # N = 10 stands on the right
    height, width, _ = cell.shape
    top = sheet.shape[0] - 3 * (height + pictures.GAP)
    found = sheet[top : top + height, -width - pictures.GAP : -pictures.GAP]
    np.testing.assert_array_equal(found, cell.repeat(3, axis=2))
    assert sheet_files.from_record(pictures.read_text(saved / "s.png")) == SHEET


def test_the_command_in_a_picture_draws_it_again(saved, capsys, monkeypatch):
    assert main(["show", str(saved / "s.png")]) == 0
    printed = capsys.readouterr().out.split()
    assert printed[:4] == ["python", "-m", "pds", "sheet"]
    monkeypatch.chdir(saved)
    assert main(printed[3:]) == 0
    assert (saved / "sheet.png").read_bytes() == (saved / "s.png").read_bytes()


def test_a_stopped_sheet_is_saved_with_the_columns_that_it_has(done):
    columns = [c for c in done["columns"] if c["num_steps"] == 10]
    answer = downloads.file_of({**done["sheet"], "columns": columns, "kind": "csv"})
    cells = lines(base64.b64decode(answer["content"]).decode())
    assert [(c["sampler"], c["num_steps"]) for c in cells] == [(n, "10") for n in SHEET.samplers]


@pytest.mark.parametrize(
    "change",
    [
        {"columns": []},
        {"columns": "none"},
        {"columns": [{"num_steps": 10}]},
        {"columns": [{"num_steps": 11}]},
        {"columns": [{"num_steps": 10, "pictures": ["AAAA"] * 3}]},
        {"num_images": 1},
    ],
    ids=str,
)
def test_a_damaged_sheet_is_no_file(done, change):
    with pytest.raises(ValueError, match="did not arrive whole"):
        downloads.file_of({**done["sheet"], "columns": done["columns"], "kind": "png", **change})


def test_the_table_is_printed_and_progress_is_not(capsys, tmp_path):
    words = ["--alphas", "2,5", "--num-steps", "12", "--model", "field64", "--num-images", "1"]
    assert main(["sheet", *words, "--out", str(tmp_path / "s.png")]) == 0
    printed = capsys.readouterr()
    head, note, columns, *cells = printed.out.splitlines()
    assert head == f"{tmp_path}/s.png: 2 samplers at 1 N"
    assert note == "grain: 1 = exact samples"
    assert columns.split() == ["sampler", "N", "grain", "contrast", "calls"]
    assert [line.split()[0] for line in cells] == ["pds:2", "pds:5"]
    assert cells[0].split()[1:] == ["12", "diverged", "24"]
    assert "100%" in printed.err


def test_ctrl_c_leaves_no_file(monkeypatch, interruptible, tmp_path, capsys):
    def interrupted(request, samplers):
        for index, steps in enumerate(run_chains(request, samplers)):
            if index == 3:
                signal.raise_signal(signal.SIGINT)
            yield steps

    monkeypatch.setattr("pds.jobs.sheet.run_chains", interrupted)
    words = ["--model", "field64", "--samplers", "vanilla", "--num-steps", "2000"]
    words += ["--out", f"{tmp_path}/s.png"]
    assert main(["sheet", *words]) == 130
    printed = capsys.readouterr()
    assert "N = 2000" in printed.err and "stopped" in printed.err and not printed.out
    assert list(tmp_path.iterdir()) == []


def test_closing_a_sheet_ends_its_run(monkeypatch):
    closed = []

    def chains(request, samplers):
        try:
            yield from run_chains(request, samplers)
        finally:
            closed.append(True)

    monkeypatch.setattr("pds.jobs.sheet.run_chains", chains)
    items = draw_sheet(Sheet(("vanilla",), (2000,), "field64"))
    assert isinstance(next(items), Progress) and not closed
    items.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"samplers": []}, "samplers, the rows, must be a list of 1 to 6, got 0"),
        ({"samplers": [f"pds:{a}" for a in range(2, 9)]}, "a list of 1 to 6, got 7"),
        ({"samplers": "vanilla"}, "must be a list of 1 to 6, got 'vanilla'"),
        (
            {"samplers": ["pds:5", "pds:5.0"]},
            "each row of a sheet must be different, got 'pds:5' twice",
        ),
        ({"samplers": ["magic"]}, "a sampler is one of .* got 'magic'"),
        ({"samplers": ["pds:1"]}, "alpha must be > 1, got 1.0"),
        ({"samplers": ["pds:x"]}, "alpha must be > 1"),
        ({"samplers": ["pds:1001"]}, "the alpha of pds must be at most 1000, got 1001"),
        ({"samplers": ["pds"]}, "pds needs its alpha, such as pds:5"),
        ({"samplers": ["vanilla@20"]}, "got 'vanilla@20'; leave out @ and the number"),
        ({"samplers": ["vanilla@2000/9/pds:5"]}, "leave out @ and the number"),
        ({"num_steps": []}, "num_steps, the columns, must be a list of 1 to 12, got 0"),
        ({"num_steps": list(range(1, 14))}, "a list of 1 to 12, got 13"),
        ({"num_steps": [20, 20.0]}, "each column of a sheet must be different, got 20 twice"),
        ({"num_steps": [0]}, "the number of iterations must be a whole number from 1 to 2000"),
        ({"num_steps": [2001]}, "the number of iterations must be a whole number from 1 to 2000"),
        ({"num_images": 5}, "the number of images of a cell must be a whole number from 1 to 4"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"model": "../secret"}, "model must be one of"),
        (
            {"num_steps": list(range(1989, 2001)), "num_images": 4},
            "a sheet takes at most 144,000 iterations, .* got 287,208",
        ),
    ],
)
def test_a_bad_value_gets_its_sentence(changes, words):
    with pytest.raises(ValueError, match=words) as refused:
        Sheet(**{"model": "field64", **changes})
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["ode-heun", "tuned"])
def test_a_sampler_that_the_process_cannot_take_is_refused_before_anything_is_drawn(
    name, monkeypatch
):
    vp = replace(load_model("field64"), sde=VPSDE())
    monkeypatch.setattr("pds.jobs.sheet.load_model", lambda _: vp)
    with pytest.raises(ValueError, match="VE"):
        next(draw_sheet(Sheet(("vanilla", name), (10,), "field64")))


def test_a_branch_beyond_the_shortest_column_is_refused_before_anything_is_drawn():
    with pytest.raises(ValueError, match="to continue from must be a whole number from 1 to 9"):
        next(draw_sheet(Sheet(("vanilla", "vanilla/15/pds:5"), (20, 10), "field64")))


def test_the_largest_sheet_of_three_samplers_is_accepted():
    """As /ladder was accepted before."""
    assert Sheet(num_steps=tuple(range(1989, 2001))).num_iterations <= 144_000


@pytest.mark.parametrize(
    ("samplers", "titles"),
    [
        (("vanilla", "pds:5", "tuned"), ("vanilla", "PDS", "tuned")),
        (("pds:2", "pds:5", "scalar"), ("PDS (pds:2)", "PDS (pds:5)", "constant gain")),
    ],
)
def test_rows_have_names_where_two_would_be_called_alike(samplers, titles):
    assert Sheet(samplers).titles == titles


@pytest.mark.parametrize(
    ("samplers", "row", "names"),
    [
        (("vanilla", "pds:5", "tuned"), 0, ("vanilla", "pds:5")),
        (("vanilla", "pds:5", "tuned"), 2, ("vanilla", "tuned")),
        (("pds:2", "ode-heun"), 1, ("pds:2", "ode-heun")),
        (("pds:2",), 0, ("vanilla", "pds:2")),
    ],
)
def test_a_cell_opens_its_row_beside_the_first_one(samplers, row, names):
    request = Sheet(samplers).request(row, 20)
    assert tuple(arm.name for arm in request.arms) == names
    assert request.num_steps == 20


@pytest.mark.parametrize("kind", MENU)
def test_the_page_names_each_kind_of_its_menu(kind):
    (found,) = [each for each in ladder_tab.setup()["kinds"] if each["name"] == kind]
    name = f"{kind}:5" if found["strength"] else kind
    assert Sheet((name,)).samplers == (name,)


def test_the_record_of_a_visitors_sheet_has_no_name_of_a_model():
    with mock.patch.dict(MODELS):  # monkeypatch would put the model back in the last place
        del MODELS["field64"]
        text = sheet_files.to_record(SHEET)
        assert json.loads(text)["sheet"]["model"] is None
        with pytest.raises(ValueError, match="visitor's own images"):
            sheet_files.from_record(text)
        with pytest.raises(ValueError, match="cannot be shared"):
            sheet_files.to_command(SHEET)


def test_the_error_for_a_sheet_dropped_on_the_comparison_names_it():
    with pytest.raises(ValueError, match="a sheet of many comparisons; python -m pds show"):
        read_request(sheet_files.to_record(SHEET))


def test_without_references_grain_is_in_pixel_units(monkeypatch):
    plain = replace(load_model("field64"), references=None)
    for place in ("jobs.sheet", "jobs.sheet_files", "web.tabs.ladder.tab"):
        monkeypatch.setattr(f"pds.{place}.load_model", lambda _: plain)
    sheet = Sheet(("vanilla",), (12,), "field64")
    ((cell,),) = columns_of(sheet)
    assert cell.numbers.grain == cell.appearance.grain
    text = sheet_files.to_text(sheet, [cell.numbers])
    assert text.startswith("grain in pixel units, 0 to 1")
    *_, done = ladder_tab.figure(sheet)
    assert (done["own"], done["sentence"]) == ("", "")
    assert done["columns"][0]["grain"]["pixels"] == [pytest.approx(cell.appearance.grain, rel=1e-4)]


def test_a_program_streams_a_sheet(local_address):
    client = Client(local_address, verbose=False)
    job = client.submit([12, 10], ["vanilla", "pds:3"], "field64", 1, api_name="/sheet")
    found = [(cell["sampler"], cell["num_steps"]) for cell in job]
    assert found == [("vanilla", 10), ("pds:3", 10), ("vanilla", 12), ("pds:3", 12)]


def test_the_default_columns_are_those_of_the_recorded_figure_without_the_slowest():
    assert (
        list(NUM_STEPS)
        == [c["num_steps"] for c in json.loads(ladder_tab.recorded())["columns"]][1:]
    )
