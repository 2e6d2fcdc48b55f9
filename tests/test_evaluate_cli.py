import csv

import numpy as np
import pytest
from tiny_run import make_score

from pds import checkpoints
from pds.cli import main

FEW = ["--counts", "6,4", "--images", "3", "--batch", "2", "--reference", "100"]
FIELD = ["evaluate", "--model", "field64", *FEW]


def rows(folder):
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_tables_and_a_report_are_of_everything_in_the_folder(tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert main([*FIELD, *out, "--arms", "vanilla,pds:5"]) == 0
    assert [(r["arm"], r["N"]) for r in rows(tmp_path / "out")] == [
        ("vanilla", "6"), ("vanilla", "4"), ("pds:5", "6"), ("pds:5", "4"),
    ]  # fmt: skip
    capsys.readouterr()
    assert main([*FIELD, *out, "--arms", "ode-heun"]) == 0
    found = rows(tmp_path / "out")
    assert [(r["nfe"], r["images"]) for r in found[4:]] == [("11", "3"), ("7", "3")]
    assert len(found) == 6
    assert "6 cells" in capsys.readouterr().out
    assert main([*FIELD, *out, "--report-only"]) == 0
    assert rows(tmp_path / "out") == found
    assert "pds:5" in (tmp_path / "out" / "report.html").read_text()


def test_validation_prints_that_all_is_in_order(tmp_path, capsys):
    arguments = [*FIELD, "--model", "portraits32", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--reference", "300", "--validate"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["in", "order", *["yes"] * 5]


def test_a_file_is_held_against_the_images_that_it_comes_with(tmp_path):
    checkpoints.save(tmp_path / "tiny.safetensors", make_score())
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    words = ["--model", f"{tmp_path}/tiny.safetensors", "--data", f"{tmp_path}/images.npy"]
    assert main(["evaluate", *words, *FEW, "--arms", "pds:5", "--out", f"{tmp_path}/out"]) == 0
    assert [row["arm"] for row in rows(tmp_path / "out")] == ["pds:5", "pds:5"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--counts", "0"], "number of iterations must lie in 1 to 2000, got 0"),
        (["--counts", "2001"], "number of iterations must lie in 1 to 2000, got 2001"),
        (["--model", "landscapes"], "model must be one of portraits32"),
        (["--model", "none.safetensors"], "comes with no data to hold it against"),
        (["--model", "none.safetensors", "--data", "tests"], "none.safetensors"),
        (["--data", "/nowhere/at/all"], "no images at /nowhere/at/all"),
        (["--images", "1"], "--images must lie in 2 to 100000, got 1"),
        (["--device", "abacus"], "device must be cpu, cuda or cuda:N, got 'abacus'"),
        (["--seed", "5"], "is an evaluation of seed 0, not 5"),
        (["--model", "portraits32"], "is an evaluation of model field64, not portraits32"),
        (["--report-only"], "holds no images yet"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(more, sentence, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([*FIELD, "--out", str(out), "--validate"]) == 0
    capsys.readouterr()
    assert main([*FIELD, "--out", str(out), *more]) == 2
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
    assert "an arm is one of vanilla" in capsys.readouterr().err
