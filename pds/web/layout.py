"""The page, in gradio: a component for each tab and the events that connect it. No arithmetic."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.events import api

from pds.limits import MAX_RUNS, MAX_STATES, MAX_THREADS, MAX_WAITING, sentence
from pds.models import Request
from pds.web import api as programs
from pds.web.server import backstage, visits
from pds.web.server.messages import Message
from pds.web.server.zero import borrowed
from pds.web.tabs.compare import downloads, session
from pds.web.tabs.filter import filter_tab
from pds.web.tabs.images import images_tab
from pds.web.tabs.ladder import ladder_tab
from pds.web.tabs.story import story_tab

T = TypeVar("T")

STATIC = Path(__file__).parent / "static"
STAGE = ("chart.js", "controls.js", "player.js", "progress.js", "address.js", "keep.js")
"""Scripts of the comparison that `stage.js` puts together."""
SAMPLER = "sampler"
"""Name of the queue's lane for everything that samples."""

FAILURE = "() => document.querySelector('#{} section').dispatchEvent(new Event('failure'))"
"""Tells a tab that its run died without a message: the queue is full or the server is gone."""


_stream, _stream_ladder = borrowed(session.stream), borrowed(ladder_tab.stream)
_api_steps = borrowed(session.api_steps)


def build() -> gr.Blocks:
    """Build the page; `options()` belongs to its launch."""
    backstage.claim_folder()
    demo = gr.Blocks(title="Preconditioned diffusion sampling", analytics_enabled=False)
    with demo, gr.Tabs(elem_id="tabs"):
        with gr.Tab("Compare", elem_id="compare-tab", id="compare"):
            _compare()
        with gr.Tab("Filter", elem_id="filter-tab", id="filter"):
            _pane("filter", filter_tab.setup(), [filter_view, open_filter, filter_file])
        with gr.Tab("Why few steps fail", elem_id="story-tab", id="story"):
            _pane("story", story_tab.setup(), [story_view], scripts=("lab.js",))
        with gr.Tab("Ladder", elem_id="ladder-tab", id="ladder"):
            _ladder()
        with gr.Tab("Your images", elem_id="images-tab", id="images"):
            _pane("images", images_tab.setup(), [bring_images, filter_file])
    demo.queue(max_size=MAX_WAITING, api_open=False)
    demo.unload(_left)
    return demo


