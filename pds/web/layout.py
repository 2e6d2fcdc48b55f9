"""The page: its tabs, put together."""

from inspect import signature
from typing import Any

import gradio as gr
from fastapi import FastAPI

from pds.limits import MAX_STATES, MAX_THREADS, MAX_WAITING
from pds.web import api, theme
from pds.web.components import component, endpoint
from pds.web.figures import PLOTLY
from pds.web.server import gradio_internals, public_path, scripts
from pds.web.tab import STATIC
from pds.web.tabs.compare.tab import TAB as COMPARE
from pds.web.tabs.filter.tab import TAB as FILTER
from pds.web.tabs.images.tab import TAB as IMAGES
from pds.web.tabs.ladder.tab import TAB as LADDER
from pds.web.tabs.story.tab import TAB as STORY

TABS = (COMPARE, FILTER, STORY, LADDER, IMAGES)
STYLES = ("stage.css", "panes.css")


def build() -> gr.Blocks:
    """Build the page; `options()` belongs to its launch."""
    gradio_internals.claim_folder()
    demo = gr.Blocks(title="Preconditioned diffusion sampling", analytics_enabled=False)
    with demo:
        with gr.Tabs(elem_id="tabs"):
            for tab in TABS:
                with gr.Tab(tab.title, elem_id=f"{tab.name}-tab", id=tab.name):
                    component(tab)
        for function in api.ENDPOINTS:
            endpoint(function)
    demo.queue(max_size=MAX_WAITING, api_open=False)
    demo.unload(_keep_heartbeat)
    return demo


def options(*, mounted: str = "") -> dict[str, Any]:
    """Return what `launch` needs to show the page as designed.

    Args:
        mounted: path of the page in the application that mounts it.

    Raises:
        ValueError: if GRADIO_ROOT_PATH is neither a path nor a URL.
    """
    root = public_path.configured()
    shared = [(STATIC / name).read_text(encoding="utf-8") for name in STYLES]
    if gradio_internals.base_url not in gr.routes.templates.context_processors:
        gr.routes.templates.context_processors.append(gradio_internals.base_url)
    gr.utils.SyncToAsyncIterator = gradio_internals.RunIterator  # type: ignore[misc]
    return {
        "root_path": root,
        "theme": gr.themes.Base(font=["Source Sans Pro", "sans-serif"], font_mono=["monospace"]),
        "css": "\n".join([theme.css(), *shared, *(tab.text(*tab.styles) for tab in TABS)]),
        "head": scripts.preloads("static/", f"tabs/{COMPARE.name}/"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "max_threads": MAX_THREADS,
        "state_session_capacity": MAX_STATES,
        "enable_monitoring": False,
        "app_kwargs": gradio_internals.app_settings(PLOTLY, root=root, mounted=mounted),
    }


def mount(app: FastAPI, path: str) -> FastAPI:
    """Serve the page in another application, at a path such as "/pds", and return the application.

    Its lifespan must be run, which a server does.
    """
    page, settings = build(), options(mounted=path)
    page.max_threads = page._queue.max_thread_count = MAX_THREADS
    page.state_session_capacity = MAX_STATES
    known = signature(gr.mount_gradio_app).parameters
    taken = {name: value for name, value in settings.items() if name in known}
    return gr.mount_gradio_app(app, page, path=path, **taken)


def _keep_heartbeat(request: gr.Request) -> None:
    """Gradio keeps a heartbeat open for pages that listen to `unload`; `Visits` follows it."""
