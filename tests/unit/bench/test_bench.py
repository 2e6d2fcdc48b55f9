"""The benchmarks: the order of timed calls, the ratios, and equal conditions for both sides."""

import json
import os
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import DeviceType

from pds.bench import (
    cold,
    filters,
    graphs,
    iteration,
    joint,
    layouts,
    networks,
    page,
    precision,
    profile,
    quality,
    report,
    runs,
    subjects,
    suite,
)
from pds.bench.apart import Apart, rows_apart
from pds.bench.rows import Row, at_least, at_most, guarded, skipped
from pds.bench.timing import QUICK, Effort, Measurement, alternate, median_and_range, ratio, versus
from pds.commands import bench
from pds.commands.cli import main
from pds.request import Request
from pds.scores.ncsnpp import normalization
from pds.scores.ncsnpp.resampling import fir_down, fir_up

FACTS = {"CPU": "a machine", "cores": "2"}
ROWS = [
    Row("filter, 32 px", "naive / ours", Measurement(2.5, 2.0, 3.0, 5), at_least(2.2)),
    Row("step", "PDS / vanilla", Measurement(1.04, 1.0, 1.1, 5), at_most(1.02), note="slow"),
    Row("scaling", "images a second", Measurement(1234.5, 1000.0, 2000.0, 3, "/s")),
    skipped("GPU", "graphs", "no CUDA device"),
]


pytestmark = pytest.mark.usefixtures("one_thread")


ONCE = Effort(num_runs=1, least_seconds=0.0, limit_seconds=0.0, fewest_runs=1, quick=True)
"""A single run of everything."""


