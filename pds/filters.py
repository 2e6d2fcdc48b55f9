"""Masks: the stored statistics of a data set, and the gains that PDS computes from them.

    freq  = log(1 + mean |FFT2 x|^2)     (C, H, W), full unshifted grid
    space = mean x^2                     (C, H, W)
    gain  = 1 / normalize(mask, alpha),  normalize(m, alpha) = (m / max m + alpha - 1) / alpha

with means over images x in [0, 1]. The gain lies in [1, alpha / (alpha - 1)] and is smallest where
the mask is largest: M is the *inverse* of the data's own spectrum, flattened by alpha. Files are
.npy and hold raw masks. Without images there is the mask of a power law, see `natural`.

Source: H. Ma et al., ECCV 2022, and its published masks.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds import spectra
from pds.files import arrays
from pds.files.writing import write
from pds.limits import require_alpha
from pds.preconditioners import Composition, FrequencyFilter, Identity, Preconditioner, SpaceFilter

NATURAL = "natural"
"""Names `natural` where a path of a frequency mask is expected."""

Kind = Literal["frequency", "space"]

NATURAL_MEAN, NATURAL_VARIANCE = 0.45, 0.051
"""Mean and variance of the pixels of ImageNet's training images, averaged over colors.
torchvision quotes means .485, .456 and .406, and standard deviations .229, .224 and .225."""


class Masks(NamedTuple):
    """Raw masks, (C, H, W) float64, estimated from num_images images."""

    frequency: Tensor
    space: Tensor
    num_images: int


def estimate(batches: Iterable[Tensor]) -> Masks:
    """Estimate both masks in one pass over batches as in `running`; memory holds one at a time.

    Raises:
        ValueError: if there is no image, or the shapes differ.
    """
    last = deque(running(batches), maxlen=1)
    if not last:
        raise ValueError("a mask needs at least one image, got none; 200 or more are usual")
    return last[0]


def running(batches: Iterable[Tensor]) -> Iterator[Masks]:
    """Yield, after each batch, the masks of all images so far.

    Args:
        batches: images in [0, 1], each (B, C, H, W) with the same C, H, W.

    Raises:
        ValueError: if the shapes differ.
    """
    power, square, num_images = torch.zeros(()), torch.zeros(()), 0
    for batch in batches:
        if num_images and batch.shape[1:] != square.shape:
            raise ValueError(
                f"all images must have one shape, got {tuple(batch.shape[1:])} after "
                f"{tuple(square.shape)}; crop or resize them first"
            )
        images = batch.double()
        power = power + torch.fft.fft2(images).abs().square().sum(0)
        square = square + images.square().sum(0)
        num_images += len(images)
        yield Masks(torch.log1p(power / num_images), square / num_images, num_images)


def doubling(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Split batches so that the running number of images passes through every power of two."""
    seen = 0
    for batch in batches:
        while len(batch):
            room = 2 ** seen.bit_length() - seen
            piece, batch = batch[:room], batch[room:]
            seen += len(piece)
            yield piece


class Change(NamedTuple):
    """Relative change of the gain from num_images / 2 to num_images: mean and maximum."""

    num_images: int
    mean: float
    largest: float


def convergence(
    estimates: Iterable[Masks], *, alpha: float = 5.0
) -> tuple[Masks | None, list[Change]]:
    """Return the last estimate, None if there is none, and the changes of the frequency gain.

    There is a change for every doubling of the number of images, from the first that is not black.
    """
    masks, kept, changes = None, None, []
    for masks in estimates:
        if kept is None and not masks.frequency.any():
            continue  # black images have no gain
        if kept is not None and masks.num_images < 2 * kept.num_images:
            continue
        if kept is not None:
            ratio = gain(masks.frequency, alpha) / gain(kept.frequency, alpha)
            change = (ratio - 1).abs()
            changes.append(Change(masks.num_images, float(change.mean()), float(change.max())))
        kept = masks
    return masks, changes


def data_power(frequency_mask: Tensor) -> Tensor:
    """Return the data's mean |FFT2 x|^2 / (H W), which the frequency mask stores as a logarithm."""
    height, width = frequency_mask.shape[-2:]
    return torch.expm1(frequency_mask.double()) / (height * width)


def frequency_mask(power: Tensor, *, mean: float) -> Tensor:
    """Return the raw mask log(1 + E |FFT2 x|^2), (..., H, W) float64, of data that are known.

    Args:
        power: E |FFT2 (x - mean)|^2 / (H W), (..., H, W) on the full unshifted grid.
        mean: of every pixel.
    """
    num_pixels = power.shape[-2] * power.shape[-1]
    total = power.double() * num_pixels
    total[..., 0, 0] += (mean * num_pixels) ** 2
    return torch.log1p(total)


def natural(shape: tuple[int, int, int]) -> Tensor:
    """Return the raw frequency mask of natural images, (C, H, W) float64, without any image.

    Their power falls as 1/f^2, with the mean and the variance above; all channels are alike.

    Source: D. J. Field, J. Opt. Soc. Am. A 4 (1987), for the law.

    Args:
        shape: (C, H, W) of the images, H = W.
    """
    power = spectra.inverse_square_power(shape[-1], variance=NATURAL_VARIANCE)
    return frequency_mask(power.expand(shape).clone(), mean=NATURAL_MEAN)


class Difference(NamedTuple):
    """Difference of two gains over all frequencies and channels: largest, and root mean square."""

    largest: float
    rms: float


