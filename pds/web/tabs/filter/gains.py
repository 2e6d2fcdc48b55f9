"""The gains of a filter and the noise levels of a sampler, as numbers to draw."""

import numpy as np
import torch
from torch import Tensor

from pds import filters, spectra
from pds.models import Model
from pds.sampling import PredictorCorrector
from pds.theory import tuned
from pds.web.tabs.filter.figures import Gains, Levels, RadialGain

LARGEST_DRAWN = 64
"""Largest side in pixels of a plane that is sent; larger ones are averaged down."""


def levels_of(model: Model, sampler: PredictorCorrector) -> Levels:
    """Return the published noise levels at N, those of a tuned sampler, and those of the data."""
    published, best = (
        each.process(model.sde).marginal(each.times()).std.numpy()
        for each in (model.sampler(sampler.num_steps), sampler)
    )
    stds = np.sqrt(tuned.spectrum(model.frequency_mask).power)
    mean = float(model.data_power[..., 0, 0].mean().sqrt())
    return Levels(published, best, float(stds.min()), float(stds.max()), mean)


def radial_gain_of(sampler: PredictorCorrector) -> RadialGain:
    """Return the gain of a sampler's M by frequency."""
    rings = spectra.radial(sampler.m.mode_gain())
    return RadialGain(rings.radii, rings.power)


def gains_of(
    frequency_mask: Tensor, space_mask: Tensor | None, alpha: float, channel: int = 0
) -> Gains:
    """Turn raw masks (C, H, W) into the gains to draw, of one channel or the mean of all."""
    space = None if space_mask is None else filters.gain(space_mask, alpha).double()
    frequency = filters.gain(frequency_mask, alpha).double()
    drawn = _channel(frequency, channel)
    rings = spectra.radial(drawn)
    rows, columns = (torch.fft.fftshift(torch.fft.fftfreq(size)) for size in drawn.shape)
    return Gains(
        bound=alpha / (alpha - 1),
        frequency=_small(torch.fft.fftshift(drawn)).numpy(),
        rows=_small(rows[None])[0].double().numpy(),
        columns=_small(columns[None])[0].double().numpy(),
        radii=rings.radii,
        radial=rings.power,
        space=None if space is None else _small(_channel(space, channel)).numpy(),
        lowest=float(frequency.min()),
        highest=float(frequency.max()),
    )


def _channel(gain: Tensor, channel: int) -> Tensor:
    """Return the mean over channels, or one channel, the last where there are fewer."""
    return gain.mean(0) if channel == 0 else gain[min(channel, len(gain)) - 1]


def _small(plane: Tensor) -> Tensor:
    """Average a plane or a row down to at most `LARGEST_DRAWN` a side."""
    height, width = (min(LARGEST_DRAWN, n) for n in plane.shape)
    return torch.nn.functional.adaptive_avg_pool2d(plane[None].double(), (height, width))[0]
