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


def committed_states(path: Path, at_most: int = 50) -> tuple[tuple[str, str], ...] | None:
    """Return the last committed contents of a file as (commit, text), the newest first; None outside a repository.

    A commit without the file is left out. Text is without the white space around it.
    """
    if not path.parent.is_dir() or _git(path.parent, "rev-parse", "HEAD") is None:
        return None
    commits = (_git(path.parent, "log", f"--max-count={at_most}", "--format=%H", "--", path.name) or "").split()
    texts = [(commit, _git(path.parent, "show", f"{commit}:./{path.name}")) for commit in commits]
    return tuple((commit, text) for commit, text in texts if text is not None)
