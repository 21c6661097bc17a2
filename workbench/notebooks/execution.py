"""Notebooks run: checked first, then side by side, each in a kernel of its own."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from workbench.notebooks.job import Limits, NotebookJob, NotebookResult
from workbench.notebooks.session import KernelSession, OnCell
from workbench.notebooks.source import read_source
from workbench.words import InputError, WorkbenchError, shown

DEFAULT_LIMITS = Limits()
WORKERS = 2


def execute_many(
    jobs: Sequence[NotebookJob],
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_cell: OnCell | None = None,
) -> list[NotebookResult | WorkbenchError]:
    """Run notebooks side by side, each in a kernel of its own; return one outcome for each, in the jobs' order.

    One that fails does not stop the others: its outcome is an InputError where a cell raised one, else a RunError (a
    cell failed or took too long, the kernel died, or the notebook stopped before its end). An executed copy appears
    only when the notebook reached its end; on failure an older one stays as it is and the failed copy is kept beside it
    as NAME.failed.ipynb. An interruption kills all kernels.

    Parameters
    ----------
    on_cell : callable, optional
        Called with (notebook, cells done, cells in all) before each cell and at the end, from another thread.

    Raises
    ------
    InputError
        A notebook or a parameter is not fit to be run, or an output cannot be written; nothing was started.
    """
    cancelled = threading.Event()
    for job in jobs:
        _check(job)
    if len({job.output.resolve() for job in jobs}) < len(jobs):
        raise InputError("two notebooks have the same output", got=shown(str(job.output) for job in jobs))
    sessions = [KernelSession(job, limits, on_cell, cancelled) for job in jobs]
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="notebook")
    try:
        futures = [pool.submit(session.run) for session in sessions]
        return [_outcome(future) for future in futures]
    finally:
        cancelled.set()
        for session in sessions:
            session.kill()
        pool.shutdown(cancel_futures=True)


def _outcome(future: Future[NotebookResult]) -> NotebookResult | WorkbenchError:
    """Return what came of a job."""
    try:
        return future.result()
    except WorkbenchError as error:
        return error


def _check(job: NotebookJob) -> None:
    """Refuse a job that is not fit to be run."""
    read_source(job.notebook).check(job.parameters)
    if job.output.suffix != ".ipynb":
        raise InputError("the output of a notebook is no .ipynb file", where=str(job.output))
    if job.output.resolve() == job.notebook.resolve():
        raise InputError("a notebook's output would overwrite the notebook", where=str(job.output))
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=job.output.parent).close()
    except OSError as error:
        raise InputError(
            "the folder for an executed notebook cannot be written",
            where=str(job.output.parent),
            got=error.strerror,
        ) from None
