"""Flags of `main.py` that are unknown, misspelled, dotted, or of the published code."""

import json
import shlex

import pytest
import torch

from pds.commands.cli import main
from pds.commands.sample import main_parser, sample_main
from pds.jobs.job import Job
from pds.jobs.record import FLAGS, Record, to_command
from tests.support import tiny_run
from tests.support.tiny_run import draw, flags, metadata, pictures
from tests.support.tiny_run import refusal as refusal


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


def overrides(*words):
    """The values of a configuration that flags replace."""
    return main_parser().parse_args(["--config", "c", "--workdir", "w", *words]).overrides


# Dotted flags


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--config.sampling.snr=0.1"], {"sampling.snr": "0.1"}),
        (["--config.eval.batch_size", "1"], {"eval.batch_size": "1"}),
        (["--config.model.a=-1e-3", "--config.model.b", "-1e-3"], {"model.a": "-1e-3"} | {
            "model.b": "-1e-3"
        }),
        (["--config.model.ch_mult=(1, 2,2)"], {"model.ch_mult": "(1, 2,2)"}),
        (["--config.model.ch_mult", "1,2,2"], {"model.ch_mult": "1,2,2"}),
        (["--config.a.b=1", "--config.a.b", "2"], {"a.b": "2"}),
        (["--config.a.b=x=y"], {"a.b": "x=y"}),
        (["--config.a.b="], {"a.b": ""}),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)  # fmt: skip
def test_a_dotted_flag_is_a_value_of_the_configuration(words, expected):
    assert overrides(*words) == expected


def test_parsing_leaves_no_values_to_the_next_parse():
    assert overrides("--config.a.b=1") == {"a.b": "1"}
    assert overrides("--config.a.c=1") == {"a.c": "1"}
    assert "overrides" not in main_parser().parse_args(["--workdir", "w"])


@pytest.mark.parametrize("rest", [[], ["--compare"]], ids=str)
def test_a_dotted_flag_without_a_value_is_refused(refusal, rest):
    words = ["--workdir", "w", "--config.sampling.snr", *rest]
    assert "argument --config.sampling.snr: expected one argument" in refusal(words)


def test_a_dotted_flag_changes_the_sampler(folder):
    assert draw(folder, "--config.sampling.snr=0.3", "--eval_folder", "dotted") == 0
    assert draw(folder, "--eval_folder", "plain") == 0
    dotted, plain = (pictures(folder / name) for name in ("dotted", "plain"))
    assert dotted["000000.png"] != plain["000000.png"]
    assert metadata(folder / "dotted" / "000000.png")["request"]["snr"] == 0.3


def test_a_flag_of_its_own_goes_before_a_dotted_one(folder):
    words = ["--config.sampling.snr=0.3", "--config.eval.num_samples=2", "--snr", "0.2"]
    assert draw(folder, *words) == 0
    request = metadata(folder / "eval" / "000001.png")["request"]
    assert (request["snr"], request["num_samples"]) == (0.2, 2)


def test_a_folder_is_of_its_values_and_not_of_the_flags_that_gave_them(folder, capsys):
    assert draw(folder, "--config.sampling.snr=0.3") == 0
    assert draw(folder, "--snr", "0.3", "--config.eval.batch_size=1") == 0
    assert "0 images sampled, 3 were there" in capsys.readouterr().out
    assert draw(folder) == 2
    assert "snr 0.3, not 0.15" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["model.sigma_max=2.0", "sampling.n_steps_each=2"])
def test_a_folder_is_not_continued_with_another_dotted_value(folder, capsys, key):
    # The checkpoint of a .pth has no process of its own.
    torch.save(tiny_run.published(tiny_run.make_score()), folder / "checkpoints/checkpoint.pth")
    assert draw(folder) == 0
    assert draw(folder, f"--config.{key}") == 2
    assert "another model or filter" in capsys.readouterr().err


def test_show_prints_the_dotted_flags_that_make_a_picture_again(folder, capsys):
    words = ["--config.sampling.n_steps_each=2", "--config.eval.num_samples", "2"]
    assert draw(folder, *words) == 0
    path = folder / "eval" / "000001.png"
    before = path.read_bytes()
    capsys.readouterr()
    assert main(["show", str(path)]) == 0
    command = shlex.split(capsys.readouterr().out)
    assert "--config.sampling.n_steps_each=2" in command
    path.unlink()
    assert sample_main(command[2:]) == 0
    assert path.read_bytes() == before


def test_the_command_of_a_job_gives_the_job(folder):
    words = flags(folder, "--config.sampling.snr=0.1", "--snr", "1", "--weights", "raw")
    job = Job.from_flags(vars(main_parser().parse_args(words)))
    again = shlex.split(to_command(job.to_flags()))[2:]
    assert Job.from_flags(vars(main_parser().parse_args(again))) == job


def test_a_record_has_the_new_flags_only_where_they_are_used(folder):
    plain, dotted = (
        Record.of(Job.from_flags(vars(main_parser().parse_args(flags(folder, *more)))), "f")
        for more in ((), ("--weights", "raw", "--config.eval.num_samples=4"))
    )
    assert not {"weights", "overrides"} & set(json.loads(plain.to_json())["request"])
    assert json.loads(dotted.to_json())["request"]["overrides"] == {"eval.num_samples": "4"}
    assert all(Record.from_json(record.to_json()) == record for record in (plain, dotted))


