"""Gradio's components, events and endpoints, made from the descriptions of tabs and functions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, isgeneratorfunction, signature
from typing import Any

import gradio as gr
from gradio.events import api

from pds.limits import MAX_NAME, MAX_RUNS, error_message
from pds.web.server import runs, visits
from pds.web.server.gradio_internals import visit_of
from pds.web.server.messages import Message, dumps
from pds.web.server.runs import View
from pds.web.server.zerogpu import on_lent_gpu
from pds.web.tab import Run, Tab

SAMPLING = {"concurrency_limit": MAX_RUNS, "concurrency_id": "sampler"}
"""Everything that samples shares one limit of gradio's queue."""

FAILURE = "() => document.querySelector('#{} section').dispatchEvent(new Event('failure'))"
"""Tells a tab that its run ended without a message: the queue is full or the server is gone."""


def component(tab: Tab) -> None:
    """Add the component of a tab, and its runs, to the page that is being built."""
    name = tab.element or tab.name
    html = gr.HTML(
        value=tab.value() if tab.value else None,
        html_template=tab.markup,
        js_on_load=tab.on_load(),
        apply_default_css=False,
        elem_id=name,
        elem_classes="pds-host" if tab.is_pane else None,
        server_functions=[server_function(*view) for view in tab.views.items()],
        setup=tab.setup(),
    )
    if tab.notes:
        gr.HTML(html_template=tab.text(tab.notes), apply_default_css=False, elem_id="notes")
    for run in tab.runs:
        running = getattr(html, run.event)(
            run_handler(run),
            outputs=html,
            show_progress="hidden",
            trigger_mode="multiple",
            api_visibility="private",
            **SAMPLING,
        )
        running.failure(None, js=FAILURE.format(name))
        if run is tab.run:
            html.stop(None, cancels=[running], api_visibility="private")


def run_handler(run: Run) -> Callable[[gr.EventData, gr.Request], Iterator[str]]:
    """Return the function of the event that starts a run; its messages leave as JSON.

    The value `run` of the event, a short name, is repeated in each message.
    """
    messages = on_lent_gpu(run.messages, (gr.Error,))

    def handler(event: gr.EventData, request: gr.Request) -> Iterator[str]:
        values = event._data
        name = values.get("run") if isinstance(values, dict) else None
        envelope = {"run": name if isinstance(name, str) and len(name) <= MAX_NAME else None}
        with _as_gradio_error():
            for message in runs.run(run.kind, values, messages, request):
                yield dumps({**envelope, **message})

    return handler


def server_function(name: str, view: View) -> Callable[..., Message | str]:
    """Return a view as a function that the script of a tab calls by this name."""

    def function(values: Any = None, request: gr.Request = None) -> Message | str:  # type: ignore[assignment]
        return runs.answer(view, values, request)

    function.__name__ = name
    return function


def endpoint(function: Callable[..., Any]) -> None:
    """Add a function that programs call by its name to the page that is being built.

    Args:
        function: with typed parameters; a generator function samples and streams its results.
    """
    if isgeneratorfunction(function):
        api(_streaming(function), api_name=function.__name__, **SAMPLING)
    else:
        api(_answering(function), api_name=function.__name__)


def _answering(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def handler(*values: Any) -> Any:
        named, request = _named(function, values)
        own = visits.restrict(named, visit_of(request))
        with _as_gradio_error():
            return function(**{name: own[name] for name in named})

    return _with_request(handler, function)


def _streaming(function: Callable[..., Any]) -> Callable[..., Iterator[Message]]:
    on_gpu = on_lent_gpu(function, (gr.Error,))

    @wraps(function)
    def handler(*values: Any) -> Iterator[Message]:
        named, request = _named(function, values)

        def messages(own: Any) -> Any:
            return on_gpu(**{name: own[name] for name in named})

        with _as_gradio_error():
            for message in runs.run(function.__name__, named, messages, request):
                if message.get("kind") == "error":
                    raise ValueError(message["sentence"])
                yield message

    return _with_request(handler, function)


@contextmanager
def _as_gradio_error() -> Iterator[None]:
    """Turn an error into gradio's, with one sentence and without a traceback in the log."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        raise gr.Error(error_message(error), print_exception=False) from None


def _named(function: Callable[..., Any], values: Sequence[Any]) -> tuple[dict[str, Any], Any]:
    """Return the values by name, and the request that gradio appends to them."""
    names = signature(function).parameters
    return dict(zip(names, values, strict=False)), values[-1] if len(values) > len(names) else None


def _with_request(handler: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a handler its function's signature and the parameter `request` that gradio fills."""
    last = Parameter(
        "request", Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=gr.Request
    )
    original = signature(function)
    parameters = [*original.parameters.values(), last]
    handler.__signature__ = original.replace(parameters=parameters)  # type: ignore[attr-defined]
    handler.__annotations__ = {**function.__annotations__, "request": gr.Request}
    return handler
