"""The row "Continue from iteration", in a real Chromium."""

import pytest
from playwright.sync_api import expect

from tests.support.pages import SIDES, finish, picture, sample

SCRUB = """index => {
  const scrub = document.querySelector('.pds-scrub');
  scrub.value = index;
  scrub.dispatchEvent(new Event('input'));
}"""


@pytest.fixture
def row(page):
    """The row of a run of 8 iterations, at iteration 3."""
    sample(page, num_steps=8, num_images=1)
    finish(page)
    page.wait_for_function("location.search.includes('num_steps=8&')")
    page.evaluate(SCRUB, 2)
    return page.locator(".pds-branch")


def go_on(row, **values):
    for name, value in values.items():
        row.locator(f"[name={name}]").fill(value)
    row.get_by_role("button", name="Continue").click()


def test_both_futures_of_an_iteration_are_scrubbed_side_by_side(page, row):
    expect(row).to_contain_text("Replays the first 3 iterations")
    go_on(row, then_alpha="2")
    page.wait_for_function("location.search.includes('%2F3%2Fpds%3A2%405')")
    finish(page)
    expect(row.get_by_role("button", name="Continue")).to_be_disabled()  # the last one is shown
    left, right = (picture(page, side) for side in SIDES)
    assert left != right
    page.evaluate(SCRUB, 2)
    left, right = (picture(page, side) for side in SIDES)
    assert left == right
    assert "left=vanilla%408" in page.url


def test_a_refused_branch_leaves_the_page_as_it_was(page, row):
    before = page.url, [picture(page, side) for side in SIDES]
    go_on(row, then_steps="2001")
    expect(row.get_by_role("alert")).to_have_text(
        "the number of iterations of pds:5 must be a whole number from 1 to 2000, got 2001"
    )
    assert (page.url, [picture(page, side) for side in SIDES]) == before
