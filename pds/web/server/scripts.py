"""The scripts of the page: ES modules, served as they lie below `pds/web`.

Their address contains a hash of all of them, so that a browser keeps them until one changes:

    scripts/HASH/static/format.js
    scripts/HASH/tabs/compare/stage.js
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent.parent

_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


@cache
def modules() -> Mapping[str, bytes]:
    """Return the text of each script by its path below `pds/web`."""
    paths = sorted(path for name in ("static", "tabs") for path in (FOLDER / name).rglob("*.js"))
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}


@cache
def address() -> str:
    """Return the address of all scripts, relative to the page: "scripts/HASH/"."""
    texts = hashlib.sha256()
    for path, text in modules().items():
        texts.update(f"{path} {len(text)} ".encode() + text)
    return f"scripts/{texts.hexdigest()[:12]}/"


def preloads(*folders: str) -> str:
    """Return HTML that requests all scripts of these folders at once, not import by import."""
    paths = (path for path in modules() if path.startswith(folders))
    return "\n".join(f'<link rel="modulepreload" href="{address()}{path}">' for path in paths)


def loader(path: str, events: Sequence[str]) -> str:
    """Return the script of gradio that starts the module of a component.

    The module exports `start`, which receives gradio's {element, props, server, trigger, watch}.

    Args:
        path: of the module, below `pds/web`.
        events: that the module triggers; gradio accepts only events that this script names.
    """
    return f"""
// Events: {json.dumps(events)}
const failed = (error) => {{
  console.error(error);
  const line = Object.assign(document.createElement("p"), {{ className: "pds-error" }});
  line.textContent = "The scripts of this page did not load. Please reload it.";
  element.prepend(line);
}};
import(new URL("{address()}{path}", document.baseURI))
  .then(({{ start }}) => start({{ element, props, server, trigger, watch }}))
  .catch(failed);
"""


async def _module(request: Any) -> Response:
    path = request.path_params["path"]
    current = f"scripts/{request.path_params['version']}/" == address()
    if not current or path not in modules():
        return PlainTextResponse("There is no such script.", 404)
    return Response(modules()[path], media_type="text/javascript", headers=_FOREVER)


ROUTE = Route("/scripts/{version}/{path:path}", _module)
