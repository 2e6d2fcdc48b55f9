"""docs/samplers.md has every name, and its commands parse."""

import re
import shlex

import pytest

from pds.arms.names import KINDS, Arm, parse
from pds.commands.cli import parse_arguments as parse_command
from pds.commands.sample import main_parser, sample_main
from pds.files.shipped import ROOT
from pds.jobs import request_text
from pds.jobs.hosting import from_page
from pds.jobs.job import Job
from pds.request import Request

TEXT = (ROOT / "docs" / "samplers.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z+-]+)(:[A-Z]+)?` \|.*\| ([a-z ]*)\|$", TEXT, re.MULTILINE)
COMMANDS = [line for line in TEXT.splitlines() if line.startswith("python ")]
NEEDS = {"": (), "both masks": ("frequency", "space")}


def test_every_kind_has_a_row_in_the_order_of_tables():
    assert list(dict.fromkeys(kind for kind, _, _ in ROWS)) == list(KINDS)


@pytest.mark.parametrize(("kind", "strength", "needs"), ROWS, ids=lambda v: v.strip())
def test_a_row_says_the_strength_and_the_masks_of_its_kind(kind, strength, needs):
    arm = Arm(kind, 5.0 if strength else None)
    assert arm.masks == NEEDS.get(needs.strip(), (needs.split(" ")[0],))


@pytest.mark.parametrize("command", [c for c in COMMANDS if " compare " in c])
def test_a_command_of_the_document_describes_a_comparison(command):
    words = shlex.split(command)[3:]
    request = from_page(vars(parse_command(words)))
    assert [arm.name for arm in request.arms] == [
        parse(words[words.index(flag) + 1]).name for flag in ("--left", "--right")
    ]


@pytest.mark.parametrize("command", [c for c in COMMANDS if "--compare scalar" in c])
def test_a_run_of_the_document_is_a_job(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    job = Job.from_flags(vars(main_parser().parse_args(shlex.split(command)[2:])))
    assert job.names == ("scalar:1.15", "pds:5@25")


def test_the_run_of_a_checkpoint_with_its_response_draws_both(tmp_path):
    (command,) = [c for c in COMMANDS if "--compare vanilla response" in c]
    places = {
        "my.safetensors": ROOT / "assets" / "portraits32.safetensors",
        "W": tmp_path,
        "80": "1000",  # 2 iterations
        "responses/my.npz": ROOT / "docs" / "evidence" / "responses" / "portraits32.npz",
    }
    words = [str(places.get(word, word)) for word in shlex.split(command)[2:]]
    assert sample_main([*words, "--only", "0", "--device", "cpu"]) == 0
    assert sorted(path.parent.name for path in tmp_path.rglob("000000.png")) == ["left", "right"]


@pytest.mark.parametrize("command", [c for c in COMMANDS if "my_images" in c])
def test_the_measurements_of_a_checkpoint_are_commands(command):
    arguments = parse_command(shlex.split(command)[3:])
    assert (arguments.model, str(arguments.data)) == ("my.safetensors", "my_images")


def test_the_link_of_the_document_opens_the_comparison_of_the_others():
    query = "".join(re.findall(r"`([?&](?:left|right)=[^`]*)`", TEXT))
    expected = Request(left="vanilla@100", right="pds:5@40")
    assert request_text.from_query(query) == (expected, True, "")