class FakeMachine:
    """Work of given durations, on a clock that only this work advances."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def clock(self):
        return self.now

    def effort(self, **values):
        return Effort(clock=self.clock, **values)

    def work(self, name, *durations):
        """A work whose calls take these seconds in turn; later calls take the last of them."""
        remaining = list(durations)

        def run():
            self.log.append(name)
            self.now += remaining.pop(0) if len(remaining) > 1 else remaining[0]

        return run


@pytest.fixture
def machine():
    return FakeMachine()


def test_runs_alternate_after_each_was_warmed_up(machine):
    works = [machine.work("a", 0.1), machine.work("b", 0.2)]
    effort = machine.effort(num_runs=3, least_seconds=0)
    a, b = alternate(works, effort)
    assert "".join(machine.log) == "aabb" + "ab" * 3
    assert a == pytest.approx([0.1] * 3)
    assert b == pytest.approx([0.2] * 3)


def test_the_slow_first_call_is_not_counted(machine):
    works = [machine.work("a", 0.9, 0.1)]
    (times,) = alternate(works, machine.effort(num_runs=2, least_seconds=0))
    assert times == pytest.approx([0.1, 0.1])


def test_what_takes_long_is_warmed_up_once(machine):
    effort = machine.effort(num_runs=2, least_seconds=0, limit_seconds=100)
    alternate([machine.work("a", 2.0)], effort)
    assert machine.log == ["a"] * 3


def test_short_work_is_repeated_and_its_mean_is_kept(machine):
    effort = machine.effort(num_runs=2, least_seconds=0.05)
    (times,) = alternate([machine.work("a", 0.0125)], effort)
    assert len(machine.log) == 2 + 2 * 4
    assert times == pytest.approx([0.0125] * 2)


@pytest.mark.parametrize(("limit", "num_runs"), [(100, 11), (2.05, 5), (0.5, 3), (0.1, 1)])
def test_runs_are_dropped_where_they_would_take_too_long(machine, limit, num_runs):
    works = [machine.work("a", 0.1), machine.work("b", 0.3)]
    effort = machine.effort(num_runs=11, least_seconds=0, limit_seconds=limit, fewest_runs=3)
    assert [len(times) for times in alternate(works, effort)] == [num_runs] * 2


def test_a_ratio_is_one_of_medians_with_the_range_of_the_pairs():
    measured = ratio([1.0, 2.0, 9.0], [2.0, 1.0, 3.0])
    assert measured == Measurement(median=2.0 / 2.0, low=0.5, high=3.0, num_runs=3)


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=9))
def test_a_ratio_lies_within_its_range(pairs):
    a, b = zip(*pairs, strict=True)
    measured = ratio(a, b)
    # One rounding apart: median(a) / median(b) may be a mean of two divided by a mean of two.
    assert measured.low * (1 - 1e-12) <= measured.median <= measured.high * (1 + 1e-12)


def test_versus_says_how_many_times_as_long_the_first_takes(machine):
    slow, fast = machine.work("a", 0.6), machine.work("b", 0.2)
    assert versus(slow, fast, machine.effort()).median == pytest.approx(3)


def test_seconds_become_rates_with_their_ends_exchanged():
    rate = median_and_range([0.5, 0.25, 1.0]).per(4, "/s")
    assert rate == Measurement(8.0, 4.0, 16.0, 3, "/s")


@pytest.mark.parametrize(
    ("target", "median", "met"),
    [
        (at_least(2.2), 2.2, True),
        (at_least(2.2), 2.19, False),
        (at_most(1.02), 1.02, True),
        (at_most(1.02), 1.03, False),
        (None, 1.0, None),
    ],
)
def test_a_row_judges_its_median_by_its_target(target, median, met):
    row = Row("name", "what", Measurement(median, 0.1, 9.0, 3), target)
    assert row.met is met


def test_a_skipped_row_meets_and_misses_nothing():
    assert Row("name", "what", None, at_least(1)).met is None


def test_json_gives_back_the_rows_and_the_machine():
    assert report.from_json(report.to_json(ROWS, FACTS)) == (ROWS, FACTS)


def test_json_says_what_was_met():
    listing = json.loads(report.to_json(ROWS, FACTS))["rows"]
    assert [row["met"] for row in listing] == [True, False, None, None]


def test_the_table_is_aligned_under_a_line_about_the_machine():
    header, blank, *table = report.text(ROWS, FACTS).splitlines()
    assert (header, blank) == ("CPU a machine, cores 2", "")
    assert len(table) == 1 + len(ROWS)
    column = table[0].index("median")
    assert [line[column:].split("  ")[0].strip() for line in table[1:]] == [
        "2.50",
        "1.040",
        "1234 /s",
        "skipped",
    ]
    assert [" NO " in line for line in table] == [False, False, True, False, False]


def test_markdown_has_the_same_columns_in_every_row():
    table = report.markdown(ROWS, FACTS).splitlines()[2:]
    assert {line.count("|") for line in table} == {len(report.TITLES) + 1}


def test_the_header_names_processor_threads_and_versions():
    facts = report.machine()
    assert facts["torch"] == torch.__version__
    assert facts["torch threads"] == str(torch.get_num_threads())
    assert facts["CPU"]


@pytest.mark.parametrize("size", [32, 64])
def test_the_filter_and_the_nested_form_give_the_same(size):
    m = subjects.natural_filter(size)
    problem = filters.problem(size)
    nested = filters.nested(m.gain, torch.ones_like(m.gain), problem)
    # Rounding of six float32 transforms against three.
    torch.testing.assert_close(filters.ours(m, problem), nested, rtol=0, atol=1e-5)


def small_network():
    return subjects.card("church_ncsnpp_continuous", nf=64, size=64)


def test_both_networks_give_the_same():
    pytest.importorskip("diffusers")
    ours, theirs = networks.twins(small_network())
    x, t = subjects.batch(ours, 1)
    sigma = ours.sde.marginal(t).std.float()
    with torch.no_grad():
        expected = theirs(x, sigma).sample
        torch.testing.assert_close(
            ours.network(x, sigma) / expected.abs().max(),
            expected / expected.abs().max(),
            rtol=0,
            atol=1e-5,
        )


def test_without_bfloat16_the_row_of_its_precision_says_so(monkeypatch, small):
    monkeypatch.setattr(networks.precision, "cpu_speed_up", lambda _: 0.0)
    rows = [row for row in precision.rows(ONCE) if "bf16" in row.what]
    assert rows and all(row.measured is None for row in rows)
    assert all("bfloat16 does not work" in row.note for row in rows)


def test_without_diffusers_its_row_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    (row,) = networks.rows(Effort())
    assert row.measured is None
    assert "diffusers is not installed" in row.note


def test_the_convolutions_of_a_network_are_all_found_once():
    score = subjects.with_random_weights(subjects.card("portraits32_ncsnpp"))
    found = iteration.convolutions_of(score, *subjects.batch(score, 2))
    layers = [m for m in score.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {id(layer) for layer, _ in found} == {id(layer) for layer in layers}
    assert len(found) == len(layers)
    iteration.run_alone(found)


def test_iterating_ends_one_iteration_of_every_run():
    score, sde = (lambda x, t: -x), subjects.card("portraits32_ncsnpp").sde
    m = subjects.natural_filter(32)
    runs = [subjects.run(sde, (1, 3, 32, 32), [m], seed=seed) for seed in range(3)]
    batcher, ended = subjects.batcher(score, *runs, max_images=2), Counter()
    step = batcher.step

    def counted():
        progress = step()
        ended.update(p.run for p in progress if p.steps is not None)
        return progress

    batcher.step = counted
    subjects.iterate(batcher)
    assert [ended[run] for run in runs] == [1, 1, 1]


def test_what_a_crowd_is_ahead_counts_for_its_next_iteration():
    score, sde = (lambda x, t: -x), subjects.card("portraits32_ncsnpp").sde
    m = subjects.natural_filter(32)
    runs = [subjects.run(sde, (1, 3, 32, 32), [m], seed=seed) for seed in range(5)]
    batcher = subjects.batcher(score, *runs, max_images=3)
    calls = []
    batcher.score = lambda x, t: calls.append(len(x)) or score(x, t)
    pace = joint.Pace(batcher)
    for _ in range(12):
        pace()
    # Two half steps of five runs, three to a call, and at most a call and a half step over.
    assert sum(calls) <= 12 * 2 * 5 + 3 + 5
    assert pace.ended >= 12 * 5


def test_equal_grain_is_interpolated_in_logarithms():
    """Grain falls as N^-2 between 20 and 40: half of it at sqrt(2) times the iterations."""
    grain = {40: 1.0, 20: 4.0, 10: 16.0}
    assert quality.equal(grain, 2.0) == (pytest.approx(20 * 2**0.5), 20, 40)
    assert quality.equal(grain, 4.0) == (pytest.approx(20), 20, 40)
    assert quality.equal(grain, 8.0) == (pytest.approx(10 * 2**0.5), 10, 20)


@pytest.mark.parametrize("target", [0.5, 17.0, float("nan")])
def test_grain_outside_what_was_measured_is_equal_nowhere(target):
    assert quality.equal({40: 1.0, 20: 4.0, 10: 16.0}, target) is None


@pytest.mark.parametrize("grain", [{40: 1.0, 20: float("nan")}, {40: 0.0, 20: 2.0}, {40: 1.0}])
def test_grain_that_cannot_be_interpolated_is_equal_nowhere(grain):
    assert quality.equal(grain, 1.5) is None


def test_grain_is_measured_at_every_number_of_iterations(monkeypatch):
    """So few iterations leave far more of it than the network's own images have."""
    monkeypatch.setattr(quality, "NUM_STEPS", 3)
    monkeypatch.setattr(quality, "FEWER", (2,))
    vanilla, pds = quality.measured_grain(2)
    assert (set(vanilla), set(pds)) == ({3}, {3, 2})
    assert min(min(of) for of in (*vanilla.values(), *pds.values())) > 10


