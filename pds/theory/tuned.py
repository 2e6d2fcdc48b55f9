"""The best sampler and the best M at one number of iterations, from a model's frequency mask.

`sampler` is what "tuned" means in this project: M = I, with the noise levels and the corrector
strength of `tune_levels`. It is the best sampler here on Gaussian data, and also on the trained
networks on which it was measured (docs/evidence.md).

`gain` is the best M on the published noise levels, by `tune`, the same for all channels. On
Gaussian data it is never worse than the best scalar or PDS at alpha = 5. On networks with few
iterations it is worse: its steps go beyond the conditional mean.

Both are computed on demand, for exactly the N that is requested. Interpolation between two counts
fails for small N: at N = 22 the mean of two gains has 4 to 60 times the error of the best one. One
core takes about 0.3 s for either at N = 20, and some seconds at N = 2000.
"""

import torch
from torch import Tensor

from pds import filters
from pds.preconditioners import FrequencyFilter
from pds.sampling import PredictorCorrector
from pds.sde import SDE
from pds.theory.levels import tune_levels
from pds.theory.modes import Array, Modes, bins
from pds.theory.tuning import on_grid, tune

START_ALPHA = 5.0
"""Alpha of the published gain that the search for a gain starts from, beside the best scalar."""


def sampler(
    mask: Tensor,
    sde: SDE,
    published: PredictorCorrector,
    *,
    amplitude: float = 1.0,
    sigmas: bool = True,
    snr: bool = True,
) -> PredictorCorrector:
    """Return the sampler with the best noise levels and snr for the published one's N.

    Args:
        mask: raw frequency mask of the data, (C, H, W).
        sde: the forward process.
        published: kernels, N and eps.
        amplitude: factor from images in [0, 1] to the network's scale, 2 for [-1, 1].
        sigmas, snr: whether to tune them, see `tune_levels`.

    Raises:
        ValueError: unless the process is VE and `pds.theory` can follow the sampler.
    """
    data = spectrum(mask, amplitude=amplitude)
    whole = data.with_origin(_mean_power(mask, amplitude, data))
    return tune_levels(whole, sde, published, sigmas=sigmas, snr=snr)


def gain(
    mask: Tensor, sde: SDE, sampler: PredictorCorrector, *, amplitude: float = 1.0
) -> FrequencyFilter:
    """Return the M with the best gain for a sampler's N; arguments as in `sampler`.

    Raises:
        ValueError: if `pds.theory` cannot follow the sampler, or it diverges with every gain.
    """
    data = spectrum(mask, amplitude=amplitude)
    plane = on_grid(data, radial_gain(mask, data, sde, sampler), *mask.shape[1:])
    return FrequencyFilter(plane.to(mask.device, torch.float32).expand(mask.shape))


def radial_gain(mask: Tensor, data: Modes, sde: SDE, sampler: PredictorCorrector) -> Array:
    """Return the best gain of each group of modes, (K,); data is the mask's `spectrum`."""
    published = bins(filters.gain(mask, START_ALPHA).double().mean(0)).power
    return tune(data, sde, sampler, start=published)


def spectrum(mask: Tensor, *, amplitude: float = 1.0) -> Modes:
    """Return the data's power from a frequency mask, mean over channels, in radial bins."""
    return bins(amplitude**2 * filters.data_power(mask).mean(0))


def _mean_power(mask: Tensor, amplitude: float, data: Modes) -> float:
    """Return the power at k = 0 of amplitude x - (amplitude - 1), for images x in [0, 1].

    The mask holds the mean square of the brightness, not its mean; all images are assumed equally
    bright. The result is at least the power of the lowest frequency.
    """
    height, width = mask.shape[-2:]
    brightness = (filters.data_power(mask)[..., 0, 0] / (height * width)).sqrt()
    power = height * width * float(((amplitude * brightness - (amplitude - 1)) ** 2).mean())
    return max(power, float(data.power[0]))
