"""A classifier two-sample test between the pictures of a sampler and of a reference.

A convolutional network is trained on one half of two sets of equal size and tested on the other
half; then the halves are swapped, so that every picture is classified once, by a network that was
not trained on it. The accuracy is 50 % if both sets come from the same distribution, for any
network, and higher if it finds a difference. A few hundred pictures are enough to detect grain,
blur, colors and contrast, but hardly faces.

The errors of the two halves are correlated, since accidental differences between the halves affect
both. For sets of one distribution the variance of the accuracy is up to that of half as many
independent judgments. The interval conservatively assumes half as many.

Pictures are clipped to [0, 1] as on a screen, so that only visible differences count. A second
input is the detail, the picture minus its mean over 3 x 3 pixels, as asinh(detail / `FAINT`), so
that faint noise is not hidden by an edge; for the same reason `NUM_ENERGIES` filters of the first
layer return the logarithm of their energy. Pictures are mirrored at random during the training. The
same pictures on one CPU, with the same number of threads, give the same network.

Source: D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017; there with one
held-out set, here cross-fitted.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from pds.evaluation.metrics import Interval

FOLDS = 2
EPOCHS = 40
BATCH = 32
RATE = 4e-3
"""Highest learning rate of Adam, in a single cosine cycle."""
DECAY = 0.03
"""Weight decay."""
FAINT = 0.003
"""Detail in pixel units up to which the network's input is linear in it."""
NUM_FILTERS = (12, 16, 24)
NUM_ENERGIES = 8
"""Number of filters of the first layer whose output is the logarithm of their energy."""
LEAST_ENERGY = 0.01
"""Added to energies, in units of the input's variance."""
LEAK = 0.1
SETTINGS = repr((FOLDS, EPOCHS, BATCH, RATE, DECAY, FAINT, NUM_FILTERS, NUM_ENERGIES))
"""Settings of the classifier; judgments under other settings are not comparable."""
NORMAL = 1.96
"""Standard errors on either side of a 95 % interval."""


def accuracy(one: Tensor, other: Tensor, *, device: torch.device | str = "cpu") -> Interval:
    """Return the share of pictures that are classified correctly, with a 95 % interval.

    Args:
        one, other: (n, C, H, W) each, in pixel units, at least 8 x 8.
        device: that the network is trained on.

    Returns:
        0.5 means indistinguishable, 1 means that every picture is recognized.

    Raises:
        ValueError: if they are fewer than `FOLDS` each, or not equally many.
    """
    if len(one) != len(other) or len(one) < FOLDS:
        raise ValueError(
            f"needs equally many images of both kinds, {FOLDS} or more, got {len(one)} and "
            f"{len(other)}"
        )
    pictures = torch.cat([one, other]).float().clamp(0, 1).to(device)
    labels = torch.cat([torch.zeros(len(one)), torch.ones(len(other))]).to(device)
    fold = torch.arange(len(one)).repeat(2) % FOLDS
    right = 0
    for held_out in range(FOLDS):
        network = _trained(pictures[fold != held_out], labels[fold != held_out])
        judged = fold == held_out
        with torch.no_grad():
            right += int(((network(pictures[judged]) > 0) == labels[judged].bool()).sum())
    return _interval(right / len(labels), len(labels) // FOLDS)


def _interval(share: float, count: int) -> Interval:
    """Return Wilson's interval of a share of independent judgments.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    square = NORMAL**2 / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return Interval(share, middle - half, middle + half)


class _Network(nn.Module):
    """Three layers of filters, their mean and variance over the picture, and a linear layer."""

    def __init__(self, pictures: Tensor, generator: torch.Generator) -> None:
        """Initialize the weights as He et al. do; pictures give the mean and scale of the input."""
        super().__init__()
        inputs = _with_detail(pictures)
        self.mean = inputs.mean((0, 2, 3), keepdim=True)
        self.std = inputs.std((0, 2, 3), keepdim=True) + 1e-6
        channels = (inputs.shape[1], *NUM_FILTERS)
        self.filters = nn.ParameterList(
            torch.randn(after, before, 3, 3, generator=generator) * math.sqrt(2 / (9 * before))
            for before, after in pairwise(channels)
        )
        self.biases = nn.ParameterList(torch.zeros(after) for after in NUM_FILTERS)
        self.judgment = nn.Parameter(torch.zeros(2 * NUM_FILTERS[-1]))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return a logit for each picture, (n,); above 0 is of the second set."""
        x = self._filtered((_with_detail(pictures) - self.mean) / self.std, 0, stride=1)
        energies = (x[:, :NUM_ENERGIES].square() + LEAST_ENERGY).log()
        x = torch.cat([energies, functional.leaky_relu(x[:, NUM_ENERGIES:], LEAK)], dim=1)
        for layer in range(1, len(NUM_FILTERS)):
            x = functional.leaky_relu(self._filtered(x, layer, stride=2), LEAK)
        x = x.flatten(2)
        pooled = torch.cat([x.mean(2), (x.var(2) + 1e-4).log()], dim=1)
        return pooled @ self.judgment + self.bias

    def _filtered(self, x: Tensor, layer: int, *, stride: int) -> Tensor:
        weights, bias = self.filters[layer], self.biases[layer]
        return functional.conv2d(x, weights, bias, stride=stride, padding=1)


def _with_detail(pictures: Tensor) -> Tensor:
    """Return pictures and their detail, minus the mean over 3 x 3 pixels, (n, 2 C, H, W)."""
    smooth = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    detail = pictures - smooth
    return torch.cat([pictures, torch.asinh(detail / FAINT)], dim=1)


def _trained(pictures: Tensor, labels: Tensor) -> _Network:
    generator = torch.Generator().manual_seed(0)
    network = _Network(pictures, generator).to(pictures.device)
    steps = EPOCHS * -(-len(pictures) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(pictures), generator=generator), BATCH):
            mirrored = torch.rand(len(chosen), generator=generator).to(pictures.device) < 0.5
            batch = torch.where(
                mirrored[:, None, None, None], pictures[chosen].flip(-1), pictures[chosen]
            )
            loss = functional.binary_cross_entropy_with_logits(network(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return network