def test_the_rows_of_quality_end_with_the_times_at_equal_grain(monkeypatch):
    measured = {40: [4.0, 4.0]}, {40: [2.0, 2.0], 20: [8.0, 8.0]}
    monkeypatch.setattr(quality, "measured_grain", lambda num_images: measured)
    monkeypatch.setattr(quality, "_iterations", lambda num_images: [lambda: None] * 2)
    *_, iterations, times = quality.rows(ONCE)
    assert iterations.measured.median == pytest.approx(40 / 2**0.5)
    assert times.what == "PDS / vanilla" and times.measured.median > 0


@pytest.mark.slow
def test_the_grain_of_both_samplers_is_measured_beside_their_times(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "QUICK", ONCE)
    monkeypatch.setattr(quality, "NUM_STEPS", 20)
    monkeypatch.setattr(quality, "FEWER", (15, 10))
    path = tmp_path / "numbers.json"
    options = ["--quick", "--threads", "1", "--json", str(path)]
    assert main(["bench", *options, "--only", "quality"]) == 0
    rows = {(row.name, row.what): row.measured for row in report.from_json(path.read_text())[0]}
    grain = "grain / that of the network's own images"
    vanilla, pds = (rows[f"quality, {name} N = 20", grain] for name in ("vanilla", "PDS"))
    # Over 256 pictures 5.8 and 2.2 times.
    assert vanilla.median > 1.3 * pds.median
    equal = rows["quality, PDS at equal grain", "iterations with the grain of vanilla N = 20"]
    assert 10 <= equal.low <= equal.median <= equal.high <= 15
    ratio = rows["quality, time at equal grain", "PDS / vanilla"]
    assert ratio.low <= ratio.median <= ratio.high
    assert rows["quality, vanilla, 2 images", "an iteration"].unit == "ms"


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("resampling", lambda: fir_down(torch.ones(4, 8, 64, 64), (1, 3, 3, 1))),
        ("FFT", lambda: torch.fft.rfft2(torch.ones(4, 8, 64, 64))),
        ("activation", lambda: torch.nn.functional.silu(torch.ones(4, 8, 64, 64))),
    ],
)
def test_the_profile_files_operators_under_their_kind(kind, work, monkeypatch):
    monkeypatch.setattr(subjects, "ON_GPU", False)
    spent = profile.by_kind(work)
    # What makes the input is the only other operator.
    assert {name for name, seconds in spent.items() if seconds > 0} <= {kind, "other"}
    assert spent[kind] > 0


