"""The batcher, driven step by step without a thread or a clock."""

import copy
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pds import filters, models
from pds.driving import recorded_noise, sample, seeded_noise, side_by_side
from pds.kernels import EulerMaruyama, Langevin, MarginalPreserving, ReverseDiffusion
from pds.preconditioners import Composition, FrequencyFilter, Identity, Skew, SpaceFilter
from pds.sampling import PredictorCorrector, ProbabilityFlow
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE
from pds.serving.batcher import Batcher
from pds.spectra import inverse_square_power
from tests.support.placed import here, placed

SDE = VESDE(0.01, 100.0)
POWER = inverse_square_power(8, variance=0.06)
FIELD = GaussianField(POWER, SDE, mean=0.5)
SHAPE = (2, 3, 8, 8)
RADII = torch.fft.fftfreq(8).abs()
RAMP = FrequencyFilter((1 + 0.3 * (RADII[:, None] + RADII)).expand(3, 8, 8))
STEEP = FrequencyFilter((1 + 0.6 * (RADII[:, None] + RADII)).expand(3, 8, 8))
VIGNETTE = SpaceFilter(torch.linspace(1, 1.2, 3 * 64).reshape(3, 8, 8))
EDGES = SpaceFilter(torch.linspace(1.3, 1, 3 * 64).reshape(3, 8, 8))
PER_IMAGE = Langevin(0.15, snr_norm="sample")


class CountedScore:
    """The exact score of a field; keeps how many images each call had."""

    def __init__(self):
        self.sizes = []

    def __call__(self, x, t):
        self.sizes.append(len(x))
        return FIELD(x, t)


def sampler(num_steps=6, **options):
    return PredictorCorrector(
        **{"num_steps": num_steps, "eps": 1e-3, "corrector": PER_IMAGE, **options}
    )


def samplers_of(*, preconditioners=(Identity(), RAMP), **options):
    at = options.get("sampler", sampler(options.get("num_steps", 6)))
    return options.get("samplers", [replace(at, m=m) for m in preconditioners])


def chains(*, seed=0, num_images=2, **options):
    return side_by_side(
        samplers_of(**options),
        SDE,
        noise=seeded_noise(range(seed, seed + num_images), device=here()),
        shape=(num_images, *SHAPE[1:]),
    )


def drain(batcher, *, most=10_000):
    """Step until no run is left; the last steps of each run."""
    last = {}
    for _ in range(most):
        if not batcher.num_runs:
            return last
        for progress in batcher.step():
            assert progress.error is None
            if progress.steps is not None:
                last[progress.run] = progress.steps
    raise AssertionError("the batcher does not come to an end")


def alone(one, *, seed, num_images=2):
    """The result of one sampler by itself."""
    noise = seeded_noise(range(seed, seed + num_images), device=here())
    return sample(FIELD, one.chain(SDE, noise=noise, shape=(num_images, *SHAPE[1:])))


class Done:
    """Counts the iterations that each run has ended."""

    def __init__(self, batcher):
        self.batcher, self.iterations, self.finished = batcher, Counter(), set()

    def step(self):
        """Make a network call; the runs that ended an iteration with it."""
        progress = self.batcher.step()
        ended = [p.run for p in progress if p.steps is not None]
        self.iterations.update(ended)
        self.finished.update(p.run for p in progress if p.finished)
        return ended


NARROW = sampler(sigmas=(0.05, 20.0), corrector=Langevin(0.4, "sample"))

