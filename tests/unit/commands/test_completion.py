"""The script of `pds completion`, run by the installed shells."""

import shutil
import subprocess
import sys

import pytest

from pds.commands import completion
from pds.commands.cli import COMMANDS, main
from pds.models import MODELS

FILES = ("a.png", "b.npy", "my.safetensors")


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Path of the script for a shell."""
    folder = tmp_path_factory.mktemp("scripts")

    def written(shell):
        path = folder / shell
        if not path.is_file():
            with pytest.MonkeyPatch.context() as patch, path.open("w") as file:
                patch.setattr(sys, "stdout", file)
                assert main(["completion", shell]) == 0
        return path

    return written


@pytest.fixture
def completed(script, tmp_path):
    """What a real bash offers for the last of some words, in a folder with some files."""
    (tmp_path / "folder").mkdir()
    for name in FILES:
        (tmp_path / name).touch()
    code = (
        f'source "{script("bash")}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        r'_shtab_pds; printf "%s\n" "${COMPREPLY[@]}"'
    )

    def offered(*words):
        done = subprocess.run(
            ["bash", "-c", code, "bash", "pds", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.split())

    return offered


def test_commands_are_completed(completed):
    assert completed("") == set(COMMANDS)
    assert completed("com") == {"compare", "completion"}


def test_the_options_of_a_command_are_completed(completed):
    assert completed("compare", "--num") == {"--num-steps", "--num-images"}


def test_values_of_a_choice_are_completed(completed):
    assert completed("sample", "--weights", "") == {"ema", "raw"}


def test_models_are_completed_by_name_and_file(completed):
    assert completed("response", "") == {*MODELS, "my.safetensors", "folder"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", ""), {"a.png", "folder"}),
        (("tune", ""), {"b.npy", "folder"}),
        (("sample", "--workdir", ""), {"folder"}),
        (("convert", ""), {*FILES, "folder"}),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_files_are_completed_by_what_the_command_reads(completed, words, expected):
    assert completed(*words) == expected


def test_a_flag_that_stands_for_many_is_not_offered(completed):
    assert completed("sample", "--conf") == {"--config"}


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_shell_reads_its_script(script, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"this machine has no {shell}")
    done = subprocess.run([shell, "-n", script(shell)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_script_has_the_sentence_of_every_command_or_its_name(script, shell):
    text = script(shell).read_text()
    sentences = COMMANDS if shell == "bash" else COMMANDS.values()
    assert [sentence for sentence in sentences if sentence not in text] == []


def test_without_shtab_one_sentence_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    sentence = "pds: completion needs the package shtab: pip install shtab\n"
    assert capsys.readouterr().err == sentence
