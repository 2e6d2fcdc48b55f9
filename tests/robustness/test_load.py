"""Many simultaneous visitors: a short run; `python -m tests.load` is the long one."""

import pytest

from tests.load import harness


@pytest.mark.load
def test_visitors_do_not_disturb_each_other_and_nothing_is_left_of_them(request):
    visitors = request.config.getoption("--visits")
    with harness.loaded() as own:
        stayed, _ = harness.crowd(own, visitors)
        assert [run.error for run in stayed if run.error] == []
        assert max(map(harness.difference, stayed)) <= harness.GRAY_LEVELS
        assert own.quiet() is not None
        assert harness.vanish(own, 2) is not None
        assert [run.error for run in harness.many(own, 30) if run.error] == []
        assert own.disk() == 0
        assert own.tracebacks() == []
