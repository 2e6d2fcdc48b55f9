"""docs/experiments.md: its commands parse, and its tables equal the output of its tool."""

import re
import shlex
from pathlib import Path

import pytest

from pds.commands.cli import parse_arguments
from pds.commands.sample import main_parser
from pds.evaluation import fid_record
from pds.files.shipped import ROOT
from pds.jobs.configuration import read_configuration
from pds.jobs.job import Job
from tests.support import code_blocks
from tools import published

TEXT = published.DOCUMENT.read_text(encoding="utf-8")
COMMANDS = [line for line in code_blocks.joined(TEXT) if line.startswith("python ")]
RUNS = [line for line in COMMANDS if line.startswith("python main.py --config ")]
CELLS = [
    (e.config, e.num_steps(speed_up), arm)
    for e in published.EXPERIMENTS
    for speed_up in e.speed_ups
    for arm in ("vanilla", e.sampler)
]
ROW = fid_record.Measured(
    "church_ncsnpp_continuous", 66, "pds:5", 4.5, 50_000, "church_images", 126_227, "6726825d",
    "f", "1", "2027-01-31", "python main.py",
)  # fmt: skip


def parsed(command):
    words = shlex.split(command)[1:]
    if words[0] == "main.py":
        return main_parser().parse_args(words[1:])
    return parse_arguments(words[2:])


def test_commands_and_tables_are_those_that_the_tool_writes():
    assert published.filled(TEXT) == TEXT


def test_a_document_without_a_place_is_refused():
    with pytest.raises(ValueError, match="must have a place for each of commands: cifar10"):
        published.filled(TEXT.replace("<!-- table: cost -->", ""))


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_a_command_of_the_document_is_parsed(command):
    parsed(command)


def test_the_runs_are_those_of_the_tables(monkeypatch):
    monkeypatch.chdir(ROOT)
    drawn = []
    for command in RUNS:
        job = Job.from_flags(vars(parsed(command)))
        name = Path(job.request.model).stem
        drawn += [(name, arm.num_steps or job.request.num_steps, arm.name) for arm in arms(job)]
    assert drawn == CELLS


def arms(job):
    assert job.request.num_images == published.NUM_IMAGES
    assert job.compare
    return job.request.arms


@pytest.mark.parametrize("experiment", published.EXPERIMENTS, ids=lambda e: e.name)
def test_every_folder_that_is_drawn_is_measured(experiment):
    lines = code_blocks.joined(published.commands(experiment))
    runs = [vars(parsed(line)) for line in lines if " main.py " in line]
    (measure,) = [line for line in lines if " evaluate " in line]
    folders = [Path(run["workdir"]) / run["eval_folder"] for run in runs]
    expected = [place for folder in folders for place in (folder, folder / "vanilla")]
    assert parsed(measure).drawn == expected


@pytest.mark.parametrize("experiment", published.EXPERIMENTS, ids=lambda e: e.name)
def test_an_experiment_has_the_size_and_scales_of_its_configuration(experiment):
    card = read_configuration(ROOT / "configs" / "ve" / f"{experiment.config}.py").card
    assert (card.network.image_size, card.num_scales) == (experiment.size, experiment.num_scales)


@pytest.mark.parametrize(
    "row",
    published.reported(),
    ids=lambda row: "-".join([row["experiment"], row["N"], row["sampler"]]),
)
def test_a_reported_distance_has_its_cell_and_a_source_of_the_document(row):
    sources = re.findall(r"^\| (\S.*?) \| .*arXiv|^\| (\S+) \| README", TEXT, re.MULTILINE)
    assert (row["experiment"], int(row["N"]), row["sampler"]) in CELLS
    assert row["source"] in [name for pair in sources for name in pair if name]


def test_what_evaluate_records_fills_its_cell(monkeypatch, tmp_path):
    monkeypatch.setattr(published, "MEASURED", tmp_path / "measured.csv")
    church = next(e for e in published.EXPERIMENTS if e.name == "church")
    empty = published.cells(church)
    fid_record.append(published.MEASURED, ROW)
    pairs = zip(empty.splitlines(), published.cells(church).splitlines(), strict=True)
    (changed,) = [new for old, new in pairs if old != new]
    assert changed == "| 66 | 30 | pds:5 | 132 |  | 4.50 (50,000 images, 2027-01-31) |"


def test_of_several_measurements_the_last_with_the_most_pictures_is_shown():
    rows = [ROW, ROW._replace(fid=4.0), ROW._replace(fid=9.0, images=100)]
    assert [row.fid for row in published.measured(rows).values()] == [4.0]
