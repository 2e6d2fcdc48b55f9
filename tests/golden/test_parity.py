"""The network and the sampler replay what the reference implementation recorded.

Tolerances are relative to the maximum: 1e-5 for the network and single steps, 5e-6 for whole runs,
about twice to seven times what float32 rounding was measured to do to the reference itself.
"""

import copy
from functools import cache
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from pds import filters
from pds.driving import recorded_noise, steps
from pds.kernels import Langevin, ReverseDiffusion
from pds.sampling import PredictorCorrector, Step
from tests.support.golden_data import CARD, SHAPE, arrays, assert_within, masks, score

N, EPS = 20, 5e-4
FILTERS = {"none": (0, 0), "freq": (1, 0), "space": (0, 1), "both": (1, 1)}


def preconditioner(kind, alpha=5.0):
    chosen = [mask if used else None for mask, used in zip(masks(), FILTERS[kind], strict=True)]
    return filters.preconditioner(*chosen, alpha=alpha)


@pytest.mark.parametrize("weights", ["ema", "raw"])
def test_the_network_gives_the_recorded_output(weights):
    data = arrays("network.npz")
    out = score(weights).network(data["net_x"], data["net_cond"])
    assert_within(out, data[f"net_out_{weights}"], 1e-5)


@pytest.mark.not_imitated
def test_the_network_in_float64_gives_the_recorded_output():
    data = arrays("network.npz")
    network = copy.deepcopy(score().network).double()
    out = network(data["net_x"][:1].double(), data["net_cond"][:1].double())
    assert_within(out, data["net_out_ema_f64"], 1e-5)


def test_the_score_is_the_recorded_score():
    data = arrays("network.npz")
    assert_within(score()(data["net_x"], data["net_t"]), data["score"], 1e-5)


def test_every_module_gives_the_recorded_mean_and_norm():
    data, seen = arrays("network.npz"), {}
    network = copy.deepcopy(score().network)
    for index, module in enumerate(network.all_modules):
        module.register_forward_hook(lambda _m, _i, out, index=index: seen.update({index: out}))
    network(data["net_x"], data["net_cond"])
    assert sorted(seen) == sorted(data["trace_idx"].tolist())
    outputs = [seen[int(i)].double() for i in data["trace_idx"]]
    norms = torch.stack([out.norm() for out in outputs])
    means = torch.stack([out.mean() for out in outputs])
    torch.testing.assert_close(norms, data["trace_norm"], rtol=1e-5, atol=0)
    # A mean is a sum that cancels: compare it with the root mean square of what it sums.
    rms = norms / torch.tensor([out.numel() for out in outputs]).sqrt()
    assert float(((means - data["trace_mean"]) / rms).abs().max()) < 1e-5


