"""The traits of a portrait, all random, in ranges that give plausible faces."""

from dataclasses import dataclass

import numpy as np

from pds.portraits.canvas import Color, rgb

SKIN = ("f6d7c3", "eec1a2", "e0ac86", "c98e66", "a86d49", "85523a", "5f3a2a")
HAIR = ("1d1a1f", "3a2a22", "5a3b26", "83552f", "b5823f", "d9b36c", "8c3f24", "8f8d90", "d8d5cf")
EYES = ("3b2a1f", "5b4327", "4f6b57", "4a6d8c", "6f8296")
# Wall, wall in the light, cloth, second cloth color.
PALETTES = (
    ("2f4858", "6d93a3", "e8a87c", "f6e7d7"),
    ("7a9e9f", "c5d8d1", "4f3b57", "e9c46a"),
    ("d9a38f", "f3d9c9", "355070", "eaac8b"),
    ("4a4e69", "9a8c98", "f2cc8f", "3d405b"),
    ("88a07d", "d5dfc5", "bc4b51", "f4f1de"),
    ("b08968", "e6ccb2", "386150", "dde5b6"),
    ("355c7d", "8fb3cc", "f8b195", "c06c84"),
    ("c9ada7", "f2e9e4", "22577a", "80ced7"),
    ("6d597a", "c8a2b5", "e0c9a6", "56766f"),
    ("e9c46a", "f8e6b8", "264653", "e76f51"),
    ("3c6e71", "a3c4bc", "d9d9d9", "353535"),
    ("8d99ae", "dfe5ee", "6a4c93", "ffca3a"),
)
STYLES = ("short", "swept", "bangs", "long", "curly", "bun", "cap", "bald")
STYLE_ODDS = (0.17, 0.15, 0.12, 0.2, 0.13, 0.1, 0.08, 0.05)
CLOTHS = ("plain", "stripes", "knit", "checks")


def color(code: str) -> Color:
    """Return a hexadecimal color, such as e8a87c, as values in [0, 1], (3, 1, 1)."""
    return rgb(*(int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)))


@dataclass(frozen=True)
class Person:
    """Traits of one portrait; lengths in drawing units, the image is 2 wide."""

    x: float
    y: float
    width: float
    height: float
    jaw: float
    skin: Color
    hair: Color
    eyes: Color
    wall: Color
    light_wall: Color
    cloth: Color
    second_cloth: Color
    style: str
    cloth_kind: str
    collar: str
    light: float
    gaze: float
    smile: float
    mouth_width: float
    open_mouth: bool
    brow: float
    glasses: bool
    beard: float
    freckles: bool
    earrings: bool


def draw_person(rng: np.random.Generator) -> Person:
    """Draw the traits of one person."""
    wall, light_wall, cloth, second = (color(c) for c in PALETTES[rng.integers(len(PALETTES))])
    tone = rng.random() ** 1.3 * (len(SKIN) - 1)
    low, part = int(tone), tone % 1
    skin = color(SKIN[low]) + np.float32(part) * (color(SKIN[low + 1]) - color(SKIN[low]))
    # Dark skin mostly has dark hair; gray and dyed hair are drawn for every skin.
    hair = rng.integers(len(HAIR)) if tone < 3 or rng.random() < 0.2 else rng.integers(3)
    style = str(rng.choice(STYLES, p=STYLE_ODDS))
    bearded = style in ("short", "swept", "bald", "cap") and rng.random() < 0.45
    return Person(
        x=rng.normal(0, 0.02),
        y=rng.normal(-0.04, 0.02),
        width=rng.uniform(0.4, 0.47),
        height=rng.uniform(0.54, 0.6),
        jaw=rng.uniform(0.08, 0.3),
        skin=skin,
        hair=color(HAIR[hair]),
        eyes=color(EYES[rng.integers(2) if tone > 3.5 else rng.integers(len(EYES))]),
        wall=wall,
        light_wall=light_wall,
        cloth=cloth,
        second_cloth=second,
        style=style,
        cloth_kind=str(rng.choice(CLOTHS)),
        collar=str(rng.choice(("round", "v", "shirt"))),
        light=float(rng.choice((-1, 1))) * rng.uniform(0.5, 1),
        gaze=rng.normal(0, 0.012),
        smile=rng.uniform(0.02, 0.085),
        mouth_width=rng.uniform(0.13, 0.2),
        open_mouth=bool(rng.random() < 0.3),
        brow=rng.uniform(-0.02, 0.03),
        glasses=bool(rng.random() < 0.25),
        beard=rng.uniform(0.5, 1) if bearded else 0.0,
        freckles=bool(rng.random() < 0.2),
        earrings=bool(rng.random() < (0.4 if style in ("long", "bun", "curly") else 0.05)),
    )
