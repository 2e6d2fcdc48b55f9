"""The scripts of each tab, which run as one function."""

import re
from collections import Counter

import pytest

from pds.web.layout import TABS

DECLARED = re.compile(r"^(?:async )?(?:function|const|let) (\w+)", re.MULTILINE)


@pytest.mark.parametrize("tab", TABS, ids=[tab.name for tab in TABS])
def test_no_script_of_a_tab_declares_a_name_of_another(tab):
    """A second function of the same name would replace the first without a word."""
    names = Counter(DECLARED.findall(tab.text(*tab.scripts)))
    assert [name for name, count in names.items() if count > 1] == []
