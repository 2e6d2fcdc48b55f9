"""Distances of images to reference images, with bootstrap intervals.

The reference is held-out data, or pictures of the same network with many iterations.

    grain        noise in flat places over the reference's, see `pds.appearance`: 1 is right
    grain_db     |20 log10 grain|, decibel
    grain_everywhere  as grain, with the median over the whole picture (Donoho and Johnstone):
                 texture counts as noise; for comparison with values of that estimator
    contrast     power about the mean picture over the reference's, mean of three coarse bands:
                 1 is right, less is paler or more alike
    contrast_1, contrast_2, contrast_3  of each band: 1/2 to 3/2, to 3 and to 6 cycles a picture
    fine_power   mean power above half Nyquist over the reference's: noise and texture alike
    fine_db      |10 log10 fine_power|, decibel
    spectrum_db  root mean square over rings up to Nyquist of 10 log10 (power / reference's)
    w2           sqrt(mean_k (sqrt(v_k) - sqrt(lambda_k))^2) over rings with the corners: what
                 `pds.theory` predicts, in pixel units
    sliced       mean over projections of the Wasserstein-1 distance, in the reference's std along
                 each
    frechet      |m - m_d|^2 + tr(C + C_d - 2 (C_d^(1/2) C C_d^(1/2))^(1/2)) of the summaries, each
                 number in units of the reference's std

The features are those of `pds.evaluation.features`. For infinitely many images of the reference all
distances are 0 and all ratios 1; for n images the expectation is larger, and `floor` estimates it
and its spread.

Intervals are percentiles of a bootstrap over images with a fixed seed. For ratios the images of the
reference are resampled too; for distances the reference is fixed. Cells with the same number of
images are resampled with the same indices, and their image i comes from the same noise, so that
ratios are paired. A resample has fewer distinct images than the sample, which increases most
distances and lowers the variance about the mean picture by a factor 1 - 1/n; the resampled values
are therefore shifted by their mean difference to the estimate. scipy.stats.bootstrap has no such
shift, and cannot share one sort among all resamples.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pds import spectra
from pds.evaluation.features import Features, coarse_bands, features
from pds.spectra import Array

BANDS = ("contrast_1", "contrast_2", "contrast_3")
"""Contrast of each of `pds.appearance.COARSE_BANDS`."""
COMPARED = ("grain_db", "fine_db", "spectrum_db", "w2", "sliced", "frechet")
"""Metrics for which lower is better."""
METRICS = (
    *("grain", "grain_db", "grain_everywhere", "contrast", *BANDS),
    *("fine_power", "fine_db", "spectrum_db", "w2", "sliced", "frechet"),
)
"""Every metric, in the order of the table."""
RATIOS = ("grain", "grain_everywhere", "contrast", *BANDS, "fine_power")
"""Metrics whose ideal value is 1."""
RESAMPLES = 1000
LEVEL = (2.5, 97.5)
"""Percentiles of an interval."""
FLOOR_DRAWS = 39
"""Random splits for a floor; the range of 39 contains another one with a probability of 95 %."""
CHUNK = 100
"""Resamples that are sorted together."""

Indices = NDArray[np.intp]


class Interval(NamedTuple):
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


class Draws(NamedTuple):
    """A metric of a sample, and of its resamples, (RESAMPLES,)."""

    value: float
    resampled: Array

    def interval(self) -> Interval:
        """Return the 95 % interval, not below 0."""
        shifted = self.resampled - (self.resampled.mean() - self.value)
        low, high = np.percentile(shifted, LEVEL)
        return Interval(self.value, max(0.0, float(low)), float(high))

    def over(self, other: "Draws") -> Interval:
        """Return the ratio to a metric resampled with the same indices; the shift is in its log."""
        # A resample of one image only has no variance and no contrast, in both.
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(self.resampled / other.resampled)
        logs = logs[np.isfinite(logs)]
        value = self.value / other.value
        low, high = value * np.exp(np.percentile(logs - logs.mean(), LEVEL))
        return Interval(value, float(low), float(high))


class Levels(NamedTuple):
    """What ratios are made of: mean grain in flat places and everywhere, fine power (B,), and the
    coarse power of each band (B, bands)."""

    grain: Array
    everywhere: Array
    fine: Array
    coarse: Array


@dataclass(frozen=True, eq=False)
class Reference:
    """Images that samples are compared with.

    features: of its images.
    size: their H and W.
    """

    features: Features
    size: tuple[int, int]

    @classmethod
    def of(cls, images: Tensor) -> "Reference":
        """Return the reference of images (n, C, H, W), n >= 2."""
        height, width = images.shape[-2:]
        return cls(features(images), (height, width))

    def measure(
        self, sample: Features, indices: Indices, *, own: Levels | None = None
    ) -> dict[str, Array]:
        """Return every metric of resamples of a sample, (B,) each.

        Args:
            sample: features of n images.
            indices: the images of each resample, (B, n).
            own: levels of the reference that ratios are taken to, by default of all its images.
        """
        share = _share(indices, len(sample))
        spectrum = share @ sample.rings
        return {
            **_ratios(self._levels(sample, share), own or self._own),
            "spectrum_db": self._spectrum_db(spectrum),
            "w2": self._w2(spectrum),
            "sliced": self._sliced(sample.projections, indices),
            "frechet": self._frechet(sample.summary, share),
        }

    def estimates(self, sample: Features) -> dict[str, float]:
        """Return every metric of a sample."""
        whole = np.arange(len(sample))[None]
        return {name: float(value[0]) for name, value in self.measure(sample, whole).items()}

    def draws(self, sample: Features) -> dict[str, Draws]:
        """Return every metric of a sample and its resamples."""
        values = self.estimates(sample)
        resampled = self.measure(sample, resamples(len(sample)), own=self._own_resampled)
        return {name: Draws(values[name], resampled[name]) for name in METRICS}

    def floor(self, num_images: int) -> dict[str, Interval]:
        """Return the metrics of random images of the reference against the rest of it.

        Args:
            num_images: how many.

        Returns:
            the mean over `FLOOR_DRAWS` choices of images, the least and the most, which hold
            another choice with a chance of 95 %. NaN if the reference has fewer than twice as many.
        """
        if 2 * num_images > len(self.features):
            return dict.fromkeys(METRICS, Interval(*[float("nan")] * 3))
        rng, scored = np.random.default_rng(1), []
        for _ in range(FLOOR_DRAWS):
            order = rng.permutation(len(self.features))
            rest = Reference(self.features[order[num_images:]], self.size)
            scored.append(rest.estimates(self.features[order[:num_images]]))
        values = {name: np.array([scores[name] for scores in scored]) for name in METRICS}
        return {
            name: Interval(*(float(value) for value in (v.mean(), v.min(), v.max())))
            for name, v in values.items()
        }

    @cached_property
    def _own(self) -> Levels:
        return self._levels(self.features, np.full((1, len(self.features)), 1 / len(self.features)))

    @cached_property
    def _own_resampled(self) -> Levels:
        n = len(self.features)
        return self._levels(self.features, _share(resamples(n, seed=1), n))

    @cached_property
    def _rings(self) -> Array:
        return self.features.rings.mean(0)

    @cached_property
    def _scale(self) -> Array:
        return self.features.projections.std(0) + 1e-12

    @cached_property
    def _sorted(self) -> Array:
        return np.sort(self.features.projections, axis=0)

    @cached_property
    def _standard(self) -> tuple[Array, Array, Array, Array]:
        """Mean and std of the summary, and C_d and its root in units of these."""
        summary = self.features.summary
        mean, std = summary.mean(0), summary.std(0) + 1e-12
        covariance = np.cov((summary - mean) / std, rowvar=False)
        values, vectors = np.linalg.eigh(covariance)
        root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
        return mean, std, covariance, root

    def _levels(self, sample: Features, share: Array) -> Levels:
        return Levels(
            share @ sample.grain,
            share @ sample.everywhere,
            share @ sample.fine,
            self._coarse_power(sample, share),
        )

    def _coarse_power(self, sample: Features, share: Array) -> Array:
        """Return the unbiased power of resamples about their own mean pictures, (B, bands)."""
        n = len(sample)
        flat = sample.coarse.reshape(n, -1)
        variance = (share @ np.square(flat) - np.square(share @ flat)) * (n / (n - 1))
        by_frequency = variance.reshape(len(share), *sample.coarse.shape[1:]).sum(2)
        power: Array = by_frequency @ coarse_bands(*self.size)
        return power

    def _spectrum_db(self, spectrum: Array) -> Array:
        kept = slice(1, min(self.size) // 2 + 1)
        ratio = 10 * np.log10(spectrum[:, kept] / self._rings[kept])
        return np.sqrt(np.square(ratio).mean(1))

    def _w2(self, spectrum: Array) -> Array:
        count = spectra.rings(*self.size).size.double().numpy()
        gap = np.square(np.sqrt(spectrum) - np.sqrt(self._rings))[:, 1:]
        return np.sqrt(gap @ count[1:] / count[1:].sum())

    def _sliced(self, projections: Array, indices: Indices) -> Array:
        """Return the sliced distance; resamples are sorted as ranks, which are small integers."""
        n, num_projections = projections.shape
        middles = (np.arange(n) + 0.5) / n
        at = middles * len(self._sorted) - 0.5
        places = np.arange(len(self._sorted))
        quantiles = np.stack([np.interp(at, places, column) for column in self._sorted.T])
        order = np.argsort(projections, axis=0, kind="stable")
        values = np.take_along_axis(projections, order, axis=0).T.ravel()
        ranks = np.empty((n, num_projections), dtype=np.int32 if n > 2**15 else np.int16)
        np.put_along_axis(ranks, order, np.arange(n, dtype=ranks.dtype)[:, None], axis=0)
        offsets = np.arange(num_projections)[:, None] * n
        distances = []
        for rows in np.array_split(indices, -(-len(indices) // CHUNK)):
            chosen = np.ascontiguousarray(ranks[rows].transpose(0, 2, 1))
            chosen.sort(axis=2, kind="stable")
            gap = np.abs(values[chosen + offsets] - quantiles).mean(2)
            distances.append((gap / self._scale).mean(1))
        return np.concatenate(distances)

    def _frechet(self, summary: Array, share: Array) -> Array:
        mean, std, covariance, root = self._standard
        z = (summary - mean) / std
        n, dimension = z.shape
        means = share @ z
        squares = (share @ np.einsum("ni,nj->nij", z, z).reshape(n, -1)).reshape(
            -1, dimension, dimension
        )
        covariances = (squares - np.einsum("bi,bj->bij", means, means)) * (n / (n - 1))
        values = np.linalg.eigvalsh(root @ covariances @ root).clip(0)
        traces = np.trace(covariances, axis1=1, axis2=2) + np.trace(covariance)
        return np.square(means).sum(1) + traces - 2 * np.sqrt(values).sum(1)


def resamples(num_images: int, *, seed: int = 0) -> Indices:
    """Return the images of each resample, (RESAMPLES, n), the same for the same n and seed."""
    rng = np.random.default_rng(seed)
    return rng.integers(num_images, size=(RESAMPLES, num_images))


def _share(indices: Indices, num_images: int) -> Array:
    """Return the share of each image in each resample, (B, n)."""
    counts = np.stack([np.bincount(row, minlength=num_images) for row in indices])
    share: Array = counts / counts.sum(1, keepdims=True)
    return share


def _ratios(levels: Levels, own: Levels) -> dict[str, Array]:
    """Return the metrics that are ratios, and those in decibel of grain and fine power."""
    grain, everywhere, fine, bands = (
        mine / theirs for mine, theirs in zip(levels, own, strict=True)
    )
    return {
        "grain": grain,
        "grain_db": np.abs(20 * np.log10(grain)),
        "grain_everywhere": everywhere,
        "contrast": bands.mean(1),
        **dict(zip(BANDS, bands.T, strict=True)),
        "fine_power": fine,
        "fine_db": np.abs(10 * np.log10(fine)),
    }
