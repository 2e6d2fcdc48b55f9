import argparse
import json
import os
import subprocess
import sys
from dataclasses import fields

import pytest
import torch

from pds import __version__
from pds.commands import cli
from pds.commands.cli import COMMANDS, GROUPS, main
from pds.commands.overview import WIDEST
from pds.files.shipped import ROOT
from pds.request import Request
from pds.scores import checkpoints


def printed(capsys, *words):
    """What a command prints that ends by itself."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    return capsys.readouterr().out


def options(name):
    """The arguments of a command."""
    (commands,) = cli.build_parser("pds", [name])._get_positional_actions()
    return [
        action
        for action in commands.choices[name]._actions
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
    ]


def test_the_ladder_prints_a_row_for_each_count_and_what_they_say(capsys):
    assert main(["ladder", "--model", "field64", "--counts", "25,20", "--runs", "1"]) == 0
    title, _, _, *lines, sentence = capsys.readouterr().out.splitlines()
    assert title == "Grain and contrast (± 0.4) of 8 images, relative to exact samples"
    rows = [[float(word) for word in line.split()] for line in lines]
    assert [row[0] for row in rows] == [25, 20]
    # Fewer iterations leave more grain, and PDS less of it than vanilla.
    assert 1.1 < rows[0][1] < rows[1][1]
    assert all(pds < vanilla for _, vanilla, pds, *_ in rows)
    assert sentence.startswith("vanilla is grainy at N = ")
    assert "half Nyquist" not in title + sentence


def test_a_recorded_run_holds_the_request_and_a_verdict(tmp_path, capsys):
    out = tmp_path / "run.json"
    arguments = ["--model", "field64", "--num-steps", "3", "--num-images", "1", "--out", str(out)]
    assert main(["record", *arguments]) == 0
    recorded = json.loads(out.read_text())
    assert recorded["whole"]["request"]["num_steps"] == 3
    assert len(recorded["whole"]["steps"]) == 3
    assert len(recorded["end"]["steps"]) == 1
    assert recorded["whole"]["verdict"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["record", "--num-steps", "0"], "number of iterations must be a whole number"),
        (["ladder", "--alpha", "0.5"], "alpha must be > 1"),
        (["ladder", "--runs", "0"], "--runs must be a whole number >= 1, got 0"),
        (
            ["train", "--out", "unused", "--batch-size", "0"],
            "batch_size must be a whole number >= 1",
        ),
        (["convert", "no/such/file.pth", "--out", "a.safetensors"], "no checkpoint at no/such/fi"),
        (["convert", "a.pth", "--out", "a.pth"], "--out must end in .safetensors, got a.pth"),
        (["convert", "x", "--out", "assets/portraits32.safetensors"], "already exists"),
        (["convert", "tests/golden/ve_skip.pth", "--out", "/tmp/unused.safetensors"], "its config"),
        (["sample", "--config", "no.py", "--workdir", "w"], "no configuration at no.py"),
        (["record", "--out", "/nowhere/at/all.json", "--num-steps", "1"], "/nowhere/at/all.json"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(arguments, sentence, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("pds: ")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_options(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert f"usage: python -m pds {name} " in capsys.readouterr().out


def test_help_lists_every_command(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    shown = printed(capsys, "--help")
    assert all(f"{name} " in shown and sentence in shown for name, sentence in COMMANDS.items())


def test_every_command_is_in_one_group():
    assert len(COMMANDS) == sum(map(len, GROUPS.values()))


def test_pds_alone_prints_the_help(capsys):
    assert printed(capsys) == printed(capsys, "--help")


def test_help_before_a_command_is_the_help_of_the_command(capsys):
    assert printed(capsys, "help", "show") == printed(capsys, "show", "--help")


def test_the_version_is_that_of_pds_and_of_torch(capsys):
    assert printed(capsys, "--version").startswith(f"pds {__version__}, torch {torch.__version__}")


@pytest.mark.parametrize("columns", [50, 80, 300])
@pytest.mark.parametrize("name", [None, "sample"])
def test_a_help_is_as_wide_as_the_terminal_but_never_too_wide(columns, name, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = printed(capsys, *filter(None, [name, "--help"])).partition("examples:")[0]
    _usage, *lines = text.splitlines()  # the usage is one line
    widest = max(map(len, lines))
    assert min(columns, WIDEST) - 12 < widest <= min(columns, WIDEST)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_value_has_a_name_and_every_default_is_said(name):
    unnamed = [
        action.dest
        for action in options(name)
        if action.nargs != 0
        and not (action.metavar or action.choices or action.dest in ("frequency", "space"))
        and not isinstance(action, argparse.BooleanOptionalAction)
    ]
    unsaid = [
        action.dest
        for action in options(name)
        if action.default not in (None, False, "", argparse.SUPPRESS, ())
        and "default" not in action.help
    ]
    assert (unnamed, unsaid) == ([], [])


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("show", "show FILE.png [options]"),
        ("filter", "filter SOURCE --out PREFIX [options]"),
        ("evaluate", "evaluate (--out FOLDER | --drawn FOLDER) [options]"),
    ],
)
def test_a_usage_has_what_is_required(name, usage, capsys):
    assert printed(capsys, name, "--help").startswith(f"usage: python -m pds {usage}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_in_sentences_what_it_does(name):
    (commands,) = cli.build_parser("pds", [name])._get_positional_actions()
    description = commands.choices[name].description
    assert description[0].isupper() and description.endswith(".")


def test_every_field_of_a_request_is_an_option_of_compare():
    assert {field.name for field in fields(Request)} <= {a.dest for a in options("compare")}


def test_a_package_that_is_missing_is_one_sentence(monkeypatch, capsys):
    def import_module(name):
        raise ModuleNotFoundError("No module named 'gradio.x'", name="gradio.x")

    monkeypatch.setattr(cli, "import_module", import_module)
    assert main(["app"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pds: the package gradio is missing; python -m pds doctor lists")
    assert len(error.splitlines()) == 1


def test_the_flags_of_main_cannot_be_shortened(capsys):
    with pytest.raises(SystemExit):
        main(["sample", "--conf", "a.py", "--workdir", "w", "--config", "a.py"])
    assert "unrecognized arguments: --conf" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compar"], "unknown command 'compar'; did you mean compare? See python -m pds --help"),
        (["EVALUATE"], "unknown command 'EVALUATE'; did you mean evaluate?"),
        (["paint"], "unknown command 'paint'; the commands are app, compare, sheet, "),
        (["--seed", "3", "compare"], "expected a command before its options, got '--seed'; see"),
        (["help", "shwo"], "unknown command 'shwo'; did you mean show?"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_an_unknown_command_is_answered_with_the_nearest(words, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1


def test_counts_that_are_no_numbers_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["ladder", "--counts", "66,many"])
    assert "expected whole numbers such as 200,66, got '66,many'" in capsys.readouterr().err


def test_a_converted_file_is_the_same_network(tmp_path):
    source, out = ROOT / "assets" / "portraits32.safetensors", tmp_path / "copy.safetensors"
    assert main(["convert", str(source), "--out", str(out)]) == 0
    ours, copy = checkpoints.load(source), checkpoints.load(out)
    assert copy.card == ours.card
    weights, copied = ours.state_dict(), copy.state_dict()
    assert [name for name in weights if not torch.equal(weights[name], copied[name])] == []


def test_a_converted_file_is_replaced_on_demand_only(tmp_path):
    source, out = ROOT / "assets" / "portraits32.safetensors", tmp_path / "copy.safetensors"
    out.write_bytes(b"mine")
    assert main(["convert", str(source), "--out", str(out)]) == 2
    assert out.read_bytes() == b"mine"
    assert main(["convert", str(source), "--out", str(out), "--force"]) == 0
    checkpoints.load(out)


def test_a_command_whose_reader_has_ended_is_quiet():
    """`pds sheet | head -1` printed "Broken pipe"."""
    code = (
        "import sys; from pds.commands.cli import exit_code\n"
        "sys.exit(exit_code(lambda: print(1), 'pds', stopped=''))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (cli.PIPE_CLOSED, b"")
