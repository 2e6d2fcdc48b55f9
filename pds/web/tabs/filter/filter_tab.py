"""The tab "Filter": a model's filters at any alpha, or the noise levels that are tuned to any N.

Both for the model's own masks or for a visitor's.
"""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pds import filters, spectra, theory
from pds.kernels import Langevin
from pds.limits import (
    MASKS_PER_VISIT,
    MAX_MASK_BYTES,
    MAX_MASK_ELEMENTS,
    MAX_MASKS,
    MAX_STEPS,
    quoted,
)
from pds.models import MODELS, Experiment, Request, load
from pds.sampling import Sampler
from pds.serving.visitor_store import NOBODY, VisitorStore
from pds.theory import tuned
from pds.web import exact, figures
from pds.web.server.messages import Message
from pds.web.words import error, number, ratio, short

CHANNELS = ("mean of all channels", "red", "green", "blue")
"""What of a filter is drawn."""

LARGEST_DRAWN = 64
"""Larger planes are averaged down to this many pixels a side before they travel."""

KINDS: tuple[Literal["frequency"], Literal["space"]] = ("frequency", "space")

brought: VisitorStore[Tensor] = VisitorStore(
    MAX_MASKS, "The filter that you opened", max_per_visit=MASKS_PER_VISIT
)


def setup() -> Message:
    """Return what the tab needs before anything is asked."""
    return {
        "layouts": figures.filter_layouts() | {"levels": figures.levels_layout()},
        "models": [{"name": name, "title": title} for name, (title, _) in MODELS.items()],
        "channels": CHANNELS,
        "limits": {"num_steps": MAX_STEPS},
    }


def view(values: Mapping[str, Any]) -> Message:
    """Draw the filters, or the tuned noise levels, that the controls describe.

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
        model = load(request.model)
        if frequency is not model.frequency_mask:
            model = replace(model, frequency_mask=frequency)
        return _levels_view(model, request)
    gains = gains_of(frequency, space, request.alpha, channel)
    top = max(figures.TOP_GAIN, gains.bound)
    return {
        "plots": figures.filter_traces(gains),
        "layouts": {
            "radial": {
                "xaxis": {"range": figures.log_range(float(gains.radii[0]))},
                "yaxis": {"range": figures.gain_range(top)},
            }
        },
        "text": {"filter": sentence(gains, request.alpha), "space": space_sentence(gains)},
    }


def _levels_view(model: Experiment, request: Request) -> Message:
    """Draw the noise levels that are tuned to the request's N, beside the published ones."""
    levels = levels_of(model, request.num_steps)
    return {
        "plots": {"levels": figures.levels_traces(levels)},
        "layouts": {"levels": {"xaxis": figures.iterations_axis(request.num_steps)}},
        "text": {"filter": tuned_sentence(model, request), "levels": levels_sentence(levels)},
    }


def levels_of(model: Experiment, num_steps: int) -> figures.Levels:
    """Return the published and the tuned noise levels at N, and what the data hold."""
    published, ours = (
        sampler.process(model.sde).marginal(sampler.times()).std.numpy()
        for sampler in (model.sampler(num_steps), model.tuned(num_steps))
    )
    waves = np.sqrt(tuned.spectrum(model.frequency_mask).power)
    mean = float(model.data_power[..., 0, 0].mean().sqrt())
    return figures.Levels(published, ours, float(waves.min()), float(waves.max()), mean)


def gains_of(
    frequency_mask: Tensor, space_mask: Tensor | None, alpha: float, channel: int = 0
) -> figures.Gains:
    """Turn raw masks (C, H, W) into the gains to draw, of one channel or the mean of all."""
    space = None if space_mask is None else filters.gain(space_mask, alpha).double()
    frequency = filters.gain(frequency_mask, alpha).double()
    drawn = _channel(frequency, channel)
    rings = spectra.radial(drawn)
    rows, columns = (torch.fft.fftshift(torch.fft.fftfreq(size)) for size in drawn.shape)
    return figures.Gains(
        bound=alpha / (alpha - 1),
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


def tuned_sentence(model: Experiment, request: Request) -> str:
    """Say what is tuned to N, and what comes of it on Gaussian data, in numbers."""
    num_steps = request.num_steps
    ours, published = model.tuned(num_steps), model.sampler(num_steps)
    (high, low), (above, below) = (_ends(sampler, model) for sampler in (ours, published))
    fall = f"{number(num_steps)} iterations the noise falls from {high} to {low} (published: "
    fall += f"{above} to {below})"
    if num_steps == 1:
        fall = f"1 iteration the noise has the level {high} (published: {above})"
    return (
        f"Tuned to {fall} and the corrector's strength is {number(_strength(ours))} (published: "
        f"{number(_strength(published))}); there is no filter. {_gained(model, request)}"
    )


def _gained(model: Experiment, request: Request) -> str:
    """Say how close to the data each sampler ends."""
    modes = tuned.spectrum(model.frequency_mask)
    pds = replace(request, tuned=False)
    requests = [replace(pds, frequency=False), replace(pds, tuned=True), pds]
    errors = theory.w2(modes, exact.variances(model, modes, requests)).tolist()
    vanilla, ours, _ = errors
    where = f"{ratio(vanilla / ours)} closer to" if ours < vanilla else "no closer to"
    told = [error(value) for value in errors]
    return (
        f"Gaussian images of this spectrum then end {where} the data: the error W2 is {told[1]} "
        f"instead of {told[0]} (PDS at alpha = {number(request.alpha)}: {told[2]})."
    )


def _ends(sampler: Sampler, model: Experiment) -> list[str]:
    """Write the highest and the lowest noise level of a sampler's grid."""
    ends = torch.tensor([1.0, 0.0], dtype=torch.float64)
    return [number(sigma) for sigma in sampler.process(model.sde).marginal(ends).std.tolist()]


def _strength(sampler: Sampler) -> float:
    assert isinstance(sampler.corrector, Langevin), "every model of the page has one"
    return sampler.corrector.snr


def levels_sentence(levels: figures.Levels) -> str:
    """Say how many of the noise levels are of the size of what the data hold."""
    low, high = levels.band
    ours, published = (
        int(((low <= sigmas) & (sigmas <= high)).sum())
        for sigmas in (levels.tuned, levels.published)
    )
    waves = f"the strongest ({short(levels.strongest)}) to the weakest ({short(levels.weakest)})"
    return (
        f"Shaded is what the data hold at one frequency: the images' mean ({short(levels.mean)}) "
        f"and the standard deviations of their waves, from {waves}. {number(published)} of the "
        f"{number(len(levels.tuned))} published levels are within it, and {number(ours)} of the "
        "tuned ones: far above, all is noise, and far below, nothing is left to decide."
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
