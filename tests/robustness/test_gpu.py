"""GPU and CPU agree: noise, network calls, whole runs, batches, CUDA graphs.

    python -m pytest --device cuda tests/robustness/test_gpu.py --junitxml FILE

compares a card with this machine's CPU. With --device cpu the runs are short, and the CPU is
compared with itself: the "device" answers the queries of a step in one network call, the reference
one image at a time, so that sums have another order; TF32 is imitated. What the tests measure they
record as properties in FILE.
"""

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from pds.bench.precision import float32_products
from pds.driving import sample, seeded_noise
from pds.files import pictures
from pds.preconditioners import Identity
from pds.scores.ncsnpp import normalization, precision
from pds.serving.acceleration import Graphed, accelerate
from pds.serving.batcher import Batcher
from tests.support.device_runs import CHAINS, FLOAT32, images_of, model_on, relative, run_of
from tests.support.lower_precision import BOUNDS, noisy, tf32

RUNS = {"portraits32": (33, 5), "portraits64": (16, 4), "field64": (66, 20)}
"""Iterations on a GPU, and on a CPU, where the tests are to be quick."""
NUM_IMAGES = {"cpu": 1}
"""Images of a run on a CPU, where each sampler draws one; beside a GPU, whose runs the CPU draws
too, it is two."""

RMS = {"tf32": 2e-3, "bf16": 8e-3}
"""Root mean square difference of final images in lower precision, in pixel units.

Measured on a CPU, with TF32 imitated, at N = 20 and 66: 1e-4 and 5e-4, and 1e-3 and 1.4e-3. The
largest difference says little: where a pixel is undecided between two textures, any rounding
decides, and it was 100 times the median difference.
"""


def one_at_a_time(score):
    def call(x, t):
        pairs = zip(x.split(1), t.split(1), strict=True)
        return torch.cat([score(*pair) for pair in pairs])

    return call


PRODUCTS = {"convolution", "mkldnn_convolution", "mm", "addmm", "bmm", "baddbmm"}
ATTENTION = "_scaled_dot_product"


class ImitatedTF32(TorchDispatchMode):
    """Rounds what is multiplied to 10 bits of fraction, as TF32 does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        if name in PRODUCTS or name.startswith(ATTENTION):
            args = tree_map(_rounded, args)
        return func(*args, **(kwargs or {}))


def _rounded(x):
    if not (isinstance(x, torch.Tensor) and x.dtype == torch.float32):
        return x
    return tf32(x.contiguous())


@contextmanager
def lower(score, kind, device):
    """A network's score in lower precision, "tf32" or "bf16"."""
    if kind == "bf16":
        if device == "cpu" and not precision.cpu_speed_up(torch.bfloat16):
            pytest.skip("this CPU does not compute in bfloat16")
        yield score.in_precision(torch.bfloat16)
        return
    with float32_products(tf32=True), ImitatedTF32() if device == "cpu" else nullcontext():
        yield score


def length(device, name):
    """Iterations and seeds of a run on a device."""
    at_length, short = RUNS[name]
    return short if device == "cpu" else at_length, range(NUM_IMAGES.get(device, 2))


@pytest.fixture(scope="module")
def drawn(device):
    """A function that returns the images of the CPU and of the device, by the model's name."""

    @cache
    def both(name):
        num_steps, seeds = length(device, name)
        cpu, model = model_on(name, "cpu"), model_on(name, device)
        # A card sums in another order anyway; single images would take most of the tests' time.
        reference = one_at_a_time(cpu.score) if device == "cpu" else cpu.score
        expected = images_of(reference, run_of(cpu, num_steps, seeds))
        return expected, images_of(model.score, run_of(model, num_steps, seeds))

    return both


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("name", RUNS)
def test_the_images_are_those_of_the_cpu(drawn, name, chain, record_property):
    expected, found = (images[CHAINS.index(chain)] for images in drawn(name))
    off = relative(found, expected)
    record_property(f"largest difference, {name}, {chain}", off)
    assert off < FLOAT32


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("name", RUNS)
def test_pixels_differ_by_one_level_at_most(drawn, name, chain, record_property):
    expected, found = (
        torch.from_numpy(pictures.to_uint8(images[CHAINS.index(chain)].numpy())).int()
        for images in drawn(name)
    )
    difference = (found - expected).abs()
    record_property(
        f"share of other pixels, {name}, {chain}", float((difference > 0).float().mean())
    )
    assert int(difference.max()) <= 1


