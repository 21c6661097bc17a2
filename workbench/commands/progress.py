"""Progress of notebooks on standard error, with the decisions that their kernels ask for meanwhile."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, Self

from workbench.commands.streams import escaped
from workbench.runs.runner import Asking, has_bars, read_news

LOOK_S, SELDOM_S = 1.0, 30.0
NARROW, SHORT_BAR, BAR = 100, 6, 30


class CellProgress:
    """A bar for each notebook and each run at work; where there is no terminal, a line now and then.

    Parameters
    ----------
    runs : Path
        The pilot's folder of runs, where those at work leave news.
    seldom_s : float
        Seconds between two lines.
    """

    def __init__(self, runs: Path, *, seldom_s: float = SELDOM_S) -> None:
        self._runs, self._seldom_s = runs, seldom_s
        self._left_over = set(read_news(runs))  # of processes that were killed
        self._cells: dict[str, tuple[int, int]] = {}
        self._bars = _Bars() if has_bars() else None
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="workbench-progress", daemon=True)

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.progress.start()
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watching.join()
        if self._bars is not None:
            self._bars.progress.stop()

    def __call__(self, notebook: Path, done: int, total: int) -> None:
        """Take in how far a notebook is."""
        self._cells[notebook.stem] = done, total
        if self._bars is not None:
            self._bars.move(notebook.stem, done, total)
        elif done == total:
            _print(notebook.stem, f"all {total} cells")

    def look(self) -> None:
        """Show how far the runs at work are, or the notebooks where nothing is asked."""
        at_work = [one for one in read_news(self._runs) if one not in self._left_over]
        if self._bars is not None:
            self._bars.show_only(at_work)
            return
        for one in at_work:
            _print(one.agent, one.in_words)
        for notebook, (done, total) in list(self._cells.items()):
            if not at_work and done < total:
                _print(notebook, f"{done} of {total} cells")

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S if self._bars is not None else self._seldom_s):
            self.look()


class _Bars:
    """Bars on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        bar = BarColumn(SHORT_BAR if console.width < NARROW else BAR)
        texts = (TextColumn("{task.description}", markup=False), TextColumn("{task.fields[said]}", markup=False))
        self.progress = Progress(texts[0], bar, texts[1], console=console)
        self._notebooks: dict[str, Any] = {}
        self._runs: dict[str, Any] = {}

    def move(self, notebook: str, done: int, total: int) -> None:
        """Move a notebook's bar."""
        self._move(self._notebooks, notebook, (done, total), f"{done} of {total} cells")

    def show_only(self, at_work: list[Asking]) -> None:
        """Show the bars of these runs and of no other ones."""
        for name in self._runs.keys() - {one.agent for one in at_work}:
            self.progress.remove_task(self._runs.pop(name))
        for one in at_work:
            self._move(self._runs, one.agent, (one.done, one.total), one.in_short)

    def _move(self, tasks: dict[str, Any], name: str, done: tuple[int, int], said: str) -> None:
        if name not in tasks:
            tasks[name] = self.progress.add_task(escaped(name), total=done[1], said=said)
        self.progress.update(tasks[name], completed=done[0], total=done[1], said=said)


def _print(what: str, said: str) -> None:
    print(f"{escaped(what)}: {escaped(said)}", file=sys.stderr, flush=True)
