"""FID: the distance, Inception, and pictures that main.py has drawn against a data set."""

import csv
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pds.commands.cli import main
from pds.evaluation import fid, fid_record, inception
from pds.jobs import ranks
from pds.jobs.drawn import open_folder
from tests.support import tiny_inception, tiny_run

FEATURES = torch.randn(40, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def statistics(features):
    """Of features, as if a network had returned them for one picture each."""
    rows = iter(torch.split(features, fid.BATCH))
    pictures = torch.zeros(len(features), 3, 1, 1, dtype=torch.uint8)
    return fid.statistics(lambda pixels: next(rows), [pictures])


def test_statistics_are_mean_and_covariance_of_all_batches():
    known = statistics(FEATURES + 1e4)
    np.testing.assert_allclose(known.mean, 1e4 + FEATURES.mean(0).numpy())
    np.testing.assert_allclose(known.covariance, np.cov(FEATURES.numpy(), rowvar=False), rtol=1e-6)
    assert known.count == 40


def test_the_distance_of_gaussians_with_common_axes_is_that_of_means_and_deviations():
    axes = np.linalg.qr(FEATURES[:6].numpy())[0]
    deviations = np.array([[1, 2, 3, 4, 5, 6], [6, 1, 4, 2, 0, 3]], float)
    shift = np.arange(6.0)
    one, other = (
        fid.Statistics(100, mean, axes @ np.diag(d**2) @ axes.T)
        for mean, d in zip((shift, 0 * shift), deviations, strict=True)
    )
    expected = (shift**2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert fid.distance(one, other) == pytest.approx(expected)


def test_fewer_pictures_than_features_have_a_distance():
    one, other = statistics(FEATURES[:4]), statistics(FEATURES[4:7])
    roots = np.sqrt(np.linalg.eigvals(one.covariance @ other.covariance).astype(complex)).real
    spread = np.trace(one.covariance + other.covariance) - 2 * roots.sum()
    expected = ((one.mean - other.mean) ** 2).sum() + spread
    assert fid.distance(one, other) == pytest.approx(expected, rel=1e-6)


def test_one_picture_has_no_covariance():
    with pytest.raises(ValueError, match="FID needs two images or more, got 1"):
        statistics(FEATURES[:1])


def test_a_ramp_is_enlarged_with_its_first_pixel_at_the_corner():
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    columns = inception.resized(ramp)[0, 0, 7]
    torch.testing.assert_close(columns, (torch.arange(299.0) * 32 / 299).clamp(max=31))


# Of torch-fidelity 0.4.0 with the same weights and pictures: every 189th feature.
RECORDED = [
    [.034486, .062643, .010797, .073259, .004997, .009690, .004461, .020043, 0, .003536, .147439],
    [.020363, .060160, .001049, .062589, .000355, .003219, .001192, .029028, 0, .002713, .178465],
]  # fmt: skip


def test_features_are_those_of_torch_fidelity_with_the_same_weights(tmp_path):
    torch.save(tiny_inception.random_weights(), tmp_path / "weights.pth")
    features = inception.load(tmp_path / "weights.pth")(tiny_inception.ramps())
    # Rounding of float32 through 94 convolutions; the two pictures differ by .013 on average.
    torch.testing.assert_close(features[:, ::189], torch.tensor(RECORDED), atol=1e-5, rtol=0)


def test_averages_at_the_border_leave_out_the_padding():
    block = inception._block_a(4, 32)
    block.branch_pool = torch.nn.Identity()
    torch.testing.assert_close(block._pooled(torch.ones(1, 4, 5, 5)), torch.ones(1, 4, 5, 5))


def test_only_the_last_block_pools_by_maximum():
    with torch.device("meta"):
        blocks = inception.Inception().named_children()
    assert [name for name, block in blocks if getattr(block, "largest", False)] == ["Mixed_7c"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "Conv2d_1a_3x3.bn.bias is nothing, expected [32]"),
        ([], "Conv2d_1a_3x3.bn.bias is nothing, expected [32]"),
        ({"AuxLogits.fc.bias": torch.zeros(3)}, "AuxLogits.fc.bias is [3], expected nothing"),
    ],
)
def test_other_weights_are_refused_by_the_first_that_differs(content, sentence, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError) as refused:
        inception.load(tmp_path / "other.pth")
    assert sentence in str(refused.value)