CROWD = {
    "another N": {"num_steps": 11},
    "another filter": {"preconditioners": (Identity(), STEEP)},
    "three chains": {"preconditioners": (Identity(), RAMP, STEEP)},
    "no filter": {"preconditioners": (Identity(),)},
    "both filters": {"preconditioners": (Identity(), Composition(RAMP, VIGNETTE))},
    "other filters": {"preconditioners": (Composition(STEEP, EDGES),)},
    "a space filter": {"preconditioners": (VIGNETTE, EDGES)},
    "a skew part": {"preconditioners": (Identity(), Skew(RAMP, 0.5))},
    "another step size": {"sampler": sampler(corrector=Langevin(0.3, "sample"))},
    "batch norms": {"sampler": sampler(corrector=Langevin(0.15, "batch"))},
    "another predictor": {"sampler": sampler(predictor=MarginalPreserving())},
    "no corrector": {"sampler": sampler(corrector=None, predictor=EulerMaruyama())},
    "three correctors": {"sampler": sampler(num_corrector_steps=3)},
    "one image": {"num_images": 1},
    "other noise levels": {"samplers": (sampler(), replace(NARROW, m=RAMP))},
    "chains of different lengths": {"samplers": (sampler(), sampler(9, corrector=None))},
    "the probability flow": {"samplers": (sampler(), ProbabilityFlow("heun", 7))},
}


def test_a_run_gives_the_same_images_in_a_crowd_as_alone():
    """All kinds of runs at once, in batches of at most 9 images, joining one after the other.

    The score of a field is exact, so only sums in another order may differ: 1e-5 of the result's
    range is a hundred float32 roundings, over some twenty half steps.
    """
    batcher = Batcher(FIELD, max_images=9)
    last, runs = {}, {}
    for seed, (name, options) in enumerate(CROWD.items()):
        runs[name] = chains(seed=10 * seed, **options)
        batcher.join(runs[name])
        last.update((p.run, p.steps) for p in batcher.step() if p.steps is not None)
    last |= drain(batcher)
    for seed, (name, options) in enumerate(CROWD.items()):
        run, count = runs[name], options.get("num_images", 2)
        crowd = {name: value for name, value in options.items() if name != "num_images"}
        for one, step in zip(samplers_of(**crowd), last[run], strict=True):
            expected = alone(one, seed=10 * seed, num_images=count)
            scale = float(expected.abs().max())
            torch.testing.assert_close(
                step.x_mean, expected, rtol=0, atol=1e-5 * scale, msg=partial("{}: {}".format, name)
            )


@pytest.mark.slow
def test_a_network_gives_the_same_images_in_a_crowd():
    """The shipped network rounds differently when the batch has another size.

    Sums in float32 differ by about 1e-7 of the activations; 5 iterations, each of which shrinks
    what is left of an earlier difference with the noise, leave far less than half a gray level,
    1/510, which is what would change a pixel.
    """
    model = models.load_model("portraits32")
    request = models.Request(num_steps=5)
    tuned = model.method(replace(request, tuned=True))
    samplers = (model.sampler(5), model.method(request), tuned)

    def run(seed, count):
        noise = seeded_noise(range(seed, seed + count), device=here())
        return side_by_side(samplers, model.sde, noise=noise, shape=(count, 3, 32, 32))

    lonely, watched = run(5, 1), run(5, 1)
    batcher = Batcher(placed(copy.deepcopy(model.score)))
    batcher.join(lonely)
    expected = drain(batcher)[lonely]
    for run_ in (run(90, 1), watched, run(70, 1)):
        batcher.join(run_)
    found, expected = (
        torch.stack([step.x_mean for step in last]) for last in (drain(batcher)[watched], expected)
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1 / 510)


def test_all_runs_share_one_network_call_per_half_step():
    score = CountedScore()
    batcher = Batcher(score)
    for seed, count in enumerate((1, 2, 3)):
        batcher.join(chains(seed=seed, num_images=count))
    drain(batcher)
    assert score.sizes == [2 * (1 + 2 + 3)] * 12


def test_no_call_has_more_images_than_fit_and_a_larger_run_is_called_alone():
    score = CountedScore()
    batcher = Batcher(score, max_images=5)
    for seed, count in enumerate((1, 1, 4, 2)):
        batcher.join(chains(seed=seed, num_images=count))
    drain(batcher)
    assert set(score.sizes) <= {2, 4, 8}
    assert score.sizes.count(8) == 12
    assert sum(score.sizes) == 2 * (1 + 1 + 4 + 2) * 12


def test_a_new_run_has_a_first_iteration_before_the_others_continue():
    batcher = Batcher(FIELD, max_images=4)
    done = Done(batcher)
    for seed in range(3):
        batcher.join(chains(seed=seed, num_steps=2000))
    for _ in range(20):
        done.step()
    newcomer = chains(seed=9)
    batcher.join(newcomer)
    assert [run for _ in range(2) for run in done.step()] == [newcomer]


