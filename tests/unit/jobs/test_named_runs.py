"""main.py --compare LEFT RIGHT: two samplers by their names, each with an N of its own."""

import json
import shlex

import numpy as np
import pytest
import torch

from pds.commands.cli import main
from pds.commands.sample import main_parser, sample_main
from pds.driving import joint_indices
from pds.files import pictures as pds_pictures
from pds.jobs import configuration
from pds.jobs.job import Job
from pds.jobs.model import open_model, samplers_of
from pds.jobs.record import MASKS, Record, read_request, to_command
from pds.request import Request
from pds.scores import checkpoints
from tests.support import tiny_run
from tests.support.tiny_run import draw, flags, metadata, pictures, pixels
from tests.support.tiny_run import refusal as refusal

VP = (
    tiny_run.CONFIG.replace("vesde", "vpsde")
    .replace('"sigma_min": 0.05, "sigma_max": 1.0, "num_scales": 10', '"num_scales": 100')
    .replace('"scale_by_sigma": True', '"beta_min": 0.1, "beta_max": 20.0, "scale_by_sigma": False')
    .replace('"fourier"', '"positional"')
)


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


def job_of(folder, *more, filtered=True):
    words = flags(folder, *more, filtered=filtered)
    return Job.from_flags(vars(main_parser().parse_args(words)))


def side(folder, name, image=0):
    return pixels(folder / "eval" / name / f"{image:06d}.png")


def differing(folder, name, other):
    """The images, of three, that differ between two sides."""
    pairs = [(side(folder, name, i), side(folder, other, i)) for i in range(3)]
    return [i for i, pair in enumerate(pairs) if not np.array_equal(*pair)]


def test_names_without_numbers_draw_what_the_flags_describe(folder):
    assert draw(folder, "--compare", "--alpha", "4", "--eval_folder", "eval/flags") == 0
    assert draw(folder, "--compare", "vanilla", "pds:4") == 0
    assert differing(folder, "left", "flags/vanilla") == []
    assert differing(folder, "right", "flags") == []


def test_a_sampler_with_its_own_n_draws_what_a_run_with_that_n_draws(folder):
    assert draw(folder, "--compare", "vanilla@10", "pds:5@2") == 0
    alone = ("--eval_folder", "eval/ten", "--speed_up", "1")
    assert draw(folder, *alone, filtered=False) == 0
    assert draw(folder, "--eval_folder", "eval/two", "--speed_up", "5") == 0
    assert differing(folder, "left", "ten") == []
    assert differing(folder, "right", "two") == []


def test_both_samplers_have_a_folder_and_the_sheet_shows_both(folder, capsys):
    assert draw(folder, "--compare", "scalar:1.1@4", "preserving:5", "--num_samples", "2") == 0
    names = [f"{name}/00000{i}.png" for name in ("left", "right") for i in range(2)]
    assert list(pictures(folder / "eval")) == [*names, "sheet.png"]
    assert metadata(folder / "eval" / "left" / "000001.png")["sampler"] == "left"
    last = capsys.readouterr().out.splitlines()[-1]
    assert "(scalar:1.1@4), " in last and "(preserving:5) in pixel units" in last


def test_names_that_need_no_data_need_no_filter(folder):
    assert draw(folder, "--compare", "ode-heun", "natural:5", filtered=False) == 0
    assert (side(folder, "left") != side(folder, "right")).any()


def test_a_resumed_run_draws_only_what_is_missing(folder, capsys):
    words = ("--compare", "tuned@3", "ode-euler@2")
    assert draw(folder, *words) == 0
    drawn, said = pictures(folder / "eval"), capsys.readouterr().out.splitlines()[1:]
    (folder / "eval" / "right" / "000001.png").unlink()
    assert draw(folder, *words) == 0
    first, *again = capsys.readouterr().out.splitlines()
    assert first.endswith("1 images sampled, 2 were there") and again == said
    assert pictures(folder / "eval") == drawn


def test_a_folder_of_other_names_is_refused(folder, refusal, capsys):
    assert draw(folder, "--compare", "vanilla", "pds:5") == 0
    capsys.readouterr()
    sentence = refusal(flags(folder, "--compare", "vanilla@3", "pds:5"))
    assert "compare ['vanilla', 'pds:5'], not ['vanilla@3', 'pds:5']" in sentence


def test_a_ladder_has_both_samplers_at_each_n(folder, capsys):
    words = ("--ladder", "5,3", "--speed_up", "1", "--compare", "scalar:1.1", "ode-heun@2")
    assert draw(folder, *words) == 0
    cells = [f"{n}/{name}/000000.png" for n in (3, 5) for name in ("left", "right")]
    assert list(pictures(folder / "eval")) == [*cells, "sheet.png"]
    assert (side(folder, "3/right") == side(folder, "5/right")).all()
    assert (side(folder, "3/left") != side(folder, "5/left")).any()
    _, *said = capsys.readouterr().out.splitlines()
    assert [line.partition(": grain ")[0] for line in said] == ["N = 5", "N = 3"]


def test_each_chain_of_a_trajectory_has_its_own_levels(folder):
    words = ("--compare", "vanilla@5", "pds:5@2", "--trajectory", "--num_samples", "1")
    assert draw(folder, *words) == 0
    stored = np.load(folder / "eval" / "trajectory" / "000000.npz")
    assert stored["index_left"].tolist() == [0, 1, 2, 3, 4]
    assert stored["index_right"].tolist() == [0, 1, 1, 1, 1]
    levels = stored["sigma_left"], stored["sigma_right"]
    assert levels[0] == pytest.approx(np.geomspace(1, 0.05, 5), rel=1e-3)
    assert levels[1] == pytest.approx([1, 0.05, 0.05, 0.05, 0.05], rel=1e-3)
    last = np.rint(255 * stored["right"][-1].clip(0, 1)).transpose(1, 2, 0)
    assert (last == side(folder, "right")).all()


