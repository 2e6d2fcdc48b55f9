"""The numbers of the tab "Why few steps fail": exact results for data taken as Gaussian.

They come from the recursion of `pds.theory`, with the spectrum, the process and the sampler of a
model. Nothing is sampled, except pictures, which are drawn from the exact distribution.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds import filters, models, theory
from pds.arms.names import Arm, parse
from pds.arms.samplers import Plan
from pds.driving import seeded_noise
from pds.limits import MAX_STEPS, require_whole
from pds.models import Model
from pds.portraits import portraits
from pds.scores.gaussian import GaussianField
from pds.sde import VESDE
from pds.theory import Modes

Array = NDArray[np.float64]

COUNTS = (
    *(10, 14, 17, 20, 25, 29, 33, 40, 50, 57, 66, 80),
    *(100, 115, 133, 165, 200, 300, 400, 600, 800, 1200, 1600, 2000),
)
"""Iteration counts of every error curve."""

ALPHAS = (
    *(1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.3, 2.6, 3.0, 3.5),
    *(4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 13.0, 16.0, 20.0, 30.0, 40.0, 50.0),
)
"""Values of alpha in the map of errors."""

VE_ONLY = "every model of the page is variance exploding"

RUNS = (2000, 200, 66, 25)
"""Iteration counts whose runs are followed frequency by frequency."""

RADII = tuple(k / 32 for k in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16))
"""Frequencies to follow, in cycles per pixel; every field has modes there."""

SHARES = 10
"""Groups of equal size that represent all gains when they are shuffled over frequencies."""


@dataclass(frozen=True, eq=False)
class Field:
    """A model's data taken as Gaussian: its spectrum, process and sampler.

    title: its name on the page.
    model: the model.
    """

    title: str
    model: Model

    @cached_property
    def power(self) -> Tensor:
        """Mean power over channels without the images' mean, (H, W) float64."""
        return self.model.data_power.mean(0)

    @cached_property
    def data(self) -> Modes:
        """The power in radial bins, for errors."""
        return theory.bins(self.power)

    @cached_property
    def rings(self) -> Modes:
        """The power at every exact |k|, for single frequencies."""
        return theory.rings(self.power)

    @cached_property
    def groups(self) -> Modes:
        """The modes in groups of like power, ascending, for samplers without a gain."""
        return theory.alike(self.power)

    def gain(self, alpha: float) -> Array:
        """Return the frequency gain of each bin, (K,), mean over channels."""
        return theory.bins(self.frequency_gain(alpha)).power

    def frequency_gain(self, alpha: float) -> Tensor:
        """Return the gain of every frequency, (H, W), mean over channels."""
        return filters.gain(self.model.frequency_mask, alpha).double().mean(0)

    def plan(self, arm: str, num_steps: int) -> Plan:
        """Return the sampler of an arm at N iterations, see `pds.arms.names`.

        Raises:
            ValueError: if N is out of range, or the arm does not support the model.
        """
        most = min(MAX_STEPS, self.model.num_scales)
        require_whole("the number of iterations", num_steps, 1, most)
        return self._plan(parse(arm), num_steps)

    @cached_property
    def _plan(self) -> Callable[[Arm, int], Plan]:
        """Build a plan; the latest 32 are cached, since an evaluation needs each several times."""
        return lru_cache(maxsize=32)(self.model.plan)

    def w2(self, gain: Array, counts: tuple[int, ...] = COUNTS) -> Array:
        """Return the error at each N, (..., N), of gains (..., K)."""
        samplers = [self.model.sampler(n) for n in counts]
        rows = np.atleast_2d(gain)
        stacked = np.repeat(rows, len(counts), axis=0)
        variance = theory.variances(self.data, stacked, self.model.sde, samplers * len(rows))
        return theory.w2(self.data, variance).reshape(*gain.shape[:-1], len(counts))

    @cached_property
    def vanilla_w2(self) -> Array:
        """The error of vanilla at each of `COUNTS`, (N,)."""
        return self.w2(np.ones(len(self.data.power)))

    def w2_of(self, gains: Array) -> Array:
        """Return the error at each of `COUNTS`, (N,), of a gain for each, (N, K) or (N, 1)."""
        samplers = [self.model.sampler(n) for n in COUNTS]
        gains = np.broadcast_to(gains, (len(COUNTS), len(self.data.power)))
        return theory.w2(self.data, theory.variances(self.data, gains, self.model.sde, samplers))

    def shuffled_w2(self, gain: Array, counts: tuple[int, ...] = COUNTS) -> Array:
        """Return the error at each N, (N,), if the gains were assigned to frequencies at random.

        Every group of modes then has all gains, each for an equal share of its modes. The groups
        are half octaves, since each is split into `SHARES` shares.
        """
        halves = theory.bins(self.power, per_octave=2)
        modes = Modes(*(np.repeat(getattr(halves, f.name), SHARES) for f in fields(Modes)))
        gains = np.tile(dealt(self.data, gain), len(halves.power))
        samplers = [self.model.sampler(n) for n in counts]
        return theory.w2(modes, theory.variances(modes, gains, self.model.sde, samplers))

    @cached_property
    def gaussian(self) -> GaussianField:
        """The exact score of Gaussian data with this power around the mean brightness."""
        power = self.model.data_power.clone()
        pixels = power.shape[-2] * power.shape[-1]
        mean = float((power[..., 0, 0].mean() / pixels).sqrt())
        power[..., 0, 0] = power[..., 0, 1]  # the mean varies about as the next mode
        return GaussianField(power, self.model.sde, mean=mean)

    def picture(self, seed: int) -> Tensor:
        """Return an image of the data, (C, H, W)."""
        score = self.model.score
        if not isinstance(score, GaussianField):
            return portraits([seed], size=self.power.shape[-1])[0]
        noise = seeded_noise([seed])(torch.Size((1, *self.model.image_shape)))
        return score.sample(noise)[0]

    def time(self, sigma: float) -> Tensor:
        """Return the t (1,) at which the process has this sigma."""
        sde = self.model.sde
        assert isinstance(sde, VESDE), VE_ONLY
        return sde.time(torch.tensor([sigma], dtype=torch.float64))

    def draw(self, variance: Array, seed: int) -> Tensor:
        """Draw a picture with this variance for each of `theory.modes`, (1, H, W)."""
        height, width = self.power.shape
        power = theory.grid(variance, height, width).clamp(min=1e-12)
        noise = seeded_noise([seed])(torch.Size((1, 1, height, width)))
        return GaussianField(power, self.model.sde, mean=0.5).sample(noise)[0]


