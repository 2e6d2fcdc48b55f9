"""Static Langevin sampling in two dimensions, with a preconditioner M and a skew matrix S.

    ULA     x <- x + e D s(x) + sqrt(2 e) M z,    D = M M' + S,   S = [[0, skew], [-skew, 0]]
    MALA    the same proposal with S = 0, accepted or rejected so that p is invariant

On a Gaussian of mean 0 and covariance C, s(x) = -C^-1 x and every ULA step is linear:

    mean <- A mean,   cov <- A cov A' + 2 e M M',   A = I - e D C^-1

In coordinates where C = I, D is H + w J: H symmetric with eigenvalues h1 <= h2, J the quarter turn
and w = skew / sqrt(det C), since B J B' = det(B) J in two dimensions. So D C^-1 has eigenvalues

    rates = a -+ sqrt(b^2 - w^2),   a = (h1 + h2) / 2,   b = (h2 - h1) / 2

and a step multiplies an offset along each eigenvector by the factor 1 - e rate. The rates are a
complex pair if |w| > b: the chains rotate, and both directions shrink at the same rate. Without S
the factors are 1 - e h. For M = C^(p/2), h = lambda^(p-1) for each variance lambda of C: the
condition number becomes kappa^(1-p), and M = C^(1/2) makes it 1.

For another density the mean curvature E[s s'] takes the place of C^-1.

In continuous time p is invariant for every M and S. The discrete chains converge to another
covariance, without S to lambda / (1 - e h / 2) in each direction, and diverge if e h2 >= 2.

Source: M. Girolami and B. Calderhead, "Riemann Manifold Langevin and Hamiltonian Monte Carlo
Methods", JRSS B 2011 (preconditioned MALA); the rest is derived here.
"""

import cmath
import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from pds.limits import require_positive
from pds.theory.plane import Gaussian, Target

CONVERGED = 0.01
"""Relative offset below which a direction has converged."""


@dataclass(frozen=True)
class Move:
    """One Langevin step: its size e, M and the strength of S.

    Args:
        step: e, > 0.
        m: M, (2, 2) float64, invertible; the identity by default.
        skew: the upper right entry of S.

    Raises:
        ValueError: if the step is not positive, M not invertible, or a value not finite.
    """

    step: float
    m: Tensor = field(default_factory=lambda: torch.eye(2, dtype=torch.float64))
    skew: float = 0.0

    def __post_init__(self) -> None:
        require_positive("the step", self.step)
        if not math.isfinite(self.skew):
            raise ValueError(f"the skew must be finite, got {self.skew:g}")
        if self.m.shape != (2, 2) or not abs(float(torch.linalg.det(self.m.double()))) > 0:
            raise ValueError(f"M must be an invertible 2 x 2 matrix, got {self.m.tolist()}")

    @property
    def drift(self) -> Tensor:
        """Return D = M M' + S."""
        turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
        return self.m @ self.m.T + self.skew * turn


def ula(target: Target, move: Move, start: Tensor, noise: Tensor) -> Tensor:
    """Run unadjusted Langevin chains, x <- x + e D s(x) + sqrt(2 e) M z.

    If the step is too large, chains diverge, up to inf and nan.

    Args:
        target: the density.
        move: the step.
        start: the initial points, (num_chains, 2) float64.
        noise: z, standard normal, (num_steps, num_chains, 2) float64.

    Returns:
        The chains with their start, (num_steps + 1, num_chains, 2).
    """
    pull, kicks = _step_matrices(move, noise)
    chains = [start]
    for kick in kicks:
        x = chains[-1]
        chains.append(torch.addmm(x + kick, target.score(x), pull))
    return torch.stack(chains)


class Adjusted(NamedTuple):
    """Chains of MALA.

    chains: (num_steps + 1, num_chains, 2), the start first.
    accepted: (num_steps, num_chains) bool; after a rejection the chain stays at its point.
    """

    chains: Tensor
    accepted: Tensor

    @property
    def acceptance(self) -> float:
        """Return the share of proposals that were accepted."""
        return float(self.accepted.double().mean())


