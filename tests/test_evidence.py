"""The recorded evidence: drawn again it is the same, and the documents quote it."""

import csv
from pathlib import Path

import pytest

from pds.commands.cli import main
from tools import evidence

ROOT = Path(__file__).resolve().parent.parent
DRAWN_AGAIN = [("vanilla", "10"), ("pds:5", "10"), ("tuned", "10"), ("ode-heun", "10")]


def test_a_part_of_the_table_drawn_again_has_the_recorded_numbers(tmp_path):
    recorded = {(row["arm"], row["N"]): row for row in evidence.read("portraits32")}
    arms = ",".join(arm for arm, _ in DRAWN_AGAIN)
    words = ["--arms", arms, "--counts", "10", "--images", "64", "--batch", "64"]
    assert main(["evaluate", "--out", str(tmp_path), *words]) == 0
    with (tmp_path / "table.csv").open(newline="") as file:
        drawn = {(row["arm"], row["N"]): row for row in csv.DictReader(file)}
    for cell in DRAWN_AGAIN:
        for metric in ("noise_left", "frechet", "frechet_low", "sliced", "theory_noise_left"):
            expected = float(recorded[cell][metric])
            assert float(drawn[cell][metric]) == pytest.approx(expected, rel=0.05), (cell, metric)


@pytest.mark.parametrize("metric", ["frechet", "noise_left"])
@pytest.mark.parametrize(
    "model", ["portraits32", "portraits32_arms", "portraits32_many", "portraits64"]
)
def test_the_document_has_the_recorded_table(model, metric):
    text = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert evidence.table(evidence.read(model), metric) in text
