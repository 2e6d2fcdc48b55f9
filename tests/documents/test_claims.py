"""Every sentence of the page that asserts a fact, with the computation that backs it."""

import html
import json
import math
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from pds import filters, theory
from pds.appearance import ALIKE, GRAINY, Appearance, grain
from pds.driving import sample, seeded_noise, steps
from pds.evaluation import (
    appearance_record,
    denoising,
    gaussian,
    grain_record,
    octaves,
    tuned_record,
)
from pds.evaluation.appearance_record import RecordedSampler
from pds.evaluation.gaussian import COUNTS, field
from pds.evaluation.metrics import Interval
from pds.evaluation.subject import PORTRAITS
from pds.kernels import ReverseDiffusion
from pds.models import MODELS, compare_request, from_images, load_model
from pds.portraits import portraits, trainer
from pds.preconditioners import FrequencyFilter, Identity
from pds.request import Request
from pds.sde import VESDE
from pds.theory import langevin, tuning
from pds.theory.langevin import Move
from pds.theory.plane import Gaussian, root
from pds.web import tabs
from pds.web.tabs.compare.presets import PRESETS
from pds.web.tabs.images import tab as images_tab
from pds.web.tabs.ladder import tab as ladder_tab
from pds.web.tabs.story import tab as story_tab
from pds.web.tabs.story import targets, walks
from tools import evidence, theory_tables

TABS = Path(tabs.__file__).parent
CLOUDS = field("field64")
NARROW = Gaussian(50.0)


def text_of(name):
    """What a reader sees of a page, with single spaces."""
    source = next(TABS.glob(f"*/{name}")).read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", source)))


def error(gain, num_steps):
    return float(CLOUDS.w2(gain, (num_steps,))[0])


def vanilla(num_steps):
    return error(np.ones(len(CLOUDS.data.power)), num_steps)


def ladder_grain():
    """Grain of the rows of the recorded ladder, relative to the network's own, vanilla first."""
    columns = json.loads(ladder_tab.recorded())["columns"]
    return {column["num_steps"]: column["grain"]["network"] for column in columns}


def grain_by_count():
    grain = ladder_grain()
    return grain[2000][0] < GRAINY < grain[25][0]


SIGMAS_OF_THE_STEP = (0.03, 0.05, 0.09, 0.16, 0.29, 0.5)


PLANTED_TOGETHER = (0.5, 1.0, 1.5)
"""Strengths of noise that most sentences of the step are about."""


def planted(strength, sigma=0.16):
    """The portrait of the step with noise of this strength, denoised once."""
    strengths = PLANTED_TOGETHER if strength in PLANTED_TOGETHER else (strength,)
    return denoising.plant(sigma, strengths)[strengths.index(strength)]


def beyond(sigma):
    """Share that the network leaves of the noise beyond sigma, at 1.5 times sigma."""
    return planted(1.5, sigma).excess_left(planted(1.0, sigma))


def the_filter_keeps_one_share():
    shares = [planted(c).linear.left for c in (0.5, 1.0, 2.0, 3.0)]
    return shares == pytest.approx([shares[0]] * 4, rel=1e-3)


def half_stays_and_then_more():
    below = [beyond(sigma) for sigma in SIGMAS_OF_THE_STEP if sigma < 0.1]
    return beyond(0.16) == pytest.approx(0.5, abs=0.05) and below == pytest.approx(
        [0.7] * len(below), abs=0.05
    )


def grain_is_relative_to_the_clean_portrait():
    clean = portraits([PORTRAITS], size=64)
    at = planted(1.5).network
    return at.grain == pytest.approx(float(grain(at.picture[None]).mean() / grain(clean).mean()))


def the_network_steps_use_no_gaussian_model():
    def answers(model):
        given = {"sigma": 0.16, "strength": 1.5, "portraits": "portraits64", "model": model}
        return [story_tab.view({"step": step, **given}) for step in ("belief", "grain")]

    first, second = (answers(model) for model in story_tab.FIELDS)
    return first == second


def noise_given(arm, num_steps, sigma):
    """Exact noise above half Nyquist in the state after the level nearest to sigma, over sigma."""
    subject = field("portraits64")
    plan, sde, data = subject.plan(arm, num_steps), subject.model.sde, subject.data
    variance = np.stack(list(theory.trajectory(data, plan.gain, sde, plan.sampler)))
    levels = np.array(plan.sampler.levels(sde))[1:-1]
    at = int(np.abs(np.log(levels / sigma)).argmin())
    added = sde.discretize(plan.sampler.times()).diffusion.numpy()[at] * plan.gain
    fine = data.radius > 0.25
    noise = (variance[at] + added**2 - data.power)[fine]
    return float(np.sqrt(np.average(noise, weights=data.count[fine])) / levels[at])