def test_on_a_gpu_the_time_of_a_kernel_counts_for_its_operator_only(monkeypatch):
    monkeypatch.setattr(subjects, "ON_GPU", True)
    convolution, kernel = (
        SimpleNamespace(name=name, device_type=where, self_device_time_total=3.0, cpu_parent=None)
        for name, where in (("aten::conv2d", DeviceType.CPU), ("sm90_gemm", DeviceType.CUDA))
    )
    spent = profile.sums([convolution, kernel])
    assert {name: seconds for name, seconds in spent.items() if seconds} == {
        "convolution": pytest.approx(3e-6)
    }


@pytest.fixture
def immediate(monkeypatch):
    """A sampled network that answers at once, and a page that draws clouds."""
    monkeypatch.setattr(bench, "QUICK", ONCE)
    network = subjects.embedded_network()
    monkeypatch.setattr(subjects, "embedded_network", lambda size: network)
    model = replace(subjects.embedded(), score=lambda x, t: torch.zeros_like(x))
    monkeypatch.setattr(subjects, "embedded", lambda: model)
    monkeypatch.setattr(page, "Request", partial(Request, model="field64"))


def test_the_command_measures_the_chosen_benchmarks(immediate, tmp_path, capsys):
    path = tmp_path / "new" / "numbers.json"
    names = ["filter", "compare", "engine", "page", "graphs"]
    options = ["--quick", "--threads", "1", "--cpu-time", "--json", str(path)]
    assert main(["bench", *options, "--only", *names]) == 0
    rows, facts = report.from_json(path.read_text())
    assert list(dict.fromkeys(row.name.partition(",")[0] for row in rows)) == names
    assert facts["cores"] in capsys.readouterr().out
    measured = [(row.name, row.measured) for row in rows if row.measured is not None]
    assert [name for name, m in measured if not 0 < m.low <= m.median <= m.high < 1e6] == []
    assert [name for name, m in measured if m.num_runs < 1] == []


def test_every_benchmark_is_offered(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in bench.BENCHMARKS)


def test_an_interrupted_benchmark_prints_what_it_has(monkeypatch, tmp_path, capsys):
    def interrupted(effort):
        yield ROWS[0]
        raise KeyboardInterrupt

    monkeypatch.setitem(bench.BENCHMARKS, "filter", interrupted)
    path = tmp_path / "numbers.json"
    assert main(["bench", "--only", "filter", "compare", "--json", str(path)]) == 130
    assert "filter, 32 px" in capsys.readouterr().out
    assert report.from_json(path.read_text())[0] == ROWS[:1]


def test_no_threads_are_refused(capsys):
    assert main(["bench", "--threads", "0"]) == 2
    assert "--threads must be >= 1, got 0" in capsys.readouterr().err


