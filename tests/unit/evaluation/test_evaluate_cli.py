import csv
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from pds.commands.cli import main
from pds.evaluation import classifier, draw, metrics, report, validation
from pds.evaluation.store import Store
from pds.scores import checkpoints
from tests.support import tiny_inception
from tests.support.paths import ROOT
from tests.support.tiny_run import make_score

SMALL = ["--reference", "100", "--converged", "ode-heun@3", "--converged-images", "7"]
FEW = ["--counts", "6,4", "--images", "3", "--batch", "2", *SMALL]
FIELD = ["evaluate", "--model", "field64", *FEW]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Words of an evaluation of a network of 8 px, which takes milliseconds."""
    folder = tmp_path_factory.mktemp("tiny")
    checkpoints.save(folder / "tiny.safetensors", make_score())
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    model = ["--model", f"{folder}/tiny.safetensors", "--data", f"{folder}/images.npy"]
    return ["evaluate", *model, *FEW]


RESAMPLES, FLOOR_DRAWS = metrics.RESAMPLES, metrics.FLOOR_DRAWS


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Few resamples and floors: the tests of the metrics are about the width of intervals."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(metrics, "RESAMPLES", 100)
        patched.setattr(metrics, "FLOOR_DRAWS", 9)
        yield


@contextmanager
def without_figures():
    """Leave out report.html, which takes longer than all tables."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(report, "can_draw", lambda: False)
        yield


@pytest.fixture
def no_figures():
    with without_figures():
        yield


@pytest.fixture(scope="module")
def evaluated(tiny, tmp_path_factory):
    """A folder with the tables of two samplers, without figures."""
    out = tmp_path_factory.mktemp("evaluated") / "out"
    with without_figures():
        assert main([*tiny, "--arms", "vanilla,pds:5", "--out", str(out)]) == 0
    return out


