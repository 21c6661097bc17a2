"""One notebook on its way through papermill, strictly: what did not reach its end is no result."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from workbench.files import write_atomically
from workbench.imports import absent
from workbench.notebooks.job import Limits, NotebookJob, NotebookResult
from workbench.notebooks.kernel import KERNEL_NAME, Kernel, started_kernel
from workbench.notebooks.result import Finish, merge_streams, read_finish
from workbench.words import InputError, RunError, WorkbenchError

ENGINE = "workbench"
# Seconds that a cell's last outputs may take after its reply; papermill's 4 are too few on a busy machine.
OUTPUT_TIMEOUT_S = 60

OnCell = Callable[[Path, int, int], None]

_loading = threading.Lock()


class _Engine:
    """What papermill runs cells with; unlike its own, it calls no cell completed that never ran."""

    @staticmethod
    def nb_kernel_name(notebook: Any, name: str) -> str:
        return name

    @staticmethod
    def nb_language(notebook: Any, language: str) -> str:
        return language

    @staticmethod
    def execute_notebook(notebook: Any, kernel_name: str, *, session: KernelSession, **_unused: Any) -> Any:
        return session.run_cells(notebook)


class KernelSession:
    """One job on its way through papermill and a kernel."""

    def __init__(self, job: NotebookJob, limits: Limits, on_cell: OnCell | None, cancelled: threading.Event) -> None:
        self.job = job
        self.limits = limits
        self.on_cell = on_cell
        self.cancelled = cancelled
        self.kernel: Kernel | None = None
        self.notebook: Any = None  # set by papermill, an nbformat.NotebookNode
        self.cell: Any = None  # the one that runs, or ran last
        self.deadline = 0.0

    def kill(self) -> None:
        """End the kernel, if there is one; the thread that waits for it then goes on."""
        if self.kernel is not None:
            self.kernel.kill()

    def run(self) -> NotebookResult:
        """Return the result of the job, its executed copy written.

        Raises
        ------
        RunError
            Why there is none; the failed copy is written.
        """
        started = monotonic()
        self.deadline = started + self.limits.total_s
        try:
            with started_kernel(self.job.notebook.resolve().parent, self.job.secrets) as self.kernel:
                finish = self._through_papermill(self.kernel)
            self._write(self.job.output)
            self.job.failed_output.unlink(missing_ok=True)
        except _Failed as failure:
            raise self._failed(failure) from None
        except OSError as error:
            raise RunError("the notebook could not be run", where=str(self.job.notebook), got=str(error)) from error
        return NotebookResult(self.job.notebook, self.job.output, finish.answer, finish.values, monotonic() - started)

    def _through_papermill(self, kernel: Kernel) -> Finish:
        """Return what the notebook came to.

        Raises
        ------
        _Failed
            It did not come to its end.
        """
        papermill = _load_papermill()  # the kernel starts meanwhile
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from nbformat import ValidationError
        from papermill.exceptions import PapermillExecutionError

        if self.cancelled.is_set():
            raise _Failed("the notebook was interrupted", "no cell was run")
        try:
            papermill.execute_notebook(
                str(self.job.notebook.resolve()).replace("{", "{{").replace("}", "}}"),  # papermill formats it
                None,
                dict(self.job.parameters),
                engine_name=ENGINE,
                kernel_name=KERNEL_NAME,
                language="python",
                session=self,
            )
        except PapermillExecutionError as error:
            kind = InputError if error.ename == InputError.__name__ else RunError
            raise _Failed("a cell of the notebook failed", f"{error.ename}: {error.evalue}", kind) from None
        except ValidationError as error:
            raise _Failed("the notebook's file breaks the notebook format", error.message) from None
        except CellTimeoutError:
            raise self._out_of_time() from None
        except DeadKernelError:
            problem = "the notebook was interrupted" if self.cancelled.is_set() else "the notebook's kernel died"
            raise _Failed(problem, kernel.ending()) from None
        except RuntimeError as error:
            if self.cell is not None:
                raise
            raise _Failed("the notebook's kernel did not start", f"{error}; {kernel.ending()}") from None
        found = read_finish(self.notebook.cells)
        if found is None:
            raise _Failed("the notebook stopped before its end", "a last cell without its finish(...)")
        return found

    def run_cells(self, notebook: Any) -> Any:
        """Run the cells of a notebook that papermill has given its parameters."""
        from papermill.clientwrap import PapermillNotebookClient
        from papermill.engines import NotebookExecutionManager
        from papermill.log import logger

        assert self.kernel is not None
        self.notebook = notebook
        manager = NotebookExecutionManager(notebook, progress_bar=False)
        manager.notebook_start()
        client = PapermillNotebookClient(
            manager,
            km=self.kernel.manager,
            log=logger,
            kernel_name=KERNEL_NAME,
            startup_timeout=max(1, round(min(self.limits.start_s, self._left_s()))),
            timeout_func=lambda cell: max(0.001, min(self.limits.cell_s, self._left_s())),  # 0 would mean no limit
            iopub_timeout=OUTPUT_TIMEOUT_S,
            shutdown_kernel="immediate",
            force_raise_errors=True,
            on_cell_start=self._cell_starts,
        )
        client.on_cell_executed = partial(self._cell_ended, client)
        client.owns_km = True  # so that it ends the kernel, whatever happens
        client.execute()
        manager.notebook_complete()
        self._report(len(notebook.cells))
        return notebook

    def _cell_starts(self, cell: Any, cell_index: int) -> None:
        self.cell = cell
        self._report(cell_index)

    def _cell_ended(self, client: Any, cell: Any, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        """Stop at `exit()` and `quit()`, which a kernel may outlive by a few cells; let a good kernel end in peace."""
        payload = execute_reply["content"].get("payload", [])
        if any(message["source"] == "ask_exit" for message in payload):
            raise _Failed("the notebook stopped before its end", "exit() or quit()")
        if read_finish(self.notebook.cells) is not None:
            client.shutdown_kernel = "graceful"  # it runs its atexit hooks

    def _report(self, n_done: int) -> None:
        if self.on_cell is not None:
            self.on_cell(self.job.notebook, n_done, len(self.notebook.cells))

    def _left_s(self) -> float:
        return self.deadline - monotonic()

    def _out_of_time(self) -> _Failed:
        """Return which of the limits was reached."""
        if self._left_s() <= 0:
            return _Failed("the notebook took too long", f"more than {self.limits.total_s:g} s in all")
        return _Failed("a cell of the notebook took too long", f"more than {self.limits.cell_s:g} s")

    def _failed(self, failure: _Failed) -> WorkbenchError:
        """Keep the failed notebook and return what to tell the user."""
        if self.notebook is None:
            return failure.kind(failure.problem, where=str(self.job.notebook), got=failure.got)
        where = str(self.job.notebook)
        if self.cell is not None:
            where += f", cell {self._cell_number()}: {self.cell.source.strip().partition(chr(10))[0]}"
            self._mark_failed(failure)
        self._write(self.job.failed_output)
        got = "; ".join(line.strip() for line in failure.got.splitlines() if line.strip())[:500]
        return failure.kind(failure.problem, where=where, got=got, remedy=f"read {self.job.failed_output}")

    def _mark_failed(self, failure: _Failed) -> None:
        """Write into the failed notebook which cell it was, and why where the cell does not say it."""
        from nbformat.v4 import new_output

        self.cell.metadata.papermill.update(status="failed", exception=True)
        if self.cell.cell_type == "code" and not any(output.output_type == "error" for output in self.cell.outputs):
            self.cell.outputs.append(
                new_output("error", ename="RunError", evalue=f"{failure.problem}: {failure.got}", traceback=[])
            )

    def _cell_number(self) -> int:
        """Return the running cell's position in the source; papermill has added cells to the executed copy."""
        added = {"injected-parameters", "papermill-error-cell-tag"}
        position = next(index for index, cell in enumerate(self.notebook.cells) if cell is self.cell)
        return sum(not added & set(cell.metadata.tags) for cell in self.notebook.cells[: position + 1])

    def _write(self, path: Path) -> None:
        import nbformat

        self.notebook.metadata.papermill.output_path = str(path)
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = merge_streams(cell.outputs)
        write_atomically(path, nbformat.writes(self.notebook))


class _Failed(Exception):  # noqa: N818 - becomes an error of its kind where the cell is known
    """Why a notebook did not come to its end."""

    def __init__(self, problem: str, got: str, kind: type[WorkbenchError] = RunError) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem
        self.got = got


def _load_papermill() -> Any:
    """Import papermill and tell it how we run cells.

    jsonschema, which nbformat imports, compiles the grammar of rfc3987_syntax at import for a format no notebook uses.
    That is more than half of the time it takes to import papermill.
    """
    with _loading, absent("rfc3987_syntax"):
        import papermill
        from papermill.engines import papermill_engines

        papermill_engines.register(ENGINE, _Engine)
        logging.getLogger("papermill").addHandler(logging.NullHandler())  # what it logs, the RunError says
    return papermill