def options() -> dict[str, Any]:
    """Return what `launch` needs to show the page as designed."""
    return {
        "theme": gr.themes.Base(font=["Source Sans Pro", "sans-serif"], font_mono=["monospace"]),
        "css": _read("stage.css", "panes.css"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "max_threads": MAX_THREADS,
        "state_session_capacity": MAX_STATES,
        "enable_monitoring": False,
        "app_kwargs": backstage.app(),
    }


def _read(*names: str) -> str:
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _pane(
    name: str,
    setup: Message,
    functions: list[Callable[..., Any]],
    *,
    value: str | None = None,
    scripts: tuple[str, ...] = (),
) -> gr.HTML:
    return gr.HTML(
        value=value,
        html_template=_read(f"{name}.html"),
        js_on_load=_read("format.js", "server.js", "pane.js", *scripts, f"{name}.js"),
        apply_default_css=False,
        elem_id=name,
        elem_classes="pds-host",
        server_functions=functions,
        setup={**setup, "plotly": "plotly.min.js"},
    )


def _compare() -> None:
    stage = gr.HTML(
        value=session.first_paint("end"),
        html_template=_read("stage.html"),
        js_on_load=_read("format.js", "server.js", "health.js", *STAGE, "stage.js"),
        apply_default_css=False,
        elem_id="stage",
        server_functions=[recorded_run, request_texts, open_settings, run_file],
        setup=session.setup(),
    )
    gr.HTML(html_template=_read("notes.html"), apply_default_css=False, elem_id="notes")
    _sampling(stage, stage.sample, _sample)
    lane = {"concurrency_limit": MAX_RUNS, "concurrency_id": SAMPLER}
    api(compare, api_name="compare", **lane)
    programs.serve(sampler=lane)


def _ladder() -> None:
    ladder = _pane(
        "ladder", ladder_tab.setup(), [], value=ladder_tab.recorded(), scripts=("health.js",)
    )
    _sampling(ladder, ladder.draw, _draw_ladder)


def _sampling(tab: gr.HTML, event: Callable[..., Any], run: Callable[..., Any]) -> None:
    """Let an event of a tab start a run in the sampler's lane, and its stop event cancel it."""
    running = event(
        run,
        outputs=tab,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=MAX_RUNS,
        concurrency_id=SAMPLER,
        api_visibility="private",
    )
    running.failure(None, js=FAILURE.format(tab.elem_id))
    tab.stop(None, cancels=[running], api_visibility="private")


def compare(
    model: str = Request.model,
    num_steps: int = Request.num_steps,
    alpha: float = Request.alpha,
    frequency: bool = True,
    space: bool = False,
    num_images: int = Request.num_images,
    seed: int = Request.seed,
    tuned: bool = Request.tuned,
    request: gr.Request = None,  # type: ignore[assignment]
) -> Iterator[dict[str, Any]]:
    """Sample by vanilla and by PDS, or tuned, from the same noise and stream every step.

    Args:
        model: one of the demo's models, for example "portraits32".
        num_steps: iterations of both samplers, 1 to 2000.
        alpha: strength of the filters, above 1; larger is weaker.
        frequency: whether PDS uses the frequency filter.
        space: whether PDS uses the space filter.
        num_images: images per sampler, 1 to 8.
        seed: image i starts from seed + i.
        tuned: whether "pds" has, instead of the filters, the noise levels and the corrector's
            strength that are best at num_steps for Gaussian data of the model's spectrum; alpha,
            frequency and space do nothing then.

    Yields:
        iteration, num_steps, nfe (network calls per image so far); for "vanilla" and "pds" sigma
        (of the noise at which the network was called) and noise_left (power above half Nyquist
        relative to the data); and the images side by side as lossless PNG data URLs, "vanilla" and
        "pds".
    """
    values = (model, num_steps, alpha, frequency, space, num_images, seed, tuned)
    asked = {f.name: value for f, value in zip(fields(Request), values, strict=True)}
    run = backstage.run("compare", asked, lambda own: _api_steps(session.parse(own)), request)
    yield from programs.told(run)


def recorded_run(_: Any = None) -> str:
    """Return all steps of the recorded run; the page asks for them after its first paint."""
    return session.first_paint("whole")


def request_texts(values: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Return a request as a link, a command and lines of Python."""
    return _answer(downloads.texts, values, request)


def open_settings(values: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Return the settings of a link or of a picture that the page has drawn."""
    return _answer(downloads.opened, values, request)


def run_file(values: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Return a file of the run that the page sends back."""
    return _answer(downloads.file_of, values, request)


def filter_view(values: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Draw the filters that the controls of the tab describe."""
    return _answer(filter_tab.view, values, request)


def open_filter(content: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Keep the mask that a visitor opened."""
    return _answer(filter_tab.open_mask, content, request)


def filter_file(values: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Return a mask to save."""
    return _answer(filter_tab.mask_file, values, request)


def story_view(values: Any = None) -> Message:
    """Answer a step of the story."""
    return _answer(story_tab.view, values)


def bring_images(values: Any = None, request: gr.Request = None) -> Message:  # type: ignore[assignment]
    """Make a model of a visitor's pictures."""
    return _answer(images_tab.bring, values, request)


def _answer(view: Callable[[Any], Message], values: Any, request: Any = None) -> Message:
    """Answer a pane; what was wrong with its values becomes one sentence."""
    try:
        if not isinstance(values, dict):
            raise TypeError(f"named values were expected, got a {type(values).__name__}")
        return view(visits.own(values, backstage.visit_of(request)))
    except (ValueError, TypeError, OSError) as error:
        return {"error": sentence(error)}


def _sample(event: gr.EventData, request: gr.Request) -> Iterator[str]:
    yield from programs.told(backstage.run("sample", event._data, _stream, request))


def _draw_ladder(event: gr.EventData, request: gr.Request) -> Iterator[str]:
    yield from programs.told(backstage.run("ladder", event._data, _stream_ladder, request))


def _left(request: gr.Request) -> None:
    """Gradio keeps a heartbeat open for pages that listen to this; `backstage` watches it."""
