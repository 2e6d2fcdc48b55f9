"""What is best at one number of iterations, for a model whose data have a known spectrum.

`sampler` is what "tuned" means everywhere: M = I, with the noise levels and the corrector strength
of `theory.tune_levels`. It wins on Gaussian data, and on trained networks too, where it has been
measured (docs/evidence.md).

`gain` is the best M on the published noise levels, by `theory.tune`, the same for all channels. It
is nowhere worse on Gaussian data than the best scalar nor than PDS at alpha = 5. On networks with
few iterations it is: its steps go past the conditional mean.

Both are found when they are asked for, at exactly the N that is asked for: gains between two counts
are far from those of either where N is small (at N = 22 the error of a mean is 4 to 60 times the
best one's). One core takes about 0.3 s for either at N = 20, and some seconds at N = 2000.
"""

import torch
from torch import Tensor

from pds import filters, theory
from pds.preconditioners import FrequencyFilter
from pds.sampling import PredictorCorrector
from pds.sde import SDE

START_ALPHA = 5.0
"""Strength of the published gain that tuning starts from, beside the best scalar."""


def sampler(
    mask: Tensor,
    sde: SDE,
    published: PredictorCorrector,
    *,
    amplitude: float = 1.0,
    sigmas: bool = True,
    snr: bool = True,
) -> PredictorCorrector:
    """Return the sampler that is tuned to the published one's number of iterations.

    Args:
        mask: raw frequency mask of the data, (C, H, W).
        sde: the forward process.
        published: kernels, N and eps.
        amplitude: what images in [0, 1] are multiplied by for the network; 2 where it has them in
            [-1, 1].
        sigmas, snr: what is tuned, see `theory.tune_levels`.

    Raises:
        ValueError: unless the process is variance exploding and `pds.theory` can follow the
            sampler.
    """
    data = spectrum(mask, amplitude=amplitude)
    whole = data.with_origin(_mean(mask, amplitude, data))
    return theory.tune_levels(whole, sde, published, sigmas=sigmas, snr=snr)


def gain(
    mask: Tensor, sde: SDE, sampler: PredictorCorrector, *, amplitude: float = 1.0
) -> FrequencyFilter:
    """Return the M that is tuned to a sampler's number of iterations; arguments as in `sampler`.

    Raises:
        ValueError: if `pds.theory` cannot follow the sampler, or it diverges with every gain.
    """
    data = spectrum(mask, amplitude=amplitude)
    plane = theory.on_grid(data, radial_gain(mask, data, sde, sampler), *mask.shape[1:])
    return FrequencyFilter(plane.to(mask.device, torch.float32).expand(mask.shape))


def radial_gain(
    mask: Tensor, data: theory.Modes, sde: SDE, sampler: PredictorCorrector
) -> theory.Array:
    """Return the gain of each group of the data, (K,); data is the mask's `spectrum`."""
    published = theory.bins(filters.gain(mask, START_ALPHA).double().mean(0)).power
    return theory.tune(data, sde, sampler, start=published)


def spectrum(mask: Tensor, *, amplitude: float = 1.0) -> theory.Modes:
    """Return the power of the data that a mask describes, mean over channels, in radial bins."""
    return theory.bins(amplitude**2 * filters.data_power(mask).mean(0))


def _mean(mask: Tensor, amplitude: float, data: theory.Modes) -> float:
    """Return the power at k = 0 of amplitude x - (amplitude - 1), for images x in [0, 1].

    As if all images were equally bright; at least that of the lowest frequency.
    """
    height, width = mask.shape[-2:]
    brightness = (filters.data_power(mask)[..., 0, 0] / (height * width)).sqrt()
    power = height * width * float(((amplitude * brightness - (amplitude - 1)) ** 2).mean())
    return max(power, float(data.power[0]))