def test_a_run_does_not_wait_for_the_many_iterations_of_another():
    batcher = Batcher(FIELD, max_images=4)
    done = Done(batcher)
    long, short = chains(num_steps=2000), chains(seed=5, num_steps=10)
    batcher.join(long)
    for _ in range(9):
        done.step()
    batcher.join(short)
    calls = 0
    while short not in done.finished:
        done.step()
        calls += 1
    assert calls <= 2 * 20


def test_turns_are_shared_evenly():
    batcher = Batcher(FIELD, max_images=8)
    counted = Done(batcher)
    runs = [chains(seed=seed, num_steps=500) for seed in range(5)]
    for run in runs:
        batcher.join(run)
    for _ in range(100):
        counted.step()
    done = [counted.iterations[run] for run in runs]
    assert max(done) - min(done) <= 1
    assert sum(done) >= 2 * 100 // 2 - len(runs)


def test_a_paused_run_takes_no_network_calls_and_resumes_where_it_was():
    score = CountedScore()
    batcher = Batcher(score)
    stays, leaves = chains(), chains(seed=5)
    batcher.join(stays)
    batcher.join(leaves)
    for _ in range(3):
        batcher.step()
    batcher.pause(leaves)
    drain(batcher)
    assert score.sizes == [8] * 3 + [4] * 9
    batcher.pause(leaves, paused=False)
    (steps_,) = drain(batcher).values()
    torch.testing.assert_close(steps_[1].x_mean, alone(replace(sampler(), m=RAMP), seed=5))


def test_a_run_that_leaves_is_closed_and_takes_no_network_calls():
    score = CountedScore()
    batcher = Batcher(score)
    stays, leaves = chains(), chains(seed=5)
    batcher.join(stays)
    batcher.join(leaves)
    batcher.step()
    batcher.leave(leaves)
    drain(batcher)
    assert score.sizes == [8] + [4] * 11
    with pytest.raises(StopIteration):
        next(leaves)


def test_an_error_in_a_run_ends_that_run_and_no_other():
    batcher = Batcher(FIELD)
    tensors = [torch.ones(SHAPE)] * 3
    broken = side_by_side([sampler()], SDE, noise=recorded_noise(tensors), shape=SHAPE)
    healthy = chains(seed=5)
    batcher.join(broken)
    batcher.join(healthy)
    failed = {}
    for _ in range(3):
        failed |= {p.run: p.error for p in batcher.step() if p.error is not None}
    assert set(failed) == {broken}
    assert "none is left" in str(failed[broken])
    steps_ = drain(batcher)[healthy]
    torch.testing.assert_close(steps_[1].x_mean, alone(replace(sampler(), m=RAMP), seed=5))


def test_noise_is_drawn_once_for_all_chains_of_a_run():
    tensors = list(torch.randn(1 + 12, *SHAPE, generator=torch.Generator().manual_seed(0)))
    samplers = [replace(sampler(), m=m) for m in (Identity(), RAMP, STEEP)]
    run = side_by_side(samplers, SDE, noise=recorded_noise(tensors), shape=SHAPE)
    batcher = Batcher(FIELD)
    batcher.join(run)
    assert drain(batcher)[run][0].nfe == 12


def test_other_noise_levels_are_those_of_the_process_between_them():
    """The network gets the time at which its own process has the noise level."""
    batcher = Batcher(FIELD)
    run = chains(seed=3, samplers=(sampler(), replace(NARROW, m=RAMP)))
    batcher.join(run)
    steps_ = drain(batcher)[run]
    between = VESDE(0.05, 20.0)
    chain = replace(NARROW, sigmas=None, m=RAMP).chain(
        between, noise=seeded_noise((3, 4), device=here()), shape=SHAPE
    )
    expected = sample(GaussianField(POWER, between, mean=0.5), chain)
    torch.testing.assert_close(steps_[1].x_mean, expected, rtol=0, atol=2e-5)
    assert steps_[1].sigma == pytest.approx(float(between.sigma(torch.tensor(1e-3))))
    assert steps_[1].t == pytest.approx(float(SDE.time(torch.tensor(steps_[1].sigma))))


