"""The wall, out of focus: smooth blotches, the shadow of the head, a vignette."""

import numpy as np

from pds.portraits.detail.scene import Scene


def paint_wall(scene: Scene) -> None:
    """Paint the whole canvas."""
    canvas, person = scene.canvas, scene.person
    x, y = canvas.x, canvas.y
    glow = np.exp(-((x + 0.5 * person.light) ** 2 + (y + 0.4) ** 2) / 0.8)
    mix = np.clip(glow + 0.1 * scene.clouds, 0, 1)
    canvas.pixels[:] = person.wall * (1 - mix) + person.light_wall * mix
    shadow = canvas.spot(person.x - 0.22 * scene.side, 0.16, 0.62, 0.85)
    vignette = 1.06 - 0.09 * (x**2 + y**2)
    canvas.shade((1 - 0.26 * shadow) * vignette)