def off_by(*arms):
    """Predicted over sampled grain, of every point."""
    return [
        point.predicted / point.sampled - 1
        for curves in grain_record.read_points().values()
        for arm in arms
        for point in curves[arm]
    ]


def grain_is_predicted():
    """Of all samplers but the constant gain within a seventh."""
    return max(map(abs, off_by("vanilla", "pds:5", "tuned", "ode-heun"))) < 0.14


def predictions_are_as_near_as_is_said():
    near, far = off_by("tuned", "ode-heun"), off_by("vanilla", "pds:5")
    low = off_by("scalar")
    return max(map(abs, near)) < 0.06 and max(map(abs, far)) < 0.14 and -0.27 < min(low) < -0.26


def old_noise_is_kept_more_than_fresh():
    """At 2 and 4 pixels, in pairs of runs at low sigma."""
    rows = [row for row in theory_tables.rows("theory", "kept") if float(row["sigma"]) < 0.03]
    coarse = [row for row in rows if row["scale"] in ("2", "4")]
    return bool(coarse) and all(float(row["own"]) > float(row["fresh"]) for row in coarse)


def grain_is_that_of_the_evidence():
    (point,) = [
        p for p in grain_record.read_points()["portraits64"]["vanilla"] if p.num_steps == 25
    ]
    recorded = drawn("vanilla", 25).grain
    return point.low < recorded.high and recorded.low < point.high


def few_iterations(arm, num_steps):
    """A recorded measurement on many portraits, relative to the network's own."""
    cells = appearance_record.samplers("portraits32")
    (cell,) = [cell for cell in cells if (cell.arm, cell.num_steps) == (arm, num_steps)]
    return cell


def portraits_are_grainy_and_paler():
    """At N = 25 and 40, by grain, power above half Nyquist, and power of coarse bands."""
    rows = [
        row
        for model in ("portraits32", "portraits64")
        for row in evidence.read(model)
        if (row["arm"], row["reference"]) == ("vanilla", "network") and row["N"] in ("25", "40")
    ]
    return len(rows) == 4 and all(
        float(row["grain_low"]) > GRAINY
        and float(row["fine_power_low"]) > 1 > float(row["contrast_high"])
        for row in rows
    )


def pds_mends_grain_and_not_contrast():
    pairs = [[few_iterations(arm, n) for arm in ("vanilla", "pds:5")] for n in (25, 40)]
    return all(
        (pds.grain.value - 1) < (vanilla.grain.value - 1) / 2
        and pds.contrast.value < 1.05 * vanilla.contrast.value
        for vanilla, pds in pairs
    )


def a_longer_step_does_most_of_it():
    def removed(arm, n):
        return math.log(
            few_iterations("vanilla", n).grain.value / few_iterations(arm, n).grain.value
        )

    return all(removed("scalar", n) > removed("pds:5", n) / 2 for n in (25, 40))


def a_longer_step_does_nine_tenths():
    def grain(arm, n, model):
        return drawn(arm, n, model).grain.value

    return all(
        grain("vanilla", n, model) - grain("scalar", n, model)
        > 0.9 * (grain("vanilla", n, model) - grain("pds:5", n, model))
        for n in (25, 33, 40)
        for model in ("portraits32", "portraits64")
    )


def contrast_at_equal_grain(model):
    """Mean over all grains that were compared, see docs/evidence.md."""
    (mean,) = [row for row in evidence.read(model, "equal_grain") if not row["grain"]]
    return round(float(mean["ratio"]), 2)


def a_long_step_overshoots_and_diverges():
    """At condition number 50 from e = 1/50 and 2/50 on."""
    factors = [langevin.directions(NARROW, Move(e))[1].factor.real for e in (0.019, 0.03, 0.041)]
    return factors[0] > 0 > factors[1] > -1 > factors[2]


def a_stable_step_is_slow():
    """Even the largest stable step needs more than a hundred at condition number 50."""
    slow, _ = langevin.directions(NARROW, Move(0.0399))
    return slow.num_steps > 100


def m_gives_one_pace():
    slow, fast = langevin.directions(NARROW, Move(0.1, root(NARROW, 1.0)))
    return abs(slow.factor - fast.factor) < 1e-9


def half_a_step_suits_m():
    alone = langevin.directions(NARROW, Move(0.5))
    with_m = langevin.directions(NARROW, Move(0.5, root(NARROW, 1.0)))
    return not alone[1].stable and [d.num_steps for d in with_m] == [7, 7]


def m_leaves_a_banana_stiff():
    """M makes the stiffness of a Gaussian 1, and leaves most of a banana's."""
    banana = targets.require_target({"target": "banana"})
    alone, with_m = (langevin.stiffness(banana, root(banana, p)) for p in (0.0, 1.0))
    gaussian = langevin.stiffness(NARROW, root(NARROW, 1.0))
    return gaussian == pytest.approx(1) and with_m > alone / 2 > 5