def test_a_batch_too_large_for_the_memory_is_halved_and_nothing_is_lost():
    sizes = []

    def score(x, t):
        sizes.append(len(x))
        if len(x) > 5:
            raise torch.OutOfMemoryError("out of memory")
        return FIELD(x, t)

    batcher = Batcher(score)
    runs = [chains(seed=10 * seed) for seed in range(4)]
    for run in runs:
        batcher.join(run)
    last = drain(batcher)
    assert sizes[:3] == [16, 8, 4]
    assert sizes[3:] == [4] * (12 * 4 - 1)
    found = torch.stack([last[run][1].x_mean for run in runs])
    ramp = replace(sampler(), m=RAMP)
    expected = torch.stack([alone(ramp, seed=10 * seed) for seed in range(4)])
    torch.testing.assert_close(found, expected)


def test_a_single_image_too_large_for_the_memory_is_an_error_in_one_sentence():
    def score(x, t):
        raise torch.OutOfMemoryError("out of memory")

    batcher = Batcher(score)
    batcher.join(chains())
    with pytest.raises(ValueError, match=f"one image of 3 x 8 x 8 needs more memory than {here()}"):
        batcher.step()


def test_images_of_another_size_are_refused():
    batcher = Batcher(FIELD)
    batcher.join(chains())
    other = side_by_side(
        [sampler()], SDE, noise=seeded_noise([0], device=here()), shape=(1, 3, 4, 4)
    )
    with pytest.raises(ValueError, match=r"\(3, 4, 4\) cannot join a batch of \(3, 8, 8\)"):
        batcher.join(other)


def test_a_batch_needs_room_for_an_image():
    with pytest.raises(ValueError, match="at least 1 image, got max_images 0"):
        Batcher(FIELD, max_images=0)


@pytest.mark.about_cpu
@pytest.mark.parametrize("predictor", [ReverseDiffusion(), MarginalPreserving(), EulerMaruyama()])
def test_an_iteration_never_waits_for_the_device(predictor):
    """On the meta device there are no numbers: whatever asks for one fails.

    Copies to a device wait for all that is under way on it, unless they are asynchronous.
    """
    masks = {"frequency_mask": torch.rand(3, 8, 8) * 0 + 1, "space_mask": torch.rand(3, 8, 8) + 1}
    m = filters.preconditioner(**masks, alpha=5.0)
    parts = [RAMP, STEEP, m]
    run = side_by_side(
        [
            replace(at, m=m)
            for at in (
                sampler(predictor=predictor),
                sampler(predictor=predictor, sigmas=(0.1, 9.0)),
            )
            for m in (Identity(), *(_on_meta(part) for part in parts))
        ],
        SDE,
        noise=lambda shape: torch.empty(shape, device="meta"),
        shape=SHAPE,
    )
    batcher = Batcher(lambda x, t: torch.empty_like(x))
    batcher.join(run)
    with Copies() as copies:
        (step, *_) = drain(batcher)[run]
    assert step.x_mean.device.type == "meta"
    # The times of each network call; grids and coefficients are numbers.
    assert len(copies.waits) == 12
    assert not any(copies.waits)


class Copies(TorchDispatchMode):
    """Notes of each copy from the CPU to the meta device whether it waits."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default:
            target = kwargs.get("device")
            if args[0].device.type == "cpu" and target is not None and target.type == "meta":
                self.waits.append(not kwargs.get("non_blocking", False))
        return func(*args, **kwargs)


def _on_meta(m):
    """The same filter with its prepared gains on the meta device."""
    if isinstance(m, Composition):
        return Composition(_on_meta(m.outer), _on_meta(m.inner))
    moved = object.__new__(type(m))
    object.__setattr__(moved, "gain", m.gain.to("meta"))
    if isinstance(m, FrequencyFilter):
        moved.__dict__["_factors"] = type(m._factors)(*(v.to("meta") for v in m._factors))
    return moved
