"""The engine as a plain object: one thread, no clock."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pds import filters, models
from pds.chains import Chains, Method, Sampler, recorded_noise, seeded_noise
from pds.engine import Engine
from pds.kernels import EulerMaruyama, Langevin, MarginalPreserving, ReverseDiffusion
from pds.preconditioners import (
    Composition,
    FrequencyFilter,
    HalfSpectrum,
    Identity,
    Skew,
    SpaceFilter,
)
from pds.sampling import sample, steps
from pds.scores.gaussian import GaussianField, inverse_square_power
from pds.sde import VESDE, VPSDE

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
    return Sampler(**{"num_steps": num_steps, "eps": 1e-3, "corrector": PER_IMAGE, **options})


def chains(*, seed=0, num_images=2, preconditioners=(Identity(), RAMP), **options):
    at = options.get("sampler", sampler(options.get("num_steps", 6)))
    return Chains(
        SDE,
        methods=options.get("methods", [Method(at, m) for m in preconditioners]),
        noise=seeded_noise(range(seed, seed + num_images)),
        shape=(num_images, *SHAPE[1:]),
    )


def drain(engine, *, most=10_000):
    """Step until nobody is left; the last states of each run."""
    last = {}
    for _ in range(most):
        if not engine.num_runs:
            return last
        last.update((p.chains, p.steps) for p in engine.step())
    raise AssertionError("the engine does not come to an end")


def alone(run, chain, *, seed, num_images=2):
    """The result of one chain of a run by itself."""
    chain = run.each[chain]
    return sample(
        steps(
            FIELD, SDE, sampler=chain.sampler, noise=seeded_noise(range(seed, seed + num_images)),
            shape=(num_images, *SHAPE[1:]), preconditioner=chain.preconditioner,
        )
    )  # fmt: skip


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
    "other noise levels": {"methods": (Method(sampler()), Method(NARROW, RAMP))},
}


def test_everybody_gets_in_a_crowd_what_they_get_alone():
    """All kinds of runs at once, in batches of at most 9 images, joining one after the other.

    The score of a field is exact, so only sums in another order may differ: 1e-5 of the result's
    range is a hundred float32 roundings, over some twenty half steps.
    """
    engine = Engine(FIELD, SDE, max_images=9)
    last, runs = {}, {}
    for seed, (name, options) in enumerate(CROWD.items()):
        runs[name] = chains(seed=10 * seed, **options)
        engine.join(runs[name])
        last.update((p.chains, p.steps) for p in engine.step())
    last |= drain(engine)
    for seed, (name, options) in enumerate(CROWD.items()):
        run, count = runs[name], options.get("num_images", 2)
        for chain, step in enumerate(last[run]):
            expected = alone(run, chain, seed=10 * seed, num_images=count)
            scale = float(expected.abs().max())
            torch.testing.assert_close(
                step.x_mean, expected, rtol=0, atol=1e-5 * scale, msg=lambda m, n=name: f"{n}: {m}"
            )


def test_a_network_gives_the_same_images_in_a_crowd():
    """The shipped network rounds differently when the batch has another size.

    Sums in float32 differ by about 1e-7 of the activations; 12 iterations, each of which shrinks
    what is left of an earlier difference with the noise, leave far less than half a gray level,
    1/510, which is what would change a pixel.
    """
    model = models.load("portraits32")
    request = models.Request(num_steps=12)
    tuned = model.method(replace(request, tuned=True))
    methods = (model.vanilla(12), model.method(request), tuned)

    def run(seed, count):
        noise = seeded_noise(range(seed, seed + count))
        return Chains(model.sde, methods=methods, noise=noise, shape=(count, 3, 32, 32))

    lonely, watched = run(5, 2), run(5, 2)
    engine = Engine(model.score, model.sde)
    engine.join(lonely)
    expected = drain(engine)[lonely]
    for run_ in (run(90, 3), watched, run(70, 5)):
        engine.join(run_)
    for step, other in zip(drain(engine)[watched], expected, strict=True):
        assert float((step.x_mean - other.x_mean).abs().max()) < 1 / 510


def test_all_runs_share_one_network_call_per_half_step():
    score = CountedScore()
    engine = Engine(score, SDE)
    for seed, count in enumerate((1, 2, 3)):
        engine.join(chains(seed=seed, num_images=count))
    drain(engine)
    assert score.sizes == [2 * (1 + 2 + 3)] * 12


def test_no_call_has_more_images_than_fit_and_a_larger_run_is_called_alone():
    score = CountedScore()
    engine = Engine(score, SDE, max_images=5)
    for seed, count in enumerate((1, 1, 4, 2)):
        engine.join(chains(seed=seed, num_images=count))
    drain(engine)
    assert set(score.sizes) <= {2, 4, 8}
    assert score.sizes.count(8) == 12
    assert sum(score.sizes) == 2 * (1 + 1 + 4 + 2) * 12


def test_a_newcomer_has_a_first_iteration_before_the_others_go_on():
    engine = Engine(FIELD, SDE, max_images=4)
    veterans = [chains(seed=seed, num_steps=2000) for seed in range(3)]
    for run in veterans:
        engine.join(run)
    for _ in range(20):
        engine.step()
    before = [run.index for run in veterans]
    newcomer = chains(seed=9)
    engine.join(newcomer)
    ended = [p.chains for _ in range(2) for p in engine.step()]
    assert ended == [newcomer]
    assert [run.index for run in veterans] == before


def test_nobody_waits_for_another_ones_many_iterations():
    engine = Engine(FIELD, SDE, max_images=4)
    long, short = chains(num_steps=2000), chains(seed=5, num_steps=10)
    engine.join(long)
    for _ in range(9):
        engine.step()
    engine.join(short)
    calls = 0
    while not short.finished:
        engine.step()
        calls += 1
    assert calls <= 2 * 20


def test_turns_are_shared_evenly():
    engine = Engine(FIELD, SDE, max_images=8)
    runs = [chains(seed=seed, num_steps=500) for seed in range(5)]
    for run in runs:
        engine.join(run)
    for _ in range(100):
        engine.step()
    done = [run.index for run in runs]
    assert max(done) - min(done) <= 1
    assert sum(done) >= 2 * 100 // 2 - len(runs)


def test_a_run_that_leaves_takes_no_more_network_calls_and_can_come_back():
    score = CountedScore()
    engine = Engine(score, SDE)
    stays, leaves = chains(), chains(seed=5)
    engine.join(stays)
    engine.join(leaves)
    for _ in range(3):
        engine.step()
    engine.leave(leaves)
    drain(engine)
    assert score.sizes == [8] * 3 + [4] * 9
    engine.join(leaves)
    (steps_,) = drain(engine).values()
    torch.testing.assert_close(steps_[1].x_mean, alone(leaves, 1, seed=5))


def test_noise_is_drawn_once_for_all_chains_of_a_run():
    tensors = list(torch.randn(1 + 12, *SHAPE, generator=torch.Generator().manual_seed(0)))
    methods = [Method(sampler(), m) for m in (Identity(), RAMP, STEEP)]
    run = Chains(SDE, methods=methods, noise=recorded_noise(tensors), shape=SHAPE)
    engine = Engine(FIELD, SDE)
    engine.join(run)
    assert drain(engine)[run][0].nfe == 12


def test_other_noise_levels_are_those_of_the_process_between_them():
    """The network is told the time at which its own process has the noise level."""
    engine = Engine(FIELD, SDE)
    run = chains(seed=3, methods=(Method(sampler()), Method(NARROW, RAMP)))
    engine.join(run)
    steps_ = drain(engine)[run]
    between = VESDE(0.05, 20.0)
    expected = sample(
        steps(
            GaussianField(POWER, between, mean=0.5), between,
            sampler=replace(NARROW, sigmas=None), noise=seeded_noise((3, 4)), shape=SHAPE,
            preconditioner=RAMP,
        )
    )  # fmt: skip
    torch.testing.assert_close(steps_[1].x_mean, expected, rtol=0, atol=2e-5)
    assert steps_[1].sigma == pytest.approx(float(between.sigma(torch.tensor(1e-3))))
    assert steps_[1].t == pytest.approx(float(SDE.time(torch.tensor(steps_[1].sigma))))


def test_chains_of_different_lengths_are_no_run():
    for other in (sampler(7), sampler(num_corrector_steps=2)):
        with pytest.raises(ValueError, match="as many iterations and kernels, got 6 of 2 and"):
            chains(methods=(Method(sampler()), Method(other)))


@pytest.mark.parametrize("sigmas", [(0.001, 5.0), (0.1, 101.0), (5.0, 5.0), (6.0, 5.0)])
def test_noise_levels_that_the_model_does_not_know_are_refused(sigmas):
    method = Method(sampler(sigmas=sigmas))
    with pytest.raises(ValueError, match=r"must ascend within 0\.01 to 100, which the model knows"):
        method.rehearse(SDE, torch.ones(1, *SHAPE[1:]))


def test_another_process_than_ve_has_no_noise_levels_to_choose():
    with pytest.raises(ValueError, match="for VE only, not for VPSDE; leave sigmas out"):
        sampler(sigmas=(0.1, 5.0)).process(VPSDE())


def test_a_batch_too_large_for_the_memory_is_halved_and_nothing_is_lost():
    sizes = []

    def score(x, t):
        sizes.append(len(x))
        if len(x) > 5:
            raise torch.OutOfMemoryError("out of memory")
        return FIELD(x, t)

    engine = Engine(score, SDE)
    runs = [chains(seed=10 * seed) for seed in range(4)]
    for run in runs:
        engine.join(run)
    last = drain(engine)
    assert sizes[:3] == [16, 8, 4]
    for seed, run in enumerate(runs):
        torch.testing.assert_close(last[run][1].x_mean, alone(run, 1, seed=10 * seed))


def test_a_single_run_too_large_for_the_memory_is_an_error():
    def score(x, t):
        raise torch.OutOfMemoryError("out of memory")

    engine = Engine(score, SDE)
    engine.join(chains())
    with pytest.raises(torch.OutOfMemoryError):
        engine.step()


def test_images_of_another_size_are_refused():
    engine = Engine(FIELD, SDE)
    engine.join(chains())
    methods = [Method(sampler())]
    other = Chains(SDE, methods=methods, noise=seeded_noise([0]), shape=(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"\(3, 4, 4\) cannot join a batch of \(3, 8, 8\)"):
        engine.join(other)


def test_a_batch_needs_room_for_an_image():
    with pytest.raises(ValueError, match="at least 1 image, got max_images 0"):
        Engine(FIELD, SDE, max_images=0)


@pytest.mark.parametrize("predictor", [ReverseDiffusion(), MarginalPreserving(), EulerMaruyama()])
def test_an_iteration_never_waits_for_the_device(predictor):
    """On the meta device there are no numbers: whatever asks for one fails.

    Copies to a device wait for all that is under way on it, unless they are told not to.
    """
    masks = {"frequency_mask": torch.rand(3, 8, 8) * 0 + 1, "space_mask": torch.rand(3, 8, 8) + 1}
    m = filters.preconditioner(**masks, alpha=5.0)
    parts = [RAMP, STEEP, m]
    run = Chains(
        SDE,
        methods=[
            Method(at, m)
            for at in (
                sampler(predictor=predictor),
                sampler(predictor=predictor, sigmas=(0.1, 9.0)),
            )
            for m in (Identity(), *(_on_meta(part) for part in parts))
        ],
        noise=lambda shape: torch.empty(shape, device="meta"),
        shape=SHAPE,
    )
    engine = Engine(lambda x, t: torch.empty_like(x), SDE)
    engine.join(run)
    with Copies() as copies:
        (step, *_) = drain(engine)[run]
    assert step.x_mean.device.type == "meta"
    assert len(copies.waits) > 12
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
        prepared = (v.to("meta") for v in (m.half.once, m.half.twice, m.half.unweight))
        object.__setattr__(moved, "half", HalfSpectrum(*prepared, m.half.size))
    return moved
