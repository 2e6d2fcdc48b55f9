"""The files of a sampling run: their bits and names, with and without interruptions."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.distributed import TCPStore

from pds import filters
from pds.appearance import grain
from pds.commands.cli import main
from pds.commands.sample import main_parser, sample_main
from pds.driving import sample, seeded_noise
from pds.files import pictures as pds_pictures
from pds.jobs import comparison, run
from pds.jobs.job import Job
from pds.jobs.model import prepared_score
from pds.jobs.record import CONFIG, MASKS, Record
from pds.kernels import Langevin
from pds.request import Request
from pds.sampling import PredictorCorrector
from pds.scores import checkpoints
from pds.scores.ncsnpp import precision
from pds.theory import tuned
from tests.support import tiny_run
from tests.support.paths import ROOT
from tests.support.tiny_run import draw, flags, make_score, metadata, pictures, pixels, workdir

NAMES = [f"00000{i}.png" for i in range(5)]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def folder(tmp_path):
    return tiny_run.workdir(tmp_path / "w")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Five images in batches of three, drawn without interruption in one process."""
    folder = tiny_run.workdir(tmp_path_factory.mktemp("reference") / "w")
    assert draw(folder, "--num_samples", "5") == 0
    return folder


def copy_of(reference, folder):
    """The same configuration, checkpoint and filter by the same names, and another workdir."""
    words = flags(reference, "--num_samples", "5")
    words[words.index("--workdir") + 1] = str(folder)
    return [*words, "--checkpoint", f"{reference}/checkpoints/only.safetensors"]


def differing(folder, other):
    """Names of the images, of five, that differ between two folders."""
    return [n for n in NAMES if not np.array_equal(pixels(folder / n), pixels(other / n))]


# What is drawn


def test_a_run_draws_exactly_the_requested_images_and_a_sheet(reference):
    names = sorted(os.listdir(reference / "eval"))
    assert names == [*NAMES, "sheet.png"]


def test_the_configuration_says_how_many_where_no_flag_does(folder):
    assert draw(folder) == 0
    assert len(list((folder / "eval").glob("0*.png"))) == 3


def test_an_image_is_what_the_library_samples_from_its_seed(reference):
    score = make_score()
    raw = filters.load(reference / "freq.npy", (3, 8, 8), kind="frequency")
    m = filters.preconditioner(raw, None, alpha=5)
    sampler = PredictorCorrector(5, 2e-5, corrector=Langevin(0.15, snr_norm="sample"), m=m)
    chain = sampler.chain(score.sde, noise=seeded_noise([4]), shape=(1, 3, 8, 8))
    images = sample(score, chain)
    expected = (255 * images[0].clamp(0, 1)).round().permute(1, 2, 0).numpy()
    # One level of 255: the sampler of one image alone may round differently.
    drawn = pixels(reference / "eval" / "000004.png").astype(float)
    assert np.abs(drawn - expected).max() <= 1
    assert 20 < drawn.std() < 120


@pytest.mark.parametrize("batch_size", ["1", "2", "5"])
def test_an_image_does_not_depend_on_its_batch(reference, tmp_path, batch_size):
    assert sample_main([*copy_of(reference, tmp_path), "--batch_size", batch_size]) == 0
    assert differing(tmp_path / "eval", reference / "eval") == []


