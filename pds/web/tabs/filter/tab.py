"""The tab "Filter": a model's filters at any alpha, or a sampler tuned to any N.

The filters and the sampler tuned to the spectrum use the model's masks, or masks that the visitor
opened.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pds.arms.names import Arm
from pds.jobs.hosting import from_page
from pds.limits import MAX_STEPS, quoted
from pds.models import MODELS, Model, load_model
from pds.request import Request
from pds.sampling import PredictorCorrector
from pds.web.server.messages import Message
from pds.web.tab import Tab
from pds.web.tabs.filter import figures, masks
from pds.web.tabs.filter.gains import gains_of, levels_of, radial_gain_of
from pds.web.tabs.filter.sentences import (
    MASK_UNUSED,
    NO_RESPONSE,
    gain_sentence,
    levels_sentence,
    response_sentence,
    space_sentence,
    tuned_sentence,
)

CHANNELS = ("mean of all channels", "red", "green", "blue")
"""The channels of a filter that can be drawn."""
WAYS = ("pds", "tuned", "response")
"""The kinds of samplers that the tab shows."""


def setup() -> Message:
    """Return the values that the script needs before its first request."""
    return {
        "layouts": figures.filter_layouts() | figures.tuned_layouts(),
        "models": [{"name": name, "title": title} for name, (title, _) in MODELS.items()],
        "channels": CHANNELS,
        "limits": {"num_steps": MAX_STEPS},
    }


def view(values: Mapping[str, Any]) -> Message:
    """Draw the filters, or the tuned sampler, that the controls describe.

    Args:
        values: model, alpha and num_steps as of a `Request`; way, one of `WAYS`; channel, an index
            of `CHANNELS`; frequency and space, names of masks that were opened, or "".

    Raises:
        ValueError: for a value out of range.
    """
    request = from_page(
        {
            "model": values.get("model", ""),
            "num_steps": values.get("num_steps", Request.num_steps),
            "alpha": values.get("alpha", 0),
        }
    )
    way = values.get("way", "pds")
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, got {quoted(way)}")
    frequency, space = masks.of_request(request.model, values)
    channel = values.get("channel")
    if not isinstance(channel, int) or not 0 <= channel < len(CHANNELS):
        raise ValueError(f"channel must be from 0 to {len(CHANNELS) - 1}, got {quoted(channel)}")
    model = load_model(request.model)
    if way == "response":
        opened = frequency is not model.frequency_mask or space is not model.space_mask
        return _response_view(model, request, opened=opened)
    if way == "tuned":
        if frequency is not model.frequency_mask:
            model = replace(model, frequency_mask=frequency)
        return _tuned_view(model, request)
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
        "text": {"filter": gain_sentence(gains, request.alpha), "space": space_sentence(gains)},
    }


def _tuned_view(model: Model, request: Request) -> Message:
    """Draw the noise levels that are tuned to the request's N, beside the published ones."""
    levels = levels_of(model, model.tuned(request.num_steps))
    return {
        "plots": {"levels": figures.levels_traces(levels, "tuned")},
        "layouts": {"levels": {"xaxis": figures.iterations_axis(request.num_steps)}},
        "text": {"filter": tuned_sentence(model, request), "levels": levels_sentence(levels)},
    }


def _response_view(model: Model, request: Request, *, opened: bool) -> Message:
    """Draw the noise levels and the gain that are tuned to the network at the request's N."""
    if model.tuned_to_network is None:
        return {"plots": {}, "text": {"filter": NO_RESPONSE, "levels": ""}}
    sampler = model.plan(Arm("response"), request.num_steps, device="cpu").sampler
    assert isinstance(sampler, PredictorCorrector), "the published sampler with other settings"
    levels, gain = levels_of(model, sampler), radial_gain_of(sampler)
    sentence = response_sentence(model, sampler, gain)
    return {
        "plots": {
            "levels": figures.levels_traces(levels, "response"),
            "gain": figures.tuned_gain_traces(gain),
        },
        "layouts": {
            "levels": {"xaxis": figures.iterations_axis(request.num_steps)},
            "gain": figures.tuned_gain_axes(gain),
        },
        "text": {
            "filter": f"{sentence} {MASK_UNUSED}" if opened else sentence,
            "levels": levels_sentence(levels),
        },
    }


TAB = Tab(
    name="filter",
    title="Filter",
    folder=Path(__file__).parent,
    html="filter.html",
    script="filter.js",
    setup=setup,
    views={
        "filter_view": view,
        "open_filter": masks.open_file,
        "filter_file": masks.file_of,
    },
)
