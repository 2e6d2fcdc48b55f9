"""The tab "Filter": a model's filters at any alpha or tuned to any N, or a visitor's mask."""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pds import diagnostics, filters
from pds.experiments import MODELS, Request, load
from pds.limits import (
    MASKS_PER_VISIT,
    MAX_MASK_BYTES,
    MAX_MASK_ELEMENTS,
    MAX_MASKS,
    MAX_STEPS,
    quoted,
)
from pds.shelf import NOBODY, Shelf
from pds.web import figures
from pds.web.messages import Message
from pds.web.words import number

CHANNELS = ("mean of all channels", "red", "green", "blue")
"""What of a filter is drawn."""

LARGEST_DRAWN = 64
"""Larger planes are averaged down to this many pixels a side before they travel."""

TUNED_SPACE = "A tuned gain has no space filter beside it."

KINDS: tuple[Literal["frequency"], Literal["space"]] = ("frequency", "space")

brought: Shelf[Tensor] = Shelf(MAX_MASKS, "The filter that you opened", per_visit=MASKS_PER_VISIT)


def setup() -> Message:
    """Return what the tab needs before anything is asked."""
    return {
        "layouts": figures.filter_layouts(),
        "models": [{"name": name, "title": title} for name, (title, _) in MODELS.items()],
        "channels": CHANNELS,
        "limits": {"num_steps": MAX_STEPS},
    }


def view(values: Mapping[str, Any]) -> Message:
    """Draw the filters that the controls describe.

    Args:
        values: model, alpha, tuned and num_steps as of a `Request`; channel, an index of
            `CHANNELS`; frequency and space, names of masks that were opened, or "".

    Raises:
        ValueError: for a value out of range.
    """
    request = Request(
        model=values.get("model", ""),
        num_steps=values.get("num_steps", Request.num_steps),
        alpha=values.get("alpha", 0),
        tuned=values.get("tuned", False),
    )
    frequency, space = _masks(request.model, values)
    channel = values.get("channel")
    if not isinstance(channel, int) or not 0 <= channel < len(CHANNELS):
        raise ValueError(f"channel must be from 0 to {len(CHANNELS) - 1}, got {quoted(channel)}")
    if request.tuned:
        of_mask = replace(load(request.model), frequency_mask=frequency)
        gains = _drawn(of_mask.frequency_gain(request), None, None, channel)
        text = {"filter": tuned_sentence(gains, request.num_steps), "space": TUNED_SPACE}
    else:
        gains = gains_of(frequency, space, request.alpha, channel)
        text = {"filter": sentence(gains, request.alpha), "space": space_sentence(gains)}
    top = max(figures.TOP_GAIN, gains.top)
    return {
        "plots": figures.filter_traces(gains),
        "layouts": {
            "radial": {
                "xaxis": {"range": figures.log_range(float(gains.radii[0]))},
                "yaxis": {"range": figures.gain_range(top)},
            }
        },
        "text": text,
    }


def gains_of(
    frequency_mask: Tensor, space_mask: Tensor | None, alpha: float, channel: int = 0
) -> figures.Gains:
    """Turn raw masks (C, H, W) into the gains to draw, of one channel or the mean of all."""
    space = None if space_mask is None else filters.gain(space_mask, alpha).double()
    return _drawn(filters.gain(frequency_mask, alpha), space, alpha / (alpha - 1), channel)


def _drawn(
    frequency: Tensor, space: Tensor | None, bound: float | None, channel: int
) -> figures.Gains:
    """Prepare gains (C, H, W) for drawing."""
    frequency = frequency.double()
    drawn = _channel(frequency, channel)
    rings = diagnostics.radial(drawn)
    rows, columns = (torch.fft.fftshift(torch.fft.fftfreq(size)) for size in drawn.shape)
    return figures.Gains(
        bound=bound,
        frequency=_small(torch.fft.fftshift(drawn)).numpy(),
        rows=_small(rows[None])[0].double().numpy(),
        columns=_small(columns[None])[0].double().numpy(),
        radii=rings.radii,
        radial=rings.power,
        space=None if space is None else _small(_channel(space, channel)).numpy(),
        lowest=float(frequency.min()),
        highest=float(frequency.max()),
    )