def dealt(data: Modes, gain: Array) -> Array:
    """Return `SHARES` gains that represent equal shares of all modes, ascending."""
    order = np.argsort(gain)
    below = np.cumsum(data.count[order]) / data.count.sum()
    middles = (np.arange(SHARES) + 0.5) / SHARES
    return gain[order][np.searchsorted(below, middles)]


@cache
def field(model: str) -> Field:
    """Return the data of a model of the page as a `Field`."""
    return Field(models.title(model), models.load_model(model))


def ring(field: Field, radius: float) -> int:
    """Return the place of the nearest of `Field.rings`."""
    return int(np.abs(field.rings.radius - radius).argmin())


def frequency_states(field: Field, alpha: float | None, num_steps: int) -> tuple[Array, Array]:
    """Follow every frequency through a run of PDS at alpha, or of vanilla if alpha is None.

    Returns:
        sigma after each iteration, (N,), 0 at the end, and the standard deviation of each ring
        of the state x, (N, K); the exact one is sqrt(lambda + sigma^2).
    """
    exact = 1.0 if alpha is None else theory.rings(field.frequency_gain(alpha)).power
    gain = np.broadcast_to(exact, field.rings.power.shape)
    return _followed(field, field.rings, gain, num_steps)


@lru_cache(maxsize=64)  # 0.2 MB at most
def lag(field: Field, alpha: float | None, num_steps: int) -> tuple[Array, Array]:
    """Follow the frequencies `RADII` alone; the bins of the spectrum set the step sizes.

    Returns:
        sigma as `frequency_states` has it, and the standard deviation of each radius, (N, R).
    """
    at = [ring(field, radius) for radius in RADII]
    bins, rings = field.data, field.rings
    modes = Modes(
        np.append(bins.power, rings.power[at]),
        np.append(bins.count, np.zeros(len(at))),  # followed, and no part of the norms
        np.append(bins.radius, rings.radius[at]),
    )
    gain = np.ones(len(modes.power))
    if alpha is not None:
        exact = theory.rings(field.frequency_gain(alpha)).power
        gain = np.append(field.gain(alpha), exact[at])
    sigma, std = _followed(field, modes, gain, num_steps)
    return sigma, std[:, len(bins.power) :].copy()  # a view would keep the bins, too


