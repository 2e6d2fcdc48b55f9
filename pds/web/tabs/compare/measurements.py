"""Numbers and images of one step of a comparison."""

import math
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from pds import spectra
from pds.appearance import Appearance, noise_ratio
from pds.driving import joint_indices
from pds.files.pictures import to_uint8
from pds.models import Model, Pair, load_model, title
from pds.request import Request
from pds.sampling import Sampler, Step
from pds.scores.ncsnpp import NetworkScore
from pds.sde import VESDE
from pds.web.grain_contrast import reference_name, relative_numbers
from pds.web.server.frames import Tiles, strip
from pds.web.server.messages import Message, finite, picture, rounded


@dataclass(frozen=True)
class Scene:
    """The model of a request, and the statistics of its data for pictures and curves."""

    request: Request
    model: Model

    @classmethod
    def of(cls, request: Request) -> "Scene":
        """Return the scene of a request."""
        return cls(request, load_model(request.model))

    @cached_property
    def samplers(self) -> tuple[Sampler, Sampler]:
        """The samplers on the left and on the right."""
        left, right = self.model.plans(self.request)
        return left.sampler, right.sampler

    @cached_property
    def num_moments(self) -> int:
        """Number of steps that the run shows, see `pds.models.compare_request`."""
        return len(joint_indices(self.samplers))

    @property
    def num_pixels(self) -> int:
        """Number of pixels of one step of both chains."""
        _, height, width = self.model.image_shape
        return 2 * self.request.num_images * height * width

    @cached_property
    def data_std(self) -> float:
        """Standard deviation of the pixels within the data's images (by Parseval)."""
        power = self.model.data_power.clone()
        power[..., 0, 0] = 0
        return math.sqrt(float(power.mean()))

    @cached_property
    def data_fine_power(self) -> float:
        """Mean power of the data above half Nyquist."""
        return spectra.fine_power(self.model.data_power)

    @cached_property
    def data_spectrum(self) -> spectra.RadialSpectrum:
        """Radial spectrum of the data."""
        return spectra.radial(self.model.data_power)

    @property
    def network_spectrum(self) -> list[float]:
        """Radial spectrum of the network's own pictures; empty without a network or a record."""
        is_network = isinstance(self.model.score, NetworkScore)
        references = self.model.references if is_network else None
        return list(references.network.spectrum) if references else []

    @property
    def header(self) -> Message:
        """The part of a message that is the same throughout a run."""
        channels, height, width = self.model.image_shape
        return {
            "request": asdict(self.request),
            "title": title(self.request.model),
            "labels": list(self.request.labels),
            "lengths": [sampler.num_steps for sampler in self.samplers],
            "nfes": [sampler.nfe for sampler in self.samplers],
            "width": width,
            "height": height,
            "channels": channels,
            "radii": rounded(self.data_spectrum.radii),
            "data": rounded(self.data_spectrum.power),
            "network": self.network_spectrum,
            "own": reference_name(self.model),
        }


@dataclass(frozen=True)
class Moment:
    """One step of both chains as the page shows it: numbers and 8-bit images.

    left, right: (num_images, H, W, C).
    """

    numbers: Message
    left: Tiles
    right: Tiles


def observe(
    pair: Pair,
    scene: Scene,
    seconds: float = 0.0,
    theory: tuple[spectra.RadialSpectrum, spectra.RadialSpectrum] | None = None,
) -> Moment:
    """Measure and render one step of both chains.

    It takes a hundredth of the time of a network's step; an exact score is as fast as it, so live
    frames of large pictures are rare, see `pds.web.tabs.compare.live_comparison`.

    Args:
        pair: the step.
        scene: the model to measure against.
        seconds: mean time of a step so far, both chains together.
        theory: the exact spectra of both chains, where they are known.
    """
    sides = [Appearance.of(step.x_mean) for step in pair]
    numbers = {
        "iteration": max(step.index + 1 for step in pair),
        "iterations": [step.index + 1 for step in pair],
        "sigma": [finite(step.sigma) for step in pair],
        "nfe": max(step.nfe for step in pair),
        "calls": [step.nfe for step in pair],
        "seconds": finite(seconds),
        "noise_ratio": [finite(_noise_ratio(step, scene.model)) for step in pair],
        **relative_numbers(sides, scene.model),
        "left": [finite(side.fine_power / scene.data_fine_power) for side in sides],
        "power": [[finite(value) for value in side.spectrum] for side in sides],
        "theory": [rounded(spectrum.power) for spectrum in theory or ()],
    }
    left, right = (_render(step, scene) for step in pair)
    return Moment(numbers, left, right)


def _noise_ratio(step: Step, model: Model) -> float:
    """Return the noise of a state over the sigma of the next network call; NaN if undefined.

    It is defined for states that are a picture plus noise, of pictures whose texture is known,
    before the last iteration.
    """
    if step.next_sigma is None or model.references is None or not isinstance(model.sde, VESDE):
        return math.nan
    states, sigma = model.to_pixels(step.x), step.next_sigma / model.amplitude
    return noise_ratio(states, sigma, model.references.network.grain)


def _render(step: Step, scene: Scene) -> Tiles:
    last = step.index == step.num_steps - 1
    pixels = step.x_mean.float().cpu().numpy()
    return to_uint8(pixels, sigma=0.0 if last else step.sigma, data_std=scene.data_std)


def content(moments: list[Moment]) -> Message:
    """Return the numbers of moments and one sheet of their images, a row for each."""
    rows = [strip(np.concatenate([m.left, m.right])) for m in moments]
    return {"steps": [m.numbers for m in moments], "png": picture(np.concatenate(rows))}
