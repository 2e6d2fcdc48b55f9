"""Warnings of the library, which the commands print on one line."""

import warnings

import pytest

from pds.commands.cli import exit_code


def warn(*sentences, category=UserWarning):
    for sentence in sentences:
        warnings.warn(sentence, category, stacklevel=2)


def printed(capsys, command):
    code = exit_code(command, "main.py", stopped="stopped")
    return code, capsys.readouterr().err


@pytest.mark.parametrize("rank", [None, "0"])
def test_a_warning_is_one_line(capsys, monkeypatch, rank):
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    assert printed(capsys, lambda: warn("two\nlines")) == (0, "main.py: note: two lines\n")


def test_each_is_printed_once(capsys):
    code, error = printed(capsys, lambda: warn("a", "b", "a"))
    assert (code, error) == (0, "main.py: note: a\nmain.py: note: b\n")
    assert printed(capsys, lambda: warn("a"))[1] == "main.py: note: a\n"


def test_other_ranks_are_silent(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert printed(capsys, lambda: warn("a")) == (0, "")


def test_other_kinds_of_warnings_are_shown_as_python_does(capsys):
    with pytest.warns(FutureWarning, match="a"):
        assert printed(capsys, lambda: warn("a", category=FutureWarning)) == (0, "")


def test_a_note_precedes_the_error_of_its_command(capsys):
    def command():
        warn("a")
        raise ValueError("b")

    assert printed(capsys, command) == (2, "main.py: note: a\nmain.py: b\n")


def test_afterwards_warnings_are_those_of_python_again(capsys):
    show = warnings.showwarning
    printed(capsys, lambda: warn("a"))
    assert warnings.showwarning is show


def test_a_caller_of_the_library_gets_a_warning():
    with pytest.warns(UserWarning, match="a"):
        warn("a")