def _followed(field: Field, modes: Modes, gain: Array, num_steps: int) -> tuple[Array, Array]:
    """Return sigma and the standard deviations of groups of modes after each iteration."""
    sde, sampler = field.model.sde, field.model.sampler(num_steps)
    assert isinstance(sde, VESDE), VE_ONLY
    sigma = sde.discrete_sigmas(num_steps)[1:].numpy()
    noise = sde.discretize(sampler.times()).diffusion.numpy()
    noise[-1] = 0.0  # the last noise is left out of the result
    steps = theory.trajectories(modes, gain[None], sde, [sampler])
    means = np.concatenate([step.variance for step in steps])
    return sigma, np.sqrt(means + np.outer(noise, gain) ** 2)


class Errors(NamedTuple):
    """Error W2 at each of `counts`, (N,) each, and where PDS and vanilla cross.

    crossings: values of N, ascending, interpolated in the logarithm of N and of the errors.
    """

    counts: tuple[int, ...]
    curves: dict[str, Array]
    crossings: list[float]


@lru_cache(maxsize=64)
def errors(field: Field, alpha: float) -> Errors:
    """Return the error against N of vanilla, PDS at alpha, and its controls.

    "inverted" has the gain 1/r; "shuffled" assigns the gains of PDS to frequencies at random.
    """
    gain = field.gain(alpha)
    pds, inverted = field.w2(np.stack([gain, 1 / gain]))
    shuffled = field.shuffled_w2(gain)
    vanilla = field.vanilla_w2
    curves = {"vanilla": vanilla, "PDS": pds, "inverted": inverted, "shuffled": shuffled}
    return Errors(COUNTS, curves, crossings(COUNTS, vanilla, pds))


def crossings(counts: tuple[int, ...], a: Array, b: Array) -> list[float]:
    """Return where two curves over N cross, interpolated in logarithms."""
    gap, n = np.log(a) - np.log(b), np.log(counts)
    at = np.flatnonzero(np.sign(gap[:-1]) * np.sign(gap[1:]) < 0)
    share = gap[at] / (gap[at] - gap[at + 1])
    places: list[float] = np.exp(n[at] + share * (n[at + 1] - n[at])).tolist()
    return places


@cache
def advantage(field: Field) -> Array:
    """Return log10 of vanilla's error over that of PDS, (alphas, counts) of `ALPHAS`, `COUNTS`.

    Above 0, PDS is better. A sampler that diverges has an infinite error, shown as -inf.
    """
    gains = np.stack([field.gain(alpha) for alpha in ALPHAS])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ratio = field.vanilla_w2 / field.w2(gains)
        return np.asarray(np.log10(np.nan_to_num(ratio, nan=0.0)))


class Clocks(NamedTuple):
    """A run of N iterations after k of them, and a run of k at its end.

    sigmas: noise level after each iteration of both runs.
    pictures: x_mean of both at that point, from the same noise, (1, H, W).
    left: power above half Nyquist of both relative to the data.
    """

    sigmas: tuple[Array, Array]
    pictures: tuple[Tensor, Tensor]
    left: tuple[float, float]


def clocks(field: Field, num_steps: int, iteration: int, *, seed: int = 0) -> Clocks:
    """Compare iteration k of a run of N with the end of a run of k, both vanilla.

    Without a gain the variance of a mode follows from its power alone, so that 64 groups of modes
    with like power are followed, and modes between them interpolated.
    """
    samplers = [field.model.sampler(n) for n in (num_steps, iteration)]
    groups, data = field.groups, theory.modes(field.power)
    steps = theory.trajectories(groups, np.ones((2, len(groups.power))), field.model.sde, samplers)
    reached = next(islice(steps, iteration - 1, None)).variance
    both = [np.exp(np.interp(np.log(data.power), np.log(groups.power), np.log(v))) for v in reached]
    sigmas = [
        np.append(s.process(field.model.sde).marginal(s.times()).std.numpy()[1:], 0.0)
        for s in samplers
    ]
    one, other = (field.draw(variance, seed) for variance in both)
    left = [float(theory.noise_left(data, variance)) for variance in both]
    return Clocks((sigmas[0], sigmas[1]), (one, other), (left[0], left[1]))
