"""The tab "Compare": two samplers side by side, live."""

import os
from dataclasses import fields
from functools import partial
from pathlib import Path

from pds.arms.names import KINDS, MENU
from pds.jobs import request_text
from pds.limits import MAX_ALPHA, MAX_CORRECTOR_STEPS, MAX_IMAGES, MAX_SEED, MAX_STEPS
from pds.models import LADDER, MODELS
from pds.request import Request
from pds.web.server.frames import MOST_PIXELS
from pds.web.server.messages import Message
from pds.web.tab import Run, Tab
from pds.web.tabs.compare import (
    branch,
    downloads,
    inside,
    live_comparison,
    pace,
    presets,
)


def setup() -> Message:
    """Return choices, defaults and limits of the controls, and the page of the Space, if any."""
    space = os.environ.get("SPACE_ID", "")
    return {
        "space": f"https://huggingface.co/spaces/{space}" if space else "",
        "models": [{"name": name, "title": title} for name, (title, _) in MODELS.items()],
        "defaults": {f.name: f.default for f in fields(Request)},
        "samplers": [{"name": name, **KINDS[name]._asdict()} for name in MENU],
        "named": sorted(request_text.NAMED),
        "optional": list(request_text.DEFAULTS),
        "ladder": list(LADDER),
        "limits": {
            "num_steps": MAX_STEPS,
            "alpha": MAX_ALPHA,
            "num_images": MAX_IMAGES,
            "corrector_steps": MAX_CORRECTOR_STEPS,
            "seed": MAX_SEED,
            "pixels": MOST_PIXELS,
        },
        "presets": presets.setup(),
        "quick": {"images": Request.num_images, "seconds": pace.QUICK_SECONDS},
    }


TAB = Tab(
    name="compare",
    title="Compare",
    element="stage",
    folder=Path(__file__).parent,
    html="stage.html",
    notes="notes.html",
    is_pane=False,
    script="stage.js",
    parts=("presets.html", "blind.html", "guess.html", "branch.html", "inside.html"),
    styles=("presets.css", "blind.css", "branch.css", "inside.css", "stopped.css"),
    setup=setup,
    value=partial(live_comparison.first_paint, "end"),
    views={
        "recorded_run": lambda _: live_comparison.first_paint("whole"),
        "request_texts": downloads.request_texts,
        "open_settings": downloads.open_settings,
        "run_file": downloads.file_of,
        "pace": pace.view,
        "branch": branch.view,
        "leave_inside": inside.leave,
    },
    run=Run(
        "sample", "sample", lambda values: live_comparison.messages(live_comparison.parse(values))
    ),
    further_runs=(Run("look", "inside", inside.run),),
)
