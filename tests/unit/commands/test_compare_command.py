"""python -m pds compare: two samplers by their names, or by the flags of one beside vanilla."""

from itertools import product

import numpy as np
import pytest

from pds.arms.names import KINDS
from pds.commands.cli import main
from pds.files import pictures
from pds.jobs.record import read_request
from pds.request import Request

FIELD = ["compare", "--model", "field64", "--num-steps", "5", "--num-images", "1"]


@pytest.fixture
def draw(tmp_path):
    """Draw a comparison, and return its request and its pixels."""

    def run(*words):
        path = tmp_path / "c.png"
        assert main([*FIELD, *words, "--out", str(path)]) == 0
        return read_request(pictures.read_text(path)), pictures.read_pixels(path)

    return run


@pytest.fixture
def refusal(capsys, tmp_path):
    """Run a command that must be refused before it draws, and return the one sentence."""

    def run(*words):
        path = tmp_path / "c.png"
        try:
            code = main([*words, "--out", str(path)])
        except SystemExit as stopped:
            code = stopped.code
        assert code == 2 and not path.exists()
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        return error

    return run


def test_two_names_are_drawn_each_with_its_own_n(draw, capsys):
    request, _ = draw("--left", "vanilla@7", "--right", "pds:4@3")
    assert request == Request("field64", 5, num_images=1, left="vanilla@7", right="pds:4@3")
    said = capsys.readouterr().out
    assert "vanilla at N = 7 above, PDS at N = 3 below" in said
    assert "(vanilla at N = 7)" in said


def test_a_name_of_what_flags_describe_is_the_same_picture(draw):
    named, flagged = draw("--right", "pds+space:4"), draw("--alpha", "4", "--space")
    assert named[0] == flagged[0]
    assert (named[1] == flagged[1]).all()


def test_the_corrector_is_chosen_for_both_sides(draw):
    plain = draw()[1]
    more, none = draw("--snr", "0.3", "--corrector-steps", "2"), draw("--corrector-steps", "0")
    assert (more[0].snr, more[0].corrector_steps, none[0].corrector_steps) == (0.3, 2, 0)
    half = plain.shape[0] // 2
    cases = product({"more": more[1], "none": none[1]}.items(), (np.s_[:half], np.s_[half:]))
    same = [(name, rows) for (name, pixels), rows in cases if np.all(pixels[rows] == plain[rows])]
    assert same == []


@pytest.mark.parametrize("command", ["compare", "evaluate"])
def test_the_help_lists_every_name(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    listing = text[text.index("a sampler is one of") :]
    assert [kind for kind in KINDS if kind not in listing] == []


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--alpha", "4"], "and --alpha both describe the sampler on the right; leave --alpha out"),
        (["--alpha", "5"], "leave --alpha out"),
        (["--no-frequency"], "leave --frequency out"),
        (["--space"], "leave --space out"),
        (["--tuned"], "leave --tuned out"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_name_on_the_right_beside_flags_that_describe_it_is_refused(refusal, flags, sentence):
    assert sentence in refusal(*FIELD, "--right", "pds:3", *flags)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--left", "best"], "a sampler is one of vanilla, pds:ALPHA"),
        (["--left", "pds"], "pds needs its alpha, such as pds:5"),
        (["--right", "pds:0.5"], "alpha must be > 1, got 0.5"),
        (
            ["--right", "vanilla@2001"],
            "iterations of vanilla must be a whole number from 1 to 2000",
        ),
        (["--right", "scalar:1e9"], "the constant of scalar must be at most 1000, got 1e+09"),
        (["--snr", "0"], "snr must be > 0 and <= 10, got 0"),
        (["--snr", "weak"], "argument --snr: invalid float value: 'weak'"),
        (["--corrector-steps", "9"], "corrector_steps must be a whole number from 0 to 8, got 9"),
        (
            ["--corrector-steps", "0", "--left", "corrector:5"],
            "corrector:5 preconditions the corrector only, and the sampler has none",
        ),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(refusal, words, sentence):
    assert sentence in refusal(*FIELD, *words)
