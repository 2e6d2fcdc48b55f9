"""Draw the README's animated picture: python -m tools.animation [--out PATH].

Vanilla on the left and PDS on the right, from the same noise, iteration by iteration, of one real
run. It has a background of its own, so that it reads the same on light and on dark pages.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pds.files.pictures import to_uint8
from pds.jobs import quality
from pds.models import Model, compare_request, load_model
from pds.request import Request
from pds.sampling import Step
from tools.browser import ROOT

REQUEST = Request(model="portraits128", num_steps=40, alpha=5, num_images=2, seed=4)
TITLES = ("Vanilla", "PDS")
SCALE, GAP, BAR = 2, 16, 44
"""Screen pixels: of a pixel, of the gap between pictures, of the text above and below them."""
BACKGROUND, TEXT, DIM = "#1d2129", "#f2f4f8", "#a9b2c0"
FRAME, LAST = 120, 4000
"""Milliseconds that an iteration, and the finished pictures, are shown."""
EARLY = 6
"""Of the iterations with sigma > 1 every sixth is shown, since noise makes a large file."""

Pixels = NDArray[np.uint8]


def main() -> None:
    """Sample, write the animation and print where."""
    parser = argparse.ArgumentParser(description="Write the animation of the README.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "samplers_at_work.webp")
    arguments = parser.parse_args()
    frames = [_frame(*iteration) for iteration in _iterations()]
    milliseconds = [FRAME] * (len(frames) - 1) + [LAST]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(
        arguments.out,
        save_all=True,
        append_images=frames[1:],
        duration=milliseconds,
        loop=0,
        quality=75,
        method=4,
    )
    print(arguments.out)


def _iterations() -> list[tuple[list[Pixels], list[str], str]]:
    """Return tiles, headings and the line below of every iteration, and of the finished run."""
    model = load_model(REQUEST.model)
    pairs = list(compare_request(REQUEST))
    drawn = [
        ([_tiles(model, side, side.sigma) for side in pair], list(TITLES), _progress(pair.left))
        for pair in pairs
        if pair.left.sigma <= 1 or pair.left.index % EARLY == 0
    ]
    last = pairs[-1]
    headings = [_heading(model, *side) for side in zip(TITLES, last, strict=True)]
    drawn.append(([_tiles(model, side, 0.0) for side in last], headings, _progress(last.left)))
    return drawn


def _heading(model: Model, title: str, step: Step) -> str:
    measured = quality.measured(model, step.x_mean)
    if measured is None:
        return title
    return f"{title}: grain {measured.grain:.2f} times the network's own"


def _tiles(model: Model, step: Step, sigma: float) -> Pixels:
    """Return the images of a state side by side, their contrast lowered by its noise."""
    tiles = to_uint8(model.to_pixels(step.x_mean).numpy(), sigma=sigma)
    return np.concatenate(list(tiles), axis=1)


def _progress(step: Step) -> str:
    return f"iteration {step.index + 1} of {step.num_steps}      sigma = {step.sigma:.3g}"


def _frame(sides: list[Pixels], headings: list[str], progress: str) -> Image.Image:
    height, width = (SCALE * n for n in sides[0].shape[:2])
    image = Image.new("RGB", (2 * width + 3 * GAP, height + 2 * BAR), BACKGROUND)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=20)
    for i, (tiles, heading) in enumerate(zip(sides, headings, strict=True)):
        left = GAP + i * (width + GAP)
        draw.text((left, BAR / 2), heading, TEXT, font, anchor="lm")
        picture = Image.fromarray(tiles).resize((width, height), Image.Resampling.NEAREST)
        image.paste(picture, (left, BAR))
    below = (image.width / 2, image.height - BAR / 2)
    draw.text(below, progress, DIM, ImageFont.load_default(size=18), anchor="mm")
    return image


if __name__ == "__main__":
    main()