class Payload:
    def __reduce__(self):
        return Path.touch, (Path("run"),)


def test_nothing_in_a_file_of_weights_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(Payload(), "weights.pth")
    with pytest.raises(ValueError, match="is not a file of weights"):
        inception.load(Path("weights.pth"))
    assert not Path("run").exists()


@pytest.fixture
def weights(monkeypatch, tmp_path):
    return tiny_inception.weights(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with W/eval, W/eval/vanilla, and my_images of a data set."""
    folder = tmp_path_factory.mktemp("run")
    tiny_run.workdir(folder / "W")
    assert tiny_run.draw(folder / "W", "--compare", "--num_samples", "3") == 0
    (folder / "my_images").mkdir()
    for i, pixels in enumerate(data()):
        Image.fromarray(pixels).save(folder / "my_images" / f"{i}.png")
    return folder


def data():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def evaluate(*words):
    return main(["evaluate", "--device", "cpu", *map(str, words)])


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_drawn_folder_gets_its_distance_to_the_data(run, weights, tmp_path, capsys):
    folders, out = (run / "W/eval", run / "W/eval/vanilla"), tmp_path / "measured.csv"
    more = ["--data", run / "my_images", *weights, "--record", out]
    assert evaluate("--drawn", *folders, *more) == 0
    printed = capsys.readouterr()
    assert f"{folders[0]}: tiny, pds:5 at N = 5, 3 images, FID " in printed.out
    assert "a FID of 3 images is too large" in printed.err
    found = rows(out)
    names = ("experiment", "N", "sampler", "images", "data", "data_images")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("tiny", "5", "pds:5", "3", "my_images", "6"),
        ("tiny", "5", "vanilla", "3", "my_images", "6"),
    ]
    drawn = [
        np.stack([tiny_run.pixels(path) for path in sorted(folder.glob("0*.png"))])
        for folder in folders
    ]
    *images, own = (x.transpose(0, 3, 1, 2) / 255 for x in (*drawn, data()))
    expected = [tiny_inception.fid_of_means(x, own) for x in images]
    assert [float(row["fid"]) for row in found] == pytest.approx(expected, rel=1e-4)


def test_drawn_folders_are_measured_on_the_first_rank_alone(run, weights, monkeypatch, capsys):
    """Under torchrun every rank measured all folders and added them to the record."""
    monkeypatch.setattr(ranks, "joined", lambda: ranks.Ranks(rank=1, world_size=2))
    assert evaluate("--drawn", run / "W/eval", "--data", run / "my_images", *weights) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", ["zip", "npy"])
def test_a_data_set_is_the_same_as_a_folder_an_archive_or_an_array(kind, run, weights, tmp_path):
    source = tmp_path / f"data.{kind}"
    if kind == "npy":
        np.save(source, data())
    else:
        with ZipFile(source, "w") as archive:
            for path in sorted((run / "my_images").iterdir()):
                archive.write(path, path.name)
    out = tmp_path / "measured.csv"
    words = ["--drawn", run / "W/eval", *weights, "--record", out, "--data"]
    assert [evaluate(*words, images) for images in (run / "my_images", source)] == [0, 0]
    first, second = rows(out)
    assert first["fid"] == second["fid"]


def test_a_record_grows_and_is_no_other_file(run, weights, tmp_path, capsys):
    words = ["--drawn", run / "W/eval", "--data", run / "my_images", *weights, "--record"]
    measured = [*words, tmp_path / "measured.csv", "--reference", "4"]
    assert [evaluate(*measured) for _ in range(2)] == [0, 0]
    assert [row["data_images"] for row in rows(tmp_path / "measured.csv")] == ["4", "4"]
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    assert evaluate(*words, tmp_path / "mine.csv") == 2
    assert "is not a record of FIDs" in capsys.readouterr().err
    assert (tmp_path / "mine.csv").read_text() == "a,b\n1,2\n"


def test_a_row_is_read_as_it_was_written(tmp_path):
    row = fid_record.Measured(
        "tiny", 5, "pds:5", 1.5, 3, "a, b", 6, "0" * 8, "f", "1", "2026-01-01", 'main.py "x"'
    )
    fid_record.append(tmp_path / "measured.csv", row)
    assert fid_record.read(tmp_path / "measured.csv") == [row]


@pytest.mark.parametrize(
    ("more", "name", "num_steps"),
    [
        (["--tuned"], "tuned", 5),
        (["--alpha", "3"], "pds:3", 5),
        (["--compare", "vanilla", "pds:4@6"], "pds:4", 6),
    ],
)
def test_a_folder_says_which_sampler_drew_it_with_how_many_iterations(
    more, name, num_steps, tmp_path
):
    tiny_run.workdir(tmp_path)
    assert tiny_run.draw(tmp_path, *more, "--num_samples", "1") == 0
    drawn = open_folder(tmp_path / "eval" / ("right" if "--compare" in more else ""))
    assert (drawn.sampler, drawn.num_steps) == (name, num_steps)


def test_a_run_without_a_filter_is_vanilla(tmp_path):
    tiny_run.workdir(tmp_path)
    assert tiny_run.draw(tmp_path, "--num_samples", "1", filtered=False) == 0
    assert open_folder(tmp_path / "eval").sampler == "vanilla"


def test_pictures_of_a_folder_are_read_to_the_level(run):
    drawn = open_folder(run / "W/eval")
    expected = np.stack([tiny_run.pixels(path) for path in drawn.paths])
    assert drawn.shape == (3, 8, 8)
    assert np.array_equal(torch.cat(list(drawn)), expected.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["W/eval"], "--drawn needs --data, the images of the data set, and --inception"),
        (["W"], "no images in W; expected 000000.png and so on"),
        (["my_images"], "my_images/0.png does not say how it was made"),
        (["W/eval", "--arms", "vanilla"], "--arms is for images that are sampled here"),
        (["W/eval", "--reference", "1"], "--reference must be >= 2, got 1"),
        (["W/eval", "--data", "nowhere"], "no images at nowhere"),
        (["W/eval", "--data", "W/tiny.py"], "W/tiny.py holds no image"),
    ],
)
def test_what_is_wrong_with_drawn_pictures_is_one_sentence(
    words,
    sentence,
    run,
    weights,
    monkeypatch,
    capsys,
):
    monkeypatch.chdir(run)
    given = [] if words == ["W/eval"] else weights
    data_set = [] if "--data" in words else ["--data", "my_images"]
    assert evaluate("--drawn", *words, *given, *data_set) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_pictures_of_two_sizes_are_measured_apart(run, weights, tmp_path, capsys):
    small = tmp_path / "small"
    small.mkdir()
    with Image.open(run / "W/eval/000000.png") as picture:
        text = PngInfo()
        text.add_text("pds", picture.info["pds"])
        picture.resize((4, 4)).save(small / "000000.png", pnginfo=text)
    words = ["--drawn", run / "W/eval", small, "--data", run / "my_images", *weights]
    assert evaluate(*words) == 2
    assert "must have one size, got (3, 8, 8)" in capsys.readouterr().err


def test_a_record_without_drawn_pictures_is_refused(tmp_path, capsys):
    assert evaluate("--out", tmp_path / "out", "--record", tmp_path / "measured.csv") == 2
    assert "--record needs --drawn" in capsys.readouterr().err