@pytest.mark.parametrize("value", [["a"], {"a": 1}, "a", 1, None])
def test_a_record_with_other_overrides_than_texts_is_refused(folder, value):
    record = Record.of(Job.from_flags(vars(main_parser().parse_args(flags(folder)))), "f")
    values = json.loads(record.to_json())
    values["request"]["overrides"] = value
    with pytest.raises(ValueError, match="it has other flags"):
        Record.from_json(json.dumps(values))


# Unknown flags


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--speedup", "--speed_up"),
        ("--eval-folder", "--eval_folder"),
        ("--Freq_mask_path=x", "--freq_mask_path"),
        ("-c", "--config or --checkpoint or --corrector"),
        ("-config", "--config"),
        ("--conf", "--config"),
        ("--configs.sampling.snr=1", "--config"),
        ("--n_samples", "--num_samples"),
    ],
)
def test_an_unknown_flag_is_answered_with_the_nearest(folder, refusal, word, meant):
    name = word.partition("=")[0]
    sentence = refusal(flags(folder, *word.split("=")))
    assert "unrecognized arguments: " in sentence
    assert f"did you mean {meant} instead of {name}?" in sentence


def test_what_resembles_no_flag_gets_no_advice(folder, refusal):
    assert "did you mean" not in refusal(flags(folder, "--zzzzzzzz"))


def test_a_misspelled_flag_that_is_required_is_named(refusal):
    sentence = refusal(["--config", "c", "--work-dir", "w"])
    assert "are required: --workdir; did you mean --workdir instead of --work-dir?" in sentence


def test_a_value_that_fell_apart_at_a_space_is_said_to_need_quotes(refusal):
    sentence = refusal(["--config", "c", "--workdir", "my", "folder"])
    assert "unrecognized arguments: folder; a value with spaces needs quotes" in sentence


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--mode", "eval"], "leave --mode eval out"),
        (["--mode=eval"], "leave --mode eval out"),
        (["--mode=train"], "python -m pds train"),
    ],
    ids=str,
)
def test_the_published_mode_is_answered_with_what_to_do(folder, refusal, words, advice):
    assert advice in refusal(flags(folder, *words))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sample", "--speedup", "3", "--workdir", "w"], "did you mean --speed_up"),
        (["filter", "x", "--sizes", "3", "--out", "o"], "did you mean --size instead of --sizes?"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_every_command_of_pds_answers_so(refusal, words, sentence):
    assert sentence in refusal(words, main, f"python -m pds {words[0]}")


# Paths


@pytest.mark.parametrize(
    "name", ["workdir", "eval_folder", "checkpoint", "freq_mask_path", "config"]
)
def test_an_empty_path_is_refused(folder, refusal, name):
    assert f"argument --{name}: expected a path, got ''" in refusal(flags(folder, f"--{name}="))


def test_the_home_folder_is_known_where_the_shell_leaves_its_sign(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    words = ["--workdir=~/mine", "--checkpoint=~/checkpoints/only.safetensors"]
    assert sample_main([*words, "--speed_up", "2", "--num_samples", "1"]) == 0
    assert (folder / "mine" / "eval" / "000000.png").is_file()


@pytest.mark.parametrize("place", ["/nowhere/at/all", "../beside", "a/../../beside"])
def test_an_output_folder_outside_of_the_workdir_is_refused(folder, refusal, place):
    sentence = refusal(flags(folder, "--eval_folder", place))
    assert f"eval_folder must lie within workdir, got {place}" in sentence


def test_an_absolute_output_folder_within_the_workdir_is_taken(folder):
    assert draw(folder, "--eval_folder", f"{folder}/a/../b", "--num_samples", "1") == 0
    assert (folder / "b" / "000000.png").is_file()


def test_a_folder_with_spaces_and_other_letters_is_drawn_into_and_shown(tmp_path, capsys):
    folder = tiny_run.workdir(tmp_path / "mein Ordner ü ☃")
    assert draw(folder, "--num_samples", "1") == 0
    capsys.readouterr()
    assert main(["show", f"{folder}/eval/000000.png"]) == 0
    assert f"--workdir={folder}" in shlex.split(capsys.readouterr().out)


def test_a_workdir_that_is_a_file_is_refused(folder, refusal):
    words = ["--checkpoint", f"{folder}/checkpoints/only.safetensors"]
    sentence = refusal(["--workdir", f"{folder}/tiny.py", *words])
    assert "cannot make the folder" in sentence and "Not a directory" in sentence


# Counts


@pytest.mark.parametrize("words", [["--num_samples", "1000000000000"], ["--only", "-1"]], ids=str)
def test_more_images_than_a_folder_holds_and_none_are_refused(folder, refusal, words):
    assert words[0].removeprefix("--") in refusal(flags(folder, *words))


def test_every_flag_of_a_job_is_a_flag_of_the_parser():
    known = vars(main_parser().parse_args(["--workdir", "w"]))
    assert set(FLAGS) - set(known) == {"overrides"}
