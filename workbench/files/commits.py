"""Provenance: who runs this, from which commit, and which files were changed since."""

from __future__ import annotations

import getpass
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MOST_STATES = 50
# What holding a gate itself writes, under the root. Label sets and their log are none of it: people make them, numbers
# rest on them, and they are committed with the contract that names them.
OWN_RECORDS = ("datasets/*/ledger.jsonl", "datasets/*/opened/*")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who and from what; `commit` is None outside a git repository.

    Parameters
    ----------
    is_dirty : bool, optional
        Whether tracked files differ from the commit; None where that is not known.
    changed : tuple of str
        Those files, by their paths in the repository, sorted.
    """

    who: str
    commit: str | None
    is_dirty: bool | None
    changed: tuple[str, ...] = ()


def provenance(root: Path) -> Provenance:
    """Return the user and the state of the git repository a root lies in.

    Openings that a pilot's own ledger gained are no change: every evaluation on the holdout adds one.
    """
    commit = _git(root, "rev-parse", "HEAD")
    kept = [f":(exclude,glob){pattern}" for pattern in OWN_RECORDS]
    # Without renames every entry is one path; a moved file is one that went and one that came.
    asked = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--", ":/", *kept)
    changes = _git(root, *asked) if commit else None
    if changes is None:
        return Provenance(current_user(), commit, None)
    changed = tuple(sorted(entry[len("XY ") :] for entry in changes.split("\0") if entry))
    return Provenance(current_user(), commit, bool(changed), changed)


def current_user() -> str:
    """Return the name of the user that this process runs as."""
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
    return done.stdout.rstrip("\n")


def committed_states(path: Path) -> tuple[tuple[str, str], ...] | None:
    """Return the last committed contents of a file as (commit, text), the newest first; None outside a repository.

    A commit without the file is left out. Text is without the white space around it.
    """
    if not path.parent.is_dir() or _git(path.parent, "rev-parse", "HEAD") is None:
        return None
    commits = (_git(path.parent, "log", f"--max-count={MOST_STATES}", "--format=%H", "--", path.name) or "").split()
    texts = [(commit, _git(path.parent, "show", f"{commit}:./{path.name}")) for commit in commits]
    return tuple((commit, text) for commit, text in texts if text is not None)


def is_alive(number: str) -> bool:
    """Return whether there is a process of this machine with a number that was written down."""
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
