"""Grain and contrast of pictures as plain numbers for the page and for programs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pds.appearance import Appearance, References, Relative
from pds.jobs.quality import reference_of
from pds.models import Model
from pds.web.server.messages import Message, finite

KINDS = {
    "grain": (*References._fields, "pixels"),
    "contrast": References._fields,
}
"""What grain and contrast are given relative to; "pixels" is grain in pixel units."""

UNKNOWN = Relative(math.nan, math.nan)


def reference_name(model: Model) -> str:
    """Return the name of the pictures whose grain and contrast are 1; "" if there are none."""
    return reference_of(model) if model.references else ""


def relative_numbers(sides: Sequence[Appearance], model: Model) -> Message:
    """Return grain and contrast of several sides, a list of numbers for each of `KINDS`.

    None is a number that cannot be measured: contrast of one picture, anything of a picture that
    is not finite, and everything relative if the model has no references.
    """
    measured: Message = {"grain": {}, "contrast": {}}
    for kind in References._fields:
        reference = getattr(model.references, kind, None)
        relative = [side.relative_to(reference) if reference else UNKNOWN for side in sides]
        measured["grain"][kind] = [finite(side.grain) for side in relative]
        measured["contrast"][kind] = [finite(side.contrast) for side in relative]
    measured["grain"]["pixels"] = [finite(side.grain) for side in sides]
    return measured


def by_name(names: Sequence[str], measured: Mapping[str, Any]) -> Message:
    """Return the numbers of `relative_numbers` by the names of the sides."""
    return {
        measure: {
            name: {kind: measured[measure][kind][i] for kind in kinds}
            for i, name in enumerate(names)
        }
        for measure, kinds in KINDS.items()
    }
