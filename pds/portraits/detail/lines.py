"""Thin lines: single hairs, lashes and fibers, as chains of points spread over four pixels each."""

import numpy as np

from pds.portraits.canvas import Canvas, Field


def lines(canvas: Canvas, x: Field, y: Field, weight: Field | float) -> Field:
    """Return how much line crosses each pixel of a canvas, (H, W), 1 under a full line.

    Args:
        canvas: to draw on.
        x, y: points along the lines, (N, P), less than two pixels apart.
        weight: opacity of the points, broadcast to (N, P).
    """
    length = np.hypot(np.diff(x, axis=1), np.diff(y, axis=1)) / canvas.pixel
    length = np.concatenate([length, length[:, -1:]], axis=1)
    return points(canvas, x, y, length * weight)


def points(canvas: Canvas, x: Field, y: Field, weight: Field) -> Field:
    """Return the sum of points of given weights, each spread over the four nearest pixels."""
    height, width = canvas.pixels.shape[1:]
    across = (x + 1) / canvas.pixel + (0.5 - canvas.columns.start)
    down = (y + 1) / canvas.pixel + (0.5 - canvas.rows.start)
    # One pixel of margin catches what falls outside.
    across, down = np.clip(across, 0, width + 0.99), np.clip(down, 0, height + 0.99)
    column, row = across.astype(np.intp), down.astype(np.intp)
    right, below = across - column, down - row
    stride = width + 2
    first = row * stride + column
    index = np.concatenate([first, first + 1, first + stride, first + stride + 1], axis=None)
    upper, lower = weight * (1 - below), weight * below
    parts = [upper * (1 - right), upper * right, lower * (1 - right), lower * right]
    total = np.bincount(index, np.concatenate(parts, axis=None), (height + 2) * stride)
    return total.reshape(height + 2, stride)[1:-1, 1:-1].astype(np.float32)


def covered(amount: Field) -> Field:
    """Return the opacity of overlapping lines, 0 to 1."""
    return 1 - np.exp(-amount)


def uniform(rng: np.random.Generator, low: float, high: float, count: int) -> Field:
    """Return random numbers in a column, (count, 1)."""
    return rng.uniform(low, high, (count, 1)).astype(np.float32)


def along(count: int) -> Field:
    """Return 0 to 1 in a row, (1, count): positions along a line."""
    return np.linspace(0, 1, count, dtype=np.float32)[None]
