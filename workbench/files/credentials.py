"""Keys that the environment holds: taken out of it before a pilot's code can read them, handed out by name.

What a process was started with stays readable in /proc/PID/environ after a variable is unset, so the value is
overwritten there too (its name stays). A child process is started with `without_secrets`. What code in the same
process, or other processes of the same user, can still reach is said in docs/evidence.md.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workbench.words import RunError

SIGNING_KEY = "WORKBENCH_SIGNING_KEY"
ENVIRONMENT_BLOCK = slice(47, 49)  # fields 50 and 51 of /proc/PID/stat: where the block begins and ends

_kept: dict[str, str] = {}
_secret_names = {SIGNING_KEY}
_dropped: set[str] = set()


def take(*names: str) -> None:
    """Take variables out of this process's environment and keep their values for `secret`."""
    for name in names:
        _secret_names.add(name)
        value = os.environ.get(name)
        if value is not None:
            _overwrite(_address(name))
            del os.environ[name]
            _kept[name] = value


def secret(name: str) -> str | None:
    """Return the value that a variable had, None where it is not set.

    Raises
    ------
    RunError
        It was dropped, because a pilot's code was loaded into this process.
    """
    take(name)
    if name in _dropped and name not in _kept:
        raise RunError(
            f"{name} is no longer known here: this process has loaded a pilot's code, so the key was thrown away",
            remedy="sign in a process of its own, or name the key with --key FILE",
        )
    return _kept.get(name)


def drop(name: str) -> None:
    """Throw a variable's value away, so that code loaded into this process from now on cannot find it."""
    take(name)
    if _kept.pop(name, None) is not None:
        _dropped.add(name)


def without_secrets(environment: Mapping[str, str], keep: Collection[str] = ()) -> dict[str, str]:
    """Return an environment for a child process without any secret but those to keep.

    Parameters
    ----------
    environment : mapping
        What the child gets besides; it is not changed.
    keep : collection of str
        Names of the secrets that the child needs, such as the key of the server that its engine asks.

    Examples
    --------
    >>> without_secrets({"HOME": "/home/a", "WORKBENCH_SIGNING_KEY": "secret"})
    {'HOME': '/home/a'}
    """
    plain = {name: value for name, value in environment.items() if name in keep or name not in _secret_names}
    return plain | {name: _kept[name] for name in keep if name in _kept}


@contextmanager
def environment_with(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process's environment while the block runs, and put back what they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _address(name: str) -> int:
    """Return where the C library has a variable's value, 0 where it is not set."""
    import ctypes

    getenv = ctypes.CDLL(None).getenv
    getenv.argtypes, getenv.restype = [ctypes.c_char_p], ctypes.c_void_p
    return getenv(os.fsencode(name)) or 0


def _overwrite(address: int) -> None:
    """Overwrite a value in the block that this process was started with; what was set later lies elsewhere."""
    import ctypes

    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:  # a system that does not show the block
        return
    start, end = (int(field) for field in fields[ENVIRONMENT_BLOCK])
    if start <= address < end:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))
