"""The files of a pilot's code: one, and its neighbours that it imports as `from . import reading`; none is run."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from workbench.words import InputError


def files_imported(path: Path) -> Iterator[Path]:
    """Yield a file and those of its folder that it imports, however far away, each once.

    Raises
    ------
    InputError
        One is no Python or cannot be read.
    """
    todo, found = [path], set[Path]()
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            yield file
            todo += [neighbour for neighbour in _imports(file) if neighbour.is_file()]


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a pilot's file. Raises InputError where it cannot be read."""
    return hashlib.sha256(_content(path)).hexdigest()


def _imports(path: Path) -> Iterator[Path]:
    """Yield the files that a file's relative imports may mean."""
    try:
        names = _imported_names(_content(path))
    except SyntaxError as error:
        raise InputError(
            "a file of the pilot is no Python", where=f"{path}, line {error.lineno}", got=error.msg
        ) from None
    yield from (path.parent / f"{name.replace('.', '/')}.py" for name in names)


@lru_cache(maxsize=64)
def _imported_names(source: bytes) -> tuple[str, ...]:
    """Return the names of the modules that a source's relative imports may mean; agents share their files."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.level == 1]
    return tuple(
        name for node in nodes for name in ([node.module] if node.module else [one.name for one in node.names])
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("a file of the pilot cannot be read", where=str(path), got=error.strerror) from None
