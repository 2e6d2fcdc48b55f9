"""The flags of `main.py`, its search for files, and its errors."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from pds.commands import sample
from pds.jobs.ranks import Ranks
from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.sde import VESDE
from tests.support import tiny_run
from tests.support.paths import ROOT
from tests.support.tiny_run import CARD, draw, flags, make_score, published
from tests.support.tiny_run import refusal as refusal

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


# The flags


@pytest.mark.parametrize(
    ("flag", "default"),
    [
        ("eval_folder", "eval"),
        ("speed_up", 1),
        ("alpha", 5),
        ("freq_mask_path", None),
        ("space_mask_path", None),
    ],
)
def test_a_published_flag_has_its_published_default(flag, default):
    values = vars(sample.main_parser().parse_args(["--config", "c", "--workdir", "w"]))
    assert values[flag] == default


def test_a_workdir_is_required(refusal):
    assert "the following arguments are required: --workdir" in refusal(["--config", "c"])


def test_without_a_checkpoint_that_describes_itself_a_configuration_is_required(refusal):
    sentence = refusal(["--workdir", "w"])
    assert "no checkpoint: looked for w/checkpoints/checkpoint.pth" in sentence
    assert "pass --checkpoint; or add --config" in sentence


@pytest.mark.parametrize("form", ["apart", "joined"])
def test_the_published_command_is_understood(form):
    pairs = {
        "config": "./configs/ve/ffhq_ncsnpp_continuous.py",
        "workdir": "yourworkdir",
        "speed_up": "30",
        "freq_mask_path": "./ffhq_freq.npy",
        "space_mask_path": "./ffhq_space.npy",
    }
    words = [w for k, v in pairs.items() for w in ([f"--{k}", v], [f"--{k}={v}"])[form != "apart"]]
    values = vars(sample.main_parser().parse_args(words))
    assert {name: values[name] for name in pairs} == {**pairs, "speed_up": 30.0}


def test_the_help_names_every_flag(capsys):
    with pytest.raises(SystemExit) as stopped:
        sample.sample_main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    flags_shown = {word.strip(",[]") for word in shown.split() if word.strip("[").startswith("--")}
    names = vars(sample.main_parser().parse_args(["--config", "c", "--workdir", "w"]))
    assert {f"--{name}" for name in names} <= flags_shown


def test_the_script_runs_from_any_folder(folder, tmp_path):
    words = flags(folder, "--num_samples", "1")
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *words],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder}/eval: 1 images sampled, 0 were there\n"
    # Time left, and batches.
    assert "batch 1 of 1" in done.stderr and "5/5" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--space_mask_path", "x.npy"], "tuned goes without a space filter; leave space_mask"),
        (["--skew", "1"], "tuned goes without S; leave skew out"),
        (["--alpha", "4"], "no filter that alpha could weaken; leave alpha out"),
    ],
)
def test_what_does_not_go_with_tuned_is_refused(folder, refusal, words, sentence):
    assert sentence in refusal(flags(folder, "--tuned", *words))


def test_nothing_can_be_tuned_without_a_spectrum(folder, refusal):
    assert "add freq_mask_path" in refusal(flags(folder, "--tuned", filtered=False))


# Where checkpoints are found


def move_checkpoint(folder, name):
    path = folder / "checkpoints" / name
    if name.endswith(".pth"):
        (folder / "checkpoints" / "only.safetensors").unlink()
        torch.save(published(make_score()), path)
    else:
        (folder / "checkpoints" / "only.safetensors").rename(path)


@pytest.mark.parametrize("name", ["checkpoint.pth", "checkpoint_24.pth", "mine.safetensors"])
def test_a_checkpoint_is_found_in_the_workdir(folder, name):
    move_checkpoint(folder, name)
    (folder / "checkpoints" / "notes.txt").write_text("not a checkpoint")
    assert draw(folder, "--num_samples", "1") == 0


def test_the_published_name_goes_before_others(folder, refusal):
    (folder / "checkpoints" / "checkpoint.pth").write_bytes(b"chosen")
    assert "checkpoint.pth is damaged" in refusal(flags(folder))


def test_two_checkpoints_and_no_published_name_is_refused(folder, refusal):
    checkpoints.save(folder / "checkpoints" / "other.safetensors", make_score())
    sentence = refusal(flags(folder))
    assert "only.safetensors, other.safetensors" in sentence and "--checkpoint" in sentence


def test_a_checkpoint_can_be_given_by_its_path(folder):
    path = folder / "elsewhere.safetensors"
    (folder / "checkpoints" / "only.safetensors").rename(path)
    assert draw(folder, "--checkpoint", str(path), "--num_samples", "1") == 0


def test_a_missing_folder_of_checkpoints_is_said_to_be_missing(folder, refusal):
    (folder / "checkpoints" / "only.safetensors").unlink()
    (folder / "checkpoints").rmdir()
    sentence = refusal(flags(folder))
    assert f"looked for {folder}/checkpoints/checkpoint.pth" in sentence
    assert "there is no such folder" in sentence


def test_the_error_for_a_missing_checkpoint_lists_the_files_found(folder, refusal):
    (folder / "checkpoints" / "only.safetensors").rename(folder / "checkpoints" / "a.zip")
    assert "found a.zip" in refusal(flags(folder))


# What is wrong


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--config", "/nowhere.py"], "/nowhere.py"),
        (["--checkpoint", "/nowhere.pth"], "no checkpoint at /nowhere.pth"),
        (["--checkpoint", "some/long/name"], "such as google/ncsnpp-church-256, got some/long/n"),
        (
            ["--checkpoint", "tests/support/tiny_run.py"],
            "tiny_run.py is damaged or not a checkpoint: a text",
        ),
        (["--checkpoint", "configs/ve"], "no config.json at configs/ve/config.json"),
        (["--freq_mask_path", "/nowhere.npy"], "no filter at /nowhere.npy"),
        (["--alpha", "1"], "alpha must be > 1, got 1"),
        (["--alpha", "nan"], "alpha must be > 1, got nan"),
        (["--alpha", "much"], "argument --alpha: invalid float value: 'much'"),
        (["--speed_up", "0"], "speed_up must be a number above 0, got 0"),
        (["--speed_up", "-3"], "speed_up must be a number above 0, got -3"),
        (["--speed_up", "inf"], "speed_up must be a number above 0, got inf"),
        (["--speed_up", "11"], "speed_up 11 leaves no iteration of the 10"),
        (["--num_samples", "0"], "the number of images must be a whole number >= 1, got 0"),
        (["--batch_size", "0"], "batch_size must be a whole number >= 1, got 0"),
        (["--seed", "-1"], "seed must be a whole number from 0 to 2147483647, got -1"),
        (["--snr", "0"], "snr must be > 0, got 0"),
        (["--skew", "nan"], "skew must be a finite number"),
        (["--device", "abacus"], "device must be cpu, cuda, cuda:N or mps, got 'abacus'"),
        (["--device", "cuda:99"], "there is no cuda:99"),
        (["--device", "gpu"], "got 'gpu'; NVIDIA's and AMD's GPUs are cuda, Apple's mps"),
        (["--device", "CUDA"], "got 'CUDA'; write it in small letters and without spaces"),
        (["--device", "cuda:one"], "got 'cuda:one'; write it in small letters"),
        (["--device", "xpu"], "device must be cpu, cuda, cuda:N or mps, got 'xpu'"),
        (["--device", ""], "device must be cpu, cuda, cuda:N or mps, got ''"),
        (["--device", "mps"], "there is no mps: torch sees no such Apple GPU; try cpu"),
        (["--dtype", "int8"], "invalid choice: 'int8'"),
        (["--predictor", "crystal_ball"], "crystal_ball"),
        (["--corrector", "red_pen"], "red_pen"),
        (["--predictor", "ancestral_sampling"], "cannot take a preconditioner"),
        (["--ladder", "5,0", "--speed_up", "1"], "numbers of iterations >= 1, got 0"),
        (["--ladder", "5,3"], "leave speed_up out"),
        (["--ladder", "5,few"], "got '5,few'"),
        (["--only", "3"], "0 to num_samples - 1, got 3"),
        (["--eval_folder", "tiny.py"], "cannot make the folder"),
        (["--conf", "a.py"], "unrecognized arguments: --conf"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(folder, refusal, more, sentence):
    assert sentence in refusal(flags(folder, *more))


@pytest.mark.parametrize("more", [["--compare"], ["--ladder", "5", "--speed_up", "1"]], ids=str)
def test_a_comparison_without_a_filter_is_refused(folder, refusal, more):
    assert "a comparison needs something" in refusal(flags(folder, *more, filtered=False))


def test_an_apple_gpu_is_taken_where_torch_has_one(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert Ranks().device("mps") == torch.device("mps")
    with pytest.raises(ValueError, match="there is no mps:1"):
        Ranks().device("mps:1")


def test_a_refused_run_makes_no_folder(folder, refusal):
    refusal(flags(folder, "--checkpoint", "/nowhere.pth"))
    assert not (folder / "eval").exists()


def uneven(mask):
    mask[:, 1, 2] *= 2
    return mask


def negative(mask):
    return -mask


def not_finite(mask):
    mask[0, 0, 0] = np.nan
    return mask


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (uneven, "is not even"),
        (negative, "nowhere negative"),
        (not_finite, "not finite"),
        (lambda mask: mask[:, :4], "has shape (3, 4, 8)"),
        (lambda mask: mask.astype(str), "must hold real numbers"),
        (lambda mask: mask.astype(object), "is not a readable .npy file"),
    ],
    ids=["uneven", "negative", "not finite", "another size", "text", "pickle"],
)
def test_a_filter_that_is_wrong_is_refused(folder, refusal, change, sentence):
    np.save(folder / "freq.npy", change(tiny_run.mask()), allow_pickle=True)
    assert sentence in refusal(flags(folder))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n", "it is a PNG image"),
        (b"<html>Not found</html>", "it is a text file"),
        (b"", "it is an empty file"),
        (b"PK\5\6" + bytes(18), "is an archive, such as numpy.savez and torch.save write"),
    ],
    ids=["picture", "web page", "empty", "archive"],
)
def test_a_file_of_another_kind_as_a_filter_is_named(folder, refusal, content, sentence):
    (folder / "freq.npy").write_bytes(content)
    assert sentence in refusal(flags(folder))


WIDER = NCSNppConfig(image_size=8, nf=8, ch_mult=(1,), num_res_blocks=1, attn_resolutions=())


@pytest.mark.parametrize("name", ["checkpoint.pth", "a.safetensors"])
def test_another_architecture_is_refused_with_the_first_tensors(folder, refusal, name):
    score = make_score(card=ModelCard(WIDER, CARD.sde, num_scales=10, snr=0.15))
    path = folder / name
    if name.endswith(".pth"):
        torch.save(published(score), path)
    else:
        checkpoints.save(path, score)
    sentence = refusal(flags(folder, "--checkpoint", str(path)))
    assert "all_modules.0.W is (8,), expected (4,)" in sentence


def test_another_process_is_refused(folder, refusal):
    score = NetworkScore(ModelCard(CARD.network, VESDE(), num_scales=10, snr=0.15))
    checkpoints.save(folder / "a.safetensors", score)
    sentence = refusal(flags(folder, "--checkpoint", str(folder / "a.safetensors")))
    assert "sigma_max=1348" in sentence and "sigma_max=1.0" in sentence


# Damage


class Payload:
    """Makes a folder when unpickled by a reader that runs code."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return os.mkdir, (self.proof,)