def difference(mask: Tensor, other: Tensor, *, alpha: float = 5.0) -> Difference:
    """Return how far the gains of two raw masks of one shape are from each other."""
    gap = (gain(mask, alpha).double() - gain(other, alpha).double()).abs()
    return Difference(float(gap.max()), float(gap.square().mean().sqrt()))


def gain(mask: Tensor, alpha: float) -> Tensor:
    """Return 1 / normalize(mask, alpha), float32 in [1, alpha / (alpha - 1)].

    The maximum runs over all channels and positions.

    Raises:
        ValueError: unless alpha > 1.
    """
    alpha, mask = require_alpha(alpha), mask.double()
    return (alpha / (mask / mask.max() + alpha - 1)).float()


def preconditioner(
    frequency_mask: Tensor | None,
    space_mask: Tensor | None,
    *,
    alpha: float,
    device: torch.device | str | None = None,
) -> Preconditioner:
    """Return M = (frequency filter) (space filter), without the filters whose mask is None.

    Args:
        frequency_mask, space_mask: raw masks.
        alpha: strength, > 1.
        device: of M, by default that of the masks; float64 is used where the masks are.

    Raises:
        ValueError: unless alpha > 1; if the frequency mask is uneven.
    """
    if frequency_mask is None and space_mask is None:
        return Identity()
    frequency, space = (
        None if mask is None else gain(mask, alpha).to(device or mask.device)
        for mask in (frequency_mask, space_mask)
    )
    if space is None:
        assert frequency is not None
        return FrequencyFilter(frequency)
    if frequency is None:
        return SpaceFilter(space)
    return Composition(FrequencyFilter(frequency), SpaceFilter(space))


def encode(mask: Tensor, *, kind: Kind | None = None) -> bytes:
    """Return a raw mask as the bytes of a float32 .npy file, which `read` takes.

    Args:
        mask: (C, H, W).
        kind: a frequency mask must be even; None if it is not known.

    Raises:
        ValueError: if `read` would refuse it.
    """
    array = mask.to(torch.float32).cpu().numpy()
    _require_mask(f"the {kind or 'raw'} mask", array, kind)
    return arrays.to_npy(array)


def save(path: Path, mask: Tensor, *, kind: Kind | None = None) -> None:
    """Write a raw mask as a float32 .npy file; arguments and errors as in `encode`."""
    write(path, encode(mask, kind=kind))


def require_usable(masks: Masks) -> None:
    """Check that masks can be saved and used.

    Raises:
        ValueError: if they are zero, since all images are black, or `read` would refuse them.
    """
    if not masks.space.any():
        images = "the image is" if masks.num_images == 1 else f"all {masks.num_images} images are"
        raise ValueError(
            f"{images} black, which leaves both masks at zero; a filter needs images that show "
            "something"
        )
    encode(masks.frequency, kind="frequency")
    encode(masks.space, kind="space")


def frequency(name: str, shape: tuple[int, int, int]) -> Tensor:
    """Return the raw frequency mask of a path as `load` does, or `natural` for its name.

    A file named natural is ./natural.
    """
    if name == NATURAL:
        return natural(shape)
    return load(Path(name), shape, kind="frequency")


def load(path: Path, shape: tuple[int, int, int] | None, *, kind: Kind) -> Tensor:
    """Read a raw mask, (C, H, W) float64.

    Args:
        path: a .npy file.
        shape: (C, H, W) of the images, None for any.
        kind: a frequency mask must be even.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or a pickle, or the mask is not numeric, of another
            shape, negative, not finite, zero, or uneven.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no filter at {path}; expected a .npy file with a raw mask")
    with path.open("rb") as file:
        return read(file, str(path), shape, kind=kind)


def read(
    file: BinaryIO,
    name: str,
    shape: tuple[int, int, int] | None,
    *,
    kind: Kind,
    most: int | None = None,
) -> Tensor:
    """Read a raw mask from an open .npy file; values and errors as in `load`.

    Args:
        file: a .npy file.
        name: of the file in error messages.
        shape: (C, H, W) of the images, None for any.
        kind: a frequency mask must be even.
        most: largest number of elements, None for no limit.
    """
    array = arrays.read_npy(file, name, most=most)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if shape is not None and array.shape != shape:
        raise ValueError(
            f"{name} has shape {array.shape}, but the model's images are {shape} "
            "(channels, height, width); estimate a filter at this size"
        )
    _require_mask(name, array, kind)
    return torch.from_numpy(array.astype(np.float64))


def _require_mask(name: str, array: NDArray[np.generic], kind: Kind | None) -> None:
    """Check shape, values and, of a frequency mask, symmetry."""
    if array.ndim != 3 or not array.size:
        raise ValueError(f"{name} has shape {array.shape}; expected (channels, height, width)")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds values that are not finite; estimate the filter again")
    if values.min() < 0 or values.max() <= 0:
        raise ValueError(
            f"{name} holds values from {values.min():g} to {values.max():g}; a raw mask is a mean "
            "power: nowhere negative and somewhere above 0"
        )
    uneven = spectra.unevenness(torch.from_numpy(values)) if kind == "frequency" else 0.0
    if uneven > spectra.EVENNESS:
        raise ValueError(
            f"{name} is not even (mask[-k] differs from mask[k] by {uneven:.2g} of the "
            "maximum); a frequency mask lies on the full unshifted FFT grid of real images"
        )