@pytest.mark.about_cpu
def test_the_schedule_is_the_recorded_one():
    data = arrays("sampler.npz")
    times = PredictorCorrector(num_steps=N, eps=EPS).times()
    torch.testing.assert_close(times, data["sched_timesteps"].double(), rtol=1e-6, atol=0)
    assert torch.equal(torch.arange(N).flip(0), data["sched_index"])
    f, g = CARD.sde.discretize(times)
    torch.testing.assert_close(g, data["sched_G"].double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(f, data["sched_f_of_one"].double())
    torch.testing.assert_close(
        CARD.sde.marginal(times).std, data["sched_std"].double(), rtol=1e-5, atol=0
    )


SINGLE_STEPS = [
    ("t07", "none", 5.0),
    ("t07", "freq", 5.0),
    ("t07", "space", 5.0),
    ("t07", "both", 5.0),
    ("t07", "both", 1.5),
    ("teps", "none", 5.0),
    ("teps", "both", 5.0),
]


def place(time, kernel):
    """The time of a recorded step, (2,) float64, and the kernel's coefficients there."""
    t = arrays("sampler.npz")[f"{time}_t"].double()
    assert t[0] == t[1]
    columns = kernel.coefficients(CARD.sde, PredictorCorrector(N, EPS).times())
    return t, [float(column[N - 1 - int(t[0] * (N - 1))]) for column in columns]


@pytest.mark.parametrize(("time", "kind", "alpha"), SINGLE_STEPS)
@pytest.mark.parametrize("half", ["corr", "pred"])
def test_a_single_step_is_the_recorded_step(time, kind, alpha, half):
    kernel = Langevin(CARD.snr) if half == "corr" else ReverseDiffusion()
    data, (t, row) = arrays("sampler.npz"), place(time, kernel)
    x, z = data[f"{time}_x"], arrays("noise.npz")[half][0]
    update = kernel(x, score()(x, t), z, row, preconditioner(kind, alpha))
    name = f"{time}_{kind}" + ("" if alpha == 5 else f"_alpha{alpha}") + f"_{half}"
    assert_within(update.x, data[f"{name}_x"], 1e-5)
    assert_within(update.x_mean, data[f"{name}_mean"], 1e-5)


def test_two_corrector_steps_are_the_recorded_ones():
    kernel = Langevin(CARD.snr)
    data, (t, row) = arrays("sampler.npz"), place("t07", kernel)
    x = data["t07_x"]
    for z in arrays("noise.npz")["corr"][:2]:
        update = kernel(x, score()(x, t), z, row, preconditioner("both"))
        x = update.x
    assert_within(update.x, data["t07_both_corr2_x"], 1e-5)
    assert_within(update.x_mean, data["t07_both_corr2_mean"], 1e-5)


class Recorded:
    """A kernel that keeps the x it returned."""

    def __init__(self, kernel):
        self.kernel, self.seen = kernel, []

    def coefficients(self, sde, times):
        return self.kernel.coefficients(sde, times)

    def __call__(self, *arguments):
        update = self.kernel(*arguments)
        self.seen.append(update.x)
        return update


class Replay(NamedTuple):
    """The steps of a recorded run, and the x after each corrector step."""

    steps: list[Step]
    corrected: list[Tensor]


@cache
def replay(kind):
    noise = arrays("noise.npz")
    order = [noise["init"]]
    for pair in zip(noise["corr"], noise["pred"], strict=True):
        order.extend(pair)
    corrector = Recorded(Langevin(CARD.snr))
    sampler = PredictorCorrector(N, EPS, corrector=corrector, m=preconditioner(kind))
    chain = sampler.chain(CARD.sde, noise=recorded_noise(order), shape=(2, *SHAPE))
    return Replay(list(steps(score(), chain)), corrector.seen)


@pytest.mark.parametrize(("run", "kind"), [("pds", "both"), ("freq", "freq"), ("vanilla", "none")])
def test_a_whole_run_is_the_recorded_run(run, kind):
    data, chain = arrays("sampler.npz"), replay(kind).steps
    assert_within(chain[-1].x_mean, data[f"run_{run}_final"], 5e-6)
    rms = torch.stack([step.x.double().square().mean().sqrt() for step in chain])
    torch.testing.assert_close(rms, data[f"run_{run}_rms_per_step"], rtol=1e-5, atol=0)


def assert_each_within(actual, expected, relative):
    """Compare states of any size: `assert_within`, each by its own largest expected value."""
    actual, expected = torch.stack(actual).double(), expected.double()
    largest = expected.abs().amax(dim=(1, 2, 3, 4), keepdim=True)
    torch.testing.assert_close(actual / largest, expected / largest, rtol=0, atol=relative)


def test_every_kept_half_step_of_the_run_is_the_recorded_one():
    data, (chain, corrected) = arrays("sampler.npz"), replay("both")
    rms = torch.stack([x.double().square().mean().sqrt() for x in corrected])
    torch.testing.assert_close(rms, data["run_pds_x_after_corr_rms"], rtol=1e-5, atol=0)
    kept = data["run_pds_steps_kept"].tolist()
    assert_each_within([corrected[i] for i in kept], data["run_pds_x_after_corr"], 1e-5)
    assert_each_within([chain[i].x for i in kept], data["run_pds_x_after_pred"], 1e-5)
    assert_within(chain[-1].x_mean, data["run_pds_xmean_after_pred_last"], 5e-6)


def test_the_run_agrees_with_its_float64_recording():
    assert_within(replay("both").steps[-1].x_mean, arrays("sampler.npz")["run_pds_final_f64"], 5e-6)
