"""The probability flow ODE of a VE process: sampling with no noise but that of the start, and no M.

    dx / dsigma = -sigma s(x, sigma),       x = sigma_max z at sigma_max,  the result at sigma = 0

on the geometric grid of the process, sigma_max down to sigma_min, with 0 appended:

    Euler   x <- x + (sigma_{i+1} - sigma_i) d_i,     d_i = -sigma_i s(x, sigma_i)
    Heun    the same with (d_i + d_{i+1}) / 2, d_{i+1} at Euler's x; Euler in the step to 0

For Gaussian data each mode is a scalar, d = x sigma / (lambda + sigma^2), and the ODE itself takes
a mode from sigma_max^2 to lambda sigma_max^2 / (lambda + sigma_max^2).

Source: Y. Song et al., ICLR 2021 (the ODE); T. Karras et al., NeurIPS 2022 (in sigma, and Heun's
last step). Their grids differ; this one is that of the predictor-corrector sampler beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import torch

from pds.checks import require_whole
from pds.kernels import still
from pds.noise import NoiseFn
from pds.preconditioners import Preconditioner
from pds.sampling import Chain, Query, Step
from pds.sde import SDE, VESDE


@dataclass(frozen=True)
class ProbabilityFlow:
    """A solver of the ODE, see the module.

    Args:
        method: "euler" or "heun".
        num_steps: of the grid, >= 1, the one to sigma = 0 included.

    Raises:
        ValueError: unless num_steps >= 1.
    """

    method: Literal["euler", "heun"]
    num_steps: int

    def __post_init__(self) -> None:
        require_whole("the number of iterations", self.num_steps, 1)

    def require(self, sde: SDE) -> VESDE:
        """Return the process.

        Raises:
            ValueError: unless it is variance exploding.
        """
        if not isinstance(sde, VESDE):
            raise ValueError(
                f"the probability flow is in sigma, which VE has and {type(sde).__name__} has not"
            )
        return sde

    @property
    def nfe(self) -> int:
        return self.num_steps if self.method == "euler" else 2 * self.num_steps - 1

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        return self

    def chain(self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int]) -> Chain:
        sde = self.require(sde)
        t = torch.linspace(1, 0, self.num_steps, dtype=torch.float64)
        times, sigmas = [*t.tolist(), 0.0], [*sde.sigma(t).tolist(), 0.0]
        x, nfe = sigmas[0] * noise(torch.Size(shape)), 0
        for index in range(self.num_steps):
            now, below = sigmas[index : index + 2]
            score = yield Query(x, (times[index],) * len(x))
            slope, nfe = -now * score, nfe + 1
            if self.method == "heun" and below > 0:
                ahead = x + (below - now) * slope
                score = yield Query(ahead, (times[index + 1],) * len(x))
                slope, nfe = (slope - below * score) / 2, nfe + 1
            x = x + (below - now) * slope
            yield Step(index, self.num_steps, times[index], now, nfe, still(x))
