"""Scores of denoisers and networks of other libraries, in the frame of a VE process.

With data x0, a VE state is x = x0 + sigma z, and by Tweedie's formula its score is

    s(x, sigma) = (D(x, sigma) - x) / sigma^2,     D(x, sigma) = E[x0 | x]

so that every denoiser has one. A network of a variance-preserving process knows the same states in
another scale: with abar = 1 / (1 + sigma^2), sqrt(abar) x = sqrt(abar) x0 + sqrt(1 - abar) z.

| the network predicts | s(x, sigma)                                        |
|----------------------|----------------------------------------------------|
| epsilon: z           | -epsilon / sigma                                   |
| v: sqrt(abar) z - sqrt(1 - abar) x0 | -abar x - sqrt(abar) v / sigma      |
| sample: x0           | (x0 - x) / sigma^2                                 |

An `AdaptedScore` can be used wherever this library takes a score function. Its `sde` spans the
noise levels that the network was trained on, and no sampler leaves them. The network is called on
its own device and in its own precision; the score has those of x.

Source: T. Karras et al., NeurIPS 2022 (the frame of sigma); T. Salimans and J. Ho, ICLR 2022 (v).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pds.limits import quoted, require_choice
from pds.sde import VESDE, column, widest

At = Callable[[Tensor, Tensor], Tensor]
"""Maps x (B, C, H, W) and a number for each image (B,) to a tensor of the shape of x."""

PREDICTIONS = ("epsilon", "v", "sample")
PREDICTION_TYPES = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}
"""What a scheduler of diffusers calls them."""


@dataclass(frozen=True, eq=False)
class AdaptedScore:
    """A score function s(x, t) of a VE process.

    Args:
        score: maps x (B, C, H, W) and sigma (B,) float64 to the gradient of log p at x.
        sde: the process; its sigmas are those that the network knows.
    """

    score: At
    sde: VESDE

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the score (B, C, H, W) at x (B, C, H, W) and t (B,) in [0, 1]."""
        sigma = self.sde.sigma(t)
        # The ends may be off by rounding.
        return self.score(x, sigma.clamp(self.sde.sigma_min, self.sde.sigma_max))


def from_denoiser(denoiser: At, *, sigma_min: float, sigma_max: float) -> AdaptedScore:
    """Return the score of a denoiser D(x, sigma): a network of EDM, a wrapper of k-diffusion.

    Args:
        denoiser: maps x = x0 + sigma z (B, C, H, W) and sigma (B,) to E[x0 | x].
        sigma_min, sigma_max: the noise levels that it was trained on, in units of its pixels.

    Raises:
        ValueError: unless 0 < sigma_min < sigma_max.
    """

    def score(x: Tensor, sigma: Tensor) -> Tensor:
        return _tweedie(x, _call(denoiser, x, sigma.to(_like(denoiser, x))), sigma)

    return AdaptedScore(score, VESDE(float(sigma_min), float(sigma_max)))


def from_epsilon(
    network: At,
    alphas_cumprod: Tensor | Sequence[float],
    *,
    prediction: str = "epsilon",
    index: Literal["real", "whole"] = "real",
) -> AdaptedScore:
    """Return the score of a network of a discrete variance-preserving process: DDPM and its kin.

    The network is called at sqrt(abar) x, with abar = 1 / (1 + sigma^2), and at the index of sigma,
    which lies between two whole ones: it is interpolated in log sigma.

    Args:
        network: maps sqrt(abar) x (B, C, H, W) and the index (B,) to what it predicts; channels
            after those of x, a learned variance, are left out.
        alphas_cumprod: abar of every index, (T,), descending within (0, 1), T >= 2.
        prediction: "epsilon", "v" or "sample".
        index: "whole" rounds it to the nearest, int64, for a network that looks it up in a table;
            the network then gets a noise level that is off by up to half a step.

    Raises:
        ValueError: if the schedule does not descend within (0, 1), or the prediction is unknown.
    """
    kind = require_choice("prediction", prediction, PREDICTIONS)
    require_choice("index", index, ("real", "whole"))
    sigmas = _sigmas(torch.as_tensor(alphas_cumprod, dtype=torch.float64).cpu())

    def score(x: Tensor, sigma: Tensor) -> Tensor:
        place = _index(sigmas.to(sigma), sigma)
        number = place.round().long() if index == "whole" else place.float()
        kept = column((1 + sigma**2).rsqrt(), x)
        return _predicted(kind, x, _call(network, kept * x, number), sigma)

    return AdaptedScore(score, VESDE(float(sigmas[0]), float(sigmas[-1])))


def from_unet(unet: Any, scheduler: Any) -> AdaptedScore:
    """Return the score of a UNet2DModel of diffusers.

    Args:
        unet: called with (x, sigma) or (sqrt(abar) x, index); `.sample` of its output is used.
        scheduler: that of its pipeline. With ScoreSdeVeScheduler the network's output is the score;
            with any that has `alphas_cumprod`, such as DDPM and DDIM, its prediction_type decides.

    Raises:
        ValueError: for another scheduler or prediction type.
    """

    def network(x: Tensor, number: Tensor) -> Tensor:
        output: Tensor = unet(x.to(unet.device, unet.dtype), number.to(unet.device)).sample
        return output

    config, name = scheduler.config, type(scheduler).__name__
    if hasattr(scheduler, "step_correct"):
        sde = VESDE(float(config.sigma_min), float(config.sigma_max))
        return AdaptedScore(lambda x, sigma: network(x, sigma.float()).to(x), sde)
    if not hasattr(scheduler, "alphas_cumprod"):
        raise ValueError(
            f"{name} has neither alphas_cumprod nor the noise levels of a ScoreSdeVeScheduler; use "
            "from_denoiser with a function D(x, sigma) of your own"
        )
    prediction = PREDICTION_TYPES.get(config.prediction_type)
    if prediction is None:
        raise ValueError(
            f"prediction_type of {name} must be one of {', '.join(PREDICTION_TYPES)}, got "
            f"{quoted(config.prediction_type)}"
        )
    looked_up = unet.config.time_embedding_type == "learned"
    return from_epsilon(
        network,
        scheduler.alphas_cumprod,
        prediction=prediction,
        index="whole" if looked_up else "real",
    )


