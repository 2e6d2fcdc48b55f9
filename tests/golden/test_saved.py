"""Links, pictures and folders of an older version, in tests/golden/saved, still open.

They were written by the version before the restructuring, in this project's folder, by

    python -m pds compare --num-steps 2 --num-images 1 --out page.png  (page_tuned: --tuned)
    python main.py --config configs/ve/portraits32_ncsnpp.py --speed_up 500 --num_samples 2
        --freq_mask_path filters/portraits32_freq.npy --workdir ... --eval_folder filtered
"""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pds.commands.cli import main
from pds.commands.sample import sample_main
from pds.files import pictures
from pds.files.shipped import ROOT
from pds.jobs import request_text
from pds.jobs.record import read_request
from pds.request import Request

SAVED = Path(__file__).resolve().parent / "saved"
FOLDERS = {
    "filtered": "--speed_up 500 --num_samples 2 --freq_mask_path filters/portraits32_freq.npy",
    "vanilla": "--speed_up 500 --num_samples 2",
    "compared": "--speed_up 500 --num_samples 2 --compare --alpha 4 --seed 3 --freq_mask_path "
    "filters/portraits32_freq.npy --space_mask_path filters/portraits32_space.npy",
    "ladder": "--ladder 4,2 --freq_mask_path filters/portraits32_freq.npy",
    "tuned": "--speed_up 250 --num_samples 2 --tuned --freq_mask_path filters/portraits32_freq.npy",
}
LINKED = [
    Request(),
    Request(num_steps=20, tuned=True),
    Request("field64", 7, 3.5, frequency=False, space=True, num_images=2, seed=11),
    Request("portraits64", 25, 1.0000001, num_images=8, seed=2**31 - 1),
]
PAGE = Request(num_steps=2, num_images=1)
PICTURES = {
    "page": PAGE,
    "page_tuned": replace(PAGE, tuned=True),
    "page_field": Request("field64", 3, 4.5, frequency=False, space=True, num_images=2, seed=7),
    "filtered/000001": Request(num_steps=4, num_images=1, seed=1),
    "filtered/sheet": Request(num_steps=4, num_images=2),
    "compared/vanilla/000001": Request(num_steps=4, alpha=4, space=True, num_images=1, seed=4),
    "ladder/2/000000": Request(num_steps=2, num_images=1),
    "tuned/000000": Request(num_steps=8, num_images=1, tuned=True),
    "vanilla/000000": Request(num_steps=4, frequency=False, num_images=1),
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A copy of the saved folders, and the project's folder as the current one."""
    monkeypatch.chdir(ROOT)
    shutil.copytree(SAVED, tmp_path / "w")
    return tmp_path / "w"


def flags(folders, name):
    """The flags that drew a saved folder."""
    config = ["--config", "configs/ve/portraits32_ncsnpp.py", "--device", "cpu"]
    return [*config, "--workdir", str(folders), "--eval_folder", name, *FOLDERS[name].split()]


def bytes_of(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*.png"))}


@pytest.mark.parametrize(
    ("query", "request_"), list(zip((SAVED / "links.txt").read_text().split(), LINKED, strict=True))
)
def test_a_link_opens_its_request_and_is_still_the_same_text(query, request_):
    assert request_text.from_query(query) == (request_, True, "")
    assert request_text.to_query(request_) == query


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_opens_its_request(name):
    assert read_request(pictures.read_text(SAVED / f"{name}.png")) == PICTURES[name]


def test_a_record_without_the_tuned_field_opens_its_request():
    assert read_request((SAVED / "before_tuned.json").read_text()) == PAGE


@pytest.mark.parametrize("name", ["ladder/sheet", "unrounded/000000"])
def test_a_picture_that_the_page_has_no_request_for_says_so(name):
    with pytest.raises(ValueError, match="a model or settings that the page does not have"):
        read_request(pictures.read_text(SAVED / f"{name}.png"))


@pytest.mark.parametrize("name", ["page", "page_tuned", "page_field"])
def test_the_record_of_a_picture_of_the_page_is_still_the_same_text(name):
    text = pictures.read_text(SAVED / f"{name}.png")
    assert request_text.to_record(PICTURES[name]) == text


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_continued_and_nothing_in_it_is_drawn_again(folders, capsys, name):
    before = bytes_of(folders / name)
    (folders / name / "sheet.png").unlink()
    assert sample_main(flags(folders, name)) == 0
    assert capsys.readouterr().out.startswith(f"{folders}/{name}: 0 images sampled")
    assert bytes_of(folders / name) == before


@pytest.mark.parametrize("name", ["compared", "ladder"])
def test_a_folder_without_grain_says_that_it_is_unknown(folders, capsys, name):
    assert sample_main(flags(folders, name)) == 0
    _, said = capsys.readouterr().out.splitlines()
    assert said.startswith("the grain of some images is unknown: an older version sampled them")


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("filtered", "000001.png"),
        pytest.param("vanilla", "000000.png", marks=pytest.mark.slow),
        pytest.param("compared", "vanilla/000001.png", marks=pytest.mark.slow),
        ("ladder", "2/000000.png"),
        ("tuned", "000001.png"),
        ("unrounded", "000001.png"),
    ],
)
def test_the_command_that_show_prints_draws_a_missing_image_again(folders, capsys, name, picture):
    path = folders / name / picture
    text, drawn = pictures.read_text(path), pictures.read_pixels(path).astype(int)
    assert main(["show", str(path)]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:2] == ["python", "main.py"]
    before = bytes_of(folders / name)
    path.unlink()
    assert sample_main(words[2:]) == 0
    assert pictures.read_text(path) == text
    # The same bytes on the CPU that drew it; another one rounds differently, which few iterations
    # from sigma 1348 amplify.
    assert np.abs(pictures.read_pixels(path) - drawn).mean() < 0.5
    del before[path]
    assert before.items() <= bytes_of(folders / name).items()


@pytest.mark.parametrize("name", ["page", "page_tuned", "page_field"])
def test_the_command_of_a_picture_of_the_page_draws_it_again(tmp_path, capsys, name):
    assert main(["show", str(SAVED / f"{name}.png")]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:3] == ["python", "-m", "pds"]
    again = tmp_path / "again.png"
    assert main([*words[3:-1], str(again)]) == 0
    # Labels at the left and above say more than they did; the images end at the lower right.
    tile = 128 if name == "page_field" else 96
    area = np.s_[-2 * (tile + 4) :, -PICTURES[name].num_images * (tile + 4) :]
    drawn = pictures.read_pixels(SAVED / f"{name}.png")[area].astype(int)
    assert drawn.size == 3 * 2 * PICTURES[name].num_images * (tile + 4) ** 2
    assert np.abs(pictures.read_pixels(again)[area] - drawn).mean() < 0.5
    assert pictures.read_text(again) == pictures.read_text(SAVED / f"{name}.png")