def mala(target: Target, move: Move, start: Tensor, noise: Tensor, *, uniform: Tensor) -> Adjusted:
    """Run Metropolis-adjusted Langevin chains, for which p is invariant at every step size.

    A proposal y is accepted with probability min(1, p(y) q(x|y) / (p(x) q(y|x))),
    q(y|x) = N(y; x + e M M' s(x), 2 e M M').

    Args:
        target: the density.
        move: the step, with skew = 0.
        start: the initial points, (num_chains, 2) float64.
        noise: z, standard normal, (num_steps, num_chains, 2) float64.
        uniform: on [0, 1), (num_steps, num_chains) float64.

    Raises:
        ValueError: unless skew is 0: with S the proposal is not reversible.
    """
    if move.skew:
        raise ValueError(
            f"MALA needs skew = 0, got {move.skew:g}; S makes the chains rotate, and the "
            "Metropolis test would reject moves that are not reversible; use ULA"
        )
    pull, kicks = _step_matrices(move, noise)
    unkick = torch.linalg.inv(move.m.T) / math.sqrt(2 * move.step)
    # log u minus the log density of the noise; the loop adds the remaining terms.
    bars = uniform.log() - noise.square().sum(-1) / 2
    x, (log_p, score) = start, target.at(start)
    drift, chains, accepted = score @ pull, [start], []
    for kick, bar in zip(kicks, bars, strict=True):
        outward = drift + kick
        y = x + outward
        new_log_p, new_score = target.at(y)
        new_drift = new_score @ pull
        # The noise of the reverse move: x = y + e M M' s(y) - sqrt(2 e) M back.
        back = (outward + new_drift) @ unkick
        ok = new_log_p - log_p - (back * back).sum(-1) / 2 > bar
        log_p = torch.where(ok, new_log_p, log_p)
        x, drift = torch.where(ok[:, None], y, x), torch.where(ok[:, None], new_drift, drift)
        chains.append(x)
        accepted.append(ok)
    return Adjusted(torch.stack(chains), torch.stack(accepted))


