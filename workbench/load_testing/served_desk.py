"""The review desk in a process of its own: `python -m workbench.load_testing.served_desk JOB`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.desk import Desk, DeskPlace, Links, listening_socket, run_desk
from workbench.pilot import ReviewSettings
from workbench.words import RunError

SERVER = (sys.executable, "-m", "workbench.load_testing.served_desk")
ENDED_S = 10.0
TITLE = "Reviewers under load"


@contextmanager
def served_desk(file: Path, settings: ReviewSettings, secret: bytes, server: Sequence[str] = SERVER) -> Iterator[str]:
    """Serve a desk's file from another process, and give its address; it is ended afterwards.

    Parameters
    ----------
    secret : bytes
        What people's links are signed with.
    server : sequence of str
        The command that serves; the path of the job follows it.

    Raises
    ------
    RunError
        It does not start.
    """
    job = {"file": str(file), "settings": settings.model_dump(mode="json"), "secret": secret.hex()}
    path = file.with_suffix(".json")
    path.touch(mode=0o600)
    path.write_text(json.dumps(job), encoding="utf-8")
    with subprocess.Popen([*server, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = "" if process.stdout is None else process.stdout.readline().strip()
            if not said.isdigit():
                raise RunError("the review desk does not start", got=f"exit code {process.poll()}")
            yield DeskPlace().address(int(said))
        finally:
            process.terminate()
            try:
                process.wait(ENDED_S)
            except subprocess.TimeoutExpired:
                process.kill()


def desk_links(secret: bytes) -> Links:
    """Return what makes and reads the links of a served desk."""
    return Links(secret, TITLE)


def serve_job(path: Path, opened: Callable[[Path, ReviewSettings], Desk] = Desk) -> None:
    """Serve the desk of a job until this process is ended; its port is the first line that is printed."""
    job: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    settings, place = ReviewSettings.model_validate(job["settings"]), DeskPlace()
    with opened(Path(job["file"]), settings) as desk, listening_socket(place, 0) as listening:
        print(listening.getsockname()[1], flush=True)
        run_desk(desk, settings, desk_links(bytes.fromhex(job["secret"])), TITLE, place, listening)


if __name__ == "__main__":
    serve_job(Path(sys.argv[1]))
