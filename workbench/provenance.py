"""Provenance: who runs this, from which commit, and whether the tree was changed since."""

from __future__ import annotations

import getpass
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who and from what; `commit` is None outside a git repository."""

    who: str
    commit: str | None
    is_dirty: bool | None


def provenance(root: Path) -> Provenance:
    """Return the user and the state of the git repository a root lies in."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else None
    return Provenance(_user(), commit, None if changes is None else bool(changes))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in the password database, as in some containers
        return "unknown"


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, None when there is no git, no repository or no commit."""
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
