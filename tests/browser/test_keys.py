"""The legends of figures, as a browser lays them out."""

from itertools import pairwise

import pytest

TEXTS = """() => [...document.querySelectorAll('.pds-spectrum .pds-key i')]
  .filter((n) => n.checkVisibility()).map((n) => {
    const text = document.createRange();
    text.selectNodeContents(n);
    const { left, right, top } = text.getBoundingClientRect();
    return [left, right, Math.round(top)];
  })"""


@pytest.mark.parametrize("width", [1440, 390])
def test_the_key_of_the_comparison_keeps_its_words_apart(kept_page, width):
    """The rules of the story's key are for the story alone: both tabs are in one page."""
    page = kept_page
    page.set_viewport_size({"width": width, "height": 844})
    texts = page.evaluate(TEXTS)
    assert len(texts) > 3
    touching = [
        (right, left)
        for (_, right, top), (left, _, below) in pairwise(texts)
        if right + 3 >= left and below <= top
    ]
    assert touching == []
