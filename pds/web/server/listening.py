"""The address that the server listens at, from the environment and checked before gradio sees it.

gradio reads the same variables when it is imported, tries the next port if one is taken, and does
not support IPv6. This module must not import gradio.

    GRADIO_SERVER_NAME   name or address of this machine; 127.0.0.1 if unset, 0.0.0.0 or :: for all
    GRADIO_SERVER_PORT   port; the first free one from 7860 on if unset
"""

import os
import socket
from typing import NamedTuple

from pds.limits import quoted

NAME, PORT = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"
LOCALHOST = "127.0.0.1"
FIRST_PORT, NUM_PORTS = 7860, 100


class Address(NamedTuple):
    """Host and port to listen at; an IPv6 host is in brackets."""

    name: str
    port: int


def address() -> Address:
    """Return the address of the environment, where a server can listen.

    Raises:
        ValueError: if the environment names no address of this machine, or a port that is not free.
    """
    host = os.environ.get(NAME, "").strip().strip("[]") or LOCALHOST
    given = os.environ.get(PORT, "").strip()
    if given:
        port = _number(given)
        if (reason := _obstacle(host, port)) is not None:
            raise ValueError(f"cannot listen at {NAME}={host}, {PORT}={port}: {reason}")
    else:
        port = _first_free(host)
    for name in (PORT, "GRADIO_NUM_PORTS"):
        os.environ.pop(name, None)  # gradio would read them as numbers, whatever they are
    for name in ("no_proxy", "NO_PROXY"):
        # gradio asks its own server whether it is there, which no proxy can.
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost", host)))
    if ":" not in host:
        return Address(host, port)
    os.environ[NAME] = LOCALHOST  # gradio tests ports by IPv4
    return Address(f"[{host}]", port)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        raise ValueError(f"{PORT} must be a number from 1 to 65535, got {quoted(text)}")
    return int(text)


def _first_free(host: str) -> int:
    for port in range(FIRST_PORT, FIRST_PORT + NUM_PORTS):
        if (reason := _obstacle(host, port)) is None:
            return port
    raise ValueError(
        f"cannot listen at {NAME}={host} on any port from {FIRST_PORT} to "
        f"{FIRST_PORT + NUM_PORTS - 1}: {reason}"
    )


def _obstacle(host: str, port: int) -> str | None:
    """Return why a server cannot listen there, None if it can."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            if os.name == "posix":  # a port of a server that has just ended; elsewhere, any port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen(1)
    except PermissionError:
        return f"this user may not use the port; choose one above 1023 by {PORT}"
    except (OSError, UnicodeError) as error:
        return f"{getattr(error, 'strerror', None) or error}; choose another one"
    return None
