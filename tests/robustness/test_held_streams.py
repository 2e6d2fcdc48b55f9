"""Proxies and tunnels that buffer the stream of a run: a program gets every step of it.

tests/browser/test_held_page.py is about the page behind them.
"""

import pytest
from gradio_client import Client

from tests.support.proxies import HOLDS, proxy


@pytest.mark.parametrize("hold", HOLDS)
def test_a_program_gets_every_step_of_a_run_that_was_held_back(local_address, hold):
    with proxy(local_address, hold=hold) as held:
        client = Client(held, verbose=False)
        run = client.submit("field64", 20, 5.0, True, False, 1, 0, False, api_name="/compare")
        assert len(list(run)) == 20
        client.close()
