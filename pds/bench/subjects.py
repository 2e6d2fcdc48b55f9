"""The subjects of benchmarks: published networks with random weights, filters, runs."""

import sys
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pds import filters, models
from pds.driving import seeded_noise, side_by_side
from pds.files.shipped import ROOT
from pds.jobs import configuration
from pds.kernels import Langevin
from pds.models import Model, default_device
from pds.preconditioners import FrequencyFilter, Preconditioner
from pds.sampling import JointChain, PredictorCorrector, ScoreFn
from pds.scores.ncsnpp import ModelCard, NetworkScore
from pds.sde import SDE
from pds.serving.batcher import Batcher
from pds.spectra import inverse_square_power

ON_GPU = torch.device(default_device()).type == "cuda"
LONG = 20_000
"""Iterations that do not end while they are timed."""


def natural_filter(size: int) -> FrequencyFilter:
    """Return the filter at alpha = 5 of gray 1/f^2 images, mean 0.5, for three channels."""
    mask = filters.frequency_mask(inverse_square_power(size, variance=0.06), mean=0.5)
    gain = filters.gain(mask.expand(3, -1, -1), 5.0)
    return FrequencyFilter(gain.to(default_device()))


def card(name: str, *, size: int | None = None, nf: int | None = None) -> ModelCard:
    """Return a published model, optionally for other sizes of images or other widths.

    Attention stays at the same levels of the network.
    """
    published = configuration.read_configuration(ROOT / "configs" / "ve" / f"{name}.py").card
    network, size = published.network, size or published.network.image_size
    attention = tuple(at * size // network.image_size for at in network.attn_resolutions)
    network = replace(network, image_size=size, attn_resolutions=attention, nf=nf or network.nf)
    return replace(published, network=network)


def with_random_weights(card: ModelCard) -> NetworkScore:
    """Return a network with random weights, on which its speed does not depend."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        score = NetworkScore(card)
    return score.eval().requires_grad_(False).on(default_device())


def embedded() -> Model:
    """Return the model that comes with the project."""
    return models.load_model("portraits32")


def published_m(model: Model, alpha: float = 5.0) -> Preconditioner:
    """Return the frequency filter of a model at alpha."""
    return filters.preconditioner(model.frequency_mask, None, alpha=alpha, device=model.device)


def serving(model: Model) -> Batcher:
    """Return the batcher of the page for a model, whose calls are CUDA graphs on a GPU."""
    return model.batchers[model.device]


def embedded_network(size: int = 32) -> NetworkScore:
    """Return that model's network; for other sizes its architecture with random weights."""
    score = embedded().score
    assert isinstance(score, NetworkScore)
    network = score.card.network
    if size == network.image_size:
        return score
    return with_random_weights(replace(score.card, network=replace(network, image_size=size)))


def batch(score: NetworkScore, num_images: int) -> tuple[Tensor, Tensor]:
    """Return inputs x and t of a network."""
    network = score.card.network
    shape = (num_images, network.num_channels, network.image_size, network.image_size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return x.to(default_device()), torch.full((num_images,), 0.5, device=default_device())


def run(
    sde: SDE,
    shape: Sequence[int],
    preconditioners: Sequence[Preconditioner],
    *,
    seed: int = 0,
    num_steps: int = LONG,
) -> JointChain:
    """Return a run of the published sampler, by default too long to end while it is timed."""
    sampler = PredictorCorrector(num_steps, 1e-5, corrector=Langevin(snr=0.15, snr_norm="sample"))
    return side_by_side(
        [replace(sampler, m=m) for m in preconditioners],
        sde,
        noise=seeded_noise(range(seed, seed + shape[0]), device=default_device()),
        shape=shape,
    )


def iterate(*batchers: Batcher) -> None:
    """Advance every run by an iteration, batcher after batcher."""
    for batcher in batchers:
        ended = 0
        while ended < batcher.num_runs:
            ended += iterations(batcher)


def iterations(batcher: Batcher) -> int:
    """Make one network call and return the number of runs that completed an iteration."""
    return sum(progress.steps is not None for progress in batcher.step())


def batcher(score: ScoreFn, *runs: JointChain, max_images: int = sys.maxsize) -> Batcher:
    """Return a batcher with these runs under way."""
    batcher = Batcher(score, max_images=max_images)
    for run in runs:
        batcher.join(run)
    return batcher
