"""Digests of files, of folders and of the workbench's own code: what tells whether anything changed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
CODE = ("*.py", "*.j2", "*.css", "*.js", "*.template", "*.yaml")


@cache
def code_digest() -> str:
    """Return the digest of the workbench's own code: of each file's digest and path, a line each, sorted by path."""
    paths = sorted(path for pattern in CODE for path in PACKAGE.rglob(pattern))
    lines = "".join(f"{file_digest(path)}  {path.relative_to(PACKAGE).as_posix()}\n" for path in paths)
    return hashlib.sha256(lines.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_under(folder: Path) -> dict[str, str]:
    """Return the digest of every file under a folder, by its path there."""
    return files_at(folder, folder)


def files_at(root: Path, *paths: Path) -> dict[str, str]:
    """Return the digest of every file at or under the paths, by its path under the root; one that is gone is not in it.

    The root may lie elsewhere the next time, as in another job of a CI run.
    """
    found = [file for path in paths for file in (path, *sorted(path.rglob("*"))) if file.is_file()]
    return {file.relative_to(root).as_posix(): file_digest(file) for file in found}