def test_a_cpu_without_bfloat16_skips_its_rows_only(monkeypatch):
    def refuse(device, dtype):
        raise ValueError("dtype bfloat16 does not work on this machine's CPU")

    instant = Measurement(2.0, 2.0, 2.0, 1)
    monkeypatch.setitem(sys.modules, "diffusers", SimpleNamespace())
    monkeypatch.setattr(networks.precision, "require_precision", refuse)
    monkeypatch.setattr(networks, "twins", lambda card: (subjects.with_random_weights(card), None))
    monkeypatch.setattr(networks, "versus", lambda a, b, effort: instant)
    monkeypatch.setattr(networks, "Apart", lambda make, card: nullcontext())
    lower, *full = networks.rows(Effort(quick=True))
    assert [row.met for row in full] == [True, True]
    assert lower.measured is None
    assert "bfloat16 does not work" in lower.note


def named_file(folder):
    """A work that leaves a file with the name of its process."""
    return lambda: (Path(folder) / str(os.getpid())).write_text("here")


@pytest.mark.slow
def test_work_apart_is_done_in_another_process_that_ends(tmp_path):
    with Apart(named_file, str(tmp_path)) as work:
        work()
        work()
        (file,) = tmp_path.iterdir()
        assert file.name != str(os.getpid())
    assert not Path(f"/proc/{file.name}").exists()


@pytest.fixture
def small(monkeypatch):
    """A small network in place of the embedded one."""
    network = subjects.with_random_weights(subjects.card("portraits32_ncsnpp", nf=8))
    monkeypatch.setattr(subjects, "embedded_network", lambda size=32: network)
    model = replace(subjects.embedded(), score=network)
    monkeypatch.setattr(subjects, "embedded", lambda: model)


@pytest.fixture
def in_this_process(monkeypatch):
    """Rows that a process of its own would measure are measured in this one."""
    for module in (graphs, cold):
        monkeypatch.setattr(module, "rows_apart", lambda benchmark, effort: benchmark(effort))


@pytest.mark.skipif(torch.cuda.is_available(), reason="compiles; python -m pds bench measures it")
@pytest.mark.usefixtures("small", "in_this_process")
@pytest.mark.parametrize(
    "benchmark",
    [graphs, iteration, layouts, pytest.param(precision, marks=pytest.mark.slow), cold, runs],
    ids=lambda module: module.__name__,
)
def test_a_row_for_a_gpu_is_measured_on_a_cpu_too_or_says_why_not(benchmark):
    rows = list(benchmark.rows(ONCE))
    assert rows
    assert [
        row for row in rows if not (row.measured.median > 0 if row.measured else row.note)
    ] == []


@pytest.mark.parametrize(("up", "resample"), [(False, fir_down), (True, fir_up)])
def test_products_of_matrices_resample_as_the_filter_does(up, resample):
    x = torch.randn(2, 5, 8, 8).contiguous(memory_format=torch.channels_last)
    found = layouts.by_products(x, layouts.one_axis(8, up=up))
    torch.testing.assert_close(found, resample(x, layouts.TAPS))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_group_norms_are_as_before_after_torchs_was_measured():
    before = normalization.LARGE
    assert layouts.torchs_group_norm(lambda: normalization.LARGE) == sys.maxsize
    assert normalization.LARGE == before


@pytest.fixture
def like_a_gpu(monkeypatch, small, in_this_process):
    """Every form of a network that only a GPU has is the eager one, and small."""
    monkeypatch.setattr(subjects, "ON_GPU", True)
    for module in (graphs, iteration, runs):
        monkeypatch.setattr(module, "page_graph", lambda score, x, t: torch.no_grad()(score))
    monkeypatch.setattr(graphs, "fused", torch.no_grad())
    monkeypatch.setattr(graphs, "fused_graph", torch.no_grad())
    monkeypatch.setattr(iteration, "peak_memory", lambda work: Measurement(1, 1, 1, 1, "GiB"))


@cache
def measured_once(benchmark):
    """The rows of a benchmark as on a GPU, measured for the first test that asks."""
    return list(benchmark(ONCE))


