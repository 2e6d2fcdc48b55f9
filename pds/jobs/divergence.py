"""Detects the images of a batch that are not finite, and why, while it is drawn.

A value that is not finite has one of two causes: a network in float16 overflows although its input
is of ordinary size, or the sampler diverges, so that its state grows until nothing is finite. The
largest values of each image tell the two apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pds.jobs.job import Job
from pds.sampling import Step

EVERY = 8
"""Iterations between two checks on a GPU, as each waits for it; a CPU is checked in every one."""

ORDINARY = 100
"""Largest value of a state that has not diverged, in units of its noise and of the pixels."""


@dataclass(frozen=True)
class _Iteration:
    """An iteration of a chain, without its images, which would occupy the memory of a GPU.

    index, num_steps, sigma: as of a `Step`.
    """

    index: int
    num_steps: int
    sigma: float


class Watch:
    """The largest value of each image in each iteration of a batch.

    Args:
        job: the job.
        images: their numbers, in the order of the batch.
    """

    def __init__(self, job: Job, images: Sequence[int]) -> None:
        self.lost: dict[int, str] = {}
        """Images that are not finite: their numbers, and a sentence on the first such iteration."""
        self._job, self._images = job, images
        self._seen: list[tuple[list[_Iteration], Tensor]] = []
        self._before = torch.zeros(len(job.chains), len(images))

    def see(self, steps: tuple[Step, ...]) -> None:
        """Record an iteration of all chains, and check the values at intervals."""
        # NaN and infinity are passed on by the maximum.
        largest = torch.stack([step.x.abs().amax(dim=(1, 2, 3)) for step in steps])
        iterations = [_Iteration(step.index, step.num_steps, step.sigma) for step in steps]
        self._seen.append((iterations, largest))
        last = all(step.index == step.num_steps - 1 for step in steps)
        if largest.device.type == "cpu" or len(self._seen) == EVERY or last:
            self._look()

    def _look(self) -> None:
        values = torch.stack([largest for _, largest in self._seen]).cpu()
        for (iterations, _), largest in zip(self._seen, values, strict=True):
            for chain, row in (~largest.isfinite()).nonzero().tolist():
                if self._images[row] not in self.lost:
                    before = float(self._before[chain, row])
                    sentence = self._sentence(iterations[chain], chain, self._images[row], before)
                    self.lost[self._images[row]] = sentence
            self._before = largest
        self._seen.clear()

    def _sentence(self, iteration: _Iteration, chain: int, image: int, before: float) -> str:
        job = self._job
        grown = before > ORDINARY * (iteration.sigma + job.configuration.card.amplitude)
        remedy = "use a smaller --speed_up or another --snr"
        if job.named:
            remedy = "use more iterations, another --snr or a weaker filter"
        elif job.chains[chain] == "pds" and job.request.filtered and not job.request.tuned:
            remedy += ", or a larger --alpha for a weaker filter"
        if grown:
            cause = f"the sampler diverged, to {before:.2g} an iteration before; {remedy}"
        elif job.dtype == "float16":
            cause = (
                "the network overflows in float16, which ends at 65504; use --dtype bfloat16, "
                "which has the range of float32, or float32"
            )
        else:
            cause = f"its values were ordinary before, at most {before:.2g}; {remedy}"
        return (
            f"image {image} of the {job.labels[job.chains[chain]]} sampler is not finite after "
            f"iteration {iteration.index + 1} of {iteration.num_steps} "
            f"(sigma {iteration.sigma:.3g}, {job.dtype}): {cause}"
        )