@pytest.mark.parametrize("kind", ["zip", "plain", "npy"])
def test_code_in_a_file_never_runs(folder, refusal, kind):
    proof = folder / "proof"
    if kind == "npy":
        np.save(folder / "freq.npy", np.array([Payload(proof)]), allow_pickle=True)
        refusal(flags(folder))
    else:
        path = folder / "checkpoints" / "checkpoint.pth"
        hostile = {**published(make_score()), "optimizer": Payload(proof)}
        torch.save(hostile, path, _use_new_zipfile_serialization=kind == "zip")
        refusal(flags(folder))
    assert not proof.exists()


def damage(content, seed):
    """Cut, overwrite, insert or clear some bytes."""
    chance = random.Random(seed)
    place, length = chance.randrange(len(content)), chance.randrange(1, 40)
    noise = chance.randbytes(length)
    return [
        content[:place],
        content[:place] + noise + content[place + length :],
        content[:place] + noise + content[place:],
        content[:place] + bytes(length) + content[place + length :],
        noise + content[length:],
    ][seed % 5]


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 15))]
)
@pytest.mark.parametrize("name", ["checkpoint.pth", "only.safetensors", "freq.npy"])
def test_damage_is_one_sentence_or_harmless(folder, capsys, name, seed):
    path = folder / name if name == "freq.npy" else folder / "checkpoints" / name
    if name == "checkpoint.pth":
        torch.save(published(make_score()), path)
    path.write_bytes(damage(path.read_bytes(), seed))
    code = draw(folder, "--num_samples", "1")
    error = capsys.readouterr().err
    assert code in (0, 2)
    assert code == 0 or error.splitlines()[-1].startswith("main.py: ")
    assert "Traceback" not in error
