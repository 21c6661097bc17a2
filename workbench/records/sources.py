"""Obtaining a pilot's records: from a folder or by download, verified, with attribution beside them."""

from __future__ import annotations

import hashlib
import time
import urllib.request
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from workbench.files import Settings, read_settings, write_atomically
from workbench.words import InputError, RunError, WorkbenchError, shown

SOURCES_FILE = "sources.yaml"
ATTRIBUTION_FILE = "ATTRIBUTION.md"
CHUNK_BYTES = 1 << 16
SILENCE_S = 30.0
DEADLINE_S = 900.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SourceFile(Settings):
    """One file of a pilot's records: where it is published and what it must be."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    url: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=1)

    @field_validator("url")
    @classmethod
    def _is_encrypted(cls, url: str) -> str:
        if not _is_allowed(url, from_loopback=True):
            raise ValueError("an address that begins with https:// and names a host")
        return url


class Licence(Settings):
    """The terms the records come under, and how their makers are named."""

    name: str
    url: str
    attribution: str
    citation: str


class Sources(Settings):
    """The content of sources.yaml."""

    files: tuple[SourceFile, ...] = Field(min_length=1)
    licence: Licence

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [file.name for file in self.files]
        if len(set(names)) < len(names):
            raise ValueError(f"a file is listed twice: {shown(names)}")
        return self


@dataclass(frozen=True, slots=True)
class Obtained:
    """What `obtain` found and did.

    Parameters
    ----------
    files : tuple of Path
        Every file of sources.yaml, in place and verified.
    fetched : tuple of str
        Names of the files put in place by this call; empty when all were there already.
    attribution : Path
        The file that names makers and licence.
    """

    files: tuple[Path, ...]
    fetched: tuple[str, ...]
    attribution: Path


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a file's bytes come from, and what kind of fault it is when they are wrong."""

    where: str
    chunks: Generator[bytes, None, None]
    fault: type[WorkbenchError]


def obtain(data: Path, from_dir: Path | None = None) -> Obtained:
    """Return a pilot's record files, in place and verified; what is there already is not fetched again.

    Every missing file is fetched and verified before the first is put in place.

    Parameters
    ----------
    data : Path
        The pilot's folder under datasets/.
    from_dir : Path, optional
        Folder with copies of the files; without it they are downloaded from their public addresses.

    Raises
    ------
    InputError
        There is no sources.yaml, a file is missing from `from_dir` or is not the published one, a file in place was
        changed, or the folder cannot be written.
    RunError
        An address cannot be reached or serves something else.
    """
    sources = _read_sources(data)
    try:
        missing = [file for file in sources.files if not _is_in_place(file, data)]
        if from_dir is not None:
            _check_folder(from_dir, missing)
        if missing:
            _put_in_place(missing, data, from_dir)
        _attribute(sources, data / ATTRIBUTION_FILE)
    except OSError as error:
        raise InputError(
            "the records cannot be written", where=str(data), got=str(error), remedy="make the folder writable"
        ) from None
    paths = tuple(data / file.name for file in sources.files)
    return Obtained(paths, tuple(file.name for file in missing), data / ATTRIBUTION_FILE)


def _read_sources(data: Path) -> Sources:
    path = data / SOURCES_FILE
    if not path.is_file():
        raise InputError(
            "there is nothing to obtain: this pilot's records ship with the repository",
            where=f"no {SOURCES_FILE} in {data}",
        )
    return read_settings(path, Sources)


def _is_in_place(file: SourceFile, data: Path) -> bool:
    """Whether a file is there and the published one; one that is there and differs is not overwritten."""
    path = data / file.name
    if not path.is_file():
        return False
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != file.sha256:
        raise InputError(
            "a record file is there, but it is not the published one",
            where=str(path),
            got=f"sha256 {digest}",
            expected=f"sha256 {file.sha256}",
            remedy="move it away and run this again",
        )
    return True