def m_does_not_help_across_the_gap():
    """Of all walks as many end nearer to the other hill."""
    given = {"target": "hills", "sampler": "ULA", "start": [1.33, 1.69], "length": 0.036}
    settings = walks.require_settings({**given, "power": 1, "swirl": 0})
    crossed = [
        (walks.walk(settings, move).chains[-1] @ targets.HILLTOP < 0)
        for move in settings.moves.values()
    ]
    return torch.equal(*crossed)


def mala_keeps_its_density_and_ula_does_not():
    """Variance of the narrow direction at a step of 0.03, where ULA settles at 4 times its own.

    20,000 walks that begin with exact samples: five standard errors are 5 %.
    """
    noise = torch.randn(41, 20_000, 2, dtype=torch.float64, generator=seeded(0))
    uniform = torch.rand(40, 20_000, dtype=torch.float64, generator=seeded(1))
    start, move = NARROW.sample(noise[0]), Move(0.03)
    adjusted = langevin.mala(NARROW, move, start, noise[1:], uniform=uniform)
    free = langevin.ula(NARROW, move, start, noise[1:])
    narrow = [float((run[-1] @ NARROW.axes[1]).var()) * 50 for run in (adjusted.chains, free)]
    return adjusted.acceptance < 1 and narrow == pytest.approx([1.0, 4.0], rel=0.05)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def gains_are_between_one_and_their_bound():
    gains = [
        filters.gain(load_model(name).frequency_mask, a) for name in MODELS for a in (2.0, 5.0)
    ]
    bounds = [a / (a - 1) for _ in MODELS for a in (2.0, 5.0)]
    return all(
        float(gain.min()) >= 1 and float(gain.max()) <= bound
        for gain, bound in zip(gains, bounds, strict=True)
    )


def s_swirls():
    directions = langevin.directions(NARROW, Move(0.1, root(NARROW, 1.0), 0.3))
    return all(d.turn > 0.1 for d in directions)


def power_falls_like_inverse_square():
    rings = field("portraits32").rings
    slope, _ = np.polyfit(np.log(rings.radius), np.log(rings.power), 1)
    return -3 < slope < -1.5


def the_lag_is_one_factor():
    sigma, std = gaussian.frequency_states(CLOUDS, None, 25)
    noisy = sigma[2:, None] > 10 * np.sqrt(CLOUDS.rings.power)
    ratio = std[2:] / np.sqrt(CLOUDS.rings.power + sigma[2:, None] ** 2)
    inside = ratio[noisy]
    return inside.max() / inside.min() < 1.03 and inside.min() > 1.55


def ends_with(name, low, high):
    """Standard deviations of octaves at the end of a run of 25, relative to the data's."""
    subject = field(name)
    one = np.ones(len(subject.data.power))
    variance = theory.variances(subject.data, one, subject.model.sde, [subject.model.sampler(25)])
    ratio = theory.octaves(subject.data, variance[0]).ratio
    return low < ratio.min() and ratio.max() < high


def the_finest_octave_drowns_first():
    """The power falls from octave to octave, so that a rising sigma reaches them from the end."""
    return all(
        bool((np.diff([octave.power for octave in octaves.powers(field(name))]) < 0).all())
        for name in story_tab.FIELDS
    )


def few_steps_are_long():
    """Sigma falls by a factor of 1.6 in each step of 25, and by less than 1.01 in one of 2,000."""
    few, many = (gaussian.frequency_states(CLOUDS, None, n)[0] for n in (25, 2000))
    return few[0] / few[1] > 1.6 and many[0] / many[1] < 1.01


def the_state_has_too_much_noise():
    sigma, std = gaussian.frequency_states(CLOUDS, None, 25)
    exact = np.sqrt(CLOUDS.rings.power + sigma[:, None] ** 2)
    return bool((std > 1.1 * exact).all())


def half_of_sigma_leaves_too_much():
    """Of noise alone, from sigma = 1 to 0.5 in one step of the predictor."""
    predictor, times = ReverseDiffusion(), torch.tensor([1.0, 0.0], dtype=torch.float64)
    row = [column[0] for column in predictor.coefficients(VESDE(0.5, 1.0), times)]
    one, zero = torch.ones(1, 1, 1, 1).double(), torch.zeros(1, 1, 1, 1).double()
    old = predictor(one, -one, zero, row, Identity()).x
    new = predictor(zero, zero, one, row, Identity()).x
    return round(math.hypot(float(old), float(new)) / 0.5, 1) == 1.8


def a_gain_removes_more_noise():
    """At N = 25, where every wave is still far weaker than the noise."""
    data, model = CLOUDS.data, CLOUDS.model
    runs = [
        theory.trajectory(data, np.full(len(data.power), gain), model.sde, model.sampler(25))
        for gain in (1.0, 1.1)
    ]
    alone, longer = (next(islice(run, 9, None)) for run in runs)
    return bool((longer < alone).all())


