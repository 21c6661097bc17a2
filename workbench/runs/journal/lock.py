"""One run of an agent version at a time, whichever process it is in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workbench.words import RunError


@contextmanager
def nobody_runs(folder: Path) -> Iterator[None]:
    """Hold every run under a folder that anybody ever held, so that none is at work meanwhile.

    Raises
    ------
    RunError
        One is at work.
    """
    with ExitStack() as stack:
        for path in sorted((folder / "locks").glob("*.lock")):
            file = stack.enter_context(path.open("a+"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError("a run is at work on this pilot", where=str(path), remedy="wait until it ends") from None
        yield


@contextmanager
def sole_run(folder: Path, agent_digest: str) -> Iterator[None]:
    """Hold the only run of one agent version under a folder; the kernel frees it however this process ends.

    Raises
    ------
    RunError
        Another process holds it.
    """
    path = folder / "locks" / f"{agent_digest[:16]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RunError(
                "another run of this agent version is at work on this pilot",
                where=str(path),
                got=f"process {file.read().strip() or 'unknown'}",
                remedy="wait until it ends and run the same command again: its decisions are then used",
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
