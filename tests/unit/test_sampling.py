import gc
import weakref
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from pds.driving import recorded_noise, sample, seeded_noise, side_by_side, steps
from pds.kernels import Ancestral, Langevin, ReverseDiffusion
from pds.preconditioners import FrequencyFilter, Identity
from pds.sampling import PredictorCorrector, ProbabilityFlow, Query, advance
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE, SubVPSDE
from pds.spectra import inverse_square_power, power
from tests.support.placed import here

SDE = VESDE(0.01, 100.0)
SHAPE = (2, 3, 8, 8)
SAMPLER = PredictorCorrector(num_steps=12, eps=1e-3, corrector=Langevin(0.15, "sample"))
FIELD = GaussianField(inverse_square_power(8, variance=0.06), SDE, mean=0.5)
FILTER = FrequencyFilter(1 + torch.ones(8, 8) * 0.2)


class CountedScore:
    """Counts calls, and the images in them."""

    def __init__(self, score=FIELD):
        self.score, self.calls, self.images = score, 0, 0

    def __call__(self, x, t):
        self.calls, self.images = self.calls + 1, self.images + len(x)
        return self.score(x, t)


def chain(*, sde=SDE, sampler=SAMPLER, seeds=(5, 6)):
    return sampler.chain(
        sde, noise=seeded_noise(seeds, device=here()), shape=(len(seeds), *SHAPE[1:])
    )


def run(*, score=FIELD, **options):
    return steps(score, chain(**options))


def drawn(*, score=FIELD, **options):
    return sample(score, chain(**options))


def run_pair(*samplers, score=FIELD):
    samplers = samplers or (SAMPLER, replace(SAMPLER, m=FILTER))
    return steps(
        score, side_by_side(samplers, SDE, noise=seeded_noise([5, 6], device=here()), shape=SHAPE)
    )


def vanilla_loop(noise, num_steps, eps, snr):
    """The vanilla PC sampler as anybody would write it."""
    x = SDE.sigma_max * noise(torch.Size(SHAPE))
    for i, t in enumerate(torch.linspace(1, eps, num_steps, dtype=torch.float64)):
        s, z = FIELD(x, t.expand(2)), noise(x.shape)
        z_norm, s_norm = (torch.linalg.vector_norm(v, dim=(1, 2, 3), keepdim=True) for v in (z, s))
        e = 2 * (snr * (z_norm / s_norm)) ** 2
        x = x + e * s + (2 * e).sqrt() * z
        s, z = FIELD(x, t.expand(2)), noise(x.shape)
        k = num_steps - 1 - i
        shares = torch.arange(num_steps, dtype=torch.float64) / max(num_steps - 1, 1)
        levels = SDE.sigma(shares)
        G = float((levels[k] ** 2 - (levels[k - 1] ** 2 if k else 0)).sqrt().float())
        x_mean = x + G**2 * s
        x = x_mean + G * z
    return x_mean


@pytest.mark.parametrize("num_steps", [1, 2, 12])
def test_identity_is_vanilla_bit_for_bit(num_steps):
    corrector = Langevin(0.15, "sample")
    sampler = PredictorCorrector(num_steps, eps=1e-3, corrector=corrector, m=Identity())
    expected = vanilla_loop(seeded_noise([5, 6], device=here()), num_steps, 1e-3, 0.15)
    assert torch.equal(drawn(sampler=sampler), expected)


def test_images_in_float64_are_stepped_in_float64():
    """G = sigma_min is no float32 number, so that a rounded one would show at 1e-8."""
    x = torch.ones(SHAPE, dtype=torch.float64)
    sampler = PredictorCorrector(1, 1e-3, corrector=None)
    images = sample(lambda x, t: x, sampler.chain(SDE, noise=lambda _: x, shape=SHAPE))
    torch.testing.assert_close(images, SDE.sigma_max * x * (1 + 0.01**2), rtol=1e-14, atol=0)


def test_the_vanilla_half_of_a_comparison_is_the_vanilla_run():
    states = torch.stack([vanilla.x for vanilla, _ in run_pair()])
    torch.testing.assert_close(states, torch.stack([step.x for step in run()]))


def test_the_preconditioned_half_of_a_comparison_is_the_preconditioned_run():
    *_, (vanilla, pds) = run_pair()
    torch.testing.assert_close(pds.x_mean, drawn(sampler=replace(SAMPLER, m=FILTER)))
    assert (pds.x_mean - vanilla.x_mean).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("options", "per_step"),
    [
        ({}, 2),
        ({"corrector": None}, 1),
        ({"predictor": None}, 1),
        ({"num_corrector_steps": 3}, 4),
    ],
)
def test_reported_nfe_is_the_number_of_network_calls(options, per_step):
    score = CountedScore()
    sampler = PredictorCorrector(num_steps=7, eps=1e-3, **options)
    *_, last = run(score=score, sampler=sampler)
    assert last.nfe == sampler.nfe == score.calls == 7 * per_step


