"""`pds sizes`: the same samplers at several resolutions, its files and its tables."""

import csv

import numpy as np
import pytest
import torch

from pds.commands.cli import main
from pds.evaluation import draw, law, metrics, resolution, subject
from pds.evaluation.features import features
from pds.evaluation.resolution import Group, Record
from pds.evaluation.store import NETWORK, Cell
from tools import resolution as pages

CPU = torch.device("cpu")
FEW = [
    Group((Cell("ode-heun", 50).converged,), 8),
    Group((Cell("vanilla", 5), Cell("pds:5", 5)), 2),
    Group((Cell("vanilla", 7),), 2),
]
WORDS = ["--models", "field64", "--planted", "8", "--reference", "50"]


@pytest.fixture
def clouds():
    return subject.open_subject("field64", None, CPU)


@pytest.fixture
def few(monkeypatch):
    """Only a few cells, of few iterations."""
    monkeypatch.setattr("pds.commands.sizes.groups", lambda _: FEW)


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """A few noise levels of a response, and few resamples and floors."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pds.theory.response.PER_OCTAVE", 0.3)
        patched.setattr(metrics, "RESAMPLES", 100)
        patched.setattr(metrics, "FLOOR_DRAWS", 9)
        yield


def rows(folder, name="law"):
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [(32, 64, 64), (64, 64, 32), (128, 64, 16), (256, 64, 8), (256, 16, 8), (32, 2, 2)],
)
def test_half_as_many_pictures_are_drawn_at_twice_the_size(size, most, expected):
    assert resolution.num_images(size, most) == expected


@pytest.mark.parametrize(
    ("arm", "counts"),
    [
        *((arm, {25, 40, 66, 100}) for arm in (*resolution.ARMS, "ode-heun")),
        ("vanilla", {33, 50, 133, 200}),
    ],
)
def test_every_sampler_of_the_law_is_drawn_at_every_n_of_its_table(arm, counts):
    drawn = {cell for group in resolution.groups(8) for cell in group.cells}
    assert {n for name, n in drawn if name == arm} >= counts


def test_the_networks_own_pictures_come_first_and_suffice_for_a_floor():
    first = resolution.groups(8)[0]
    assert first.cells == (NETWORK,)
    assert first.num_images >= 2 * 8


def test_cells_drawn_side_by_side_are_those_drawn_alone(clouds):
    together = resolution.draw_group(clouds, clouds.model.score, FEW[1])
    group = [together[cell] for cell in FEW[1].cells]
    plans = [draw.plan(clouds, *cell) for cell in FEW[1].cells]
    alone = [features(draw.sampled(clouds, p, clouds.model.score, range(2))) for p in plans]
    grains = [one.features.grain for one in group]
    np.testing.assert_allclose(grains, [one.grain for one in alone], rtol=1e-6)
    assert [one.nfe for one in group] == [plan.sampler.nfe for plan in plans]


def test_the_networks_own_pictures_share_no_seed_with_a_cell(clouds):
    cell = Cell("vanilla", 5)
    own, mine = (
        resolution.draw_group(clouds, clouds.model.score, Group((c,), 2))[c]
        for c in (cell.converged, cell)
    )
    assert not np.allclose(own.features.grain, mine.features.grain)


def test_a_record_keeps_what_was_measured(clouds, tmp_path):
    drawn = resolution.draw_group(clouds, clouds.model.score, FEW[1])
    record = Record.of(tmp_path, clouds)
    record.add_cells(drawn)
    resolution.plant(record, clouds, clouds.model.score, 8)
    again = Record.of(tmp_path, clouds)
    assert set(again.cells) == set(FEW[1].cells)
    assert not again.lacks(FEW[1])
    assert again.lacks(Group(FEW[1].cells, 3))
    assert again.lacks(FEW[2])
    found = again.cells[FEW[1].cells[0]]
    np.testing.assert_allclose(found.features.coarse, drawn[FEW[1].cells[0]].features.coarse, 1e-6)
    assert again.planted(25).grain.shape == (4, 8, len(again.planted(25).sigma))
    assert again.response.num_pictures == 8


def test_a_record_of_another_network_is_refused(clouds, tmp_path):
    Record.of(tmp_path, clouds).add(fingerprint="another")
    with pytest.raises(ValueError, match="is of another network or other masks"):
        Record.of(tmp_path, clouds)


def test_the_command_writes_every_table_and_resumes(tmp_path, few, monkeypatch):
    out = [*WORDS, "--out", str(tmp_path)]
    assert main(["sizes", *out]) == 0
    assert [(row["arm"], row["N"]) for row in rows(tmp_path)] == [
        ("vanilla", "5"), ("pds:5", "5"), ("vanilla", "7"),
    ]  # fmt: skip
    first = rows(tmp_path)
    assert all(row["grain"] and row["grain_data"] and row["theory_grain"] for row in first)
    assert first[1]["vanilla_N"]
    assert all(row["predicted_grain"] and row["predicted_contrast"] for row in first)
    assert len(rows(tmp_path, "survival")) == len(law.SIGMAS) * len(law.STRENGTHS)
    assert {row["N"] for row in rows(tmp_path, "planted")} == {"25", "40"}
    assert {row["N"] for row in rows(tmp_path, "alpha")} == {"25", "40"}
    monkeypatch.setattr(resolution, "draw_group", None)
    monkeypatch.setattr(resolution, "plant", None)
    assert main(["sizes", *out]) == 0
    assert rows(tmp_path) == first


def test_nothing_begins_when_the_time_is_over(tmp_path, few):
    out = [*WORDS, "--out", str(tmp_path), "--seconds", "1e-9"]
    assert main(["sizes", *out]) == 0
    assert rows(tmp_path) == []
    assert rows(tmp_path, "survival") == []


@pytest.mark.slow
def test_what_was_only_drawn_is_tabulated_later(tmp_path, few):
    out = [*WORDS, "--out", str(tmp_path)]
    assert main(["sizes", *out, "--draw-only"]) == 0
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["field64.npz", "field64.npz"]
    assert main(["sizes", *out, "--report-only"]) == 0
    assert len(rows(tmp_path)) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--models", "field65"], "model must be one of"),
        (["--images", "1"], "--images must be a whole number >= 2"),
        (["--reference", "3"], "--reference must be a whole number >= 50"),
        (["--seconds", "0"], "--seconds must be"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_sentence(tmp_path, capsys, words, sentence):
    assert main(["sizes", *WORDS, "--out", str(tmp_path), *words]) == 2
    assert sentence in capsys.readouterr().err


def test_an_interval_of_equal_values_is_the_value():
    assert law._ratio(np.full(8, 3.0), np.full(8, 2.0)) == (1.5, 1.5, 1.5)


def test_a_power_law_of_the_size_is_extrapolated_as_it_is():
    assert pages.extrapolated({32: 2 * 32**0.3, 64: 2 * 64**0.3, 128: 2 * 128**0.3}) == (
        pytest.approx(2 * 1024**0.3)
    )


def test_values_beyond_the_table_are_not_extrapolated():
    numbers = {"arm": "pds:5", "N": "40"}
    found = [{**numbers, "size": "32", "vanilla_N": "50"}, {**numbers, "size": "64"}]
    found[1]["vanilla_N"] = ">200"
    assert pages.by_size(found, "pds:5", 40, "vanilla_N") == {32: 50.0}


def test_the_page_has_every_recorded_table():
    assert pages.FOLDER.with_suffix(".md").read_text("utf-8") == pages.document()


@pytest.mark.parametrize(
    "title",
    [
        "Grain",
        "Iterations of vanilla with equal grain",
        "Grain of the images themselves, in 1/255",
        "Grain, sampled / exact theory / state evolution",
        "Alpha",
        "Planted noise, denoised once",
        "Survival",
        "Extrapolation",
        "The natural filter",
    ],
)
def test_the_document_quotes_the_table(title):
    document = (pages.ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert dict(pages.tables())[title] in document


def test_frechet_distances_at_one_n_are_of_equally_many_pictures(clouds, tmp_path):
    """More pictures of the same cell have a smaller distance."""
    record = Record.of(tmp_path, clouds)
    score = clouds.model.score
    record.add_cells(resolution.draw_group(clouds, score, Group((NETWORK,), 8)))
    record.add_cells(resolution.draw_group(clouds, score, Group((Cell("vanilla", 5),), 4)))
    record.add_cells(resolution.draw_group(clouds, score, Group((Cell("tuned", 5),), 2)))
    column = law.LAW.index("frechet")
    found = {row[3]: row[column] for row in law.law(record, clouds)}
    record.add_cells(resolution.draw_group(clouds, score, Group((Cell("vanilla", 5),), 2)))
    assert {row[3]: row[column] for row in law.law(record, clouds)} == found


def test_the_figure_has_every_size_and_ends_at_the_papers():
    traces = pages.figure(pages.read("law")).data
    names = {f"Vanilla, {size} px" for size in pages.sizes(pages.read("law"))}
    assert names <= {trace.name for trace in traces}
    assert max(max(trace.x) for trace in traces if trace.x) == pages.FAR