def _step_matrices(move: Move, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return e D' and sqrt(2 e) z M', for points as rows."""
    return move.step * move.drift.T, math.sqrt(2 * move.step) * noise @ move.m.T


class Direction(NamedTuple):
    """The effect of ULA steps along one eigenvector of (M M' + S) C^-1.

    factor: of an offset at each step; its modulus is the change of length, its phase the rotation.
    """

    factor: complex

    @property
    def turn(self) -> float:
        """Return the rotation of a step in radians: 0 is none, pi a change of sign."""
        return abs(cmath.phase(self.factor))

    @property
    def stable(self) -> bool:
        return abs(self.factor) < 1

    @property
    def num_steps(self) -> int | None:
        """Return the iterations until 1 % of an offset is left, None if it does not shrink."""
        if not self.stable:
            return None
        if abs(self.factor) <= CONVERGED:
            return 1
        return math.ceil(math.log(CONVERGED) / math.log(abs(self.factor)))


def rates(target: Target, move: Move) -> tuple[complex, complex]:
    """Return the eigenvalues of (M M' + S) C^-1, the slow direction first, whatever the step.

    Without S they are real: 1 / lambda^(1-p) for M = C^(p/2), the long axis first.
    """
    factor = torch.linalg.cholesky(target.curvature)
    low, high = torch.linalg.svdvals(factor.T @ move.m).square().flip(0).tolist()
    swirl = move.skew * float(torch.linalg.det(factor))
    middle, gap = (low + high) / 2, (high - low) / 2
    spread = cmath.sqrt(gap**2 - swirl**2)
    return middle - spread, middle + spread


def eigenvectors(target: Target, m: Tensor) -> Tensor:
    """Return the slow and the fast eigenvector of M M' C^-1, as rows v with v' C^-1 v = 1.

    Where both rates are equal every vector is one, and the axes of the target are returned.
    """
    values, vectors = torch.linalg.eigh(m.T @ target.curvature @ m)
    along = m @ vectors
    if values[1] - values[0] < 1e-9 * values[1]:
        along = torch.linalg.eigh(target.curvature).eigenvectors
    scale = torch.einsum("ik,ij,jk->k", along, target.curvature, along).sqrt()
    return (along / scale).T


def stiffness(target: Target, m: Tensor) -> float:
    """Return the largest mean curvature times the largest variance, both as M sees them.

    The first limits the step, the second has to be crossed: the iterations grow with both. It is
    kappa^(1-p) for a Gaussian and M = C^(p/2), and above 1 for every other density.
    """
    back = torch.linalg.inv(m)
    curvature = torch.linalg.eigvalsh(m.T @ target.curvature @ m)[-1]
    return float(curvature * torch.linalg.eigvalsh(back @ target.covariance @ back.T)[-1])


def directions(target: Target, move: Move) -> tuple[Direction, Direction]:
    """Return the effect of a step along both eigenvectors, the slow one first.

    Without S and for M = C^(p/2) these are the long and the short axis.
    """
    slow, fast = rates(target, move)
    return Direction(1 - move.step * slow), Direction(1 - move.step * fast)


def step_limit(target: Target, move: Move) -> float:
    """Return the smallest unstable step for the M and S of a move.

    It is 2 Re(rate) / |rate|^2 of the fast direction; without M and S twice the smallest variance.
    """
    _, fast = rates(target, move)
    return 2 * fast.real / abs(fast) ** 2


def best_step(target: Target, move: Move) -> float:
    """Return the step for which the slower direction converges fastest, for the M and S of a move.

    It is 2 / (slow + fast) for real rates and Re(rate) / |rate|^2 for a complex pair.
    """
    slow, fast = rates(target, move)
    if slow.imag:
        return fast.real / abs(fast) ** 2
    return 2 / (slow + fast).real


def critical_skew(target: Target, m: Tensor) -> float:
    """Return the smallest skew for which both rates are equal, sqrt(det C) (h2 - h1) / 2.

    Without M it is (kappa - 1) / (2 sqrt(kappa)). With a stronger skew the chains rotate.
    """
    slow, fast = rates(target, Move(1.0, m))
    return (fast - slow).real / 2 / math.sqrt(float(torch.linalg.det(target.curvature)))


def stationary(gaussian: Gaussian, move: Move) -> Tensor:
    """Return the stationary covariance of ULA, (2, 2): cov = A cov A' + 2 e M M'.

    Raises:
        ValueError: if the step is unstable.
    """
    if not all(direction.stable for direction in directions(gaussian, move)):
        raise ValueError(
            f"a step of {move.step:g} is not stable and the chains diverge; "
            f"use one below {step_limit(gaussian, move):g}"
        )
    a = _contraction(gaussian, move)
    noise = 2 * move.step * move.m @ move.m.T
    identity = torch.eye(4, dtype=torch.float64)
    solved: Tensor = torch.linalg.solve(identity - torch.kron(a, a), noise.flatten())
    return solved.reshape(2, 2)


def moments(gaussian: Gaussian, move: Move, mean: Tensor, num_steps: int) -> tuple[Tensor, Tensor]:
    """Return the exact distribution of ULA chains that start at one point.

    Args:
        gaussian: the density.
        move: the step, which may be unstable.
        mean: the initial point of all chains, (2,) float64.
        num_steps: number of iterations.

    Returns:
        The mean (num_steps + 1, 2) and covariance (num_steps + 1, 2, 2) after each step.
    """
    a, noise = _contraction(gaussian, move), 2 * move.step * move.m @ move.m.T
    means, covariances = [mean], [torch.zeros_like(noise)]
    for _ in range(num_steps):
        means.append(a @ means[-1])
        covariances.append(a @ covariances[-1] @ a.T + noise)
    return torch.stack(means), torch.stack(covariances)


def _contraction(gaussian: Gaussian, move: Move) -> Tensor:
    """Return A = I - e D C^-1."""
    identity = torch.eye(2, dtype=torch.float64)
    return identity - move.step * move.drift @ gaussian.curvature
