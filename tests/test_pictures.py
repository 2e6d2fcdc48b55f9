"""Pixels of states, grids of images, and labeled sheets."""

import numpy as np

from pds.files import pictures


def test_a_grid_puts_images_in_rows_and_ends_in_white():
    states = np.full((3, 3, 2, 2), [[[[0.0]]], [[[0.2]]], [[[1.5]]]], dtype=np.float32)
    picture = pictures.grid(pictures.view(states), columns=2)
    assert picture.shape == (4, 4, 3)
    assert picture[::2, ::2, 0].tolist() == [[0, 51], [255, 255]]


def test_a_grid_of_one_row_is_its_images_side_by_side():
    images = [np.full((2, 3, 1), value, np.uint8) for value in (1, 2)]
    assert pictures.grid(images, columns=2)[..., 0].tolist() == [[1, 1, 1, 2, 2, 2]] * 2


def test_a_state_that_is_not_a_number_is_middle_gray():
    assert pictures.view(np.full((1, 1, 1, 1), np.nan, np.float32)).item() == 128


def test_a_sheet_has_its_tiles_in_order_with_white_where_one_is_missing():
    tiles = [np.full((96, 96, 3), value, np.uint8) for value in (10, 20, 30)]
    page = pictures.sheet([("", tiles[:2]), ("", [None, tiles[2]])])
    edge, step = pictures.GAP, 96 + pictures.GAP
    corners = [[int(page[edge + i * step, edge + j * step, 0]) for j in (0, 1)] for i in (0, 1)]
    assert corners == [[10, 20], [255, 30]]
