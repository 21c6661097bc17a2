"""Files in a folder: one file a call, whole only where its last line counts its rows."""

from __future__ import annotations

import asyncio
import csv
import errno
import fnmatch
import os
import time
from pathlib import Path
from typing import Any

from workbench.environment.connections.connection import Answered, Asked, CallError
from workbench.environment.connections.http import ANSWER, MAX_ANSWER, TIMEOUT
from workbench.environment.connections.operations import operation_of
from workbench.pilot.integrations import OperationEffect, System
from workbench.words import InputError

BETWEEN, END = ";", "END"
NO_END = "no_end"
FILE = "file"  # the argument that names one file, and the header that says which was read


class FileConnection:
    """A folder that a system puts files into.

    A call reads the file that its argument `file` names, or the last by name of those that fit the operation's pattern.
    """

    def __init__(self, system: System, folder: Path) -> None:
        self._system, self._folder = system, folder.resolve()

    async def call(self, asked: Asked) -> Answered:
        """Read one file's rows. Raises CallError with `no_end` where it is not whole."""
        operation = operation_of(self._system, asked.operation)
        if operation.effect is OperationEffect.WRITE:
            raise InputError("files of a system are only read", got=f"{self._system.id}, {asked.operation}")
        start = time.perf_counter()
        try:
            async with asyncio.timeout(asked.deadline_s):
                return await asyncio.to_thread(self._read, operation.call, asked.arguments.get(FILE), start)
        except TimeoutError:
            detail = f"not read within {asked.deadline_s:g} s"
            raise CallError(TIMEOUT, detail, time.perf_counter() - start) from None

    async def close(self) -> None:
        """Nothing is kept open."""

    def _read(self, pattern: str, name: object, start: float) -> Answered:
        try:
            path = self._chosen(pattern, name)
            with path.open("rb") as file:
                content = file.read(MAX_ANSWER + 1)
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "connection")
            raise CallError(code, error.strerror or str(error), time.perf_counter() - start) from None
        latency_s = time.perf_counter() - start
        if len(content) > MAX_ANSWER:
            raise CallError(ANSWER, f"a file of more than {MAX_ANSWER:,} bytes", latency_s)
        rows = file_rows(content, self._system.encoding, latency_s)
        return Answered(rows, "ok", latency_s, {FILE: path.name})

    def _chosen(self, pattern: str, name: object) -> Path:
        """Return the file to read: inside the folder, also where a link leads elsewhere."""
        path: Path | None
        if "/" in pattern:
            found = {one.name: one for one in sorted(self._folder.glob(pattern))}
            path = next(reversed(found.values()), None) if name is None else found.get(str(name))
        elif name is None:  # many times as fast as a glob where a folder has thousands of files
            with os.scandir(self._folder) as entries:
                last = max(fnmatch.filter([one.name for one in entries], pattern), default=None)
            path = None if last is None else self._folder / last
        else:
            path = self._folder / str(name)
            is_one = path.parent == self._folder and fnmatch.fnmatchcase(path.name, pattern) and path.exists()
            path = path if is_one else None
        if path is None or not path.resolve().is_relative_to(self._folder):
            raise FileNotFoundError(errno.ENOENT, f"there is no file {name or pattern}")
        return path


def file_rows(content: bytes, encoding: str, latency_s: float = 0.0) -> list[dict[str, Any]]:
    """Return the rows of a file with a header and a last line `END;n`.

    Raises
    ------
    CallError
        `no_end`: the last line is missing or counts other rows; `answer`: it is not in this encoding, or a row does not
        fit the header.
    """
    try:
        lines = list(csv.reader(content.decode(encoding).splitlines(), delimiter=BETWEEN))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CallError(ANSWER, f"the file cannot be read: {error}", latency_s) from None
    if not lines or not content.endswith(b"\n") or lines[-1] != [END, str(len(lines) - 2)]:
        last = BETWEEN.join(lines[-1]) if lines else "nothing"
        raise CallError(NO_END, f"it ends in {last[:80]!r} after {max(0, len(lines) - 1)} lines", latency_s)
    header, *rows = lines[:-1]
    wrong = next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None)
    if wrong is not None:
        raise CallError(ANSWER, f"line {wrong} does not fit the header", latency_s)
    return [dict(zip(header, row, strict=True)) for row in rows]
