"""Callables of a pilot: found in its files, identified without running them, loaded when they are first needed."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.agents.callables.permission import check_may_ask
from workbench.files import SIGNING_KEY, digest_of_file, drop, files_imported
from workbench.words import InputError

MAX_DETAIL = 500
INSTALLED = (*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), str(Path(__file__).parents[2]))


class PilotFunction:
    """A callable `PATH:NAME` of a pilot.

    Its file is imported as part of a package that is its folder, so it may import its neighbours as
    `from . import reading`. Finding out what it consists of runs none of it: importing scikit-learn takes seconds, and
    a run whose decisions are all in the journal does not need it.

    Raises
    ------
    InputError
        The file is missing, lies outside the root or is no Python.
    """

    def __init__(self, root: Path, reference: str) -> None:
        relative, _, self.name = reference.partition(":")
        self.root, self.reference = root, reference
        self._path = root / relative
        if not self._path.resolve().is_relative_to(root.resolve()):
            raise InputError("a callable lies outside the root", where=str(root), got=reference)
        self._files = tuple(files_imported(self._path))
        self._function: Any = None

    def digests(self, reads: tuple[str, ...]) -> dict[str, str]:
        """Return the digest of every file of the pilot that the callable imports, and of those it is said to read."""
        files = [*self._files, *(self.root / file for file in reads)]
        return {os.path.relpath(file, self.root): digest_of_file(file) for file in sorted(files)}

    def load(self) -> Any:
        """Return the callable; the first call imports its file, and this process can sign with no key of its own then.

        Raises
        ------
        InputError
            The file cannot be imported or has no such callable.
        RunError
            Only answers that are there count now; see `only_answered`.
        """
        if self._function is None:
            check_may_ask(f"{self._path.name}:{self.name} is code of the pilot")
            drop(SIGNING_KEY)
            self._function = _attribute(_imported(self._path), self.name, self._path)
        return self._function


def raised(error: BaseException) -> str:
    """Return what a callable raised and the place in its own code, for a reader."""
    return f"{told(error)[: MAX_DETAIL - 100]} ({place_of(error)})"[:MAX_DETAIL]


def told(error: BaseException) -> str:
    """Return an error's class and what it says of itself, as far as it can."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # an error of a pilot's own that cannot be shown
        return type(error).__name__


def place_of(error: BaseException) -> str:
    """Return the last place in the pilot's own code, else the last place."""
    places = traceback.extract_tb(error.__traceback__)
    own = [one for one in places if _is_own(Path(one.filename))]
    place = (own or places)[-1]
    return f"{Path(place.filename).name}, line {place.lineno}"


def _is_own(path: Path) -> bool:
    """Return whether a traceback's file is neither installed nor, as a frozen module's, no file at all."""
    return path.is_file() and not any(map(path.is_relative_to, INSTALLED))


def _imported(path: Path) -> ModuleType:
    """Return the module in a file, imported anew."""
    package = f"workbench_pilot_{hashlib.sha256(str(path.parent).encode()).hexdigest()[:12]}"
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    parent = ModuleType(package)
    parent.__path__ = [str(path.parent)]
    sys.modules[package] = parent
    importlib.invalidate_caches()
    writes_no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # bytecode can be stale within a second
    try:
        return importlib.import_module(f"{package}.{path.stem}")
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # whatever a user's module raises while it is imported
        raise InputError(
            "a file of the pilot cannot be imported",
            where=f"{path} ({place_of(error)})",
            got=told(error),
        ) from None
    finally:
        sys.dont_write_bytecode = writes_no_bytecode


def _attribute(module: ModuleType, name: str, path: Path) -> Any:
    function = getattr(module, name, None)
    if not callable(function):
        found = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise InputError(f"there is no callable {name!r}", where=str(path), expected=", ".join(found) or None)
    return function
