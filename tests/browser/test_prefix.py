"""The page under a prefix that a proxy strips; tests/hosting has the other proxies."""

import pytest

from tests.support.pages import follow_link
from tests.support.proxies import FORWARDED, PREFIX, proxy


@pytest.mark.slow
def test_a_link_runs_and_figures_draw_behind_a_proxy(context_of, address):
    page = context_of().new_page()
    with proxy(address, prefix=PREFIX, strips=True, headers=FORWARDED) as public:
        follow_link(page, public)
    page.close()
