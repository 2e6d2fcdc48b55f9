"""Beards, hair by hair."""

import numpy as np

from pds.portraits.detail.lines import along, covered, lines, uniform
from pds.portraits.detail.scene import Scene, soft
from pds.portraits.geometry import MOUTH_LINE, outline


def paint_beard(scene: Scene) -> None:
    """Paint the shade of the skin under a beard, then its hairs."""
    person, rng, count = scene.person, scene.rng, 2600
    here = scene.canvas.window(person.x, person.y + 0.36, 0.6, 0.44)
    nose = here.ellipse(person.x, person.y + 0.14, 0.105, 0.09)
    off = np.abs(here.x - person.x)
    lips = here.ellipse(person.x, person.y + MOUTH_LINE, person.mouth_width * 0.9, 0.05)
    cheeks = person.y + 0.17 - 0.2 * off - here.y
    area = np.maximum(np.maximum(outline(here, person) - 0.025, cheeks), -np.minimum(nose, lips))
    dense = person.beard * soft(area, 0.09)
    here.paint(0.55 * dense, np.clip(person.hair * 0.75 + 0.15 * person.skin, 0, 1))
    x = person.x + uniform(rng, -0.47, 0.47, count)
    y = person.y + uniform(rng, 0.04, 0.66, count)
    t, length = along(9), uniform(rng, 0.02, 0.05, count)
    lean = (x - person.x) * 1.1 + rng.normal(0, 0.3, (count, 1)).astype(np.float32)
    px, py = x + length * t * lean, y + length * t
    bright = uniform(rng, 0, 1, count)
    for part, tone in ((bright < 0.6, 0.7), (bright >= 0.6, 1.35)):
        chosen = part[:, 0]
        hairs = lines(here, px[chosen], py[chosen], 0.5 * (1 - 0.6 * t))
        lit = 1 + 0.3 * scene.side * (here.x - person.x)
        color = np.clip(person.hair * tone + 0.02 * tone, 0, 1) * lit
        here.paint(covered(hairs) * dense, color)
