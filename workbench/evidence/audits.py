"""What the audits of a pilot left, a folder each: which is the newest, and what each of them found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.pilot import Pilot
from workbench.words import InputError, shown

AUDITS_FOLDER = "audit"
FINDINGS_FILE, LATEST_AUDIT = "findings.json", "latest.json"


def audits_folder(pilot: Pilot) -> Path:
    """Return where a pilot's audits are, one folder each."""
    return pilot.runs / AUDITS_FOLDER


def latest_findings(pilot: Pilot) -> dict[str, Any] | None:
    """Return the content of the newest audit's findings.json, None when there is none."""
    pointer = audits_folder(pilot) / LATEST_AUDIT
    if not pointer.is_file():
        return None
    path = pointer.parent / json.loads(pointer.read_text(encoding="utf-8"))["path"]
    return read_findings(path) if path.is_file() else None


def all_findings(pilot: Pilot) -> tuple[dict[str, Any], ...]:
    """Return the contents of findings.json of every audit that is still there, the oldest first.

    Raises
    ------
    InputError
        One of them is damaged.
    """
    found = [read_findings(path) for path in audits_folder(pilot).glob(f"*/{FINDINGS_FILE}")]
    return tuple(sorted(found, key=lambda one: (str(one["created"]), str(one["run"]))))


def earlier_findings(pilot: Pilot, run: str) -> dict[str, Any]:
    """Return the content of an earlier audit's findings.json.

    Parameters
    ----------
    pilot : Pilot
    run : str
        The run's name, or the beginning of it that no other run has; "latest" for the newest one.

    Raises
    ------
    InputError
        There is no such run.
    """
    names = sorted(path.parent.name for path in audits_folder(pilot).glob(f"*/{FINDINGS_FILE}"))
    wanted = names[-1:] if run == "latest" else [name for name in names if name.startswith(run)]
    if len(wanted) != 1:
        raise InputError(
            f"there is no audit {run!r} of {pilot.name}" if not wanted else f"several audits begin with {run!r}",
            where=str(audits_folder(pilot)),
            got=shown(wanted) if wanted else None,
            expected=shown(reversed(names)) if names else "no audit has been run yet",
            remedy="name one of these, or `latest`",
        )
    return read_findings(audits_folder(pilot) / wanted[0] / FINDINGS_FILE)


def read_findings(path: Path) -> dict[str, Any]:
    """Return the content of a findings.json.

    Raises
    ------
    InputError
        The file is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        is_audit = isinstance(content["findings"], list) and isinstance(content["sections"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("the findings of an audit cannot be read", where=str(path), got=str(error)[:200]) from None
    if not is_audit:
        raise InputError("the file holds no audit", where=str(path))
    return dict(content)