@pytest.mark.slow
@pytest.mark.usefixtures("like_a_gpu")
@pytest.mark.parametrize(
    "benchmark",
    [
        graphs.rows,
        graphs.compiled_rows,
        iteration.rows,
        layouts.rows,
        precision.rows,
        cold.rows,
        runs.rows,
    ],
)
def test_on_a_gpu_no_row_is_skipped(benchmark):
    assert [row for row in measured_once(benchmark) if row.measured is None] == []


@pytest.mark.usefixtures("like_a_gpu")
def test_a_cuda_graph_is_to_be_three_times_as_fast_as_the_eager_call_at_32_px():
    targets = {row.what: str(row.target) for row in measured_once(graphs.rows) if row.target}
    assert targets == {f"a network call: eager / {graphs.GRAPH}": ">= 3"}


def test_what_cannot_be_captured_costs_its_own_rows_only(monkeypatch, like_a_gpu):
    def fails(score, x, t):
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(graphs, "page_graph", fails)
    eager, graph = graphs.rows(ONCE)
    assert eager.measured is not None
    assert graph.note == "failed: RuntimeError: operation not permitted when stream is capturing"


def test_a_missing_package_is_named_and_the_rows_before_it_stay():
    def rows():
        yield ROWS[0]
        raise ModuleNotFoundError("No module named 'plotly'", name="plotly")

    first, last = guarded("page", rows())
    assert first == ROWS[0]
    assert (last.measured, last.note) == (None, "plotly is not installed")


def test_what_is_not_a_number_is_not_measured():
    (row,) = guarded("a", iter([Row("a", "error", Measurement(float("nan"), 0, 1, 1))]))
    assert (row.measured, row.note) == (None, "not finite: nan")


def test_a_missing_module_of_ours_is_a_bug():
    def rows():
        raise ModuleNotFoundError("No module named 'pds.nothing'", name="pds.nothing")
        yield

    with pytest.raises(ModuleNotFoundError):
        list(guarded("page", rows()))


def test_after_the_limit_no_row_is_begun_and_what_is_left_out_is_named():
    now = iter([0, 0, 4, 9, 12, 12])

    def rows(effort):
        yield from ROWS[:3]

    measured = suite.run_benchmarks({"a": rows, "b": rows}, QUICK, limit=9, clock=lambda: next(now))
    assert list(measured) == [
        *ROWS[:2],
        skipped("a", "further rows, if any", "no time left"),
        skipped("b", "all its rows", "no time left"),
    ]


def test_the_file_has_every_row_as_soon_as_it_is_measured(monkeypatch, tmp_path, capsys):
    path, seen = tmp_path / "numbers.json", []

    def rows(effort):
        for row in ROWS:
            seen.append(len(report.from_json(path.read_text())[0]))
            yield row

    monkeypatch.setitem(bench.BENCHMARKS, "filter", rows)
    assert main(["bench", "--only", "filter", "--json", str(path)]) == 0
    assert seen == [0, 1, 2, 3]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_gpu_chooses_benchmarks_that_exist_each_once():
    chosen = bench.chosen(["step", "gpu"])
    assert list(chosen) == ["step", *(name for name in bench.GPU if name != "step")]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_no_time_is_refused(seconds, capsys):
    assert main(["bench", f"--seconds={seconds}"]) == 2
    assert "--seconds must be > 0" in capsys.readouterr().err


def test_precisions_are_as_before_after_a_benchmark():
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with precision.float32_products(tf32=True):
        assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
        with precision.float32_products(tf32=False):
            assert not torch.backends.cuda.matmul.allow_tf32
            assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_an_error_is_relative_to_the_largest_score_of_its_own_image():
    exact = torch.tensor([[1.0, -100.0], [0.1, 1.0]])
    assert precision.largest_difference(exact + torch.tensor([[1.0, 0], [0.2, 0]]), exact) == (
        pytest.approx(0.2)
    )


def row_and_error(effort):
    yield replace(ROWS[0], note=str(os.getpid()))
    raise ValueError("no more")


def test_rows_measured_apart_come_back_until_the_process_fails(capfd):
    rows = rows_apart(row_and_error, QUICK)
    row = next(rows)
    assert row == replace(ROWS[0], note=row.note)
    assert row.note != str(os.getpid())
    with pytest.raises(RuntimeError, match="has ended with an error"):
        next(rows)
    assert "no more" in capfd.readouterr().err