def many_iterations_leave_waves_too_weak():
    def ends(name):
        at = [gaussian.ring(field(name), radius) for radius in gaussian.RADII]
        return gaussian.lag(field(name), 5.0, 200)[1][-1] / np.sqrt(field(name).rings.power[at])

    return all((ends(name) < 1).mean() > 0.8 for name in story_tab.FIELDS)


def upside_down_is_worse():
    exact = gaussian.errors(CLOUDS, 5.0).curves
    shrinking = 1 / CLOUDS.gain(5.0)
    worse = bool((exact["inverted"] > exact["vanilla"]).all())
    return worse and shrinking[-1] < shrinking[0] <= 1


def the_best_gain_overshoots_and_tuned_does_not():
    """A step multiplies a wave by 1 - g^2 G^2 h or 1 - e g^2 h, below 0 for a large g or snr.

    Without a gain no predictor step does so, and no corrector step up to snr = 1/sqrt(2).
    """
    sde = CLOUDS.model.sde
    best = [CLOUDS.plan("gain", n) for n in (10, 20)]
    tuned = [CLOUDS.plan("tuned", n) for n in (10, 20)]
    return all(
        plan.gain.max() > tuning.steady_gain(sde, CLOUDS.model.sampler(n))
        for plan, n in zip(best, (10, 20), strict=True)
    ) and all(
        (plan.gain == 1).all() and plan.sampler.corrector.snr <= math.sqrt(0.5) for plan in tuned
    )


def a_strong_filter_overshoots():
    """At alpha = 1.1 and N = 25 every wave changes its sign in some step."""
    gain, steady = CLOUDS.gain(1.1), tuning.steady_gain(CLOUDS.model.sde, CLOUDS.model.sampler(25))
    diverged = gaussian.advantage(CLOUDS)[gaussian.ALPHAS.index(1.1), COUNTS.index(25)] < -3
    return diverged and gain.min() > steady


def noise_once_and_score_twice():
    gain = filters.gain(load_model("field64").frequency_mask, 5.0)
    m, v = FrequencyFilter(gain), torch.randn(1, 1, 64, 64)
    once = torch.fft.fft2(v) * gain
    return torch.allclose(torch.fft.fft2(m.apply(v)), once, atol=1e-3) and torch.allclose(
        torch.fft.fft2(m.drift(v)), once * gain, atol=1e-3
    )


def vanilla_is_closer_from_about(name, first):
    exact = gaussian.errors(field(name), 5.0)
    closer = exact.curves["vanilla"] < exact.curves["PDS"]
    expected = [n > first for n in COUNTS]
    return exact.crossings[-1] == pytest.approx(first, abs=5) and closer.tolist() == expected


def the_filter_has_a_cliff():
    grid = gaussian.advantage(CLOUDS)
    return all(grid[0, i] < -3 for i, n in enumerate(COUNTS) if n <= 40)


def a_constant_is_better_than_the_filter():
    best = tuned_record.load("field64")
    return (CLOUDS.w2_of(best.scalars[:, None]) < CLOUDS.w2(CLOUDS.gain(5.0))).all()


def halfway_is_halfway():
    sigma, _ = gaussian.frequency_states(CLOUDS, None, 101)
    return abs(math.log(sigma[49]) - math.log(1348 * 0.01) / 2) < 0.15


def reproduces_its_pictures(texture, near):
    """Distance of a sampled image to the nearest of its own, relative to that among them."""
    images = portraits(range(20))
    model = from_images(images, texture=texture)
    shape = (4, *model.image_shape)
    chain = model.sampler(66).chain(model.sde, noise=seeded_noise(range(4)), shape=shape)
    drawn = sample(model.score, chain).flatten(1)
    flat = images.flatten(1)
    between = torch.pdist(flat).min()
    nearest = torch.cdist(drawn, flat).min(1).values.mean()
    return (nearest < between) == near


def grain_at_few_steps(texture):
    """Grain of vanilla at N = 20 relative to exact samples, on a model of 30 portraits."""
    model = from_images(portraits(range(30)), texture=texture)
    chain = model.sampler(20).chain(
        model.sde, noise=seeded_noise(range(8)), shape=(8, *model.image_shape)
    )
    drawn = Appearance.of(sample(model.score, chain))
    return drawn.relative_to(model.references.network).grain


def no_filter_is_vanilla():
    request = Request("field64", 5, frequency=False, num_images=1)
    *_, last = compare_request(request)
    return torch.equal(last.vanilla.x_mean, last.pds.x_mean)


def counts_share_their_start():
    """Whether the first network call gets the same state at two counts."""
    model, first_states = load_model("field64"), {}

    def score(x, t):
        first_states.setdefault(num_steps, x.clone())
        return model.score(x, t)

    for num_steps in (25, 20):
        noise, shape = seeded_noise([0]), (1, *model.image_shape)
        next(steps(score, model.sampler(num_steps).chain(model.sde, noise=noise, shape=shape)))
    return torch.equal(first_states[25], first_states[20])


