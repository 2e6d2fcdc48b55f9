"""Two measures of what is visible in images: grain in flat places, and contrast.

Grain is the standard deviation of the noise in the flat places of an image. With the diagonal
differences over 2 x 2 pixels at every position, and s the image smoothed over 3 x 3 pixels,

    d(i, j)  = (x(i, j) - x(i, j+1) - x(i+1, j) + x(i+1, j+1)) / 2
    flat     = the 30 % of the places with the least |gradient of s|, the same for all channels
    grain    = median of |d| over flat / 0.6745

White Gaussian noise of standard deviation sigma has grain sigma: d has its standard deviation, and
0.6745 is the median of |N(0, 1)|. d is odd and the gradient of s even, so that the choice of flat
places does not bias the estimate. The estimator of Donoho and Johnstone takes the median over the
whole image (`flattest=1`), where hair and cloth count as noise. For noise of .02 that is added to
drawn portraits of 32 pixels, the estimate is 1.27 times the noise over the whole image and 1.03
times in flat places (`python -m pds evaluate --validate`).

Grain hardly responds to noise that is smooth over some pixels: after a Gaussian blur of 0.5 pixels
the estimate is .59 of the noise's standard deviation, after 1 pixel .21.

A state of a sampler is an image with noise, which the network assumes to be of strength sigma. The
variances of noise and texture add, and the choice of flat places favors neither, so that

    noise ratio  c = sqrt(grain(x)^2 - texture^2) / sigma

estimates the noise in the state x, with texture the grain of images without noise. For c = 1 in
sets of four drawn portraits, the mean estimate is 1.00 down to sigma = 10 times the texture, at
most 1.04 at 2 times and 1.09 at 1 time, where single sets range from .88 to 1.23.

Contrast is the power about the mean image in three bands of low frequency, 1/2 to 3/2, 3/2 to 3
and 3 to 6 cycles per image, each relative to a reference, averaged over the bands. 1 is like the
reference; images that are paler, or more alike, have less. It is a ratio of variances.

Source: D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika
81 (1994), section 4.1: there on the orthonormal wavelet transform, here at every position.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn import functional

from pds import spectra

FLATTEST = 0.3
"""Share of the places of an image that count as flat."""

MEDIAN_OF_NORMAL = 0.6745
"""Median of |N(0, 1)|."""

COARSE_BANDS = ((0.5, 1.5), (1.5, 3.0), (3.0, 6.0))
"""Bands of contrast in cycles per image, each from its first number to below its second."""

ALIKE = 1.25
"""Two values of grain, or of contrast, within this factor of each other are called alike. Of pairs
of samplers judged by eye without their names, a smaller difference of grain was rarely seen and a
larger one nearly always (docs/evidence.md)."""

GRAINY = 1.25
"""Images with more grain, relative to the network's own, are called grainy. Of sets of four
held-out portraits 95 % have .86 to 1.15 times the mean grain, of pairs .80 to 1.22 times."""

SMOOTH = 0.85
"""Images with less grain are called smoother than the network's own."""

READABLE = 2.0
"""Smallest sigma, relative to the texture, at which noise and texture of a state are separable."""

DIVERGED = 100.0
"""Noise ratio from which a state is no longer an image with noise."""

SMALLEST = 8
"""Smallest side, in pixels, of an image that can be measured."""


def grain(images: Tensor, *, flattest: float = FLATTEST) -> Tensor:
    """Return the standard deviation of the noise in flat places, see the module.

    Args:
        images: (B, C, H, W) in pixel units; values outside [0, 1] are measured as they are.
        flattest: share of the places that count as flat, in (0, 1].

    Returns:
        (B, C) float64, in pixel units; NaN for an image with a value that is not finite.

    Raises:
        ValueError: if an image is smaller than 8 x 8 pixels.
    """
    _require_size(images)
    images = images.detach().cpu().double()
    chosen = (
        at_places(images, flat_places(images, share=flattest))
        if flattest < 1
        else _diagonal(images).flatten(2)
    )
    measured = chosen.abs().median(-1).values / MEDIAN_OF_NORMAL
    broken = ~images.flatten(1).isfinite().all(1)
    return measured.masked_fill(broken[:, None], math.nan)


def noise_ratio(states: Tensor, sigma: float, texture: float) -> float:
    """Return the noise of states relative to the sigma given to the network, see the module.

    Four images of 32, 64 and 128 pixels in 3 channels determine it to 4, 2 and 1 %.

    Args:
        states: x (B, C, H, W) of a variance exploding process, in pixel units.
        sigma: given to the network with these states, in pixel units.
        texture: mean grain of the images that are the right outcome, in pixel units.

    Returns:
        c >= 0; NaN where it cannot be read: sigma below `READABLE` times the texture, states that
        are not finite, or that have diverged.

    Raises:
        ValueError: if an image is smaller than 8 x 8 pixels.
    """
    measured = float(grain(states).mean())
    if sigma < READABLE * texture or not measured < DIVERGED * sigma:
        return math.nan
    return math.sqrt(max(measured**2 - texture**2, 0.0)) / sigma


