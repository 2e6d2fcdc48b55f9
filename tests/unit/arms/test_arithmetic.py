"""The arithmetic of an iteration: its terms add up to the sampler's new state."""

from collections import deque
from dataclasses import replace
from itertools import islice

import pytest
import torch

from pds.arms.arithmetic import Replay
from pds.arms.branch import Branch
from pds.arms.names import KINDS, MENU, Arm
from pds.driving import seeded_noise, steps
from pds.kernels import Ancestral, AnnealedLangevin, EulerMaruyama, Langevin, MarginalPreserving
from pds.models import compare_request, load_model, replay_request
from pds.preconditioners import FrequencyFilter, Identity, Skew
from pds.request import Request
from pds.sampling import PredictorCorrector, State
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE, VPSDE

N, K = 12, 9
SHAPE = (2, 1, 64, 64)
ARMS = [Arm(kind, 5.0 if KINDS[kind].strength == "alpha" else None) for kind in MENU]


def noise(seeds=(3, 4)):
    """The seeds' noise in double precision, so that rounding is 1e-16 of the largest number."""
    drawn = seeded_noise(seeds)
    return lambda shape: drawn(shape).double()


def last(sampler, model, k=K):
    """The last step of a replay."""
    chain = Replay(sampler, k).chain(model.sde, noise=noise(), shape=SHAPE)
    return deque(steps(model.score, chain), maxlen=1)[0]


def relative(difference, x):
    return float(difference.norm() / x.norm())


@pytest.mark.parametrize("corrector_steps", [0, 1, 3])
@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_the_terms_add_up_to_the_next_state(arm, corrector_steps):
    if arm.kind == "corrector" and not corrector_steps:
        pytest.skip("it preconditions the corrector only")
    if arm.kind == "response" and corrector_steps != 1:
        pytest.skip("it is tuned for one corrector step")
    model = load_model("field64")
    step = last(model.plan(arm, N, corrector_steps=corrector_steps).sampler, model)
    errors = [relative(s.total - s.images["x_new"], s.images["x_new"]) for s in step.substeps]
    assert max(errors) < 1e-12
    assert step.substeps[-1].images["x_new"] is step.x


@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_a_replay_is_the_run_bit_for_bit(arm):
    model = load_model("field64")
    sampler = model.plan(arm, N).sampler
    chain = sampler.chain(model.sde, noise=noise(), shape=SHAPE)
    expected = list(islice(steps(model.score, chain), K - 2, K))
    step = last(sampler, model)
    assert torch.equal(step.x, expected[1].x)
    assert torch.equal(step.x_mean, expected[1].x_mean)
    assert torch.equal(step.substeps[0].images["x"], expected[0].x)


@pytest.mark.parametrize("kind", ["vanilla", "pds"])
def test_each_term_of_both_kernels_is_its_closed_form(kind):
    """M is one gain r for each mode; the grid of VE gives sigma_k, and G^2 the difference."""
    model = load_model("field64")
    sampler = model.plan(Arm(kind, 5.0 if kind == "pds" else None), N).sampler
    corrector, predictor = last(sampler, model).substeps
    r = sampler.m.mode_gain().double().expand(64, 64)
    t = sampler.times()
    sigma = 0.01 * (1348 / 0.01) ** t
    level, below = (0.01 * (1348 / 0.01) ** (k / (N - 1)) for k in (N - K, N - K - 1))
    g = (level**2 - below**2) ** 0.5

    def filtered(v, gain):
        return torch.fft.ifft2(gain * torch.fft.fft2(v)).real

    halves, names = (corrector, predictor), ("x", "s", "D s", "z", "M z", "x_mean")
    x, s, d_s, z, m_z, x_mean = (torch.stack([h.images[name] for h in halves]) for name in names)
    score = torch.stack([model.score(images, t[K - 1].expand(2)) for images in x])
    torch.testing.assert_close(s, score)
    # The gain is stored in single precision, and so is its square.
    errors = {
        "D s": [*map(relative, d_s - filtered(score, r**2), score)],
        "M z": [*map(relative, m_z - filtered(z, r), z)],
    }
    assert errors == dict.fromkeys(errors, pytest.approx([0, 0], abs=1e-6))
    levels = [half.numbers["sigma"] for half in halves]
    assert levels == pytest.approx([float(sigma[K - 1])] * 2)
    sizes = [corrector.images[name].flatten(1).norm(dim=1) for name in ("M z", "D s")]
    e = 2 * (0.15 * sizes[0] / sizes[1]) ** 2
    assert corrector.numbers["snr"] == 0.15
    factors = [term.factor.flatten() for term in corrector.terms]
    torch.testing.assert_close(factors, [e, (2 * e).sqrt()])
    assert [term.factor for term in predictor.terms] == pytest.approx([g**2, g])
    assert predictor.numbers["G"] == pytest.approx(g)
    factor = torch.stack([e, torch.full_like(e, g**2)])[..., None, None, None]
    torch.testing.assert_close(x_mean, x + factor * d_s)