def test_an_image_does_not_depend_on_the_number_of_threads(reference, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert sample_main(copy_of(reference, tmp_path)) == 0
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert differing(tmp_path / "eval", reference / "eval") == []


def test_image_i_depends_on_seed_plus_i_alone(reference, tmp_path):
    assert sample_main([*copy_of(reference, tmp_path), "--seed", "3"]) == 0
    first = [pixels(tmp_path / "eval" / name) for name in NAMES[:2]]
    last = [pixels(reference / "eval" / name) for name in NAMES[3:]]
    np.testing.assert_array_equal(first, last)


def test_other_seeds_are_other_images(reference):
    first, second = (pixels(reference / "eval" / f"00000{i}.png") for i in range(2))
    assert (first != second).mean() > 0.5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_only_the_network_runs_in_the_requested_precision(dtype):
    # Only observed: some virtual machines die of bfloat16 products.
    precisions = []

    def score(x, t):
        assert x.dtype == t.dtype == torch.float32
        assert not torch.is_grad_enabled()
        return x + t

    network = SimpleNamespace(in_precision=lambda kind: precisions.append(kind) or score)
    x, t = torch.ones(3, 1, 2, 2), torch.arange(3.0)
    with prepared_score(network, torch.device("cpu"), dtype) as call:
        out = call(x, t)
    assert precisions == [getattr(torch, dtype)]
    assert out[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_more_iterations_are_num_scales_over_speed_up(folder):
    assert draw(folder, "--speed_up", "3.2", "--num_samples", "1") == 0
    assert metadata(folder / "eval" / "000000.png")["num_steps"] == 3


# Pictures of several


def test_a_comparison_holds_what_both_samplers_draw_alone(reference, tmp_path):
    both, vanilla = tmp_path / "both", tmp_path / "vanilla"
    assert sample_main([*copy_of(reference, both), "--compare"]) == 0
    words = copy_of(reference, vanilla)
    at = words.index("--freq_mask_path")
    assert sample_main(words[:at] + words[at + 2 :]) == 0
    assert differing(both / "eval", reference / "eval") == []
    assert differing(both / "eval" / "vanilla", vanilla / "eval") == []
    assert differing(both / "eval", both / "eval" / "vanilla") == NAMES


def test_the_sheet_of_a_comparison_shows_vanilla_over_pds(folder):
    assert draw(folder, "--compare", "--num_samples", "2") == 0
    sheet = pixels(folder / "eval" / "sheet.png")
    # 8 px are enlarged 12 times; tiles are 4 px apart, from the right and lower edges.
    tiles = sheet[::-1, ::-1][4:, 4:]
    shown = [
        [tiles[y : y + 96, x : x + 96][::-1, ::-1][6::12, 6::12] for x in (100, 0)]
        for y in (100, 0)
    ]
    drawn = [
        [pixels(folder / "eval" / sub / name) for name in NAMES[:2]] for sub in ("vanilla", "")
    ]
    np.testing.assert_array_equal(shown, drawn)


def test_a_ladder_compares_at_each_number_of_iterations(folder):
    assert draw(folder, "--ladder", "5,3", "--speed_up", "1") == 0
    found = sorted(str(p.relative_to(folder / "eval")) for p in (folder / "eval").rglob("*.png"))
    cells = [f"{n}/{sub}000000.png" for n in (3, 5) for sub in ("", "vanilla/")]
    assert found == sorted([*cells, "sheet.png"])
    assert metadata(folder / "eval" / "3" / "000000.png")["num_steps"] == 3


def test_a_cell_of_a_ladder_is_the_image_of_a_plain_run(folder, reference):
    assert draw(folder, "--ladder", "5,3", "--speed_up", "1") == 0
    cell = pixels(folder / "eval" / "5" / "000000.png")
    assert (cell == pixels(reference / "eval" / "000000.png")).all()


def test_a_trajectory_ends_with_the_image(folder):
    assert draw(folder, "--trajectory", "--num_samples", "1") == 0
    stored = np.load(folder / "eval" / "trajectory" / "000000.npz", allow_pickle=False)
    assert stored["index"].tolist() == [0, 1, 2, 3, 4]
    assert stored["sigma"][0] == pytest.approx(1.0)
    assert np.abs(stored["pds"][0] - stored["pds"][-1]).max() > 0.1
    last = np.rint(255 * stored["pds"][-1].clip(0, 1)).transpose(1, 2, 0)
    image = pixels(folder / "eval" / "000000.png")
    assert (last == image).all()
    with Image.open(folder / "eval" / "trajectory" / "000000.webp") as animation:
        assert animation.n_frames == 5
        animation.seek(4)
        assert (np.asarray(animation.convert("RGB"))[6::12, 6::12] == image).all()


def test_a_trajectory_of_a_comparison_has_both_chains(folder):
    assert draw(folder, "--trajectory", "--compare", "--num_samples", "1") == 0
    stored = np.load(folder / "eval" / "trajectory" / "000000.npz", allow_pickle=False)
    assert stored["vanilla"].shape == stored["pds"].shape == (5, 3, 8, 8)
    with Image.open(folder / "eval" / "trajectory" / "000000.webp") as animation:
        assert animation.size == (2 * 96, 96)


# Grain


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


@pytest.fixture(params=[False, True], ids=["in [0, 1]", "in [-1, 1]"])
def either(request, tmp_path):
    """A workdir whose network is for images in [0, 1], and one for images in [-1, 1]."""
    folder = tiny_run.workdir(tmp_path / "w")
    if request.param:
        centered = replace(tiny_run.NETWORK, centered=True)
        score = make_score(card=replace(tiny_run.CARD, network=centered))
        checkpoints.save(folder / "checkpoints" / "only.safetensors", score)
        text = tiny_run.CONFIG.replace('"centered": False', '"centered": True')
        (folder / "tiny.py").write_text(text)
    return folder


def test_a_comparison_ends_with_the_grain_of_both_before_they_are_rounded(either, capsys):
    assert draw(either, "--compare", "--trajectory", "--num_samples", "2") == 0
    stored = [np.load(path) for path in sorted((either / "eval" / "trajectory").glob("*.npz"))]
    vanilla, pds = (
        float(grain(torch.from_numpy(np.stack([file[name][-1] for file in stored]))).mean())
        for name in ("vanilla", "pds")
    )
    assert last_line(capsys) == (
        f"grain {vanilla:.4f} (vanilla), {pds:.4f} (PDS) in pixel units, 0 to 1; vanilla / PDS "
        f"{vanilla / pds:.2f}"
    )


@pytest.mark.parametrize("more", [["--compare"], ["--ladder", "5,3", "--speed_up", "1"]], ids=str)
def test_a_resumed_run_ends_with_the_same_sentences_and_sheet(folder, capsys, more):
    words = [*more, "--num_samples", "5"]
    assert draw(folder, *words) == 0
    first, *said = capsys.readouterr().out.splitlines()
    assert said and all("grain " in line for line in said)
    drawn = pictures(folder / "eval")
    for path in [*(folder / "eval").rglob("*00003.png"), folder / "eval" / "sheet.png"]:
        path.unlink()
    assert draw(folder, *words) == 0
    again, *said_again = capsys.readouterr().out.splitlines()
    assert first != again and said_again == said
    assert pictures(folder / "eval") == drawn


def test_a_ladder_says_the_grain_at_each_number_of_iterations(folder, capsys):
    assert draw(folder, "--ladder", "5,3", "--speed_up", "1") == 0
    _, *said = capsys.readouterr().out.splitlines()
    assert [line.partition(": grain ")[0] for line in said] == ["N = 5", "N = 3"]
    (folder / "eval" / "3" / "000000.png").unlink()
    assert draw(folder, "--ladder", "5,3", "--speed_up", "1") == 0
    assert capsys.readouterr().out.splitlines()[1:] == said


def test_the_grain_of_the_shipped_network_is_relative_and_that_of_pds_compare(tmp_path, capsys):
    """Batches of other sizes round differently, which few iterations amplify."""
    words = f"--config {CONFIG} --workdir {tmp_path} --speed_up 200 --num_samples 1 --seed 3"
    words += f" --freq_mask_path {MASKS['freq']} --compare --device cpu"
    assert sample_main(shlex.split(words)) == 0
    said = last_line(capsys)
    assert said.endswith("times that of the network's own images")
    drawn = comparison.final(Request(num_steps=10, num_images=1, seed=3))
    grains = [float(said.split()[k]) for k in (1, 3)]
    assert grains == pytest.approx([side.quality.grain for side in drawn], rel=0.02)


def test_a_copy_of_the_shipped_network_elsewhere_is_an_ordinary_checkpoint(tmp_path, capsys):
    """Its references are unknown, so grain is in pixel units."""
    (tmp_path / "checkpoints").mkdir()
    source = ROOT / "assets" / "portraits32.safetensors"
    (tmp_path / "checkpoints" / "mine.safetensors").write_bytes(source.read_bytes())
    words = f"--config {CONFIG} --workdir {tmp_path} --speed_up 1000 --num_samples 1"
    words += f" --freq_mask_path {MASKS['freq']} --compare --device cpu"
    assert sample_main(shlex.split(words)) == 0
    assert "in pixel units" in last_line(capsys)


def test_pictures_of_an_older_version_are_said_to_have_no_grain(folder, capsys):
    assert draw(folder, "--compare") == 0
    path = folder / "eval" / "vanilla" / "000001.png"
    content = pds_pictures.encode_png(pds_pictures.read_pixels(path), pds_pictures.read_text(path))
    path.write_bytes(content)
    capsys.readouterr()
    assert draw(folder, "--compare") == 0
    assert last_line(capsys).startswith("the grain of some images is unknown: an older version")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "more", [["--compare"], ["--ladder", "5,3", "--speed_up", "1"]], ids=["compare", "ladder"]
)
def test_pictures_below_eight_pixels_are_drawn_and_said_once_to_have_no_measure(
    tmp_path, capsys, more
):
    folder = tiny_run.workdir(tmp_path / "w")
    small = make_score(card=replace(tiny_run.CARD, network=replace(tiny_run.NETWORK, image_size=4)))
    checkpoints.save(folder / "checkpoints" / "only.safetensors", small)
    (folder / "tiny.py").write_text(tiny_run.CONFIG.replace('"image_size": 8', '"image_size": 4'))
    np.save(folder / "freq.npy", tiny_run.mask(4))
    assert draw(folder, *more) == 0
    _, *said = capsys.readouterr().out.splitlines()
    assert said == ["images below 8 px have no grain measure"]


def test_a_run_of_one_sampler_says_nothing_of_grain(folder, capsys):
    assert draw(folder) == 0
    assert "grain" not in capsys.readouterr().out


# What a picture says


def test_every_picture_carries_the_whole_request(reference):
    said = metadata(reference / "eval" / "000002.png")
    assert said["image"] == 2 and said["num_steps"] == 5 and said["sampler"] == "pds"
    expected = {"seed": 0, "alpha": 5.0, "speed_up": 2.0, "num_samples": 5, "batch_size": 3}
    assert expected.items() <= said["request"].items()
    # Filled in from the configuration, which may be another one later.
    assert said["request"]["predictor"] == "reverse_diffusion"
    assert said["request"]["snr"] == 0.15
    assert metadata(reference / "eval" / "sheet.png")["request"] == said["request"]


def test_a_record_comes_back_from_its_text(folder):
    words = flags(folder, "--ladder", "5,3", "--snr", "0.1")
    del words[words.index("--speed_up") : words.index("--speed_up") + 2]
    job = Job.from_flags(vars(main_parser().parse_args(words)))
    record = replace(Record.of(job, "abc"), num_steps=5, sampler="pds", image=7)
    assert record.flags["ladder"] == [5, 3] and record.flags["snr"] == 0.1
    assert Record.from_json(record.to_json()) == record


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (["--num_samples", "3"], "000002.png"),
        (["--num_samples", "3"], "sheet.png"),
        (["--compare", "--num_samples", "3"], "vanilla/000001.png"),
        (["--speed_up", "1", "--ladder", "5,3", "--num_samples", "3"], "3/vanilla/000002.png"),
        (["--skew", "-0.5", "--snr", "0.2", "--seed", "9"], "000001.png"),
        (["--eval_folder", "deeper/it's", "--trajectory"], "000000.png"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_the_command_that_show_prints_makes_the_picture_again(tmp_path, capsys, more, name):
    folder = tiny_run.workdir(tmp_path / "a folder")
    assert draw(folder, *more) == 0
    (sheet,) = folder.rglob("sheet.png")
    path = sheet.parent / name
    before = path.read_bytes()
    capsys.readouterr()
    assert main(["show", str(path)]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:2] == ["python", "main.py"]
    path.unlink()
    assert sample_main(words[2:]) == 0
    assert path.read_bytes() == before


def test_only_the_requested_image_is_drawn(reference, tmp_path):
    assert sample_main([*copy_of(reference, tmp_path), "--only", "3"]) == 0
    assert os.listdir(tmp_path / "eval") == ["000003.png"]
    drawn = (tmp_path / "eval" / "000003.png").read_bytes()
    # The checkpoint is named here and was looked up there.
    assert (pixels(drawn) == pixels(reference / "eval" / "000003.png")).all()


@pytest.mark.parametrize("content", [None, b"", b"hello", b"cut"], ids=str)
def test_show_refuses_what_is_no_picture_of_a_run(reference, tmp_path, capsys, content):
    path = tmp_path / "a.png"
    if content == b"cut":
        content = (reference / "eval" / "000000.png").read_bytes()[:-1]
    if content is not None:
        path.write_bytes(content)
    assert main(["show", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_show_refuses_a_picture_of_others(tmp_path, capsys):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert main(["show", str(tmp_path / "a.png")]) == 2
    assert "does not say how it was made" in capsys.readouterr().err


# Going on where it was


def test_a_second_run_draws_nothing(reference, capsys):
    before = {p: p.stat().st_mtime_ns for p in (reference / "eval").glob("0*.png")}
    assert draw(reference, "--num_samples", "5") == 0
    assert "0 images sampled, 5 were there" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_run_is_extended_to_more_images(folder):
    assert draw(folder, "--num_samples", "2") == 0
    kept = {p: p.stat().st_mtime_ns for p in (folder / "eval").glob("0*.png")}
    assert draw(folder, "--num_samples", "5") == 0
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert len(list((folder / "eval").glob("0*.png"))) == 5


def test_a_truncated_picture_is_drawn_again(reference, tmp_path):
    words = copy_of(reference, tmp_path)
    assert sample_main(words) == 0
    path = tmp_path / "eval" / "000001.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert sample_main(words) == 0
    assert path.read_bytes() == whole


@pytest.mark.slow
def test_a_killed_run_resumes_and_ends_with_the_same_bytes(tmp_path):
    folder = tiny_run.workdir(tmp_path / "w")
    words = flags(folder, "--num_samples", "40", "--batch_size", "2")
    process = subprocess.Popen(
        [sys.executable, "main.py", *words, "--eval_folder", "killed"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(list((folder / "killed").glob("0*.png"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = {p: p.stat().st_mtime_ns for p in (folder / "killed").glob("0*.png")}
    assert 4 <= len(kept) < 40
    assert all(pixels(path).shape == (8, 8, 3) for path in kept)
    assert sample_main([*words, "--eval_folder", "killed"]) == 0
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert sample_main([*words, "--eval_folder", "whole"]) == 0
    assert pictures(folder / "killed") == pictures(folder / "whole")
    assert not list((folder / "killed").glob(".*"))


def test_a_full_disk_is_one_sentence_and_what_is_drawn_is_kept(folder, capsys, monkeypatch):
    written = []
    write_bytes = Path.write_bytes

    def until_full(path, content):
        if len(written) == 2:
            write_bytes(path, content[:50])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written.append(path)
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    assert draw(folder) == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("main.py: cannot write") and "No space left" in sentence
    assert sorted(os.listdir(folder / "eval")) == ["000000.png", "000001.png"]
    monkeypatch.undo()
    assert draw(folder) == 0
    assert "1 images sampled, 2 were there" in capsys.readouterr().out


def test_an_interrupted_run_keeps_what_it_has(folder, capsys, monkeypatch):
    write = run.writing.write

    def interrupted(path, content):
        if path.name == "000002.png":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(run.writing, "write", interrupted)
    assert draw(folder) == 130
    assert "what is sampled is kept" in capsys.readouterr().err
    assert sorted(os.listdir(folder / "eval")) == ["000000.png", "000001.png"]


@pytest.mark.parametrize(
    ("more", "difference"),
    [
        (["--seed", "1"], "seed 0, not 1"),
        (["--alpha", "6"], "alpha 5.0, not 6.0"),
        (["--compare"], "compare False, not True"),
        (["--ladder", "5", "--speed_up", "1"], "speed_up 2.0, not 1.0"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_a_folder_of_another_run_is_refused(reference, capsys, more, difference):
    before = pictures(reference / "eval")
    assert draw(reference, "--num_samples", "5", *more) == 2
    error = capsys.readouterr().err
    assert difference in error and error.count("\n") == 1
    assert pictures(reference / "eval") == before


def test_a_folder_drawn_by_another_model_is_refused(folder, capsys):
    assert draw(folder) == 0
    checkpoints.save(folder / "checkpoints" / "only.safetensors", make_score(seed=1))
    assert draw(folder) == 2
    assert "another model or filter" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["000000.png", "sheet.png"])
def test_a_picture_of_others_is_not_overwritten(folder, capsys, name):
    (folder / "eval").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "eval" / name)
    before = (folder / "eval" / name).read_bytes()
    assert draw(folder) == 2
    assert "no record of one" in capsys.readouterr().err
    assert (folder / "eval" / name).read_bytes() == before


# Many processes


def launch(count, words):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*launcher, f"--nproc_per_node={count}", "main.py", *words],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_two_processes_draw_the_files_of_one(reference, tmp_path):
    done = launch(2, copy_of(reference, tmp_path / "many"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("5 images sampled, 0 were there") == 1
    assert len(done.stdout.splitlines()) == 1
    assert sample_main(copy_of(reference, tmp_path / "one")) == 0
    assert pictures(tmp_path / "many") == pictures(tmp_path / "one")
    assert len(pictures(tmp_path / "many")) == 6


@pytest.mark.slow
def test_many_processes_draw_two_named_samplers_as_one_does(reference, tmp_path):
    names = ("--compare", "scalar:1.1@4", "ode-heun@3")
    done = launch(2, [*copy_of(reference, tmp_path / "many"), *names])
    assert done.returncode == 0, done.stderr
    assert sample_main([*copy_of(reference, tmp_path / "one"), *names]) == 0
    assert pictures(tmp_path / "many") == pictures(tmp_path / "one")
    assert len(pictures(tmp_path / "many")) == 11


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [["--seed", "1"], ["--alpha", "1"]],
    ids=lambda v: v[0],
)
def test_many_processes_say_once_what_is_wrong(reference, more, monkeypatch, capsys):
    """This process is the first of two, with a store as torchrun serves it."""
    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    launcher = {
        "MASTER_ADDR": "localhost", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2",
        "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0",
    }  # fmt: skip
    words = flags(reference, *more)
    other = subprocess.Popen(
        [sys.executable, "main.py", *words],
        cwd=ROOT,
        env={**ENVIRONMENT, **launcher, "RANK": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for name, value in {**launcher, "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    codes, errors = [sample_main(words)], [capsys.readouterr().err]
    errors.append(other.communicate(timeout=120)[1])
    codes.append(other.returncode)
    assert codes == [2, 2]
    assert [error.count("main.py: ") for error in errors] == [1, 0]


@pytest.mark.parametrize("speed_up", [1.8, 0.0])
def test_a_cpu_that_dies_of_bfloat16_is_found_out_before(tmp_path, monkeypatch, capsys, speed_up):
    monkeypatch.setattr(precision, "cpu_speed_up", lambda _: speed_up)
    # Where the probe passes, the run ends later, at what has no checkpoint, before any product.
    folder = workdir(tmp_path)
    (folder / "checkpoints" / "only.safetensors").unlink()
    assert draw(folder, "--dtype", "bfloat16") == 2
    expected = "no checkpoint" if speed_up else "dtype bfloat16 does not work on this"
    assert expected in capsys.readouterr().err


# Tuned to N


def of(folder, name="eval"):
    """The pixels of the three images of a run."""
    return np.stack([pixels(folder / name / f"00000{i}.png") for i in range(3)]).astype(int)


def test_the_mask_that_tune_writes_is_one_of_the_command_line(folder, capsys):
    words = ["--num-steps", "5", "--config", f"{folder}/tiny.py", "--out", f"{folder}/tuned.npy"]
    assert main(["tune", f"{folder}/freq.npy", *words]) == 0
    passed = capsys.readouterr().out.splitlines()[-1].removeprefix("pass ").split()
    assert draw(folder, *passed, "--eval_folder", "by_mask", filtered=False) == 0
    assert draw(folder, "--eval_folder", "published") == 0
    assert np.abs(of(folder, "by_mask") - of(folder, "published")).max() > 1


def test_a_tuned_run_has_the_tuned_levels_and_no_filter(folder):
    """As the sampler of the library, on the network itself."""
    assert draw(folder, "--tuned") == 0
    raw = filters.load(folder / "freq.npy", (3, 8, 8), kind="frequency")
    score = make_score()
    published = PredictorCorrector(5, 2e-5, corrector=Langevin(0.15, snr_norm="sample"))
    at = tuned.sampler(raw, score.sde, published)
    assert at.sigmas is not None
    chain = at.chain(score.sde, noise=seeded_noise(range(3)), shape=(3, 3, 8, 8))
    drawn = sample(score, chain)
    expected = (255 * drawn.clamp(0, 1)).round().permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(of(folder) - expected).max() <= 1


def test_a_tuned_trajectory_has_the_noise_levels_of_both_chains(folder):
    assert draw(folder, "--trajectory", "--tuned", "--compare", "--num_samples", "1") == 0
    stored = np.load(folder / "eval" / "trajectory" / "000000.npz", allow_pickle=False)
    assert set(stored) == {
        "index", "t", "sigma", "t_vanilla", "sigma_vanilla", "vanilla", "pds"
    }  # fmt: skip
    assert stored["sigma_vanilla"][0] == pytest.approx(1.0)
    assert stored["sigma"][-1] > 2 * stored["sigma_vanilla"][-1]


def test_a_tuned_folder_of_other_levels_is_not_continued(folder, capsys, monkeypatch):
    assert draw(folder, "--tuned") == 0
    other = PredictorCorrector(
        5, 2e-5, corrector=Langevin(0.3, snr_norm="sample"), sigmas=(0.1, 0.9)
    )
    monkeypatch.setattr(tuned, "sampler", lambda *_, **__: other)
    assert draw(folder, "--tuned") == 2
    assert "has another model or filter" in capsys.readouterr().err


def test_each_n_of_a_tuned_ladder_has_the_levels_of_its_own(folder):
    words = ["--tuned", "--num_samples", "3"]
    ladder = flags(folder, "--ladder", "5,2", *words)
    del ladder[ladder.index("--speed_up") : ladder.index("--speed_up") + 2]
    assert sample_main(ladder) == 0
    assert draw(folder, *words, "--eval_folder", "alone") == 0
    assert (of(folder, "eval/5") == of(folder, "alone")).all()


def test_a_tuned_run_says_so_and_resumes_as_one(folder, capsys):
    assert draw(folder, "--tuned", "--compare") == 0
    drawn = pictures(folder)
    assert metadata(folder / "eval" / "000001.png")["request"]["tuned"] is True
    (folder / "eval" / "000001.png").unlink()
    assert draw(folder, "--tuned", "--compare") == 0
    assert pictures(folder) == drawn
    assert draw(folder, "--compare") == 2
    assert "tuned True, not False" in capsys.readouterr().err
    assert main(["show", f"{folder}/eval/000000.png"]) == 0
    command = shlex.split(capsys.readouterr().out)
    assert "--tuned" in command
    (folder / "eval" / "000000.png").unlink()
    assert sample_main(command[2:]) == 0
    assert pictures(folder) == drawn


def test_a_picture_from_before_there_was_a_tuned_sampler_is_of_the_same_run(reference):
    text = pds_pictures.read_text(reference / "eval" / "000000.png")
    values = json.loads(text)
    del values["request"]["tuned"]
    assert Record.from_json(json.dumps(values)) == Record.from_json(text)
