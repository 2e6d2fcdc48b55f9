"""Proxies and tunnels that buffer the stream of a run: the run ends, and its end is shown."""

import pytest
from gradio_client import Client

from tests.support.proxies import blocks, late, proxy, whole

HOLDS = [
    pytest.param(whole, id="whole", marks=pytest.mark.slow),
    pytest.param(blocks(32_768), id="blocks"),
    pytest.param(late(0.5), id="late", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("hold", HOLDS)
def test_a_page_shows_the_end_of_a_run_that_was_held_back(context_of, address, hold):
    with proxy(address, hold=hold) as held:
        page = context_of().new_page()
        page.goto(f"{held}/?model=field64&num_steps=60&num_images=2")
        page.wait_for_function("document.querySelector('.pds-verdict')?.textContent.length > 40")
        assert not page.locator(".pds-error").is_visible()
        page.close()


@pytest.mark.parametrize("hold", HOLDS)
def test_a_program_gets_every_step_of_a_run_that_was_held_back(address, hold):
    with proxy(address, hold=hold) as held:
        client = Client(held, verbose=False)
        run = client.submit("field64", 20, 5.0, True, False, 1, 0, False, api_name="/compare")
        assert len(list(run)) == 20
        client.close()
