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


def belief_view(_: Field, values: Mapping[str, Any]) -> Message:
    """Show what the network and a linear filter leave of noise that is not as strong as sigma."""
    sigma = require_number(values, "sigma", 0.03, 0.5)
    return denoised(sigma, require_number(values, "strength", 0.5, 3))


def grain_view(_: Field, values: Mapping[str, Any]) -> Message:
    """Show the grain of whole runs against N, predicted and measured."""
    record = grain_record.read_points()
    return grain_curves(record[require_choice("portraits", values.get("portraits"), record)])


def denoised(sigma: float, strength: float) -> Message:
    """Show a portrait with noise of sigma and with other noise, both denoised at sigma.

    Args:
        sigma: given to the network and to the linear filter.
        strength: c, the noise of the second case relative to sigma.
    """
    matched, planted = denoising.plant(sigma, (1.0, strength))
    images, captions = {}, {}
    for case, at in (("matched", matched), ("mismatched", planted)):
        images[f"{case}-noisy"] = _picture(at.noisy, at.strength * sigma)
        for name, denoised in (("network", at.network), ("linear", at.linear)):
            images[f"{case}-{name}"] = _picture(denoised.picture)
            captions[f"{case}-{name}"] = f"{times(denoised.grain)} the grain"
    captions["mismatched-noisy"] = f"noise = {number(strength)} sigma"
    sentence = _denoised_sentence(sigma, matched, planted)
    return {"text": {"belief": sentence, **captions}, "images": images}


def _denoised_sentence(sigma: float, matched: Planted, planted: Planted) -> str:
    strength, kept, linear = planted.strength, planted.network.left, share(matched.linear.left)
    if strength == 1:
        return (
            f"Of noise with sigma = {number(sigma)} the network leaves {share(kept)} in flat "
            f"places, the linear filter {linear}."
        )
    network, filtered = (
        times(after.grain / before.grain)
        for before, after in ((matched.network, planted.network), (matched.linear, planted.linear))
    )
    sentence = (
        f"At sigma = {number(sigma)}, noise of {number(strength)} sigma leaves {network} the "
        f"grain of noise of sigma with the network, and {filtered} with the linear filter."
    )
    if strength > 1:
        return (
            f"{sentence} In flat places the network keeps {share(matched.network.left)} of the "
            f"noise up to sigma and {share(planted.excess_left(matched))} of the excess, the "
            f"linear filter {linear} of both."
        )
    if kept >= 0:
        return f"{sentence} In flat places {share(kept)} of the noise is left."
    return (
        f"{sentence} In flat places the network subtracts more noise than there is: "
        f"{share(-kept)} of it is left with the opposite sign."
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
        f"Grain at N = {number(fewest)} relative to the network's own images, measured and, in "
        f"parentheses, predicted: {', '.join(at_fewest)}. Images are grainy "
        f"{' and '.join(grainy)}."
    )
    return {"plots": {"grain": figures.grain_traces(curves)}, "text": {"grain": sentence}}


def _grainy(points: Sequence[GrainPoint], kind: Literal["sampled", "predicted"]) -> str:
    """Name the largest N at which grain exceeds `GRAINY`."""
    grainy = [point.num_steps for point in points if getattr(point, kind) > GRAINY]
    return f"up to N = {number(max(grainy))}" if grainy else "at no N"


def _picture(image: Tensor, sigma: float = 0.0) -> str:
    """Show an image (C, H, W) with noise of sigma as the comparison does."""
    return picture(shown(image[None].numpy(), sigma=sigma)[0])