MIXED = {
    "another N": replace(SAMPLER, num_steps=30),
    "no corrector": replace(SAMPLER, corrector=None, num_steps=5),
    "three correctors": replace(SAMPLER, num_corrector_steps=3),
    "other noise levels": replace(SAMPLER, sigmas=(0.05, 20.0), m=FILTER),
    "Heun": ProbabilityFlow("heun", 9),
    "Euler": ProbabilityFlow("euler", 40),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_step_knows_the_level_of_the_next_call(name):
    levels = [(step.sigma, step.next_sigma) for step in run(sampler=MIXED[name])]
    assert [following for _, following in levels] == [*(sigma for sigma, _ in levels[1:]), None]


def test_a_comparison_makes_one_network_call_per_half_step():
    score = CountedScore()
    *_, (vanilla, pds) = run_pair(score=score)
    assert score.calls == vanilla.nfe == pds.nfe == 24
    assert score.images == 24 * 4


@pytest.mark.parametrize("name", MIXED)
def test_chains_that_differ_in_all_give_side_by_side_what_they_give_alone(name):
    other, score = MIXED[name], CountedScore()
    *_, (first, second) = run_pair(SAMPLER, other, score=score)
    torch.testing.assert_close(first.x_mean, drawn())
    torch.testing.assert_close(second.x_mean, drawn(sampler=other))
    assert (first.index, second.index) == (11, other.num_steps - 1)
    assert (first.nfe, second.nfe) == (SAMPLER.nfe, other.nfe)
    assert score.calls == max(SAMPLER.nfe, other.nfe)
    assert score.images == 2 * (SAMPLER.nfe + other.nfe)


def test_the_steps_of_both_sides_come_whenever_one_has_ended_an_iteration():
    pairs = list(run_pair(SAMPLER, replace(SAMPLER, corrector=None, num_steps=15)))
    indices = [tuple(step.index for step in pair) for pair in pairs]
    # Two calls an iteration on the left, one on the right, which also ends first.
    assert indices[:4] == [(0, 1), (0, 2), (1, 3), (1, 4)]
    assert indices[-1] == (11, 14)


def test_no_step_keeps_the_tensors_of_another_chain_alive():
    pairs = run_pair()
    vanilla, pds = next(pairs)
    watched = weakref.ref(pds.x)
    del pds, pairs
    gc.collect()
    assert watched() is None
    assert torch.isfinite(vanilla.x_mean).all()


def test_closing_a_comparison_closes_its_chains():
    closed = []

    class Watched:
        num_steps, nfe = 3, 3

        def chain(self, sde, *, noise, shape):
            try:
                while True:
                    yield Query(torch.zeros(shape), (1.0,) * shape[0])
            finally:
                closed.append(True)

    run = side_by_side(
        [Watched(), Watched()], SDE, noise=seeded_noise([5, 6], device=here()), shape=SHAPE
    )
    advance(run)
    run.close()
    assert closed == [True, True]


@pytest.mark.parametrize("short", [replace(SAMPLER, num_steps=2), ProbabilityFlow("euler", 12)])
def test_a_chain_that_draws_less_noise_does_not_keep_the_noise_of_the_longer_one(short):
    draws = []

    def noise(shape):
        tensor = torch.randn(shape)
        draws.append(weakref.ref(tensor))
        return tensor

    run = steps(FIELD, side_by_side([short, SAMPLER], SDE, noise=noise, shape=SHAPE))
    most = max(sum(draw() is not None for draw in draws) for _ in run)
    assert len(draws) == 25
    # The latest draws, and those that the latest step of each chain refers to.
    assert most <= 6


def test_steps_report_their_place_and_what_the_network_saw():
    seen = []

    def score(x, t):
        seen.append(t.clone())
        return FIELD(x, t)

    chain_ = list(run(score=score))
    assert [s.index for s in chain_] == list(range(12))
    assert {s.num_steps for s in chain_} == {12}
    assert [s.t for s in chain_] == torch.linspace(1, 1e-3, 12, dtype=torch.float64).tolist()
    # On the CPU, as the grid is: another device rounds the last bit of a power otherwise.
    assert [s.sigma for s in chain_] == [float(SDE.sigma(t[0].cpu())) for t in seen[::2]]
    assert (chain_[0].t, chain_[-1].t) == (1.0, 1e-3)


def test_closing_the_iterator_stops_the_network():
    score = CountedScore()
    iterator = run(score=score)
    next(iterator)
    iterator.close()
    assert score.calls == 2
    with pytest.raises(StopIteration):
        next(iterator)


def test_nothing_is_computed_before_the_first_step_is_read():
    score = CountedScore()
    run(score=score)
    assert score.calls == 0


@pytest.mark.not_imitated
def test_gradients_are_off_inside_and_as_they_were_outside():
    weight = torch.ones(1, requires_grad=True)
    iterator = run(score=lambda x, t: FIELD(x, t) * weight)
    step = next(iterator)
    assert not step.x.requires_grad
    assert torch.is_grad_enabled()


def test_an_image_depends_on_its_own_seed_alone():
    alone, together = drawn(seeds=(6,)), drawn(seeds=(9, 6, 2))
    torch.testing.assert_close(alone[0], together[1])
    assert (together[0] - together[1]).abs().max() > 0.01


def test_batch_norms_make_an_image_depend_on_its_company():
    sampler = replace(SAMPLER, corrector=Langevin(0.15, snr_norm="batch"))
    alone, together = (drawn(seeds=s, sampler=sampler) for s in [(6,), (9, 6, 2)])
    assert (alone[0] - together[1]).abs().max() > 1e-4


def test_recorded_noise_is_replayed_in_order_and_missed_when_it_ends():
    tensors = [torch.full(SHAPE, float(i)) for i in range(2)]
    noise = recorded_noise(tensors)
    assert noise(torch.Size(SHAPE)) is tensors[0]
    assert noise(torch.Size(SHAPE)) is tensors[1]
    with pytest.raises(ValueError, match="none is left"):
        noise(torch.Size(SHAPE))


def test_recorded_noise_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3, 8, 8\) was needed, got \(1,\)"):
        recorded_noise([torch.zeros(1)])(torch.Size(SHAPE))


