"""Whether a pilot's code may be run here: a gate's second job judges answers that are there, and runs none of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.files import environment_with
from workbench.words import RunError

ONLY_ANSWERED = "WORKBENCH_ONLY_ANSWERED"


@contextmanager
def only_answered() -> Iterator[None]:
    """Let this process, and those that it starts meanwhile, neither run a pilot's code nor ask for a decision."""
    with environment_with({ONLY_ANSWERED: "1"}):
        yield


def is_only_answered() -> bool:
    """Return whether only answers that are there count: no code of a pilot is run and nothing is asked."""
    return ONLY_ANSWERED in os.environ


def check_may_ask(what: str) -> None:
    """Refuse to run a pilot's code, or to ask for decisions, where only answers that are there count.

    Raises
    ------
    RunError
        So it is; `what` says what would have to be run or asked.
    """
    if is_only_answered():
        raise RunError(
            "here only answers that are there count, and something is not answered yet",
            got=what,
            remedy="workbench answer N PILOT where code of the pilot may run, then this again with its mlruns/PILOT",
        )