def from_azula(denoiser: Any) -> AdaptedScore:
    """Return the score of a denoiser of azula, of any schedule.

    Its states are alpha_t x0 + sigma_t z. The time of a sigma is found by bisection of
    sigma_t / alpha_t, and the denoiser is called at alpha_t x. As in azula's own samplers t is one
    number: images with different sigmas are denoised in turn.

    Args:
        denoiser: maps x_t (B, C, H, W) and t () to a posterior with a `mean`; its `schedule` maps t
            to alpha_t and sigma_t.

    Raises:
        ValueError: unless sigma_t / alpha_t grows from t = 0 to 1, above 0 and finite.
    """
    schedule = denoiser.schedule
    ratio = _ratio(schedule, torch.linspace(0, 1, 1001, dtype=torch.float64))
    lowest, highest = float(ratio[0]), float(ratio[-1])
    if not (0 < lowest < highest < math.inf and bool((ratio.diff() >= 0).all())):
        raise ValueError(
            f"sigma_t / alpha_t of {type(schedule).__name__} must be above 0, finite and grow with "
            f"t, got {lowest:g} at t = 0 and {highest:g} at t = 1"
        )

    def one(x: Tensor, sigma: Tensor) -> Tensor:
        # azula's denoisers convert to the precision of their networks themselves. Near t = 0 its
        # sigma_t is a small difference, 1 - alpha_t^2, which float32 would lose.
        moved = x.to(_like(denoiser, x).device)
        t = _time(schedule, sigma).to(moved.device, widest(moved.device))
        alpha_t, sigma_t = schedule(t)
        mean = denoiser(alpha_t * moved, t).mean
        return _tweedie(x, mean.to(x), (sigma_t / alpha_t).double().expand(len(x)))

    def score(x: Tensor, sigma: Tensor) -> Tensor:
        scores = torch.empty_like(x)
        for level in set(sigma.tolist()):
            chosen = sigma == level
            scores[chosen] = one(x[chosen], torch.tensor(level, dtype=torch.float64))
        return scores

    return AdaptedScore(score, VESDE(lowest, highest))


def _tweedie(x: Tensor, denoised: Tensor, sigma: Tensor) -> Tensor:
    """Return (D - x) / sigma^2 for sigma (B,)."""
    return (denoised - x) / column(sigma, x) ** 2


def _predicted(kind: str, x: Tensor, output: Tensor, sigma: Tensor) -> Tensor:
    """Return the score from what a network predicts, for sigma (B,)."""
    if kind == "epsilon":
        return -output / column(sigma, x)
    if kind == "sample":
        return _tweedie(x, output, sigma)
    kept = column((1 + sigma**2).rsqrt(), x)
    return -(kept**2) * x - kept / column(sigma, x) * output


def _like(network: object, x: Tensor) -> Tensor:
    """Return a tensor with the device and the precision in which a network is called."""
    parameters = network.parameters() if isinstance(network, nn.Module) else ()
    return next((p for p in parameters if p.is_floating_point()), x)


def _call(network: At, x: Tensor, number: Tensor) -> Tensor:
    """Call a network where it is; return its output where x is, with as many channels."""
    like = _like(network, x)
    return network(x.to(like), number.to(like.device))[:, : x.shape[1]].to(x)


def _sigmas(alphas_cumprod: Tensor) -> Tensor:
    """Return sqrt(1 / abar - 1) of every index, (T,), ascending."""
    inside = bool(((alphas_cumprod > 0) & (alphas_cumprod < 1)).all())
    if len(alphas_cumprod) < 2 or not inside or not bool((alphas_cumprod.diff() < 0).all()):
        raise ValueError(
            "alphas_cumprod must descend within (0, 1), over 2 or more indices, got "
            f"{len(alphas_cumprod)} from {float(alphas_cumprod[0]):g} to "
            f"{float(alphas_cumprod[-1]):g}"
        )
    return (1 / alphas_cumprod - 1).sqrt()


def _index(sigmas: Tensor, sigma: Tensor) -> Tensor:
    """Return the real index (B,) of sigma (B,) within sigmas (T,), linear in log sigma."""
    logs, log = sigmas.log(), sigma.log()
    above = torch.searchsorted(logs, log).clamp(1, len(logs) - 1)
    low, high = logs[above - 1], logs[above]
    return above - 1 + ((log - low) / (high - low)).clamp(0, 1)


def _ratio(schedule: Any, t: Tensor) -> Tensor:
    """Return sigma_t / alpha_t of a schedule of azula."""
    alpha_t, sigma_t = schedule(t)
    ratio: Tensor = sigma_t / alpha_t
    return ratio


def _time(schedule: Any, sigma: Tensor) -> Tensor:
    """Return the t () float64 with sigma_t / alpha_t = sigma ()."""
    low, high = torch.zeros_like(sigma), torch.ones_like(sigma)
    for _ in range(50):
        middle = (low + high) / 2
        below = _ratio(schedule, middle) < sigma
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2