CLAIMS = [
    (
        "story.html",
        "With N = 2,000 they are fine; with N = 25 there is grain in them",
        grain_by_count,
    ),
    (
        "story.html",
        "Steps 7 and 8 use a trained network",
        the_network_steps_use_no_gaussian_model,
    ),
    (
        "plane.html",
        "the narrow direction overshoots, and beyond e = 2/κ it diverges",
        a_long_step_overshoots_and_diverges,
    ),
    (
        "plane.html",
        "If the step is small enough not to diverge, the wide direction takes more than a hundred "
        "steps",
        a_stable_step_is_slow,
    ),
    ("plane.html", "lets both directions converge at the same rate", m_gives_one_pace),
    (
        "plane.html",
        "Drag it to 0.5: vanilla diverges, and with M 1% of the distance is left after 7 steps",
        half_a_step_suits_m,
    ),
    ("plane.html", "The skew matrix S makes the walk rotate", s_swirls),
    (
        "plane.html",
        "It cannot straighten a banana, whose narrow direction changes from place to place",
        m_leaves_a_banana_stiff,
    ),
    (
        "plane.html",
        "with ULA the same walks cross the gap with M as without",
        m_does_not_help_across_the_gap,
    ),
    (
        "octaves.html",
        "their power falls about like one over the frequency squared",
        power_falls_like_inverse_square,
    ),
    (
        "octaves.html",
        "noise of standard deviation 1,348 and lowers it to 0.01",
        lambda: CLOUDS.model.sde == VESDE(0.01, 1348.0) == load_model("portraits32").sde,
    ),
    ("octaves.html", "it drowns the finest octave first", the_finest_octave_drowns_first),
    ("lag.html", "With few iterations sigma falls far in one iteration", few_steps_are_long),
    ("lag.html", "each iteration leaves more noise than it should", the_state_has_too_much_noise),
    (
        "lag.html",
        "If sigma drops to half at once, the predictor leaves noise that is 1.8 times as strong"
        " as it should be",
        half_of_sigma_leaves_too_much,
    ),
    (
        "lag.html",
        "While a wave is far weaker than the noise, it is too strong by the same factor at "
        "every frequency: 1.6 at N = 25",
        the_lag_is_one_factor,
    ),
    (
        "lag.html",
        "the factor shrinks to between 1.2 and 1.3",
        lambda: all(ends_with(name, 1.2, 1.305) for name in story_tab.FIELDS),
    ),
    (
        "controls.html",
        "multiplies the noise of a step by the gain and the score by its square",
        noise_once_and_score_twice,
    ),
    (
        "controls.html",
        "A gain above 1 makes the steps of these waves longer, and each removes more of the noise",
        a_gain_removes_more_noise,
    ),
    (
        "controls.html",
        "At alpha = 5 its gain goes from 1.05 for coarse waves to 1.21 for fine ones of the "
        "portraits",
        lambda: (
            [round(float(g), 2) for g in field("portraits128").gain(5.0)[[0, -1]]] == [1.05, 1.21]
        ),
    ),
    (
        "controls.html",
        "the best constant gain has a smaller error than PDS at every N of the chart",
        a_constant_is_better_than_the_filter,
    ),
    (
        "controls.html",
        "The inverted filter makes fine waves take shorter steps, and is worse than no filter "
        "at every N of the chart",
        upside_down_is_worse,
    ),
    (
        "controls.html",
        "At N = 25, 33 and 40 the best constant gain removes nine tenths or more of the grain "
        "that PDS removes",
        a_longer_step_does_nine_tenths,
    ),
    (
        "controls.html",
        "at N = 25 and equal grain, PDS keeps 1.04 times the contrast of the constant gain at "
        "32 px and 1.09 times at 64 px",
        lambda: (
            [contrast_at_equal_grain(n) for n in ("portraits32", "portraits64")] == [1.04, 1.09]
        ),
    ),
    (
        "controls.html",
        "At small N the best gain takes such steps. Tuned takes none",
        the_best_gain_overshoots_and_tuned_does_not,
    ),
    (
        "map.html",
        "With many iterations vanilla is nearly exact, and a filter can make it worse",
        lambda: (
            vanilla(2000) < 0.01 * float(CLOUDS.data.mean(CLOUDS.data.power)[0]) ** 0.5
            and error(CLOUDS.gain(5.0), 2000) > vanilla(2000)
        ),
    ),
    (
        "map.html",
        "With few iterations a strong filter (a small alpha) makes steps that are too long, and "
        "the sampler diverges",
        the_filter_has_a_cliff,
    ),
    (
        "map.html",
        "Choose PDS in step 3, and at N = 200 most waves end too weak",
        many_iterations_leave_waves_too_weak,
    ),
    ("clocks.html", "the noise is only halfway down, on a logarithmic scale", halfway_is_halfway),
    (
        "clocks.html",
        "A run of 16 reaches sigma = 0 after 16",
        lambda: gaussian.clocks(CLOUDS, 32, 16).sigmas[1][15] == 0,
    ),
    (
        "belief.html",
        "for these portraits 1.35 times as much at N = 40, 1.65 times at N = 25",
        lambda: all(
            noise_given("vanilla", n, sigma) == pytest.approx(c, abs=0.02)
            for n, c in ((40, 1.35), (25, 1.65))
            for sigma in (0.16, 0.3, 0.5)
        ),
    ),
    (
        "belief.html",
        "a portrait that it has never seen",
        lambda: PORTRAITS > trainer.HELD_OUT,
    ),
    (
        "belief.html",
        "A linear filter, the best guess for Gaussian images, leaves 1.5 times as much of it",
        lambda: (
            planted(1.5).linear.grain / planted(1.0).linear.grain == pytest.approx(1.5, abs=0.05)
        ),
    ),
    (
        "belief.html",
        "keeps the same share of the noise, however strong the noise is",
        the_filter_keeps_one_share,
    ),
    (
        "belief.html",
        "The network decides by sigma what is noise, and takes the rest for texture",
        lambda: all(
            beyond(sigma) > 5 * planted(1.0, sigma).network.left for sigma in SIGMAS_OF_THE_STEP
        ),
    ),
    (
        "belief.html",
        "it leaves 1% of noise as strong as sigma",
        lambda: planted(1.0).network.left == pytest.approx(0.01, abs=0.002),
    ),
    (
        "belief.html",
        "half of the noise beyond that, some 70% where sigma is below 0.1",
        half_stays_and_then_more,
    ),
    (
        "belief.html",
        "With half the noise it subtracts too much, and leaves noise of the opposite sign",
        lambda: all(planted(0.5, sigma).network.left < 0 for sigma in SIGMAS_OF_THE_STEP),
    ),
    (
        "belief.html",
        "The grain below an image is relative to that of the portrait without noise",
        grain_is_relative_to_the_clean_portrait,
    ),
    (
        "grain.html",
        "That predicts the grain at the end of a run without sampling",
        grain_is_predicted,
    ),
    (
        "grain.html",
        "The lines lie within 6% of the points for tuned noise levels and for Heun, a sampler "
        "without noise, within 14% for vanilla and PDS, and up to 27% below them for a constant "
        "gain",
        predictions_are_as_near_as_is_said,
    ),
    (
        "grain.html",
        "noise that was once taken for texture has the shape of texture, and the network keeps "
        "more of it the next time",
        old_noise_is_kept_more_than_fresh,
    ),
    (
        "grain.html",
        "Points are measured on sampled images, with 95% intervals",
        grain_is_that_of_the_evidence,
    ),
    (
        "grain.html",
        "At N = 25 the 64 px portraits of vanilla have 0.64 times the contrast of the network's "
        "own images, those of PDS 0.61",
        lambda: (
            [round(drawn(arm, 25).contrast.value, 2) for arm in ("vanilla", "pds:5")]
            == [0.64, 0.61]
        ),
    ),
    (
        "end.html",
        "At N = 25 every octave of Gaussian clouds ends with 1.2 to 1.3 times its standard "
        "deviation",
        lambda: ends_with("field64", 1.2, 1.305),
    ),
    (
        "end.html",
        "the fine waves are too strong and the coarse ones too weak: the images are grainy "
        "and paler",
        portraits_are_grainy_and_paler,
    ),
    (
        "end.html",
        "it takes noise beyond sigma for texture, and keeps half of it or more",
        lambda: min(beyond(sigma) for sigma in SIGMAS_OF_THE_STEP if sigma <= 0.16) > 0.5,
    ),
    (
        "end.html",
        "At N = 40 the noise in the state is 1.35 times sigma, and its portraits end with twice "
        "the grain",
        lambda: (
            noise_given("vanilla", 40, 0.16) == pytest.approx(1.35, abs=0.02)
            and drawn("vanilla", 40).grain.value == pytest.approx(2, abs=0.1)
        ),
    ),
    (
        "end.html",
        "multiplies the noise of a step by a gain and the score by its square",
        noise_once_and_score_twice,
    ),
    (
        "end.html",
        "At alpha = 5 no gain exceeds 1.25",
        lambda: float(filters.gain(load_model("portraits32").frequency_mask, 5.0).max()) <= 1.25,
    ),
    (
        "end.html",
        "At N = 66 that leaves a quarter of vanilla's error on the clouds",
        lambda: error(CLOUDS.gain(5.0), 66) / vanilla(66) == pytest.approx(0.25, abs=0.02),
    ),
    (
        "end.html",
        "it takes most of the grain away, and does not give the lost contrast back",
        pds_mends_grain_and_not_contrast,
    ),
    (
        "end.html",
        "from about N = 120 on vanilla is closer, since PDS removes too much",
        lambda: all(vanilla_is_closer_from_about(name, 120) for name in story_tab.FIELDS),
    ),
    (
        "end.html",
        "With a filter that is too strong: it diverges",
        the_filter_has_a_cliff,
    ),
    (
        "end.html",
        "And most of what it does, a constant gain does too",
        a_longer_step_does_most_of_it,
    ),
    (
        "end.html",
        "After 66 of 2,000 iterations sigma is still above 900. A run of 66 is at sigma = 0 by "
        "then",
        lambda: (
            gaussian.clocks(CLOUDS, 2000, 66).sigmas[0][65] > 900
            and gaussian.clocks(CLOUDS, 2000, 66).sigmas[1][65] == 0
        ),
    ),
    (
        "end.html",
        "With N = 33 PDS leaves less than half the grain that vanilla leaves in portraits",
        lambda: drawn("pds:5", 33).grain.high < 0.5 * drawn("vanilla", 33).grain.low,
    ),
    (
        "end.html",
        "At N = 33 a constant gain, which has no shape, leaves the same grain",
        lambda: (
            drawn("scalar", 33).grain.value
            == pytest.approx(drawn("pds:5", 33).grain.value, rel=0.02)
        ),
    ),
    (
        "end.html",
        "The steps become so long that they overshoot, as in step 1, and the sampler diverges",
        a_strong_filter_overshoots,
    ),
    (
        "glossary.html",
        "The noise levels of vanilla and PDS have the same first and last value at every N",
        lambda: all(
            CLOUDS.model.sde.discrete_sigmas(n)[[0, -2]].tolist() == pytest.approx([1348, 0.01])
            for n in (10, 25, 2000)
        ),
    ),
    (
        "glossary.html",
        "which is 1.25 at the paper's alpha = 5",
        gains_are_between_one_and_their_bound,
    ),
    (
        "glossary.html",
        "Vanilla and PDS take two in each iteration, so N = 25 costs 50",
        lambda: [CLOUDS.plan(arm, 25).sampler.nfe for arm in ("vanilla", "pds:5")] == [50, 50],
    ),
    (
        "plane.html",
        "MALA rejects some of its steps, so that the walk has exactly this density in the end",
        mala_keeps_its_density_and_ula_does_not,
    ),
    (
        "filter.html",
        "Images are strong at low frequencies and weak at high ones",
        lambda: (
            bool((np.diff(field("field64").data.power) < 0).all())
            and field("portraits32").data.power[0] > 100 * field("portraits32").data.power[-1]
        ),
    ),
    (
        "filter.html",
        "the weak frequencies, which have to follow the falling noise the longest",
        lambda: all(np.diff([octaves.wall(CLOUDS, s).share for s in (0.1, 0.3, 1.0, 3.0)]) < 0),
    ),
    ("filter.html", "With M = 1 this is the ordinary sampler", no_filter_is_vanilla),
    (
        "images.html",
        "With little texture the model reproduces its own images",
        lambda: reproduces_its_pictures(0.05, True) and reproduces_its_pictures(0.9, False),
    ),
    (
        "images.html",
        "few iterations suffice; with more texture the grain appears",
        lambda: grain_at_few_steps(0.05) < ALIKE < grain_at_few_steps(0.9),
    ),
    (
        "images.html",
        "Choose ${setup.fewest} to ${setup.most} images of one kind",
        lambda: (images_tab.setup()["fewest"], images_tab.setup()["most"]) == (5, 500),
    ),
    (
        "ladder.html",
        "All runs start from the same noise",
        counts_share_their_start,
    ),
]


