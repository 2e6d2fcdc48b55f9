"""Where the parts of a portrait lie, the same for the small painting and the large one.

Shapes are signed distances on a canvas of any grid: negative inside.
"""

import numpy as np

from pds.portraits.canvas import Canvas, Field
from pds.portraits.person import Person

EYE_LINE, EYE_X = -0.02, 0.175
MOUTH_LINE = 0.335
# Extent of the hair over the skull and down the temples, for styles that differ from the default.
THICKNESS = {"curly": 1.16, "cap": 1.12, "short": 1.07, "bun": 1.05}
SIDES = {"long": 0.3, "curly": 0.12, "bangs": 0.12, "bun": 0.02, "cap": -0.1}


def body(here: Canvas, person: Person) -> Field:
    """Return the signed distance to the shoulders."""
    return here.ellipse(person.x, 1.28, 0.9, 0.66, power=2.5)


def collar_flaps(here: Canvas, person: Person) -> Field:
    """Return the signed distance to the collar of a shirt."""
    off = np.abs(here.x - person.x)
    slant = np.maximum(0.75 - 0.5 * off - here.y, here.y - 0.94 + 0.5 * off)
    return np.maximum(np.maximum(off - 0.3, 0.07 - off), slant)


def outline(here: Canvas, person: Person) -> Field:
    """Return the signed distance to the face, which is narrower towards the chin."""
    down = np.clip((here.y - person.y) / person.height, 0, 1)
    width = person.width * (1 - person.jaw * down**2)
    return here.ellipse(person.x, person.y, width, person.height, power=2.15)


def hairline(person: Person, part: Field) -> Field:
    """Return the y of the hairline; `part` is the distance from the parting, towards the light."""
    rise: Field
    match person.style:
        case "short":
            rise = -0.3 - 0.02 * np.cos(9 * part)
        case "swept":
            rise = -0.32 + 0.3 * np.clip(part, 0, None) - 0.06 * part
        case "bangs":
            rise = -0.19 + 0.015 * np.cos(24 * part)
        case "long":
            rise = -0.36 + 1.5 * part**2
        case "curly":
            rise = -0.31 + 0.5 * part**2
        case "bun":
            rise = -0.36 + 0.55 * part**2
        case _:  # a cap
            rise = -0.2 + 0.1 * part**2
    return person.y + rise


def skull_axes(person: Person) -> tuple[float, float]:
    """Return the half width and half height of the outline of the hair."""
    thick = THICKNESS.get(person.style, 1.1)
    return person.width * thick, person.height * thick - 0.02


def skull(here: Canvas, person: Person) -> Field:
    """Return the signed distance to the outline of the hair, or of the cap."""
    width, height = skull_axes(person)
    return here.ellipse(person.x, person.y - 0.07, width, height, power=2.2)


def front(here: Canvas, person: Person) -> Field:
    """Return the signed height of the lower edge of the hair, temples included."""
    off = here.x - person.x
    line = hairline(person, off * np.sign(person.light))
    reach = 0.16 + SIDES.get(person.style, 0.0)
    return here.y - line - np.clip((np.abs(off) - person.width * 0.86) / 0.05, 0, 1) * reach