def test_the_noise_of_a_seed_is_that_of_the_cpu_bit_for_bit(device):
    shape = torch.Size((3, 3, 32, 32))
    here, there = (seeded_noise([7, 8, 9], device=at) for at in (device, "cpu"))
    found, expected = ([draw(shape) for _ in range(3)] for draw in (here, there))
    assert [x.device.type for x in found] == [torch.device(device).type] * 3
    torch.testing.assert_close(torch.stack(found).cpu(), torch.stack(expected), rtol=0, atol=0)


@pytest.mark.not_imitated
@pytest.mark.parametrize("kind", ["tf32", "bf16"])
@pytest.mark.parametrize("sigma", BOUNDS)
def test_a_network_call_in_lower_precision_is_as_close_as_its_bits(
    device, sigma, kind, record_property
):
    """The bounds are those of bf16 on a CPU; TF32 has three bits more."""
    expected_score, score = (model_on("portraits32", at).score for at in ("cpu", device))
    x, t = (v.cpu() for v in noisy(expected_score, sigma))
    with torch.no_grad():
        expected = expected_score(x, t)
        with lower(score, kind, device) as rough:
            found = rough(x.to(device), t.to(device)).cpu()
    off = float((found - expected).square().mean().sqrt() / expected.square().mean().sqrt())
    record_property(f"error of a call, {kind}, sigma {sigma:g}", off)
    assert 0 < off < BOUNDS[sigma] / (8 if kind == "tf32" else 1)


@pytest.mark.not_imitated
@pytest.mark.parametrize("kind", ["tf32", "bf16"])
def test_whole_runs_in_lower_precision_stay_close(device, drawn, kind, record_property):
    num_steps, seeds = length(device, "portraits32")
    expected, _ = drawn("portraits32")
    model = model_on("portraits32", device)
    with torch.no_grad(), lower(model.score, kind, device) as rough:
        found = images_of(rough, run_of(model, num_steps, seeds))
    difference = found - expected
    rms = {
        chain: float(off.square().mean().sqrt())
        for chain, off in zip(CHAINS, difference, strict=True)
    }
    for chain, off in rms.items():
        record_property(f"rms of images, {kind}, {chain}", off)
    record_property(f"largest difference, {kind}", float(difference.abs().max()))
    assert 0 < min(rms.values()) and max(rms.values()) < RMS[kind]


def vanilla_loop(model, noise, shape, sampler):
    """The vanilla sampler as anybody would write it."""
    sde, num_steps, snr = model.sde, sampler.num_steps, sampler.corrector.snr
    x = sde.sigma_max * noise(shape)
    levels = sde.sigma(torch.arange(num_steps, dtype=torch.float64) / (num_steps - 1))
    for k, t in zip(reversed(range(num_steps)), sampler.times(), strict=True):
        t = t.expand(len(x)).to(x.device)
        s, z = model.score(x, t), noise(shape)
        z_norm, s_norm = (torch.linalg.vector_norm(v, dim=(1, 2, 3), keepdim=True) for v in (z, s))
        e = 2 * (snr * (z_norm / s_norm)) ** 2
        x = x + e * s + (2 * e).sqrt() * z
        s, z = model.score(x, t), noise(shape)
        G = float((levels[k] ** 2 - (levels[k - 1] ** 2 if k else 0)).sqrt().float())
        x_mean = x + G**2 * s
        x = x_mean + G * z
    return x_mean


