"""Text files as UTF-8: which encoding they are in, and a copy where it is another one."""

from __future__ import annotations

import codecs
import shutil
from pathlib import Path

from workbench.words import InputError

CHUNK_BYTES = 1 << 24
LOOKED_AT_BYTES = 4_096
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MANY = 0.05
_CONTROLS = frozenset(range(32)) - set(b"\t\n\r\f\v\x1a")


def as_utf8(path: Path, encoding: str | None, folder: Path) -> tuple[Path, str]:
    """Return a text file in UTF-8, itself or a copy in a folder, and the encoding it was read in.

    Without an encoding a file is UTF-16 when it begins with its mark or every second byte of its beginning is zero,
    UTF-8 when it is valid, otherwise Windows-1252; what Windows-1252 leaves open is read as Latin-1.

    Raises
    ------
    InputError
        The file is binary, holds a NUL character, is not in the encoding that was given, or there is no such encoding.
    """
    found = _guessed(path) if encoding is None else _known(encoding)
    if found == "utf-8":
        _check_nul(path)
        if _is_utf8(path):
            return path, found
        if encoding is not None:
            raise _not_in(path, encoding)
        found = "cp1252"
    copy = folder / f"{path.stem}.utf-8"
    codecs.register_error("workbench-latin-1", _as_latin_1)
    try:
        errors = "workbench-latin-1" if found == "cp1252" else "strict"
        with path.open(encoding=found, errors=errors, newline="") as read, copy.open("w", encoding="utf-8") as write:
            shutil.copyfileobj(read, write, CHUNK_BYTES)
    except UnicodeError:
        raise _not_in(path, found) from None
    _check_nul(copy, named=path)
    return copy, found


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise InputError(
            f"there is no encoding {encoding!r}", expected="utf-8, cp1252, utf-16, latin-1, shift_jis, gb18030, ..."
        ) from None


def _guessed(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(LOOKED_AT_BYTES)
    if start.startswith(UTF_16):
        return "utf-16"
    for name, zeros, signs in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if len(zeros) >= 4 and zeros.count(0) > 0.6 * len(zeros) and not signs.count(0):
            return name
    if start.count(0) and sum(byte in _CONTROLS for byte in start) > MANY * len(start):
        raise InputError(
            "the file is binary, not text",
            where=f"{path}, byte {start.index(0)}",
            remedy="export the table as CSV, Parquet or JSON lines",
        )
    return "utf-8"


def _check_nul(path: Path, named: Path | None = None) -> None:
    """Refuse NUL characters, which no table means to hold, and name the first one's line."""
    line = 1
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            place = chunk.find(b"\0")
            if place >= 0:
                begin = chunk.rfind(b"\n", 0, place) + 1
                raise InputError(
                    "the file holds a NUL character, which is no text",
                    where=f"{named or path}, line {line + chunk.count(10, 0, place)}",
                    got=repr(chunk[max(begin, place - 20) : place + 20].decode("utf-8", "replace")),
                    remedy="take it out where the file is exported, or with: tr -d '\\000' < FILE > NEW",
                )
            line += chunk.count(10)


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _not_in(path: Path, encoding: str) -> InputError:
    """Return the error that names the first line which is not in an encoding."""
    where = str(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeError:
                where = f"{path}, line {number}"
                break
    return InputError(
        f"the file is not in the encoding {encoding}",
        where=where,
        remedy="name its encoding with --encoding, or leave the option out to have it found",
    )


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end
