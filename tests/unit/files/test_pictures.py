"""Pixels of states, grids of images, and labeled sheets."""

import numpy as np

from pds.files import pictures


def test_a_grid_puts_images_in_rows_and_ends_in_white():
    states = np.full((3, 3, 2, 2), [[[[0.0]]], [[[0.2]]], [[[1.5]]]], dtype=np.float32)
    picture = pictures.tile_images(pictures.to_uint8(states), columns=2)
    assert picture.shape == (4, 4, 3)
    assert picture[::2, ::2, 0].tolist() == [[0, 51], [255, 255]]


def test_a_grid_of_one_row_is_its_images_side_by_side():
    images = [np.full((2, 3, 1), value, np.uint8) for value in (1, 2)]
    assert pictures.tile_images(images, columns=2)[..., 0].tolist() == [[1, 1, 1, 2, 2, 2]] * 2


def test_a_state_that_is_not_a_number_is_middle_gray():
    assert pictures.to_uint8(np.full((1, 1, 1, 1), np.nan, np.float32)).item() == 128


def test_a_sheet_has_its_tiles_in_order_with_white_where_one_is_missing():
    tiles = [np.full((96, 96, 3), value, np.uint8) for value in (10, 20, 30)]
    page = pictures.labeled_sheet([("", tiles[:2]), ("", [None, tiles[2]])])
    edge, step = pictures.GAP, 96 + pictures.GAP
    corners = [[int(page[edge + i * step, edge + j * step, 0]) for j in (0, 1)] for i in (0, 1)]
    assert corners == [[10, 20], [255, 30]]


def tile_corners(page, step=96 + pictures.GAP):
    """The values of tiles at the lower right, where labels cannot move them."""
    return [[int(page[-50 - i * step, -50 - j * step, 0]) for j in (1, 0)] for i in (1, 0)]


def test_lines_of_labels_and_a_note_move_tiles_but_do_not_cover_them():
    values = [[10, 20], [30, 40]]
    tiles = [[np.full((96, 96, 1), value, np.uint8) for value in row] for row in values]
    plain = pictures.labeled_sheet([("a", tiles[0]), ("b", tiles[1])], ["c", "d"])
    rows = [("a\ngrain 2.93\ncontrast 0.79", tiles[0]), ("b", tiles[1])]
    page = pictures.labeled_sheet(rows, ["c\nvanilla 1.00", "d"], note="1 = a reference")
    assert tile_corners(page) == tile_corners(plain) == values
    assert page.shape[0] > plain.shape[0] and page.shape[1] > plain.shape[1]
    areas = {value: (page == value).all(-1).sum() for value in (10, 20, 30, 40)}
    assert {value: area for value, area in areas.items() if area < 96 * 96} == {}


def test_a_note_wider_than_the_tiles_widens_the_sheet():
    rows = [("", [np.full((96, 96, 1), 10, np.uint8)])]
    page = pictures.labeled_sheet(rows, note="a long sentence on what the numbers are relative to")
    assert page.shape[1] > 200
    # The margin at the right is white: nothing is cut off.
    assert (page[:, -pictures.GAP :] == 255).all()


def test_a_picture_carries_its_grain_beside_its_text(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    for name, grain in (("with", 0.0123456789), ("without", None)):
        (tmp_path / name).write_bytes(pictures.encode_png(image, "text", grain=grain))
    texts = [pictures.read_text(tmp_path / name) for name in ("with", "without")]
    assert texts == ["text", "text"]
    assert pictures.read_grain(tmp_path / "with") == 0.0123457
    assert pictures.read_grain(tmp_path / "without") is None
    (tmp_path / "cut").write_bytes((tmp_path / "with").read_bytes()[:-5])
    assert pictures.read_grain(tmp_path / "cut") is None
