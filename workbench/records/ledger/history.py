"""Whether a ledger is still the one that commits and evidence have seen: it may grow, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.files import committed_states
from workbench.records.ledger.entries import read_ledger
from workbench.words import RunError

LEDGER_FILE = "ledger.jsonl"
BEGINS = "the ledger of openings is in no commit yet, so nothing shows that the holdout was not opened before"
OUTSIDE = "the pilot is in no git repository, so nothing shows that the holdout was not opened before"


def check_continues(path: Path, evidence: Path) -> None:
    """Refuse a ledger that lacks what a commit or earlier evidence has seen of it.

    Parameters
    ----------
    path : Path
        Of the ledger.
    evidence : Path
        Folder of the pilot's bundles.

    Raises
    ------
    RunError
        Something that was there is missing or differs.
    """
    present = path.read_text(encoding="utf-8") if path.is_file() else ""
    for where, text in _earlier_states(path, evidence):
        if not present.startswith(text):
            raise RunError(
                "the holdout ledger is not the one that was seen before",
                where=str(path),
                got=f"{len(present.splitlines()):,} entries",
                expected=f"to begin with the {len(text.splitlines()):,} entries of {where}",
                remedy="restore the ledger; without it nobody can know how often the holdout was opened",
            )


def history_remarks(path: Path) -> tuple[str, ...]:
    """Return in a sentence that a ledger's history is missing; nothing where a commit holds a part of it.

    Nothing either where nothing was opened.
    """
    if not read_ledger(path):
        return ()
    states = committed_states(path)
    if states is None:
        return (OUTSIDE,)
    return () if any(text.strip() for _, text in states) else (BEGINS,)


def _earlier_states(path: Path, evidence: Path) -> Iterator[tuple[str, str]]:
    """Yield the ledger as commits and signed bundles have it; bundles of before entries were signed are left out."""
    for commit, text in committed_states(path) or ():
        yield f"commit {commit[:12]}", text
    for bundled in sorted(evidence.glob(f"gate-*/*/{LEDGER_FILE}")):
        text = bundled.read_text(encoding="utf-8", errors="replace")
        if '"signature"' in text:
            yield f"the evidence in {bundled.parent}", text