@pytest.mark.parametrize(("page", "sentence", "holds"), CLAIMS, ids=[c[1] for c in CLAIMS])
def test_a_sentence_of_the_page_is_there_and_true(page, sentence, holds):
    assert sentence in text_of(page)
    assert holds()


CHOSEN = {preset.name: preset for preset in PRESETS}


def drawn(arm, num_steps, model="portraits64", name=None):
    """The recorded measurement of many pictures, relative to the network's own."""
    (row,) = [
        row
        for row in evidence.read(name or model)
        if (row["arm"], row["N"], row["reference"]) == (arm, str(num_steps), "network")
    ]

    def interval(metric):
        return Interval(*(float(row[metric + end]) for end in ("", "_low", "_high")))

    counted = num_steps, int(row["images"])
    return RecordedSampler(arm, *counted, interval("grain"), interval("contrast"))


def sides(name):
    """The recorded measurements of both sides of a preset."""
    request = CHOSEN[name].request
    return [drawn(arm.name, arm.num_steps, request.model) for arm in request.arms]


def calls(name):
    """Network calls of both sides of a preset."""
    request = CHOSEN[name].request
    return [plan.sampler.nfe for plan in load_model(request.model).plans(request)]


def images(name):
    """Pictures that both sides of a preset were measured on."""
    return min(side.images for side in sides(name))


