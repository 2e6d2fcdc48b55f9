"""The subject of an evaluation: a model, a Gaussian fit of its data, and held-out images."""

import dataclasses
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pds import filters, models
from pds.driving import seeded_noise
from pds.evaluation.gaussian import Field
from pds.files.digest import digest
from pds.files.images import Images
from pds.models import Model
from pds.portraits import portraits, trainer
from pds.scores import checkpoints
from pds.scores.gaussian import GaussianField
from pds.scores.ncsnpp import NetworkScore

PORTRAITS = trainer.HELD_OUT + 1_000
"""Seed of the first held-out portrait; training reports its loss on some of the seeds before."""

BATCH = 100

FEWEST = 50
"""Smallest number of held-out images; a thousand are good."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A model on a device, and the source of its held-out images.

    name: of the model, or the path of its weights.
    field: the model and the spectrum of its data.
    images: held-out images in files, None if they are drawn from the distribution of the data.
    device: of the network.
    """

    name: str
    field: Field
    images: Images | None
    device: torch.device

    @property
    def model(self) -> Model:
        """The model with its process and masks."""
        return self.field.model

    @property
    def fingerprint(self) -> str:
        """Hash of the weights, masks and settings that the images of every arm depend on."""
        model, score = self.model, self.model.score
        tensors = [model.frequency_mask, model.space_mask]
        if isinstance(score, NetworkScore):
            tensors += score.state_dict().values()
        if isinstance(score, GaussianField):
            tensors.append(score.power)
        settings = repr((model.sde, model.num_scales, model.snr))
        return digest([*tensors, settings])

    @property
    def source(self) -> str:
        """The path of the held-out images, "" if they are drawn."""
        return "" if self.images is None else str(self.images.source)

    def held_out(self, num_images: int, fewest: int = FEWEST) -> Tensor:
        """Return images of the data, (n, C, H, W) float32; fewer if the source has fewer.

        Raises:
            ValueError: if there are fewer than `fewest`.
        """
        batches, count = [], 0
        for batch in self._batches(num_images):
            batches.append(batch)
            count += len(batch)
            if count >= num_images:
                break
        images = torch.cat(batches)
        for sentence in () if self.images is None else self.images.sentences():
            warnings.warn(sentence, UserWarning, stacklevel=2)
        if len(images) < fewest:
            raise ValueError(
                f"{len(images)} held-out images are too few to describe the data; use {fewest} or "
                "more"
            )
        return images[:num_images]

    def _batches(self, num_images: int) -> Iterator[Tensor]:
        if self.images is not None:
            yield from self.images
            return
        score, shape = self.model.score, self.model.image_shape
        for first in range(0, num_images, BATCH):
            seeds = range(PORTRAITS + first, PORTRAITS + min(first + BATCH, num_images))
            if isinstance(score, GaussianField):
                yield score.sample(seeded_noise(seeds)(torch.Size((len(seeds), *shape))))
            else:
                yield portraits(seeds, size=shape[-1])


def open_subject(name: str, images: Path | None, device: torch.device) -> Subject:
    """Return a shipped model by its name, or the model of a .safetensors file.

    Args:
        name: a key of `models.MODELS`, or a path.
        images: held-out images of the data. The masks of a file's model are estimated from them.
        device: of the network.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for any other name, or a file without images.
    """
    if name in models.MODELS:
        model = models.load_model(name)
        shape = model.image_shape
        source = None if images is None else Images(images, shape[-1], shape[0])
        return Subject(name, Field(models.title(name), _on(model, device)), source, device)
    path = Path(name)
    if path.suffix != ".safetensors":
        listing = ", ".join(models.MODELS)
        raise ValueError(
            f"model must be one of {listing}, or a .safetensors file, got {name!r}; `pds convert` "
            "writes one of any other checkpoint"
        )
    if images is None:
        raise ValueError(f"{name} has no held-out images to compare with; name some with --data")
    model = models.of_network(checkpoints.load(path))
    shape = model.image_shape
    source = Images(images, shape[-1], shape[0])
    masks = filters.estimate(source)
    filters.require_usable(masks)
    masked = dataclasses.replace(model, frequency_mask=masks.frequency, space_mask=masks.space)
    return Subject(name, Field(path.stem, _on(masked, device)), source, device)


def _on(model: Model, device: torch.device) -> Model:
    return dataclasses.replace(
        model,
        score=models.score_on(model.score, device),
        device=str(device),
        frequency_mask=model.frequency_mask.to(device),
        space_mask=model.space_mask.to(device),
    )
