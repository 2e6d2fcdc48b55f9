"""The page, in gradio: one component that draws and the events that connect it. No arithmetic."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api

from pds.experiments import Request
from pds.web import session

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("format.js", "chart.js", "controls.js", "player.js", "stage.js")
SAMPLER = "sampler"
"""Name of the queue's lane for everything that samples: one run at a time."""

FAILURE = "() => document.querySelector('#stage .pds').dispatchEvent(new Event('failure'))"
"""Tells the page that a run died without a message: the queue is full or the server is gone."""


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def build() -> gr.Blocks:
    """Build the page; `options()` belongs to its launch."""
    demo = gr.Blocks(title="Preconditioned diffusion sampling", analytics_enabled=False)
    with demo:
        stage = gr.HTML(
            value=session.first_paint("end"),
            html_template=_read("stage.html"),
            js_on_load="\n".join(_read(name) for name in SCRIPTS),
            apply_default_css=False,
            elem_id="stage",
            server_functions=[recorded_run],
            setup=session.setup(),
        )
        notes = gr.HTML(html_template=_read("notes.html"), apply_default_css=False, elem_id="notes")
        with gr.Row(elem_id="plots"):
            plots = [gr.Plot(show_label=False, container=False, min_width=300) for _ in range(2)]
        sampling = stage.sample(
            _sample,
            outputs=stage,
            show_progress="hidden",
            trigger_mode="multiple",
            concurrency_limit=1,
            concurrency_id=SAMPLER,
            api_visibility="private",
        )
        sampling.failure(None, js=FAILURE)
        stage.stop(None, cancels=[sampling], api_visibility="private")
        stage.filter(
            _filter,
            outputs=[notes, *plots],
            show_progress="hidden",
            trigger_mode="always_last",
            queue=False,
            api_visibility="private",
        )
        api(compare, api_name="compare", concurrency_limit=1, concurrency_id=SAMPLER)
    demo.queue(max_size=4)
    return demo


def options() -> dict[str, Any]:
    """Return what `launch` needs to show the page as designed."""
    return {
        "theme": gr.themes.Base(font=["Source Sans Pro", "sans-serif"], font_mono=["monospace"]),
        "css": _read("stage.css"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "state_session_capacity": 100,  # each visitor's last message stays in memory
    }


def compare(
    model: str = Request.model,
    num_steps: int = Request.num_steps,
    alpha: float = Request.alpha,
    frequency: bool = Request.frequency,
    space: bool = Request.space,
    num_images: int = Request.num_images,
    seed: int = Request.seed,
) -> Iterator[dict[str, Any]]:
    """Sample without and with PDS from the same noise and stream every step.

    Args:
        model: one of the demo's models, for example "portraits32".
        num_steps: iterations of both samplers, 1 to 2000.
        alpha: strength of the filters, above 1; larger is weaker.
        frequency: whether PDS uses the frequency filter.
        space: whether PDS uses the space filter.
        num_images: images per sampler, 1 to 8.
        seed: image i starts from seed + i.

    Yields:
        iteration, num_steps, sigma, nfe (network calls per image so far), noise_left (power above
        half Nyquist relative to the data, for "vanilla" and "pds"), and the images side by side as
        lossless PNG data URLs, "vanilla" and "pds".
    """
    try:
        request = Request(model, num_steps, alpha, frequency, space, num_images, seed)
        yield from session.api_steps(request)
    except (ValueError, TypeError, OSError) as error:
        raise gr.Error(str(error), print_exception=False) from None


def recorded_run(_: Any = None) -> str:
    """Return all steps of the recorded run; the page asks for them after its first paint."""
    return session.first_paint("whole")


def _sample(event: gr.EventData) -> Iterator[str]:
    yield from session.stream(event._data)


def _filter(event: gr.EventData) -> tuple[Any, ...]:
    sentence, drawn = session.filter_view(event._data)
    return sentence, *(drawn or (gr.skip(), gr.skip()))
