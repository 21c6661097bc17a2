"""What was agreed, as it goes into a bundle: charter, gates, documents, and their signatures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.charter import CHARTER_FILE
from workbench.signing.documents import signature_files

GATES_FILE = "gates.yaml"


def agreement_files(suite: Path, documents: Sequence[str] = ()) -> dict[str, Path]:
    """Return charter, gates and documents of a pilot's folder with all their signatures, by their paths in a bundle."""
    named = list(dict.fromkeys([CHARTER_FILE, GATES_FILE, *documents]))
    there = {name: suite / name for name in named if (suite / name).is_file()}
    return {**there, **signature_files(suite, list(there))}