def _check_folder(folder: Path, files: list[SourceFile]) -> None:
    """Refuse a folder that does not hold all the files."""
    absent = [file.name for file in files if not (folder / file.name).is_file()]
    if absent:
        problem = "files are missing from the folder" if folder.is_dir() else "there is no such folder"
        expected = shown(absent) if folder.is_dir() else "a folder with the files of sources.yaml"
        raise InputError(problem, where=str(folder), expected=expected, remedy="leave out --from to download them")


def _put_in_place(files: list[SourceFile], data: Path, from_dir: Path | None) -> None:
    """Fetch and verify files in a draft folder beside their place, then move them."""
    with TemporaryDirectory(dir=data, prefix=".obtaining-") as draft:
        for file in files:
            origin = _address(file) if from_dir is None else _copy(from_dir / file.name)
            _write_verified(file, origin, Path(draft) / file.name)
        for file in files:
            (Path(draft) / file.name).replace(data / file.name)


def _write_verified(file: SourceFile, origin: _Origin, target: Path) -> None:
    """Write a file's bytes, at most as many as it must have, and refuse any other content."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as opened, closing(origin.chunks) as chunks:
        for chunk in chunks:
            size += len(chunk)
            if size > file.bytes:
                break
            digest.update(chunk)
            opened.write(chunk)
    if size != file.bytes:
        got = f"{'more than ' * (size > file.bytes)}{min(size, file.bytes):,} bytes"
        raise origin.fault(
            f"{file.name} has the wrong size", where=origin.where, got=got, expected=f"{file.bytes:,} bytes"
        )
    if digest.hexdigest() != file.sha256:
        raise origin.fault(
            f"{file.name} is not the published file",
            where=origin.where,
            got=f"sha256 {digest.hexdigest()}",
            expected=f"sha256 {file.sha256}",
        )


def _copy(path: Path) -> _Origin:
    """Return a file of a folder as an origin."""

    def chunks() -> Generator[bytes, None, None]:
        try:
            with path.open("rb") as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise InputError("a file cannot be read", where=str(path), got=error.strerror) from None

    return _Origin(str(path), chunks(), InputError)


def _address(file: SourceFile) -> _Origin:
    """Return a file's public address as an origin."""

    def chunks() -> Generator[bytes, None, None]:
        request = urllib.request.Request(file.url, headers={"User-Agent": "agent-workbench"})
        opener = urllib.request.build_opener(_EncryptedRedirects)
        deadline = time.monotonic() + DEADLINE_S
        try:
            with opener.open(request, timeout=SILENCE_S) as response:
                while chunk := response.read1(CHUNK_BYTES):
                    yield chunk
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"not finished after {DEADLINE_S:.0f} s")
        except (OSError, ValueError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()
            raise RunError(
                f"{file.name} cannot be downloaded",
                where=file.url,
                got=str(getattr(error, "reason", None) or error) or type(error).__name__,
                remedy="try again, or download it elsewhere and name its folder with --from DIR",
            ) from None

    return _Origin(file.url, chunks(), RunError)


class _EncryptedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to encrypted addresses only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not _is_allowed(newurl, from_loopback=_is_loopback(req.full_url)):
            fp.close()
            raise URLError(f"it redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_allowed(url: str, from_loopback: bool) -> bool:
    """Whether an address may be read: https, or this machine itself when that is where the request began."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and from_loopback and _is_loopback(url)))


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def _attribute(sources: Sources, path: Path) -> None:
    """Write who made the records and under which terms, unless that is written already."""
    licence = sources.licence
    files = "\n".join(f"- {file.name}: {file.url} (sha256 {file.sha256})" for file in sources.files)
    text = f"# Attribution\n\n{licence.attribution.strip()}\n\nLicence: {licence.name}, {licence.url}\n\n"
    text += f"Cite: {licence.citation.strip()}\n\nUnchanged copies of:\n\n{files}\n"
    if not path.is_file() or path.read_bytes() != text.encode():
        write_atomically(path, text)