@pytest.fixture
def out(evaluated, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(evaluated, tmp_path / "out")


def rows(folder, reference="data"):
    with (folder / "table.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["reference"] == reference]


def test_tables_and_a_report_are_of_everything_in_the_folder(tiny, out, capsys):
    assert [(r["arm"], r["N"]) for r in rows(out)] == [
        ("vanilla", "6"), ("vanilla", "4"), ("pds:5", "6"), ("pds:5", "4"),
    ]  # fmt: skip
    words = [*tiny, "--out", str(out)]
    with without_figures():
        assert main([*words, "--arms", "ode-heun"]) == 0
    found = rows(out)
    assert [(r["nfe"], r["images"]) for r in found[4:]] == [("11", "3"), ("7", "3")]
    assert len(found) == 6
    assert "6 cells" in capsys.readouterr().out
    assert main([*words, "--report-only"]) == 0
    assert rows(out) == found
    assert "pds:5" in (out / "report.html").read_text()


def test_without_plotly_everything_but_the_report_is_written(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "can_draw", lambda: False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert main([*tiny, "--out", str(tmp_path / "out"), "--arms", "vanilla"]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    tables = {"table.csv", "equivalence.csv", "equal_grain.csv"}
    assert names == {*tables, "evaluation.json", "reference.npz"}
    assert "report.html needs plotly" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figures")
def test_a_stopped_evaluation_reports_its_images_and_resumes(tiny, tmp_path, capsys, monkeypatch):
    words = [*tiny, "--arms", "vanilla", "--out"]
    sampled, drawn = draw.sampled, []

    def until_interrupted(*arguments):
        drawn.append(arguments)
        if len(drawn) == 6:  # the second batch of the first cell, after four of the reference
            raise KeyboardInterrupt
        return sampled(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(draw, "sampled", until_interrupted)
        assert main([*words, str(tmp_path / "stopped")]) == 130
    assert [(row["N"], row["images"]) for row in rows(tmp_path / "stopped")] == [("6", "2")]
    assert "what was saved is kept" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "stopped")]) == 0
    assert main([*words, str(tmp_path / "whole")]) == 0
    stopped, whole = (rows(tmp_path / name, "network") for name in ("stopped", "whole"))
    assert [{**row, "seconds": ""} for row in stopped] == [{**row, "seconds": ""} for row in whole]


@pytest.mark.usefixtures("no_figures")
def test_an_evaluation_stopped_before_its_first_cell_writes_no_table(tiny, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(draw, "sampled", interrupted)
    assert main([*tiny, "--arms", "vanilla", "--out", str(tmp_path / "out")]) == 130
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"evaluation.json"}


@pytest.mark.usefixtures("no_figures")
def test_no_batch_begins_when_the_time_is_over(tiny, tmp_path, capsys):
    words = [*tiny, "--arms", "vanilla", "--out", str(tmp_path / "out")]
    assert main([*words, "--seconds", "1e-9"]) == 2
    assert "or with more --seconds" in capsys.readouterr().err
    assert main(words) == 0
    before = (tmp_path / "out" / "table.csv").read_bytes()
    assert main([*words, "--counts", "5", "--seconds", "1e-9"]) == 0
    assert (tmp_path / "out" / "table.csv").read_bytes() == before


@pytest.mark.usefixtures("no_figures")
def test_the_networks_own_pictures_are_drawn_once_and_are_the_other_reference(tiny, out):
    own = out / "images/converged=ode-heun/3"
    written = {path.name: path.stat().st_mtime_ns for path in own.iterdir()}
    assert set(written) == {f"{i:06d}-{min(i + 1, 6):06d}.npz" for i in (0, 2, 4, 6)}
    network, data = (rows(out, kind) for kind in ("network", "data"))
    assert [(r["arm"], r["N"]) for r in network] == [(r["arm"], r["N"]) for r in data]
    assert network[0]["grain"] != data[0]["grain"]
    assert network[0]["grain_floor_low"] < network[0]["grain_floor_high"]
    assert main([*tiny, "--out", str(out), "--arms", "vanilla"]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in own.iterdir()} == written


@pytest.mark.usefixtures("no_figures")
def test_without_own_pictures_there_is_one_reference(tmp_path):
    out = ["--out", str(tmp_path / "out"), "--converged-images", "0"]
    assert main([*FIELD, *out, "--arms", "vanilla"]) == 0
    assert rows(tmp_path / "out", "network") == []
    assert len(rows(tmp_path / "out")) == 2


def test_the_classifier_judges_cells_and_the_report_shows_it(tiny, out, monkeypatch):
    monkeypatch.setattr(classifier, "EPOCHS", 3)
    words = [*tiny, "--out", str(out), "--arms", "vanilla,pds:5"]
    assert main([*words, "--classifier", "3"]) == 0
    with (out / "classifier.csv").open() as file:
        judged = list(csv.DictReader(file))
    assert [(row["arm"], row["N"], row["images"]) for row in judged] == [
        ("converged:ode-heun", "3", "3"),
        *((arm, n, "3") for arm in ("vanilla", "pds:5") for n in ("6", "4")),
    ]
    assert "converged:ode-heun" in (out / "report.html").read_text()
    with (out / "equivalence.csv").open() as file:
        matches = [row for row in csv.DictReader(file) if row["metric"] == "classifier"]
    assert [(row["arm"], row["N"]) for row in matches] == [
        (row["arm"], row["N"])
        for row in judged
        if row["arm"] == "pds:5" and float(row["accuracy"]) < 1
    ]


@pytest.mark.usefixtures("no_figures")
def test_a_classifier_without_own_pictures_is_refused(tiny, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out"), "--arms", "vanilla", "--converged-images", "0"]
    assert main([*tiny, *out, "--classifier", "3"]) == 2
    assert "needs the network's own images" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["ode-heun", "best@50", "ode-heun@many"])
def test_a_converged_sampler_is_an_arm_and_a_number(text, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*FIELD, "--out", str(tmp_path / "out"), "--converged", text])
    assert "such as ode-heun@50" in capsys.readouterr().err


def test_validation_prints_the_check_of_the_reference(tiny, tmp_path, capsys):
    assert main([*tiny, "--out", str(tmp_path / "out"), "--validate"]) == 0
    checked = validation.check(Store(tmp_path / "out").held_out())
    assert capsys.readouterr().out == validation.text(checked) + "\n"


@pytest.mark.usefixtures("no_figures")
def test_a_file_is_held_against_the_images_that_it_comes_with(tmp_path, tiny):
    words = [*tiny, "--arms", "pds:5", "--counts", "4", "--converged-images", "0"]
    assert main([*words, "--out", f"{tmp_path}/out"]) == 0
    assert [row["arm"] for row in rows(tmp_path / "out")] == ["pds:5"]


@pytest.mark.usefixtures("no_figures")
@pytest.mark.slow
def test_two_processes_draw_the_same_table(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "RESAMPLES", RESAMPLES)  # which those processes have
    monkeypatch.setattr(metrics, "FLOOR_DRAWS", FLOOR_DRAWS)
    words = [*tiny, "--arms", "vanilla,tuned", "--out"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "-m", "pds"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, *words, str(tmp_path / "two")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert main([*words, str(tmp_path / "one")]) == 0
    shared, alone = (rows(tmp_path / name) for name in ("two", "one"))
    assert [(row["arm"], row["N"]) for row in shared] == [(row["arm"], row["N"]) for row in alone]
    names = ("images", "fine_power", "frechet", "sliced_low", "theory_w2")
    ours, theirs = (
        {(row["arm"], row["N"], name): float(row[name]) for row in table for name in names}
        for table in (shared, alone)
    )
    # Sums depend on the number of threads.
    assert ours == pytest.approx(theirs, rel=1e-3)
    first = {path.name for path in (tmp_path / "two/images/tuned/4").iterdir()}
    assert first == {"000000-000001.npz", "000002-000002.npz"}


@pytest.mark.usefixtures("no_figures")
def test_fid_is_of_the_images_in_the_folder_against_the_held_out(tiny, tmp_path, monkeypatch):
    out = ["--out", str(tmp_path / "out")]
    weights = tiny_inception.weights(monkeypatch, tmp_path)
    assert main([*tiny, *out, "--arms", "vanilla", *weights]) == 0
    with (tmp_path / "out" / "fid.csv").open() as file:
        (six, four) = sorted(csv.DictReader(file), key=lambda row: -int(row["N"]))
    assert (six["arm"], six["N"], six["images"]) == ("vanilla", "6", "3")
    assert four["N"] == "4"
    parts = sorted((tmp_path / "out/images/vanilla/6").iterdir())
    drawn = np.concatenate([np.load(path)["images"] for path in parts])
    real = np.load(tmp_path / "out" / "reference.npz")["images"]
    assert float(six["fid"]) == pytest.approx(tiny_inception.fid_of_means(drawn, real), rel=1e-4)


@pytest.mark.usefixtures("no_figures")
def test_fid_without_weights_says_which_it_needs(tiny, tmp_path, capsys):
    words = [*tiny, "--out", str(tmp_path / "out"), "--arms", "vanilla", "--inception"]
    assert main([*words, str(tmp_path / "no.pth")]) == 2
    assert "no.pth; FID needs pytorch-fid's pt_inception-2015-12-05" in capsys.readouterr().err


@pytest.fixture(scope="module")
def claimed(tmp_path_factory):
    """A folder that belongs to an evaluation of field64 and has no pictures."""
    out = tmp_path_factory.mktemp("claimed") / "out"
    words = [*FIELD, "--arms", "vanilla", "--out", str(out)]
    assert main([*words, "--seconds", "1e-9"]) == 2
    return out


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--counts", "0"], "iterations must be a whole number from 1 to 2000, got 0"),
        (["--counts", "2001"], "iterations must be a whole number from 1 to 2000, got 2001"),
        (["--model", "landscapes"], "model must be one of portraits32"),
        (["--model", "none.safetensors"], "has no held-out images to compare with"),
        (["--model", "none.safetensors", "--data", "tests"], "none.safetensors"),
        (["--data", "/nowhere/at/all"], "no images at /nowhere/at/all"),
        (["--converged", "ode-heun@2001"], "a whole number from 1 to 2000, got 2001"),
        (["--converged-images", "-1"], "--converged-images must lie in 0 to 1000000, got -1"),
        (["--seconds", "0"], "--seconds must be > 0 and finite, got 0"),
        (["--images", "1"], "--images must lie in 2 to 100000, got 1"),
        (["--device", "abacus"], "device must be cpu, cuda, cuda:N or mps, got 'abacus'"),
        (["--seed", "5"], "is an evaluation of seed 0, not 5"),
        (["--model", "portraits32"], "is an evaluation of model field64, not portraits32"),
        (["--report-only"], "holds no images yet"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(more, sentence, claimed, capsys):
    assert main([*FIELD, "--out", str(claimed), *more]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("mine")
    assert main([*FIELD, "--out", str(tmp_path)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_unknown_arm_is_refused_by_the_parser(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*FIELD, "--out", str(tmp_path / "out"), "--arms", "vanilla,best"])
    assert stopped.value.code == 2
    assert "a sampler is one of vanilla" in capsys.readouterr().err
