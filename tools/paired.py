"""Run the experiments of docs/theory.md on the network of 32 px: python -m tools.paired.

Reads docs/evidence/responses/portraits32.npz, and writes five files of docs/evidence/theory, each
the test of one cause (`pds.evaluation.paired`). It takes some minutes on one core.

| file       | of                                                                    |
|------------|-----------------------------------------------------------------------|
| grain.csv  | the results of runs in pairs, relative to the network's own pictures  |
| kept.csv   | the share of a run's own noise, and of fresh noise, that a call keeps |
| flat.csv   | noise of ordinary runs where their own results are flat, over sigma   |
| coarse.csv | power of ordinary runs in the octaves of contrast                     |
| faded.csv  | tau in the octaves of contrast, of pictures whose octaves have faded  |
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pds.appearance import COARSE_BANDS, grain
from pds.driving import seeded_noise
from pds.evaluation import draw, paired, subject
from pds.evaluation.prediction import Predictor
from pds.evaluation.responses import NOISE_SEED
from pds.evaluation.store import NETWORK
from pds.spectra import Array
from pds.theory import Bands, FlatPlaces, response_file
from tools.browser import ROOT

MODEL = "portraits32"
FOLDER = ROOT / "docs" / "evidence" / "theory"
RESPONSE = ROOT / "docs" / "evidence" / "responses" / f"{MODEL}.npz"

ARMS = ("vanilla", "pds:5", "scalar", "tuned")
COUNTS = (40, 25)
FEWEST = COUNTS[-1]
ORDINARY = ("vanilla", "pds:5")
"""Arms whose ordinary runs are followed."""
CONTRASTED = ("vanilla", "pds:5", "scalar")
"""Arms whose coarse power is followed."""
OCTAVES = slice(1, 1 + len(COARSE_BANDS))
"""Octaves of contrast."""
FADED = (1.0, 0.9, 0.75, 0.6)
FADED_SIGMAS = (1.4, 0.8, 0.5, 0.3)
FADED_STRENGTH = 1.6
"""c of vanilla and PDS at N = 25, where coarse shapes form."""
LARGEST_SIGMA = 0.6
LARGEST_COARSE = 10.0
COARSE_PICTURES = 96
"""A picture has few coarse modes."""
NUM_PICTURES = 32

torch.set_num_threads(1)


class Experiments:
    """The network with its response, held-out pictures and their flat places."""

    def __init__(self, num_pictures: int = NUM_PICTURES) -> None:
        self.subject = subject.open_subject(MODEL, None, torch.device("cpu"))
        self.field = self.subject.field
        self.evolution = Predictor(self.field, response_file.load(RESPONSE)).evolution
        self.pictures = self.subject.held_out(num_pictures, 2)
        self.places = FlatPlaces(self.pictures.double(), Bands(*self.pictures.shape[-2:]))

    def denoised(self, x: Tensor, sigma: float) -> Tensor:
        """Return the network's D(x)."""
        with torch.no_grad():
            t = self.field.time(sigma).expand(len(x))
            return x + sigma**2 * self.subject.model.score(x, t)

    def pairs(self, arm: str, num_steps: int) -> Iterator[paired.Pair]:
        """Yield the pairs of a run of an arm."""
        sampler = self.field.plan(arm, num_steps).sampler
        noise = seeded_noise(range(NOISE_SEED, NOISE_SEED + len(self.pictures)))
        return paired.run(self.denoised, self.evolution, sampler, self.pictures, noise)

    def drawn(self, arm: str, num_steps: int) -> Tensor:
        """Return as many ordinary pictures of an arm."""
        plan = self.field.plan(arm, num_steps)
        return draw.sampled(self.subject, plan, self.subject.model.score, range(len(self.pictures)))

    def grains(self) -> Iterator[Sequence[object]]:
        """Yield the rows of grain.csv."""
        own = float(grain(self.drawn(*NETWORK.drawn_by)).mean())
        for num_steps in COUNTS:
            for arm in ARMS:
                *_, last = self.pairs(arm, num_steps)
                both = grain(paired.results(last)).mean(1).reshape(2, -1).mean(0)
                error = float(both.std()) / len(both) ** 0.5
                yield arm, num_steps, float(both.mean()) / own, error / own

    def shares(self) -> Iterator[Sequence[object]]:
        """Yield the rows of kept.csv."""
        for arm in ARMS:
            sigma = np.inf
            for pair in self.pairs(arm, FEWEST):
                if not 0 < pair.sigma <= LARGEST_SIGMA or np.isclose(pair.sigma, sigma):
                    continue  # the first call of each level is the corrector's
                sigma = pair.sigma
                found = paired.kept(self.denoised, pair, self.places)
                for scale, values in enumerate(zip(*found[1:], strict=True)):
                    yield arm, FEWEST, sigma, 2**scale, *values

    def flat(self) -> Iterator[Sequence[object]]:
        """Yield the rows of flat.csv."""
        bands = self.places.bands
        own_pictures = self.drawn(*NETWORK.drawn_by)
        own = paired.flat_power(own_pictures, FlatPlaces(own_pictures, bands))
        for arm in ORDINARY:
            for num_steps in COUNTS:
                yield from self._flat(arm, num_steps, own)

    def _flat(self, arm: str, num_steps: int, own: Array) -> Iterator[Sequence[object]]:
        sampler: Any = self.field.plan(arm, num_steps).sampler
        noise = seeded_noise(range(len(self.pictures)))
        found = paired.in_flat_places(
            self.denoised, self.evolution.sde, sampler, own, self.pictures.shape, noise
        )
        for sigma, measured in list(found)[:: len(sampler.kernels)]:
            if sigma <= LARGEST_SIGMA:
                yield arm, num_steps, sigma, *measured

    def coarse(self) -> Iterator[Sequence[object]]:
        """Yield the rows of coarse.csv."""
        shape = (COARSE_PICTURES, *self.pictures.shape[1:])
        for arm in CONTRASTED:
            sampler: Any = self.field.plan(arm, FEWEST).sampler
            noise = seeded_noise(range(COARSE_PICTURES))
            run = paired.states(self.denoised, self.evolution.sde, sampler, shape, noise)
            for sigma, x in list(run)[:: len(sampler.kernels)]:
                if sigma <= LARGEST_COARSE:
                    power = paired.octave_power(x)
                    yield arm, FEWEST, sigma, *power[OCTAVES]

    def faded(self) -> Iterator[Sequence[object]]:
        """Yield the rows of faded.csv."""
        white = seeded_noise(range(NOISE_SEED, NOISE_SEED + len(self.pictures)))(
            self.pictures.shape
        )
        for sigma in FADED_SIGMAS:
            for beta in FADED:
                y, noise = self._faded(beta), FADED_STRENGTH * sigma * white
                even = (self.denoised(y + noise, sigma) + self.denoised(y - noise, sigma)) / 2
                clean, kept = (self.places.parts(x).about_mean() for x in (y, even))
                tau = self.places.moments(clean, kept).mean(0) / (
                    self.places.moments(clean, clean).mean(0)
                )
                yield sigma, beta, *tau[OCTAVES]

    def _faded(self, beta: float) -> Tensor:
        """Return the pictures with the octaves of contrast multiplied by beta."""
        octave, mean = self.places.bands.octave, self.pictures.mean(0)
        coarse = (octave >= OCTAVES.start) & (octave < OCTAVES.stop)
        factor = torch.where(coarse, beta, 1.0)
        faded: Tensor = torch.fft.ifft2(torch.fft.fft2(self.pictures - mean) * factor).real
        return faded + mean


FILES = {
    "grain": ("arm", "N", "grain", "error"),
    "kept": (
        *("arm", "N", "sigma", "scale", "strength"),
        *("own", "own_error", "fresh", "fresh_error"),
    ),
    "coarse": ("arm", "N", "sigma", "octave_1", "octave_2", "octave_3"),
    "faded": ("sigma", "beta", "octave_1", "octave_2", "octave_3"),
    "flat": ("arm", "N", "sigma", "scale_1", "scale_2", "scale_4"),
}


def write(name: str, rows: Iterable[Sequence[object]]) -> None:
    """Write one of `FILES`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.csv").open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(FILES[name])
        for row in rows:
            writer.writerow(f"{v:.5g}" if isinstance(v, float) else v for v in row)
    print(FOLDER / f"{name}.csv")


def main() -> None:
    """Run every experiment."""
    experiments = Experiments()
    write("grain", experiments.grains())
    write("kept", experiments.shares())
    write("flat", experiments.flat())
    write("coarse", experiments.coarse())
    write("faded", experiments.faded())


if __name__ == "__main__":
    main()