def at_equal_grain():
    """Contrast of PDS relative to a constant gain that leaves as much grain, N = 25."""
    grain = sides("gain")[1].grain.value
    rows = [row for row in evidence.read("portraits64", "equal_grain") if row["grain"]]
    near = min(rows, key=lambda row: abs(float(row["grain"]) - grain))
    return Interval(float(near["ratio"]), float(near["low"]), float(near["high"]))


def pds_mends_grain_alone():
    vanilla, pds = sides("few")
    return (
        vanilla.grain.low > 1.5 * GRAINY
        and pds.grain.high < GRAINY
        and max(vanilla.contrast.high, pds.contrast.high) < 1
    )


def a_longer_step_does_as_well():
    constant, pds = sides("gain")
    return (
        constant.grain.value == pytest.approx(pds.grain.value, rel=0.05)
        and drawn("vanilla", 25).grain.low > 2 * constant.grain.high
        and at_equal_grain().low > 1
    )


def grain_is_saved_and_contrast_is_not():
    vanilla, pds = sides("saved")
    return (
        max(vanilla.grain.high, pds.grain.high) < ALIKE * min(vanilla.grain.low, pds.grain.low)
        and pds.contrast.high < 1 < vanilla.contrast.high
        and pds.contrast.value < 0.9 * vanilla.contrast.value
    )


