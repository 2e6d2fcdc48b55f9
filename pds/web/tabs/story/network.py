"""The story's last steps, on the network: one denoising, and the grain of whole runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor

from pds.appearance import GRAINY
from pds.evaluation import denoising, grain_record
from pds.evaluation.denoising import Planted
from pds.evaluation.gaussian import Field
from pds.evaluation.grain_record import COMPARED, GrainPoint
from pds.files.pictures import to_uint8 as shown
from pds.limits import require_choice
from pds.web.sentences import number, share, times
from pds.web.server.messages import Message, picture
from pds.web.tabs.story import figures
from pds.web.tabs.story.values import require_number


def belief(_: Field, values: Mapping[str, Any]) -> Message:
    """Show what the network and a linear filter leave of noise that is not as strong as told."""
    sigma = require_number(values, "sigma", 0.03, 0.5)
    return denoised(sigma, require_number(values, "strength", 0.5, 3))


def grain(_: Field, values: Mapping[str, Any]) -> Message:
    """Show the grain of whole runs against N, predicted and measured."""
    record = grain_record.read_points()
    return grain_curves(record[require_choice("portraits", values.get("portraits"), record)])


def denoised(sigma: float, strength: float) -> Message:
    """Show a portrait with noise as the network is told and with other noise, denoised at sigma.

    Args:
        sigma: given to the network and to the linear filter.
        strength: c, the noise of the second case relative to sigma.
    """
    told, planted = denoising.plant(sigma, (1.0, strength))
    images, captions = {}, {}
    for case, at in (("told", told), ("planted", planted)):
        images[f"{case}-noisy"] = _picture(at.noisy, at.strength * sigma)
        for name, found in (("network", at.network), ("linear", at.linear)):
            images[f"{case}-{name}"] = _picture(found.picture)
            captions[f"{case}-{name}"] = f"{times(found.grain)} the grain"
    captions["planted-noisy"] = f"{number(strength)} times the noise"
    sentence = _denoised_sentence(sigma, told, planted)
    return {"text": {"belief": sentence, **captions}, "images": images}


def _denoised_sentence(sigma: float, told: Planted, planted: Planted) -> str:
    strength, kept, linear = planted.strength, planted.network.left, share(told.linear.left)
    if strength == 1:
        return (
            f"Given noise as strong as it is told, sigma = {number(sigma)}, the network leaves "
            f"{share(kept)} of it in flat places, the linear filter {linear}."
        )
    network, filtered = (
        times(after.grain / before.grain)
        for before, after in ((told.network, planted.network), (told.linear, planted.linear))
    )
    sentence = (
        f"Told sigma = {number(sigma)} and given noise {number(strength)} times as strong, the "
        f"network's picture has {network} the grain that it has after noise as told, the linear "
        f"filter's {filtered}."
    )
    if strength > 1:
        return (
            f"{sentence} In flat places the network keeps {share(told.network.left)} of noise as "
            f"told and {share(planted.excess_left(told))} of what is beyond it, the linear filter "
            f"{linear} of either."
        )
    if kept >= 0:
        return f"{sentence} In flat places {share(kept)} of the noise is left."
    return (
        f"{sentence} In flat places the network takes away more noise than there is: "
        f"{share(-kept)} of it is left with the sign turned."
    )


def grain_curves(curves: Mapping[str, Sequence[GrainPoint]]) -> Message:
    """Draw the grain of each arm against N, predicted and measured.

    Args:
        curves: the points of each arm, as in `pds.evaluation.grain_record`.
    """
    fewest = curves["vanilla"][0].num_steps
    at_fewest = [
        f"{times(point.sampled)} with {figures.ARMS[arm].title} ({times(point.predicted)})"
        for arm in COMPARED
        for point in curves[arm]
        if point.num_steps == fewest
    ]
    grainy = [
        f"{_grainy(curves[arm], 'sampled')} with {figures.ARMS[arm].title} "
        f"({_grainy(curves[arm], 'predicted')})"
        for arm in COMPARED
    ]
    sentence = (
        f"At N = {number(fewest)} drawn pictures have this much of the grain of the network's own, "
        f"with the prediction in brackets: {', '.join(at_fewest)}. They are grainy "
        f"{' and '.join(grainy)}."
    )
    return {"plots": {"grain": figures.grain_traces(curves)}, "text": {"grain": sentence}}


def _grainy(points: Sequence[GrainPoint], kind: Literal["sampled", "predicted"]) -> str:
    """Say up to which of the N grain exceeds `GRAINY`."""
    grainy = [point.num_steps for point in points if getattr(point, kind) > GRAINY]
    return f"up to N = {number(max(grainy))}" if grainy else "at no N"


def _picture(image: Tensor, sigma: float = 0.0) -> str:
    """Show an image (C, H, W) with noise of sigma as the comparison does."""
    return picture(shown(image[None].numpy(), sigma=sigma)[0])
