"""The page, served by the process of the tests: it starts in half a second."""

from contextlib import contextmanager

import pytest
import uvicorn

from pds.web import layout
from pds.web.server.public_path import VARIABLE
from tools.server import free_port


@contextmanager
def served_here(root="", port=None):
    """Serve the page and yield its address.

    Args:
        root: GRADIO_ROOT_PATH, the prefix that the page is configured with.
        port: of this machine; by default a free one.
    """
    port = port or free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, root)
        # It closes the streams of all handlers, also those that pytest captures.
        patch.setattr(uvicorn.Config, "configure_logging", lambda config: None)
        page = layout.build()
        page.launch(
            server_name="127.0.0.1",
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            **layout.options(),
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        page.close()
