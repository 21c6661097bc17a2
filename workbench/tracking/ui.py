"""MLflow's pages, opened where the versions of a pilot stand side by side.

The server runs in a process of its own, which has no secret: `python -m workbench.tracking.ui FD ROOT PAGE BROWSER`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.files import without_secrets
from workbench.tracking.store import restore_experiments, rows_of, store_uri
from workbench.tracking.upkeep import PILOT_TAG, end_orphans
from workbench.tracking.views import page_of
from workbench.words import InputError

USUAL_PORT = 5000
_FIRST = (
    "3.0/mlflow/server-info",
    "3.0/mlflow/ui-telemetry",
    "3.0/mlflow/assistant/config",
    "2.0/mlflow/experiments/get?experiment_id=0",
    "2.0/mlflow/gateway-proxy",
)
HOST = "127.0.0.1"
Messages = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_LATEST = (
    "SELECT experiments.experiment_id FROM experiments"
    " JOIN experiment_tags AS pilots ON pilots.experiment_id = experiments.experiment_id AND pilots.key = ?"
    " JOIN runs ON runs.experiment_id = experiments.experiment_id"
    " WHERE experiments.name = pilots.value AND ? IN (pilots.value, '') GROUP BY experiments.experiment_id"
    " ORDER BY max(runs.start_time) DESC LIMIT 1"
)
# What a browser remembers of MLflow, if nothing yet: no panel over a third of the page, runs before traces.
_START = """<script>
const first = {"mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true", "mlflow.workflowType_v1": '"machine_learning"'};
for (const [name, value] of Object.entries(first)) if (!localStorage.getItem(name)) localStorage.setItem(name, value);
if (!location.hash) location.replace("{page}");
</script>"""


def opening_page(root: Path, pilot: str = "") -> str:
    """Return the page with a pilot's versions, those last logged without a name; MLflow's list where there are none.

    What befell the store since its last use is put right first.

    Raises
    ------
    InputError
        Nothing of the pilot is logged.
    RunError
        The store cannot be opened.
    """
    with rows_of(root) as store:
        restore_experiments(root)
        end_orphans(store)
        found = store.execute(_LATEST, (PILOT_TAG, pilot)).fetchone()
    if found is None and pilot:
        raise InputError(f"no version of {pilot} is in MLflow yet", remedy=f"workbench run {pilot}")
    return "#/experiments" if found is None else page_of(found[0])


def serve_tracking(root: Path, page: str, port: int | None = None, *, opens_browser: bool = True) -> None:
    """Become the server of MLflow's pages; it prints the address when it answers, and opens it in a browser.

    Parameters
    ----------
    port : int, optional
        Without one 5000, or a free one where that is taken.

    Raises
    ------
    InputError
        The port is taken.
    """
    listening = _listening(USUAL_PORT if port is None else port, is_free_taken=port is None)
    os.set_inheritable(listening.fileno(), True)
    told = (str(listening.fileno()), str(root), page, "browser" if opens_browser else "")
    environment = {**without_secrets(os.environ), "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}
    print("MLflow starts ...", file=sys.stderr, flush=True)
    os.execve(sys.executable, [sys.executable, "-W", "ignore", "-m", "workbench.tracking.ui", *told], environment)


def _listening(port: int, *, is_free_taken: bool) -> socket.socket:
    """Return a socket that listens at a port of this machine alone."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if is_free_taken:
            return socket.create_server((HOST, 0))
        raise InputError(
            f"port {port} cannot be had", got=error.strerror, remedy="name another --port, or none for a free one"
        ) from None


def _answered(address: str) -> None:
    """Ask what every page asks first, one after another: MLflow imports parts of itself then, not in a crowd."""
    asked = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path in _FIRST:
        with suppress(urllib.error.HTTPError):
            asked.open(f"{address}ajax-api/{path}", timeout=60).close()


def _serve(listening: socket.socket, root: Path, page: str, *, opens_browser: bool) -> None:
    import uvicorn
    from mlflow.server.fastapi_app import app as mlflow
    from mlflow.server.handlers import initialize_backend_stores
    from starlette.responses import HTMLResponse

    initialize_backend_stores(store_uri(root), store_uri(root))
    index = (Path(sys.modules["mlflow.server"].app.static_folder) / "index.html").read_text(encoding="utf-8")
    start = index.replace("<head>", "<head>" + _START.replace("{page}", page), 1)

    async def pages(scope: MutableMapping[str, Any], receive: Any, send: Messages) -> None:
        is_start = scope["type"] == "http" and scope["path"] == "/"
        await (HTMLResponse(start) if is_start else mlflow)(scope, receive, send)

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            address = f"http://{HOST}:{listening.getsockname()[1]}/"
            await asyncio.to_thread(_answered, address)
            print(f"MLflow at {address}{page} (Ctrl-C ends it)", flush=True)
            if opens_browser:
                webbrowser.open(f"{address}{page}")

    Announced(uvicorn.Config(pages, log_level="error")).run([listening])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], opens_browser=bool(sys.argv[4]))