def heun_has_neither_harm():
    heun, pds = sides("today")
    return (
        abs(calls("today")[0] - calls("today")[1]) == 1
        and heun.grain.high < ALIKE
        and heun.contrast.low < 1 < heun.contrast.high
        and pds.grain.low > GRAINY
        and pds.contrast.high < 0.75
    )


def grain_identifies_vanilla():
    def ratio(num_steps, name="portraits32"):
        vanilla, pds = (drawn(arm, num_steps, name=name).grain for arm in ("vanilla", "pds:5"))
        return vanilla.value / pds.value

    vanilla, pds = sides("guess")
    return (
        ALIKE < vanilla.grain.low / pds.grain.high
        and ratio(66) < 1.5
        and ratio(25) > 2
        and ratio(200, "portraits32_many") < ALIKE
    )


LOOK = {
    "few": pds_mends_grain_alone,
    "gain": a_longer_step_does_as_well,
    "saved": grain_is_saved_and_contrast_is_not,
    "today": heun_has_neither_harm,
    "guess": grain_identifies_vanilla,
}

FRACTIONS = {"a fifth": 1 / 5, "a tenth": 1 / 10}

NUMBERS = {
    "few": (
        ("2.1", lambda: sides("few")[0].grain.value),
        ("1.1", lambda: sides("few")[1].grain.value),
        ("a fifth", lambda: 1 - np.mean([side.contrast.value for side in sides("few")])),
        ("64", lambda: images("few")),
    ),
    "gain": (
        ("1.7", lambda: np.mean([side.grain.value for side in sides("gain")])),
        ("4.2", lambda: drawn("vanilla", 25).grain.value),
        ("a tenth", lambda: at_equal_grain().value - 1),
        ("64", lambda: images("gain")),
    ),
    "saved": (
        ("80", lambda: calls("saved")[1]),
        ("200", lambda: calls("saved")[0]),
        ("64", lambda: images("saved")),
        ("0.80", lambda: sides("saved")[1].contrast.value),
        ("0.96", lambda: sides("saved")[0].contrast.value),
    ),
    "today": (
        ("50", lambda: calls("today")[1]),
        ("1.7", lambda: sides("today")[1].grain.value),
        ("64", lambda: images("today")),
        ("0.61", lambda: sides("today")[1].contrast.value),
    ),
    "guess": (("1.5", lambda: sides("guess")[0].grain.value / sides("guess")[1].grain.value),),
}
"""The numbers of each sentence, in its order, with what they are."""


@pytest.mark.parametrize("name", CHOSEN)
def test_a_preset_says_what_is_to_be_seen(name):
    assert LOOK[name]()


@pytest.mark.parametrize("name", CHOSEN)
def test_every_number_of_a_preset_is_asserted(name):
    written = re.findall(
        r"\d+(?:\.\d+)?|an? (?:half|third|quarter|fifth|tenth)", CHOSEN[name].sentence
    )
    assert written == [text for text, _ in NUMBERS[name]]


@pytest.mark.parametrize(
    ("text", "value"),
    [number for numbers in NUMBERS.values() for number in numbers],
    ids=[f"{name} {text}" for name, numbers in NUMBERS.items() for text, _ in numbers],
)
def test_a_number_of_a_preset_is_the_recorded_one(text, value):
    if text in FRACTIONS:
        assert value() == pytest.approx(FRACTIONS[text], abs=0.025)
    else:
        assert f"{value():.{len(text.partition('.')[2])}f}" == text