def test_an_image_of_a_batch_is_drawn_alone_by_its_number(folder):
    words = ("--compare", "vanilla@4", "corrector:5")
    assert draw(folder, *words, "--eval_folder", "eval/all") == 0
    assert draw(folder, *words, "--eval_folder", "eval/one", "--only", "1") == 0
    assert (side(folder, "one/left", 1) == side(folder, "all/left", 1)).all()
    assert list(pictures(folder / "eval" / "one")) == ["left/000001.png", "right/000001.png"]


@pytest.mark.parametrize("ladder", [(), ("--ladder", "4,2", "--speed_up", "1")], ids=len)
def test_the_command_of_a_picture_draws_it_again(folder, capsys, ladder):
    assert draw(folder, *ladder, "--compare", "vanilla@4", "pds:5", "--num_samples", "2") == 0
    path = folder / "eval" / ("2" if ladder else "") / "right" / "000001.png"
    content = path.read_bytes()
    capsys.readouterr()
    assert main(["show", str(path)]) == 0
    words = shlex.split(capsys.readouterr().out)
    at = words.index("--compare")
    assert words[at : at + 3] == ["--compare", "vanilla@4", "pds:5"]
    path.unlink()
    assert sample_main(words[2:]) == 0
    assert path.read_bytes() == content


@pytest.mark.parametrize("names", [("vanilla@4", "pds:5"), ("ode-heun", "vanilla"), None], ids=str)
def test_flags_come_back_from_a_job(folder, names):
    job = job_of(folder, "--compare", *(names or ()), filtered=names is None or "pds:5" in names)
    words = shlex.split(to_command(job.to_flags()))[2:]
    assert Job.from_flags(vars(main_parser().parse_args(words))) == job


@pytest.mark.parametrize(
    "compare", [["vanilla"], ["--workdir=x", "pds:5"], [1, 2], ["vanilla", "pds:5@-1"]], ids=str
)
def test_a_record_with_other_names_is_none(folder, compare):
    text = json.loads(Record.of(job_of(folder, "--compare", "vanilla", "pds:4"), "f").to_json())
    text["request"]["compare"] = compare
    with pytest.raises(ValueError, match="this is not the record of a run"):
        Record.from_json(json.dumps(text))


def test_the_page_opens_a_picture_of_the_shipped_network(tmp_path):
    words = f"--config configs/ve/portraits32_ncsnpp.py --workdir {tmp_path} --device cpu"
    words += f" --num_samples 1 --speed_up 500 --freq_mask_path {MASKS['freq']} --seed 3"
    assert sample_main([*words.split(), "--compare", "vanilla@3", "pds:4@2"]) == 0
    text = pds_pictures.read_text(tmp_path / "eval" / "right" / "000000.png")
    expected = Request(num_steps=4, num_images=1, seed=3, left="vanilla@3", right="pds:4@2")
    assert read_request(text) == expected


def test_the_samplers_are_those_of_the_names(folder):
    job = job_of(folder, "--compare", "ode-heun@3", "vanilla@4")
    left, right = samplers_of(open_model(job, torch.device("cpu")), job)[5]
    assert (left.method, left.num_steps, right.num_steps) == ("heun", 3, 4)
    assert len(joint_indices([left, right])) == 5


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--compare", "pds:5"], "the names of two samplers or none, got pds:5; such as --compare"),
        (["--compare", "vanilla", "pds:5", "tuned"], "none, got vanilla pds:5 tuned"),
        (["--compare", "vanilla", "best"], "a sampler is one of vanilla, pds:ALPHA"),
        (["--compare", "vanilla", "pds"], "pds needs its alpha, such as pds:5"),
        (["--compare", "vanilla@0", "pds:5"], "iterations of vanilla must be a whole number >= 1"),
        (["--compare", "vanilla@2000000", "pds:5"], "from 1 to 1000000, got 2000000"),
        (["--compare", "pds+space:5", "vanilla"], "needs the space mask of the data; add space_m"),
        (["--compare", "tuned", "tuned@5"], "two samplers that differ, got tuned tuned@5"),
        (["--compare", "vanilla", "pds:5", "--alpha", "4"], "leave alpha out"),
        (["--compare", "vanilla", "pds:5", "--tuned"], "leave tuned out"),
        (["--compare", "vanilla", "pds:5", "--skew", "1"], "leave skew out"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_is_wrong_is_one_sentence_before_anything_is_drawn(folder, refusal, more, sentence):
    assert sentence in refusal(flags(folder, *more))
    assert not (folder / "eval").exists()


@pytest.mark.parametrize("name", ["tuned", "scalar", "pds:5", "split"])
def test_a_name_that_needs_the_data_names_the_flag(folder, refusal, name):
    sentence = refusal(flags(folder, "--compare", "vanilla", name, filtered=False))
    assert f"{name} needs the frequency mask of the data; add freq_mask_path" in sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("ode-heun", "defined for VE only, got VPSDE"), ("tuned", "for VE only")],
)
def test_vp_takes_neither_the_flow_nor_tuned_levels(folder, refusal, name, sentence):
    (folder / "tiny.py").write_text(VP)
    score = tiny_run.make_score(card=configuration.read_configuration(folder / "tiny.py").card)
    checkpoints.save(folder / "checkpoints" / "only.safetensors", score)
    words = flags(folder, "--compare", "vanilla", name)
    words[words.index("--speed_up") + 1] = "2"
    assert sentence in refusal(words)
    assert not (folder / "eval").exists()
