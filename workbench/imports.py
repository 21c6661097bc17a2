"""Importing late: a room's names when they are first used, heavy libraries without the parts that nothing here uses."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any


def opened_lazily(room: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` for the `__init__` of a room: names are loaded when first used.

    What the room offers stands once, as the imports under `if TYPE_CHECKING:` of the file: type checkers read them
    there, and this function does too. So a room costs what is used of it.

    Parameters
    ----------
    room : str
        `__name__` of the `__init__`.
    file : str
        Its `__file__`.
    """
    tree = ast.parse(Path(file).read_bytes())
    guarded = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for guard in guarded for node in guard.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: str(node.module) for node in imports for alias in node.names}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        found = getattr(import_module(homes[name]), name)
        setattr(sys.modules[room], name, found)
        return found

    return load, lambda: sorted({*vars(sys.modules[room]), *homes}), sorted(homes)


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
