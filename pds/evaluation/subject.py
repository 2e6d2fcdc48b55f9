"""What is evaluated: a model, its data taken as Gaussian, and images that it never saw."""

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pds import filters, models
from pds.evaluation.gaussian import Field
from pds.files.images import Images
from pds.models import Experiment
from pds.noise import seeded_noise
from pds.portraits import portraits, train
from pds.scores import checkpoints
from pds.scores.gaussian import GaussianField
from pds.scores.ncsnpp import NetworkScore

PORTRAITS = train.HELD_OUT + 1_000
"""Seed of the first held-out portrait; training looks at its loss on some of those before."""

BATCH = 100

FEWEST = 50
"""Held-out images that people may bring; a thousand are good."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A model on a device, and where images of its data come from.

    name: of the model, or the path of its weights.
    field: the model and the spectrum of its data.
    images: held-out images that people brought, None where they are drawn.
    device: of the network.
    """

    name: str
    field: Field
    images: Images | None
    device: torch.device

    @property
    def experiment(self) -> Experiment:
        """The model with its process and masks."""
        return self.field.experiment

    @property
    def fingerprint(self) -> str:
        """Hash of the weights and masks: what the images of an arm depend on beside its name."""
        experiment, digest = self.experiment, hashlib.sha256()
        score = experiment.score
        tensors = [experiment.frequency_mask, experiment.space_mask]
        if isinstance(score, NetworkScore):
            tensors += score.state_dict().values()
        if isinstance(score, GaussianField):
            tensors.append(score.power)
        for tensor in tensors:
            digest.update(tensor.cpu().numpy().tobytes())
        digest.update(repr((experiment.sde, experiment.num_scales, experiment.snr)).encode())
        return digest.hexdigest()[:32]

    def held_out(self, num_images: int) -> Tensor:
        """Return images of the data, (n, C, H, W) float32: n, or all that people brought.

        Raises:
            ValueError: if these are fewer than `FEWEST`.
        """
        batches, count = [], 0
        for batch in self._batches(num_images):
            batches.append(batch)
            count += len(batch)
            if count >= num_images:
                break
        images = torch.cat(batches)
        if len(images) < FEWEST:
            raise ValueError(
                f"{len(images)} held-out images say little of the data; bring {FEWEST} or more"
            )
        return images[:num_images]

    def _batches(self, num_images: int) -> Iterator[Tensor]:
        if self.images is not None:
            yield from self.images
            return
        score, shape = self.experiment.score, self.experiment.image_shape
        for first in range(0, num_images, BATCH):
            seeds = range(PORTRAITS + first, PORTRAITS + min(first + BATCH, num_images))
            if isinstance(score, GaussianField):
                yield score.sample(seeded_noise(seeds)(torch.Size((len(seeds), *shape))))
            else:
                yield portraits(seeds, size=shape[-1])


def load(name: str, images: Path | None, device: torch.device) -> Subject:
    """Return a model of the page by its name, or that of a .safetensors file.

    Args:
        name: a key of `experiments.MODELS` or a path.
        images: held-out images of the data; a file has no filters of its own, so that they are
            estimated from these.
        device: for the network.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for any other name, or a file without images.
    """
    if name in models.MODELS:
        experiment = models.load(name)
        shape = experiment.image_shape
        source = None if images is None else Images(images, shape[-1], shape[0])
        return Subject(name, Field(models.title(name), _on(experiment, device)), source, device)
    path = Path(name)
    if path.suffix != ".safetensors":
        listing = ", ".join(models.MODELS)
        raise ValueError(f"model must be one of {listing}, or a .safetensors file, got {name!r}")
    if images is None:
        raise ValueError(f"{name} comes with no data to hold it against; name images with --data")
    experiment = models.of_network(checkpoints.load(path))
    shape = experiment.image_shape
    source = Images(images, shape[-1], shape[0])
    masks = filters.estimate(source)
    masked = dataclasses.replace(experiment, frequency_mask=masks.frequency, space_mask=masks.space)
    return Subject(name, Field(path.stem, _on(masked, device)), source, device)


def _on(experiment: Experiment, device: torch.device) -> Experiment:
    score = experiment.score
    return dataclasses.replace(
        experiment,
        score=score.to(device) if isinstance(score, NetworkScore) else score,
        frequency_mask=experiment.frequency_mask.to(device),
        space_mask=experiment.space_mask.to(device),
    )