def flat_places(images: Tensor, *, share: float = FLATTEST) -> Tensor:
    """Return the flattest places of each image (B, C, H, W), (B, P) for `at_places`."""
    steep = steepness(images).flatten(1)
    places = max(1, round(share * steep.shape[1]))
    return steep.topk(places, largest=False).indices


def at_places(images: Tensor, places: Tensor) -> Tensor:
    """Return the diagonal difference d of images (B, C, H, W) at places (B, P), (B, C, P)."""
    difference = _diagonal(images).flatten(2)
    return difference.gather(2, places[:, None].expand(-1, images.shape[1], -1))


def coarse_power(images: Tensor) -> tuple[float, ...]:
    """Return the power about the mean image in each of `COARSE_BANDS`, unbiased.

    Args:
        images: (B, C, H, W) in pixel units.

    Returns:
        the mean over channels and frequencies of a band, in pixel units squared; NaN for a single
        image, which has no variance, and if a value is not finite.

    Raises:
        ValueError: if an image is smaller than 8 x 8 pixels.
    """
    _require_size(images)
    count, _, height, width = images.shape
    if count < 2:
        return (math.nan,) * len(COARSE_BANDS)
    images = images.detach().cpu().double()
    power = spectra.power(images - images.mean(0)).mean(0) * (count / (count - 1))
    cycles = spectra.cycles(height, width)
    return tuple(
        float(power[(cycles >= low) & (cycles < high)].mean()) for low, high in COARSE_BANDS
    )


class Relative(NamedTuple):
    """Grain and contrast relative to a reference: 1 equals it, NaN is not measurable.

    grain: ratio of standard deviations; above 1 is grainier, below 1 smoother.
    contrast: ratio of variances; below 1 is paler, or more alike.
    """

    grain: float
    contrast: float


@dataclass(frozen=True)
class Appearance:
    """Measurements of images of one kind, in pixel units.

    num_images: how many.
    grain: mean over images and channels.
    coarse_power: see the function.
    fine_power: mean power above half Nyquist, see `pds.spectra`.
    spectrum: radial power, see `pds.spectra.radial`.
    """

    num_images: int
    grain: float
    coarse_power: tuple[float, ...]
    fine_power: float
    spectrum: tuple[float, ...]

    @classmethod
    def of(cls, images: Tensor) -> "Appearance":
        """Measure images (B, C, H, W), B >= 1.

        Raises:
            ValueError: if they are smaller than 8 x 8 pixels.
        """
        power = spectra.power(images.detach().cpu())
        return cls(
            len(images),
            float(grain(images).mean()),
            coarse_power(images),
            spectra.fine_power(power),
            tuple(spectra.radial(power).power.tolist()),
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Appearance":
        """Return the inverse of `dataclasses.asdict`, for values read from JSON."""
        lists = {name: tuple(record[name]) for name in ("coarse_power", "spectrum")}
        return cls(**{**record, **lists})

    def relative_to(self, reference: "Appearance") -> Relative:
        """Return grain and contrast relative to a reference."""
        bands = zip(self.coarse_power, reference.coarse_power, strict=True)
        ratios = [_ratio(mine, theirs) for mine, theirs in bands]
        return Relative(_ratio(self.grain, reference.grain), sum(ratios) / len(ratios))


class References(NamedTuple):
    """The two kinds of images that a sampler is compared with.

    data: held-out images.
    network: images of the same score with many iterations. A sampler is judged by its distance
        to these, which leaves out the errors of the network.
    """

    data: Appearance
    network: Appearance


def _require_size(images: Tensor) -> None:
    height, width = images.shape[-2:]
    if min(height, width) < SMALLEST:
        raise ValueError(
            f"grain and contrast need images of at least {SMALLEST} x {SMALLEST} pixels, got "
            f"{height} x {width}"
        )


def _diagonal(images: Tensor) -> Tensor:
    """Return d of every place, (B, C, H - 1, W - 1)."""
    across = images[..., :-1] - images[..., 1:]
    return (across[..., :-1, :] - across[..., 1:, :]) / 2


def steepness(images: Tensor) -> Tensor:
    """Return the squared gradient of the smoothed image at every place, (B, H - 1, W - 1)."""
    smooth = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    padded = functional.pad(smooth, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    along = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    squares = (across.square() + along.square()).sum(1, keepdim=True)
    return functional.avg_pool2d(squares, 2, 1)[:, 0]


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference > 0 else math.nan
