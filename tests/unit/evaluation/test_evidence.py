"""The recorded evidence: some cells are sampled again, and the documents quote it correctly."""

import csv

import pytest

from pds.appearance import ALIKE
from pds.commands.cli import main
from pds.evaluation import report
from tests.support.paths import ROOT
from tools import evidence

DRAWN_AGAIN = [("vanilla", "10"), ("pds:5", "10"), ("tuned", "10"), ("ode-heun", "10")]
FEW = ("pds:5", "10")
EVERY = [path.parent.name for path in sorted(evidence.FOLDER.glob("*/table.csv"))]


def of_data(rows):
    return {(row["arm"], row["N"]): row for row in rows if row["reference"] == "data"}


def drawn_again(folder, cells, num_images, **options):
    """The rows of these cells, with ten iterations, as `pds evaluate` draws them."""
    words = ["--arms", ",".join(arm for arm, _ in cells), "--counts", "10"]
    words += ["--images", num_images, "--converged-images", "0", "--out", str(folder)]
    words += [word for name, value in options.items() for word in (f"--{name}", value)]
    assert main(["evaluate", *words]) == 0
    with (folder / "table.csv").open(newline="") as file:
        return of_data(csv.DictReader(file))


@pytest.mark.parametrize("metric", ["grain", "contrast"])
def test_a_few_pictures_drawn_again_have_the_recorded_numbers(few, metric):
    """Means over 4 pictures spread sqrt(256 / 4) = 8 times as wide as those of the table."""
    recorded = of_data(evidence.read("portraits32"))[FEW]
    low, value, high = (float(recorded[metric + end]) for end in ("_low", "", "_high"))
    assert abs(float(few[metric]) - value) < 8 * (high - low) / 2


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(report, "can_draw", lambda: False)
        return drawn_again(folder, [FEW], "4", reference="100")[FEW]


@pytest.mark.slow
def test_a_part_of_the_table_drawn_again_has_the_recorded_numbers(tmp_path):
    recorded = of_data(evidence.read("portraits32"))
    images = {recorded[cell]["images"] for cell in DRAWN_AGAIN}
    drawn = drawn_again(tmp_path, DRAWN_AGAIN, max(images), batch="64")
    expected = {
        (cell, metric): pytest.approx(float(recorded[cell][metric]), rel=0.05)
        for cell in DRAWN_AGAIN
        for metric in ("grain", "contrast", "frechet", "frechet_low", "theory_fine_power")
    }
    assert {at: float(drawn[at[0]][at[1]]) for at in expected} == expected


@pytest.mark.parametrize("name", EVERY)
def test_the_page_of_a_name_has_every_recorded_table(name):
    assert (evidence.FOLDER / f"{name}.md").read_text("utf-8") == evidence.document(name)


@pytest.mark.parametrize("name", ["portraits32", "portraits64"])
@pytest.mark.parametrize(
    "title",
    ["grain against the network", "contrast against the network", "classifier", "equal grain"],
)
def test_the_document_quotes_the_recorded_table(name, title):
    text = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert dict(evidence.tables(name))[title] in text


