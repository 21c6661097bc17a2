"""The manifest: every file of a bundle with its size and SHA-256, and nothing else in the folder."""

from __future__ import annotations

import json
import os
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.pilot.signing import sha256
from workbench.words import InputError, SignatureError, shown

MANIFEST_FILE = "manifest.json"
ENVELOPE_FILE = "statement.dsse.json"
RESERVED = frozenset({MANIFEST_FILE, ENVELOPE_FILE})
VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a bundle."""

    path: str
    size: int
    sha256: str


def manifest_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return the manifest of files, in its one spelling: one line for each file, sorted by path."""
    return _spelled([Entry(path, len(content), sha256(content)) for path, content in sorted(files.items())])


def check_paths(paths: list[str]) -> None:
    """Refuse paths that lead out of a bundle, that a file system may take for one another, or that are reserved.

    Raises
    ------
    InputError
        At least one path is of this kind.
    """
    bad = [path for path in paths if not _is_plain(path)]
    if bad:
        raise InputError("paths that do not belong into a bundle", got=shown(bad))
    folders = _folders(paths)
    folded: dict[str, str] = {}
    for path in (*paths, *sorted(folders)):
        spelling = folded.setdefault(_folded(path), path)
        if spelling != path:
            raise InputError("paths that differ only in case", got=shown([spelling, path]))
    if folders & set(paths) or len(set(paths)) < len(paths):
        raise InputError("a path is given twice, or is a file and a folder")


def read_listed(folder: Path, manifest: bytes) -> dict[str, bytes]:
    """Return the content of every file of a bundle, after checking the folder against its manifest.

    Raises
    ------
    SignatureError
        A file is missing, altered, not listed or no plain file, or the manifest is not in its one spelling.
    """
    entries = _entries(manifest)
    try:
        check_paths([entry.path for entry in entries])
    except InputError as error:
        raise SignatureError(f"the manifest lists {error.problem}", got=error.got) from None
    listed = {entry.path: entry for entry in entries}
    found, folders = _walk(folder)
    unlisted = sorted((found - set(listed) - RESERVED) | (folders - _folders(list(listed))))
    if unlisted:
        raise SignatureError("files or folders that the manifest does not list", got=shown(unlisted))
    missing = sorted(set(listed) - found)
    if missing:
        raise SignatureError("listed files are missing", got=shown(missing))
    contents = {path: read_plain(folder / path) for path in listed}
    altered = [path for path, entry in listed.items() if not _is_as_listed(contents[path], entry)]
    if altered:
        raise SignatureError("files were altered", got=shown(sorted(altered)))
    return contents


def read_plain(path: Path) -> bytes:
    """Return a file's bytes without following a link. Raises SignatureError when it is no plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SignatureError("not a plain file", got=path.name)
            return file.read()
    except OSError as error:
        raise SignatureError("a file cannot be read", got=f"{path.name}: {error.strerror}") from None


def _is_as_listed(content: bytes, entry: Entry) -> bool:
    return len(content) == entry.size and sha256(content) == entry.sha256


def _walk(folder: Path) -> tuple[set[str], set[str]]:
    """Return the plain files and the folders below a folder; refuses links and everything else."""
    files: set[str] = set()
    folders: set[str] = set()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                path = f"{inside}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.add(path)
                    waiting.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    files.add(path)
                else:
                    raise SignatureError("a link or special file lies in the bundle", got=path)
    return files, folders


def _folders(paths: list[str]) -> set[str]:
    """Return every folder that paths lie in, relative like them."""
    parts = [path.split("/") for path in paths]
    return {"/".join(names[:depth]) for names in parts for depth in range(1, len(names))}


def _entries(manifest: bytes) -> list[Entry]:
    fault = SignatureError("the manifest is not in its one spelling")
    try:
        content = json.loads(manifest)
        entries = [Entry(**item) for item in content["files"]]
        if content["version"] != VERSION or _spelled(entries) != manifest:
            raise fault
    except (ValueError, TypeError, KeyError, RecursionError):
        raise fault from None
    return entries


def _spelled(entries: list[Entry]) -> bytes:
    lines = [json.dumps(_fields(entry), ensure_ascii=False) for entry in entries]
    body = ",\n".join(lines)
    return f'{{"version": {VERSION}, "files": [\n{body}\n]}}\n'.encode()


def _fields(entry: Entry) -> dict[str, Any]:
    return {"path": entry.path, "size": entry.size, "sha256": entry.sha256}


def _is_plain(path: object) -> bool:
    """Return whether a path is relative, in normal form, and means the same on every file system."""
    if not isinstance(path, str) or not path or path in RESERVED or _folded(path) in RESERVED:
        return False
    parts = path.split("/")
    is_normal = unicodedata.normalize("NFC", path) == path and path.isprintable()
    names = all(part not in ("", ".", "..") and part == part.strip() and not part.endswith(".") for part in parts)
    return is_normal and names and not set(path) & set('\\:"')


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.casefold())
