"""Proxies and tunnels that buffer the stream of a run: the page shows its end."""

import pytest

from tests.support.proxies import HOLDS, proxy


@pytest.mark.parametrize("hold", HOLDS)
@pytest.mark.slow
def test_a_page_shows_the_end_of_a_run_that_was_held_back(context_of, address, hold):
    with proxy(address, hold=hold) as held:
        page = context_of().new_page()
        page.goto(f"{held}/?model=field64&num_steps=20&num_images=2")
        page.wait_for_function("document.querySelector('.pds-verdict')?.textContent.length > 40")
        assert not page.locator(".pds-error").is_visible()
        page.close()