def test_the_verdict_names_the_side_that_the_eye_names():
    """Forty pairs, judged without the names of the samplers: 39 agree, none is opposed."""
    with (evidence.FOLDER / "blind.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ratios = [float(row["left_over_right"]) for row in rows]
    verdicts = ["alike" if max(r, 1 / r) <= ALIKE else "left" if r > 1 else "right" for r in ratios]
    choices = [row["choice"] for row in rows]
    assert sum(v == c for v, c in zip(verdicts, choices, strict=True)) == 39
    assert not [v for v, c in zip(verdicts, choices, strict=True) if {v, c} == {"left", "right"}]


FIELDS = ("", "_low", "_high", "_floor_low", "_floor_high")


def row(arm, num_steps, *numbers, reference="network", images="64"):
    """A row of a table whose every metric has these numbers: value, interval and floor."""
    metrics = {metric for metric, _ in evidence.TABLES}
    values = {m + end: n for m in metrics for end, n in zip(FIELDS, numbers, strict=True)}
    floors = {f"{metric}_floor": "1" for metric in metrics}
    facts = {"arm": arm, "N": num_steps, "reference": reference, "images": images}
    return {**facts, **floors, **values}


ROWS = [
    row("vanilla", "100", "1.1", "1.05", "1.15", "0.95", "1.06"),
    row("vanilla", "25", "3.5", "3.4", "3.61", "0.95", "1.06"),
    row("pds:5", "25", "1.4", "1.3", "1.5", "0.97", "1.03", images="256"),
    row("pds:5", "25", "9.9", "9.8", "9.95", "0.9", "1.1", reference="data"),
]


def test_a_table_has_arms_by_iterations_and_the_floor_of_each_number_of_images():
    lines = evidence.table(ROWS, "grain", "network").splitlines()
    assert lines[0] == "| N | images | 25 | 100 |"
    assert lines[2:] == [
        "| vanilla | 64 | 3.50 (3.40 to 3.61) | 1.10 (1.05 to 1.15) |",
        "| pds:5 | 256 | 1.40 (1.30 to 1.50) |  |",
        "",
        "Floor, the score of images of the network itself: 0.95 to 1.06 for 64 images; "
        "0.97 to 1.03 for 256 images.",
    ]


def test_a_cell_that_diverged_is_called_so():
    broken = [row("vanilla", "5", "", "", "", "", ""), *ROWS]
    broken[0]["grain_floor"] = ""
    assert "| vanilla | 64 | diverged |" in evidence.table(broken, "grain", "network")


def test_equal_quality_stands_side_by_side_by_metric():
    def match(metric, vanilla, reference="network"):
        bounds = {"vanilla_N": vanilla, "low": "40", "high": ">200"}
        return {"arm": "pds:5", "N": "25", "reference": reference, "metric": metric, **bounds}

    rows = [match("grain", "50"), match("frechet", "34"), match("frechet", "99", "data")]
    last = evidence.equal_quality(rows).splitlines()[-1]
    assert last == "| pds:5 | 25 | 50 (40 to >200) |  | 34 (40 to >200) |  |"


def test_the_classifiers_table_has_percents_and_its_control_below():
    shares = {"accuracy": "0.952", "low": "0.92", "high": "0.97", "images": "256"}
    rows = [{"arm": arm, "N": "25", **shares} for arm in ("converged:ode-heun", "vanilla")]
    lines = evidence.classifier(rows).splitlines()
    assert lines[2] == "| vanilla | 256 | 95 % (92 to 97) |"
    assert lines[-1].endswith("of the same network: 95 % (92 to 97).")
    assert "converged" not in "".join(lines)


def test_equal_grain_ends_with_the_mean():
    numbers = {"contrast_pds": "0.76", "contrast_constant": "0.73", "ratio": "1.041"}
    rows = [
        {"N": "25", "images": "256", "grain": grain, **numbers, "low": "1.025", "high": "1.058"}
        for grain in ("1.39", "")
    ]
    lines = evidence.equal_grain(rows).splitlines()
    assert lines[-2:] == [
        "| 25 | 256 | 1.39 | 0.760 | 0.730 | 1.041 (1.025 to 1.058) |",
        "| 25 | 256 | mean | 0.760 | 0.730 | 1.041 (1.025 to 1.058) |",
    ]


def test_the_figure_has_both_panels_with_intervals_and_the_widest_floor():
    traces = evidence.figure(ROWS).data
    curves = [trace for trace in traces if trace.name == "PDS, alpha 5"]
    assert [list(trace.y) for trace in curves] == [[1.4], [1.4]]
    assert list(curves[0].error_y.array) == pytest.approx([0.1])
    (band,) = {trace.y for trace in traces if trace.fill == "tonexty"}
    assert band == (1.06, 1.06)
    assert sum(trace.showlegend for trace in traces) == len(evidence.DRAWN) + 1