@pytest.mark.parametrize("sigmas", [(0.001, 5.0), (0.1, 101.0), (5.0, 5.0), (6.0, 5.0)])
def test_noise_levels_that_the_model_does_not_know_are_refused(sigmas):
    score = CountedScore()
    with pytest.raises(
        ValueError, match=r"must ascend within 0\.01 to 100, the range of the model"
    ):
        next(run(score=score, sampler=replace(SAMPLER, sigmas=sigmas)))
    assert score.calls == 0


def test_another_process_than_ve_has_no_noise_levels_to_choose():
    with pytest.raises(ValueError, match="for VE only, not for VPSDE; leave sigmas out"):
        replace(SAMPLER, sigmas=(0.1, 5.0)).process(VPSDE())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_steps": 0}, "iterations must be a whole number >= 1, got 0"),
        ({"eps": 0.0}, r"eps must lie in \(0, 1\)"),
        ({"eps": 1.0}, r"eps must lie in \(0, 1\)"),
        ({"num_corrector_steps": 0}, "must be a whole number >= 1, got 0"),
        ({"predictor": None, "corrector": None}, "a predictor or a corrector"),
    ],
)
def test_a_sampler_out_of_range_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        PredictorCorrector(**{"num_steps": 10, "eps": 1e-3, **options})


def test_a_kernel_that_cannot_honor_the_preconditioner_refuses_it_in_a_run():
    sampler = PredictorCorrector(num_steps=5, eps=1e-3, predictor=Ancestral())
    assert torch.isfinite(drawn(sampler=sampler)).all()
    with pytest.raises(ValueError, match="cannot take a preconditioner"):
        next(run(sampler=replace(sampler, m=FILTER)))


def test_one_kernel_may_have_an_m_of_its_own():
    radii = torch.fft.fftfreq(8).abs()
    ramp = FrequencyFilter(1 + 0.3 * (radii[:, None] + radii))
    both = replace(SAMPLER, corrector_m=ramp, predictor_m=ramp)
    one = replace(SAMPLER, predictor_m=ramp)
    whole = replace(SAMPLER, m=ramp)
    halves = replace(whole, corrector_m=Identity(), predictor_m=Identity())
    samplers = {"no M": SAMPLER, "one": one, "both": both, "whole": whole, "halves": halves}
    images = {name: drawn(sampler=sampler) for name, sampler in samplers.items()}
    pairs = combinations(images, 2)
    assert [(a, b) for a, b in pairs if not (images[a] - images[b]).abs().max() > 1e-5] == []
    start = replace(SAMPLER, m=ramp, corrector_m=ramp, predictor_m=ramp)
    assert torch.equal(drawn(sampler=start), images["whole"])


@pytest.mark.parametrize("sde", [SDE, VPSDE(), SubVPSDE()], ids=["ve", "vp", "sub-vp"])
def test_every_process_draws_the_data_it_was_given(sde):
    """A Monte Carlo check of the whole loop.

    64 x 3 x 63 coefficients put the relative deviation of the mean power at about
    sqrt(2 / 12096) = 1.3 %; 10 % allows for the discretization error at N = 200 and leaves the
    chance of a false failure below 1e-9. Seeded, so it cannot flicker.
    """
    field = GaussianField(inverse_square_power(8, variance=0.06), sde)
    sampler = PredictorCorrector(
        num_steps=200,
        eps=sde.eps_per_speed_up,
        corrector=Langevin(0.05),
        predictor=ReverseDiffusion(),
    )
    images = drawn(score=field, sde=sde, sampler=sampler, seeds=range(64))
    relative = (power(images).cpu() / field.power).mean(0).flatten()[1:]
    assert float(relative.mean()) == pytest.approx(1, abs=0.1)


def test_seeded_noise_is_standard_normal():
    noise = seeded_noise(range(50))(torch.Size((50, 3, 16, 16))).numpy()
    # 38,400 draws: standard errors .005 and .007; five of them.
    assert abs(noise.mean()) < 0.026
    assert abs(np.square(noise).mean() - 1) < 0.036
