"""How far a run is: shown while it asks, and left in a file for the process that waits for this one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Never, Self

from tqdm import tqdm

from workbench.words import number

FOLDER, ENDING = "locks", "json"
OFTEN_S, SELDOM_S = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Asking:
    """How far a run is: `done` of `total` decisions are stored, `asked` of them in the `elapsed_s` since it began."""

    agent: str
    split: str
    done: int
    total: int
    asked: int = 0
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float | None:
        """Decisions per second; None where none came yet."""
        return self.asked / self.elapsed_s if self.asked and self.elapsed_s > 0 else None

    @property
    def in_words(self) -> str:
        """How many decisions there are, how many come in a second, how long the rest will take.

        Examples
        --------
        >>> Asking("prompt_v6", "dev", 1230, 4480, 1100, 12.5).in_words
        '1,230 of 4,480 decisions, 88 a second, about 37 s left'
        >>> Asking("prompt_v6", "dev", 0, 4480).in_words
        '0 of 4,480 decisions'
        """
        counts = f"{self.done:,} of {self.total:,} decisions"
        if self.rate is None:
            return counts
        left = (self.total - self.done) / self.rate
        return f"{counts}, {number(self.rate)} a second, about {_duration(left)} left"

    @property
    def in_short(self) -> str:
        """The same for a narrow terminal, such as `1,230 of 4,480, 88/s, 37 s left`."""
        counts = f"{self.done:,} of {self.total:,}"
        if self.rate is None:
            return counts
        return f"{counts}, {number(self.rate)}/s, {_duration((self.total - self.done) / self.rate)} left"


class News:
    """Tells how far a run is: a bar on a terminal and in a notebook, elsewhere a line now and then; and its file.

    Parameters
    ----------
    runs : Path
        The pilot's folder of runs.
    key : str
        What no other run at work has.
    begun : Asking
        Where the run begins.
    is_shown : bool
        Whether something is printed; the file is written in any case.
    often_s, seldom_s : float
        Seconds between two writings of the file, and between two lines.
    """

    def __init__(
        self,
        runs: Path,
        key: str,
        begun: Asking,
        *,
        is_shown: bool = True,
        often_s: float = OFTEN_S,
        seldom_s: float = SELDOM_S,
    ) -> None:
        self._path = runs / FOLDER / f"{key[:16]}.{ENDING}"
        self._asking, self._troubles, self._since = begun, 0, time.monotonic()
        self._file, self._line = _Every(often_s, self._write), _Every(seldom_s, self._print)
        self._is_line = is_shown and not has_bars()
        self._bar: tqdm[Never] = tqdm(
            desc=begun.agent, total=begun.total, initial=begun.done, unit=" decisions", smoothing=0.1,
            disable=self._is_line or not is_shown, file=sys.stderr, dynamic_ncols=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()
        self._path.unlink(missing_ok=True)

    def stored(self, n: int, n_troubles: int) -> None:
        """Tell that so many more decisions are stored, and how many of them came to nothing."""
        before = self._asking
        elapsed_s = time.monotonic() - self._since
        self._asking = replace(before, done=before.done + n, asked=before.asked + n, elapsed_s=elapsed_s)
        if n_troubles:
            self._troubles += n_troubles
            self._bar.set_postfix_str(f"{self._troubles:,} without a decision", refresh=False)
        self._bar.update(n)
        self._file.due()
        if self._is_line:
            self._line.due()

    def _write(self) -> None:
        with suppress(OSError):  # that nobody can be told is no reason to stop
            self._path.write_text(json.dumps(asdict(self._asking)), encoding="utf-8")

    def _print(self) -> None:
        print(f"{self._asking.agent}: {self._asking.in_words}", file=sys.stderr, flush=True)


def read_news(runs: Path) -> tuple[Asking, ...]:
    """Return how far the runs of a pilot are that are at work, or were when their process was killed."""
    found = []
    for path in sorted((runs / FOLDER).glob(f"*.{ENDING}")):
        with suppress(OSError, ValueError, TypeError):  # it is being written, or ended just now
            found.append(Asking(**json.loads(path.read_text(encoding="utf-8"))))
    return tuple(found)


def has_bars() -> bool:
    """Return whether a bar can be drawn over and over on standard error: a terminal, or a notebook's cell."""
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


class _Every:
    """Does something when so many seconds have passed since it was done last."""

    def __init__(self, period_s: float, act: Callable[[], Any]) -> None:
        self._period_s, self._act, self._last = period_s, act, time.monotonic()

    def due(self) -> None:
        now = time.monotonic()
        if now - self._last >= self._period_s:
            self._last = now
            self._act()


def _duration(value_s: float) -> str:
    """Return a time that somebody waits for."""
    if value_s < 120:
        return f"{value_s:.0f} s"
    return f"{value_s / 60:.0f} min" if value_s < 7200 else f"{value_s / 3600:.1f} h"
