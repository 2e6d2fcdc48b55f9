"""For every input from a browser, a tab returns figures or one sentence."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pds.web.server import runs
from pds.web.tabs.filter import masks
from pds.web.tabs.filter import tab as filter_tab
from pds.web.tabs.images import tab as images_tab
from pds.web.tabs.ladder import tab as ladder_tab
from pds.web.tabs.story import tab as story_tab

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["", "field64", "portraits32", "PDS", "frequency", "../x", "<b>", "NaN"])
    | st.sampled_from([0, 1, 2, 5, 25, 32, 64, 66, 0.375, 0.5, 1e9, -1])
)
ANYTHING = st.recursive(SCALARS, lambda s: st.lists(s, max_size=3) | st.dictionaries(
    st.text(max_size=5), s, max_size=3), max_leaves=4)  # fmt: skip

TABS: dict[str, tuple[Callable, dict]] = {
    "filter": (filter_tab.view, {"model": "field64", "alpha": 5, "channel": 0, "frequency": "",
                                 "space": ""}),
    "open": (masks.open_file, {"content": "AAAA", "kind": "frequency"}),
    "save": (masks.file_of, {"model": "field64", "kind": "frequency", "frequency": ""}),
    "plane": (story_tab.view, {"step": "plane", "model": "field64", "target": "ellipse",
                               "kappa": 50, "length": 0.03, "power": 1, "swirl": 2,
                               "sampler": "ULA", "start": [1.0, 0.5]}),
    "drawing": (story_tab.view, {"step": "plane", "model": "field64", "target": "drawing",
                                 "drawing": [[0, 0.5], [1, 0]], "length": 0.03, "power": 1,
                                 "swirl": 0, "sampler": "MALA", "start": [1.0, 0.5]}),
    "octaves": (story_tab.view, {"step": "octaves", "model": "field64", "sigma": 0.3}),
    "lag": (story_tab.view, {"step": "lag", "model": "field64", "radius": 0.5, "sampler": "PDS",
                             "alpha": 5}),
    "controls": (story_tab.view, {"step": "controls", "model": "field64", "num_steps": 66,
                                  "alpha": 5}),
    "map": (story_tab.view, {"step": "map", "model": "field64", "num_steps": 66, "alpha": 5}),
    "clocks": (story_tab.view, {"step": "clocks", "model": "field64", "num_steps": 9,
                                "iteration": 3}),
    "belief": (story_tab.view, {"step": "belief", "model": "field64", "sigma": 0.16,
                                "strength": 1.5}),
    "choice": (story_tab.judge, {"step": "lag", "model": "field64", "guess": "fine"}),
    "amount": (story_tab.judge, {"step": "clocks", "model": "field64", "guess": 3}),
    "place": (story_tab.judge, {"step": "plane", "model": "field64", "guess": [0.5, 0.5]}),
    "grain": (story_tab.view, {"step": "grain", "model": "field64", "portraits": "portraits64"}),
    "images": (images_tab.bring, {"size": 32, "files": [{"name": "a", "content": "AAAA"}],
                                 "texture": 0.2, "example": False, "enlarge": False}),
}  # fmt: skip


@pytest.mark.parametrize("tab", TABS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_is_answered_by_json_or_a_sentence(tab, data):
    view, good = TABS[tab]
    names = data.draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=3))
    values = good | {name: data.draw(ANYTHING) for name in names}
    answer = runs.answer(view, values)
    json.dumps(answer, allow_nan=False)
    if "error" in answer:
        assert len(answer["error"].splitlines()) == 1


@settings(max_examples=60, deadline=None)
@given(values=ANYTHING.filter(lambda v: not isinstance(v, dict)))
def test_what_is_no_set_of_values_is_answered_by_a_sentence(values):
    assert "named values were expected" in runs.answer(story_tab.view, values)["error"]


@settings(max_examples=60, deadline=None)
@given(
    values=st.fixed_dictionaries(
        {"seed": ANYTHING},
        optional={
            name: ANYTHING for name in ("model", "samplers", "num_steps", "num_images", "columns")
        },
    )
)
def test_a_ladder_of_any_values_begins_or_says_what_is_wrong(values):
    run = runs.run("ladder", values, ladder_tab.messages)
    first = next(run)
    run.close()
    assert first["kind"] in ("progress", "error")