@pytest.mark.parametrize("sde", [VESDE(0.01, 50.0), VPSDE()], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(
    ("predictor", "m"),
    [
        (EulerMaruyama(), Skew(FrequencyFilter(torch.full((8, 8), 1.2)), 0.3)),
        (MarginalPreserving(), FrequencyFilter(torch.full((8, 8), 1.2))),
        (Ancestral(), Identity()),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("corrector", [Langevin(0.16), AnnealedLangevin(0.16)])
def test_every_kernel_says_its_terms_on_every_process(sde, predictor, m, corrector):
    score = GaussianField(torch.ones(1, 8, 8), sde)
    sampler = PredictorCorrector(
        num_steps=40, eps=1e-3, predictor=predictor, corrector=corrector, m=m
    )
    chain = Replay(sampler, 30).chain(sde, noise=noise(), shape=(2, 1, 8, 8))
    (step,) = deque(steps(score, chain), maxlen=1)
    totals = torch.stack([substep.total for substep in step.substeps])
    states = torch.stack([substep.images["x_new"] for substep in step.substeps])
    torch.testing.assert_close(totals, states, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("kind", "names"), [("ode-heun", ["Euler", "Heun"]), ("ode-euler", ["Euler"])]
)
def test_a_flow_shows_its_slopes(kind, names):
    model = load_model("field64")
    step = last(model.plan(Arm(kind), N).sampler, model)
    assert [substep.name for substep in step.substeps] == names
    images, numbers = step.substeps[-1].images, step.substeps[-1].numbers
    assert numbers["sigma_new"] < numbers["sigma"] == step.sigma
    if kind == "ode-heun":
        torch.testing.assert_close(images["d_euler"], -numbers["sigma_new"] * images["s_euler"])
    else:
        torch.testing.assert_close(images["d"], -step.sigma * images["s"])


def test_the_last_step_of_heun_is_one_of_euler():
    model = load_model("field64")
    step = last(model.plan(Arm("ode-heun"), N).sampler, model, N)
    assert [substep.name for substep in step.substeps] == ["Euler"]
    assert step.substeps[0].numbers["sigma_new"] == 0


def test_each_side_is_replayed_to_its_own_iteration():
    request = Request("field64", num_steps=6, num_images=1, left="vanilla@9", right="pds:5")
    *_, (left, right) = replay_request(request, (7, 5))
    pairs = list(compare_request(request))
    assert (left.index, right.index) == (6, 4)
    # The network calls of the replay have other images beside them, which changes the rounding.
    expected = next(pair.left.x for pair in pairs if pair.left.index == 6)
    assert relative(left.x - expected, expected) < 1e-4
    expected = next(pair.right.x for pair in pairs if pair.right.index == 4)
    assert relative(right.x - expected, expected) < 1e-4


@pytest.mark.parametrize("k", [0, N + 1, 2.5, True, "3", None])
def test_an_iteration_out_of_range_is_refused(k):
    sampler = load_model("field64").sampler(N)
    with pytest.raises(ValueError, match=f"the iteration must be a whole number from 1 to {N}"):
        Replay(sampler, k)


@pytest.mark.parametrize("k", [4, 5, 9])
@pytest.mark.parametrize("kinds", [("pds", "ode-heun"), ("ode-heun", "pds"), ("tuned", "scalar")])
def test_both_parts_of_a_branch_add_up(kinds, k):
    model = load_model("field64")
    first, then = (model.plan(Arm(kind, 5.0 if kind == "pds" else None), N) for kind in kinds)
    sampler = Branch(first.sampler, 4, replace(then.sampler, num_steps=5))
    step = last(sampler, model, k)
    errors = [relative(s.total - s.images["x_new"], s.images["x_new"]) for s in step.substeps]
    assert max(errors) < 1e-12
    assert step.index == k - 1


def test_a_run_from_a_state_adds_up():
    model = load_model("field64")
    state = State(noise()(SHAPE), 1.0)
    chain = Replay(model.sampler(N), 2).chain(model.sde, noise=noise(), shape=SHAPE, state=state)
    (step,) = deque(steps(model.score, chain), maxlen=1)
    errors = [relative(s.total - s.images["x_new"], s.images["x_new"]) for s in step.substeps]
    assert max(errors) < 1e-12


def test_a_sampler_without_kernels_is_refused():
    model = load_model("field64")
    with pytest.raises(ValueError, match="only kernels and the probability flow have an arithm"):
        last(Replay(model.sampler(N), 3), model, 2)


def test_an_equation_names_its_terms():
    model = load_model("field64")
    corrector, predictor = last(model.plan(Arm("pds", 5.0), N).sampler, model).substeps
    assert corrector.equation == "x_new = x + (e) D s + (sqrt(2 e)) M z"
    assert predictor.equation == "x_new = x + (G^2) D s + (G) M z"
