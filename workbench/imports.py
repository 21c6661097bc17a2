"""Importing heavy libraries without the parts that nothing here uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(module: str) -> Iterator[None]:
    """Let a module seem not to be installed while others are imported; one that is loaded already stays.

    Examples
    --------
    >>> with absent("this_one"):
    ...     import this_one
    Traceback (most recent call last):
    ModuleNotFoundError: import of this_one halted; None in sys.modules
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
