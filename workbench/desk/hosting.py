"""The desk served on this machine until Ctrl-C: one process, one writer."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from workbench.desk.links import Links
from workbench.desk.places import DeskPlace
from workbench.desk.serving import desk_app
from workbench.desk.store import Desk
from workbench.pilot import ReviewSettings
from workbench.words import InputError

BACKLOG = 2048


def listening_socket(place: DeskPlace, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is a free one. Raises InputError where the port cannot be had."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # With the protocol named, answers are sent at once; asyncio lets them wait for the reader's receipt otherwise.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((place.host, port))
    except OSError as error:
        listening.close()
        raise InputError(
            "the desk cannot listen there",
            got=f"{place.host}, port {port}: {error.strerror}",
            remedy="name another --port, or 0 for a free one",
        ) from None
    listening.listen(BACKLOG)
    return listening


def desk_server(app: Any) -> Any:
    """Return a server of the desk's application, that believes nothing that a proxy says of a request."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app, log_level="error", access_log=False, proxy_headers=False, server_header=False, ws="none",
            timeout_graceful_shutdown=2,
        )
    )  # fmt: skip


def run_desk(
    desk: Desk, settings: ReviewSettings, links: Links, title: str, place: DeskPlace, listening: socket.socket
) -> None:
    """Serve the desk until Ctrl-C or a signal to end."""
    with suppress(KeyboardInterrupt):  # the server has ended by then, and says again what ended it
        desk_server(desk_app(desk, settings, links, title, place)).run([listening])
