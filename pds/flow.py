"""The probability flow ODE of a VE process: sampling with no noise but the start's.

    dx / dsigma = -sigma s(x, sigma),       x = sigma_max z at sigma_max,  the result at sigma = 0

on the geometric grid of the process, sigma_max down to sigma_min, with 0 appended:

    Euler   x <- x + (sigma_{i+1} - sigma_i) d_i,     d_i = -sigma_i s(x, sigma_i)
    Heun    the same with (d_i + d_{i+1}) / 2, d_{i+1} at Euler's guess; Euler in the step to 0

For Gaussian data each mode is a scalar, d = x sigma / (lambda + sigma^2), so that both have an
exact answer, and the ODE itself takes a mode from sigma_max^2 to lambda sigma_max^2 / (lambda +
sigma_max^2).

Source: Y. Song et al., ICLR 2021 (the ODE); T. Karras et al., NeurIPS 2022 (in sigma, and Heun's
last step). Theirs have other grids; this one is that of the predictor-corrector sampler beside it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pds.scores.gaussian import ScoreFn
from pds.sde import SDE, VESDE
from pds.theory import Array, Modes


@dataclass(frozen=True)
class Flow:
    """A solver of the ODE and its grid.

    Args:
        method: "euler" or "heun".
        num_steps: of the grid, >= 1, the one to sigma = 0 among them.

    Raises:
        ValueError: unless num_steps >= 1.
    """

    method: Literal["euler", "heun"]
    num_steps: int

    def __post_init__(self) -> None:
        if self.num_steps < 1:
            raise ValueError(f"the number of steps must be >= 1, got {self.num_steps}")

    @property
    def nfe(self) -> int:
        """Network evaluations for each image."""
        return self.num_steps if self.method == "euler" else 2 * self.num_steps - 1

    def sigmas(self, sde: SDE) -> Tensor:
        """Return the grid (num_steps + 1,) float64, from sigma_max to 0.

        Raises:
            ValueError: unless the process is variance exploding.
        """
        if not isinstance(sde, VESDE):
            raise ValueError(f"the flow is in sigma, which VE has and {type(sde).__name__} has not")
        t = torch.linspace(1, 0, self.num_steps, dtype=torch.float64)
        return torch.cat([sde.sigma(t), torch.zeros(1, dtype=torch.float64)])


@torch.no_grad()
def flow(score: ScoreFn, sde: VESDE, start: Tensor, solver: Flow) -> Tensor:
    """Solve the ODE from standard normal noise (B, C, H, W); return the images at sigma = 0."""
    sigmas = solver.sigmas(sde)

    def slope(x: Tensor, sigma: Tensor) -> Tensor:
        return -float(sigma) * score(x, sde.time(sigma).expand(len(x)).to(x.device))

    x = float(sigmas[0]) * start
    for now, below in pairwise(sigmas):
        step, d = float(below - now), slope(x, now)
        if solver.method == "heun" and below > 0:
            d = (d + slope(x + step * d, below)) / 2
        x = x + step * d
    return x


def flow_variances(modes: Modes, sde: SDE, solver: Flow) -> Array:
    """Return the exact final variance of every mode (K,) for Gaussian data.

    Raises:
        ValueError: unless the process is variance exploding.
    """
    sigmas = solver.sigmas(sde).numpy()
    scale = np.full(len(modes.power), sigmas[0])
    for now, below in pairwise(sigmas):
        pull = now / (modes.power + now**2)
        if solver.method == "heun" and below > 0:
            at_guess = below / (modes.power + below**2) * (1 + (below - now) * pull)
            pull = (pull + at_guess) / 2
        scale *= 1 + (below - now) * pull
    return np.square(scale)