@torch.no_grad()
@pytest.mark.parametrize("name", RUNS)
def test_the_identity_is_vanilla_bit_for_bit(device, name):
    model = model_on(name, device)
    sampler, shape = model.sampler(3), torch.Size((2, *model.image_shape))
    expected = vanilla_loop(model, seeded_noise([5, 6], device=device), shape, sampler)
    noise = seeded_noise([5, 6], device=device)
    chain = replace(sampler, m=Identity()).chain(model.sde, noise=noise, shape=shape)
    assert torch.equal(sample(model.score, chain), expected)


def test_an_image_does_not_depend_on_its_batch(device, record_property):
    model = model_on("portraits32", device)
    num_steps, _ = length(device, "portraits32")
    seeds = range(3 if device == "cpu" else 6)
    together = images_of(model.score, run_of(model, num_steps, seeds))
    alone = images_of(model.score, run_of(model, num_steps, seeds[-2:-1]))
    off = relative(together[:, -2:-1], alone)
    record_property(f"largest difference, batch of {len(seeds)} and alone", off)
    assert off < FLOAT32


@pytest.mark.slow
def test_thirty_visitors_get_the_images_of_a_run_alone(device, record_property):
    model = model_on("portraits32", device)
    num_steps = 4 if device == "cpu" else 12
    chains = ("vanilla", "PDS")
    batcher, last = Batcher(model.score, max_images=48), {}
    runs = [run_of(model, num_steps, [seed], chains=chains) for seed in range(30)]
    for run in runs:
        batcher.join(run)
    while batcher.num_runs:
        last.update((p.run, p.steps) for p in batcher.step() if p.steps is not None)
    crowd = torch.stack([torch.stack([step.x_mean.cpu() for step in last[run]]) for run in runs])
    seeds = (0, 13, 29)
    alone = torch.stack(
        [images_of(model.score, run_of(model, num_steps, [seed], chains=chains)) for seed in seeds]
    )
    off = relative(crowd[list(seeds)], alone)
    record_property("largest difference, 30 visitors and alone", off)
    assert off < FLOAT32


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 8, 17])
@pytest.mark.parametrize("name", RUNS)
def test_a_cuda_graph_gives_the_scores_of_the_eager_call(device, name, count, record_property):
    if torch.device(device).type != "cuda":
        pytest.skip("only a GPU has CUDA graphs")
    model = model_on(name, device)
    replayed = accelerate(model.score, torch.device(device))
    assert isinstance(replayed, Graphed)
    times = torch.linspace(0.1, 0.9, count, dtype=torch.float64).to(device)
    off = {}
    for seed in range(3):  # captured with the first, replayed with the others
        noise = seeded_noise(range(seed, seed + count), device=device)
        x = noise(torch.Size((count, *model.image_shape)))
        # In TF32, which `accelerate` turned on, the algorithms of batch sizes differ by more.
        with float32_products(tf32=False):
            off[seed] = relative(replayed(x, times).cpu(), model.score(x, times).cpu())
        record_property(f"largest difference, CUDA graph and eager, {name}, {count}", off[seed])
    assert [seed for seed in off if not off[seed] < FLOAT32] == [], off
    assert not replayed._eager


@torch.no_grad()
@pytest.mark.parametrize("name", ["portraits32", "portraits64"])
def test_channels_last_group_norms_give_the_scores_of_torchs(
    device, name, monkeypatch, record_property
):
    if torch.device(device).type != "cuda":
        pytest.skip("torch's group norm keeps channels last on a CPU")
    model = model_on(name, device)
    x = seeded_noise(range(8), device=device)(torch.Size((8, *model.image_shape)))
    times = torch.linspace(0.1, 0.9, 8, dtype=torch.float64).to(device)
    expected = model.score(x, times).cpu()
    monkeypatch.setattr(normalization, "LARGE", 1)
    replayed = accelerate(model.score, torch.device(device))
    with float32_products(tf32=False):
        found = {"eager": model.score(x, times).cpu(), "CUDA graph": replayed(x, times).cpu()}
    off = {form: relative(scores, expected) for form, scores in found.items()}
    for form in off:
        record_property(f"largest difference, channels-last group norms, {name}, {form}", off[form])
    assert not replayed._eager
    assert max(off.values()) < FLOAT32
