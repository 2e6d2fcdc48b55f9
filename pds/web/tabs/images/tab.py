"""The tab "Your images": the filters and an exact model of a visitor's pictures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pds import filters, models
from pds.files.decoding import Fit
from pds.files.pictures import tile_images
from pds.files.pictures import to_uint8 as shown
from pds.files.unread import Remedies, describe_skipped
from pds.filters import Change
from pds.limits import MAX_BODY_BYTES, MAX_BROUGHT_BYTES, MAX_OWN, MIN_OWN, OWN_SIZES, quoted
from pds.portraits import portraits
from pds.scores.mixture import SpectralMixture
from pds.serving.visitor_store import NO_VISIT
from pds.web import picture_files
from pds.web.sentences import share
from pds.web.server.messages import Message, picture
from pds.web.tab import Tab
from pds.web.tabs.filter import figures, masks
from pds.web.tabs.filter.gains import gains_of
from pds.web.tabs.filter.sentences import gain_sentence
from pds.web.tabs.images.figures import convergence_layout, convergence_traces

NUM_EXAMPLES = 60
"""Number of drawn portraits for visitors without pictures."""
NUM_SHOWN = 24
"""Number of pictures on the sheet."""
REMEDIES = Remedies(enlarge="tick Enlarge small images to take {it}")


def setup() -> Message:
    """Return the values that the script needs before its first request."""
    layouts = figures.filter_layouts()
    return {
        "layouts": {name: layouts[name] for name in ("plane", "radial", "space")}
        | {"convergence": convergence_layout()},
        "sizes": OWN_SIZES,
        "fewest": MIN_OWN,
        "most": MAX_OWN,
        "examples": NUM_EXAMPLES,
        "bytes": (MAX_BROUGHT_BYTES - MAX_BODY_BYTES) * 3 // 4,
    }


def bring(values: Mapping[str, Any]) -> Message:
    """Make a model of a visitor's pictures and draw its filters.

    Args:
        values: files, a list of {name, content} with a picture file in base64, or model, the name
            of one that is to get another texture, or example, true to take drawn portraits; size,
            one of `OWN_SIZES`; enlarge, whether smaller pictures are taken; texture, as in
            `pds.models.from_images`; and visit, the owner of the model.

    Returns:
        The figures, sentences and pictures of the tab, and the model's name for requests.

    Raises:
        ValueError: if the pictures that can be read are too few, or all files are too many.
    """
    images, taken = _images(values)
    texture = values.get("texture")
    if isinstance(texture, bool) or not isinstance(texture, int | float):
        raise ValueError(f"texture must be a number between 0 and 1, got {quoted(texture)}")
    model = models.from_images(images, texture=texture)
    shuffled = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
    _, changes = filters.convergence(filters.running(filters.doubling([shuffled])))
    gains = gains_of(model.frequency_mask, model.space_mask, 5.0)
    traces = figures.filter_traces(gains)
    return {
        "model": models.visitor_models.add(model, values.get("visit", NO_VISIT)),
        "plots": {
            "plane": traces["plane"],
            "radial": traces["radial"],
            "space": traces["space"],
            "convergence": convergence_traces(*np.array(changes, dtype=float).T),
        },
        "layouts": {"radial": {"xaxis": {"range": figures.log_range(float(gains.radii[0]))}}},
        "text": {"filter": gain_sentence(gains, 5.0), "convergence": convergence_sentence(changes)},
        "taken": taken,
        "images": {"sheet": picture(tile_images(shown(images[:NUM_SHOWN].numpy()), columns=12))},
    }


def convergence_sentence(changes: list[Change]) -> str:
    """Say how much the last doubling of the images moved the filter."""
    last = changes[-1]
    return (
        f"From half as many to {last.num_images} images the gain changed by "
        f"{share(last.mean)} on average and {share(last.largest)} at most (alpha = 5)."
    )


def _images(values: Mapping[str, Any]) -> tuple[Tensor, str]:
    """Return the images of a request, (n, 3, size, size), and how many were taken and skipped."""
    size, enlarge = values.get("size"), values.get("enlarge", False)
    if size not in OWN_SIZES:
        raise ValueError(
            f"size must be {' or '.join(map(str, OWN_SIZES))} pixels, got {quoted(size)}"
        )
    if values.get("example") is True:
        return portraits(range(NUM_EXAMPLES), size=size), f"{NUM_EXAMPLES} images taken."
    if values.get("model"):
        return _images_of(values["model"]), ""
    if not isinstance(enlarge, bool):
        raise ValueError(f"enlarge must be true or false, got {quoted(enlarge)}")
    pixels, skipped = picture_files.decode(_files(values.get("files")), Fit(size, enlarge=enlarge))
    unread = [f"{sentence}." for sentence in describe_skipped(skipped, REMEDIES)]
    if len(pixels) < MIN_OWN:
        few = f"{MIN_OWN} or more images are needed; {len(pixels)} of these could be read."
        raise ValueError(" ".join([few, *unread]))
    return torch.from_numpy(pixels), " ".join([f"{len(pixels)} images taken.", *unread])


def _images_of(name: object) -> Tensor:
    """Return the images that a visitor's model was made of."""
    if not isinstance(name, str):
        raise ValueError(f"model must be a name, got {quoted(name)}")
    score = models.visitor_models[name].score
    assert isinstance(score, SpectralMixture)
    return score.images.float().clamp(0, 1).cpu()


def _files(files: object) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the files of a request."""
    if not isinstance(files, list):
        raise ValueError("images were expected, got none")
    if len(files) > MAX_OWN:
        raise ValueError(f"at most {MAX_OWN} images can be taken, these are more")
    for file in files:
        name, content = (
            (file.get("name"), file.get("content")) if isinstance(file, dict) else ("", 0)
        )
        if not isinstance(name, str) or not isinstance(content, str):
            raise ValueError("the images did not arrive whole; please try again")
        try:
            yield name, picture_files.content_of(content)
        except ValueError:
            raise ValueError("the images did not arrive whole; please try again") from None


TAB = Tab(
    name="images",
    title="Your images",
    folder=Path(__file__).parent,
    html="images.html",
    script="images.js",
    setup=setup,
    views={"bring_images": bring, "filter_file": masks.file_of},
)