def sentence(gains: figures.Gains, alpha: float) -> str:
    """Say what the published frequency filter does, in numbers."""
    return (
        f"At alpha = {number(alpha)} the gain runs from {gains.lowest:.3f} to "
        f"{gains.highest:.3f} (no data could make it exceed {alpha / (alpha - 1):.3f}). Noise is "
        "multiplied by the gain, the "
        f"score by its square: at most {gains.highest**2:.3f}."
    )


def tuned_sentence(gains: figures.Gains, num_steps: int) -> str:
    """Say what the gain that is tuned to N does, in numbers."""
    times = "1 iteration" if num_steps == 1 else f"{number(num_steps)} iterations"
    return (
        f"Tuned to {times} the gain runs from {gains.lowest:.3f} to {gains.highest:.3f}: the one "
        "that brings Gaussian images of this spectrum closest to the data. Noise is multiplied by "
        f"the gain, the score by its square: at most {gains.highest**2:.3f}."
    )


def space_sentence(gains: figures.Gains) -> str:
    """Say what the space filter does, in numbers."""
    if gains.space is None:
        return "A frequency mask was opened, and no space mask with it."
    low, high = float(gains.space.min()), float(gains.space.max())
    if high - low < 5e-4:
        return f"It multiplies every pixel by {high:.3f}: such images have no preferred place."
    return f"It multiplies pixels by {low:.3f} to {high:.3f}, most where images are dark."


def open_mask(values: Mapping[str, Any]) -> Message:
    """Keep a raw mask and return its name.

    Args:
        values: content, the base64 text of a .npy file, and kind, "frequency" or "space"; and
            visit, whose it is.

    Raises:
        ValueError: if it is too large, or no such mask.
    """
    content, kind = values.get("content"), values.get("kind")
    if not isinstance(content, str) or kind not in KINDS:
        raise ValueError("A file was expected")
    if len(content) > MAX_MASK_BYTES * 4 // 3:
        raise ValueError(f"The file is over {MAX_MASK_BYTES // 1_000_000} MB; a mask is smaller")
    try:
        file = io.BytesIO(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("The file did not arrive whole; please try again") from None
    mask = filters.read(file, "The file", None, kind=kind, most=MAX_MASK_ELEMENTS)
    if mask.shape[0] not in (1, 3) or min(mask.shape[1:]) < 2:
        raise ValueError(
            f"The file has shape {tuple(mask.shape)}; expected 1 or 3 channels of at least 2 x 2"
        )
    return {"opened": brought.add(mask, values.get("visit", NOBODY))}


def mask_file(values: Mapping[str, Any]) -> Message:
    """Return a mask to take home: the name of its .npy file and the file in base64.

    Args:
        values: as in `view`, and kind, "frequency" or "space".
    """
    kind = values.get("kind")
    frequency, space = _masks(Request(model=values.get("model", "")).model, values)
    mask = frequency if kind == "frequency" else space
    if mask is None:
        raise ValueError(space_sentence(gains_of(frequency, None, 5.0)))
    buffer = io.BytesIO()
    np.save(buffer, mask.float().numpy(), allow_pickle=False)
    name = values["model"] if values.get("model") in MODELS else "mine"
    suffix = "freq" if kind == "frequency" else "space"
    return {
        "file": f"{name}_{suffix}.npy",
        "content": base64.b64encode(buffer.getvalue()).decode("ascii"),
    }


def _masks(model: str, values: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
    """Return what was opened, and the model's own masks where nothing was."""
    opened = [values.get(kind) or "" for kind in KINDS]
    if not any(opened):
        experiment = load(model)
        return experiment.frequency_mask, experiment.space_mask
    frequency, space = (brought[name] if name else None for name in opened)
    # A space mask alone is shown beside the model's frequency mask.
    return load(model).frequency_mask if frequency is None else frequency, space


def _channel(gain: Tensor, channel: int) -> Tensor:
    """Return the mean over channels, or one channel, the last where there are fewer."""
    return gain.mean(0) if channel == 0 else gain[min(channel, len(gain)) - 1]


def _small(plane: Tensor) -> Tensor:
    """Average a plane or a row down to what is drawn."""
    height, width = (min(LARGEST_DRAWN, n) for n in plane.shape)
    return torch.nn.functional.adaptive_avg_pool2d(plane[None].double(), (height, width))[0]
