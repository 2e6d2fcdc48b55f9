"""The masks of a request: those of its model, or those of files that the visitor opened."""

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from pds import filters
from pds.limits import MAX_MASK_BYTES, MAX_MASK_ELEMENTS
from pds.models import MODELS, load_model, require_model
from pds.serving.visitor_store import NO_VISIT
from pds.web.server.messages import Message
from pds.web.server.visits import visitor_masks
from pds.web.tabs.filter.sentences import NO_SPACE_MASK

KINDS: tuple[Literal["frequency"], Literal["space"]] = ("frequency", "space")


def of_request(model: str, values: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
    """Return the opened masks of a request, or those of its model where none was opened."""
    opened = [values.get(kind) or "" for kind in KINDS]
    if not any(opened):
        own = load_model(model)
        return own.frequency_mask, own.space_mask
    frequency, space = (visitor_masks[name] if name else None for name in opened)
    # A space mask alone is shown beside the model's frequency mask.
    return load_model(model).frequency_mask if frequency is None else frequency, space


def open_file(values: Mapping[str, Any]) -> Message:
    """Keep a raw mask and return its name.

    Args:
        values: content, the base64 text of a .npy file, and kind, "frequency" or "space"; and
            visit, its owner.

    Raises:
        ValueError: if it is too large, or not such a mask.
    """
    content, kind = values.get("content"), values.get("kind")
    if not isinstance(content, str) or kind not in KINDS:
        raise ValueError("A file was expected")
    if len(content) > MAX_MASK_BYTES * 4 // 3:
        raise ValueError(f"The file is over {MAX_MASK_BYTES // 1_000_000} MB; a mask is smaller")
    try:
        file = io.BytesIO(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("The file did not arrive whole; please try again") from None
    mask = filters.read(file, "The file", None, kind=kind, most=MAX_MASK_ELEMENTS)
    if mask.shape[0] not in (1, 3) or min(mask.shape[1:]) < 2:
        raise ValueError(
            f"The file has shape {tuple(mask.shape)}; expected 1 or 3 channels of at least 2 x 2"
        )
    return {"opened": visitor_masks.add(mask, values.get("visit", NO_VISIT))}


def file_of(values: Mapping[str, Any]) -> Message:
    """Return a mask as a file: the name of its .npy file and the file in base64.

    Args:
        values: as of the tab's view, and kind, "frequency" or "space".
    """
    kind: filters.Kind = "frequency" if values.get("kind") == "frequency" else "space"
    frequency, space = of_request(require_model(values.get("model", "")), values)
    mask = frequency if kind == "frequency" else space
    if mask is None:
        raise ValueError(NO_SPACE_MASK)
    name = values["model"] if values.get("model") in MODELS else "mine"
    suffix = "freq" if kind == "frequency" else "space"
    return {
        "file": f"{name}_{suffix}.npy",
        "content": npy(mask, kind),
    }


def npy(mask: Tensor, kind: filters.Kind) -> str:
    """Encode a mask as the .npy file of the published format, in base64.

    Raises:
        ValueError: if the mask could not be opened again.
    """
    return base64.b64encode(filters.encode(mask, kind=kind)).decode("ascii")
