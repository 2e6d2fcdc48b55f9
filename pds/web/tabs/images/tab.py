"""The tab "Your images": the filters and an exact model of a visitor's pictures."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pds import filters, models
from pds.files.pictures import grid
from pds.files.pictures import view as shown
from pds.filters import Change
from pds.limits import MAX_OWN, MIN_OWN, OWN_SIZES, quoted
from pds.portraits import portraits
from pds.serving.visitor_store import NO_VISIT
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
    }


def bring(values: Mapping[str, Any]) -> Message:
    """Make a model of a visitor's pictures and draw its filters.

    Args:
        values: size, one of `OWN_SIZES`; pixels, the base64 text of uint8 (n, size, size, 3), or
            example, true to take drawn portraits; texture, as in `pds.models.from_images`; and
            visit, the owner of the model.

    Returns:
        The figures, sentences and pictures of the tab, and the model's name for requests.

    Raises:
        ValueError: if the pictures are too few, too many or damaged.
    """
    images, texture = _images(values), values.get("texture")
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
        "images": {"sheet": picture(grid(shown(images[:NUM_SHOWN].numpy()), columns=12))},
    }


def convergence_sentence(changes: list[Change]) -> str:
    """Say how much the last doubling of the images moved the filter."""
    last = changes[-1]
    return (
        f"From half as many to {last.num_images} images the gain changed by "
        f"{share(last.mean)} on average and {share(last.largest)} at most (alpha = 5)."
    )


def _images(values: Mapping[str, Any]) -> Tensor:
    size, content = values.get("size"), values.get("pixels")
    if size not in OWN_SIZES:
        raise ValueError(
            f"size must be {' or '.join(map(str, OWN_SIZES))} pixels, got {quoted(size)}"
        )
    if values.get("example") is True:
        return portraits(range(NUM_EXAMPLES), size=size)
    if not isinstance(content, str):
        raise ValueError("pictures were expected, got none")
    largest = MAX_OWN * 3 * max(OWN_SIZES) ** 2
    if len(content) > 1.4 * largest:
        raise ValueError(f"at most {MAX_OWN} pictures can be taken, these are more")
    try:
        flat = np.frombuffer(base64.b64decode(content, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError):
        raise ValueError("the pictures did not arrive whole; please try again") from None
    if len(flat) % (3 * size * size):
        raise ValueError("the pictures did not arrive whole; please try again")
    pixels = flat.reshape(-1, size, size, 3).transpose(0, 3, 1, 2)
    return torch.from_numpy(pixels.astype(np.float32) / 255)


TAB = Tab(
    name="images",
    title="Your images",
    folder=Path(__file__).parent,
    html="images.html",
    scripts=("format.js", "server.js", "pane.js", "images.js"),
    setup=setup,
    views={"bring_images": bring, "filter_file": masks.file_of},
)
