"""What was agreed, as it goes into a bundle: charter, what its signatures cover, documents, and all signatures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.charter import CHARTER_FILE
from workbench.charter.coverage import GATES_FILE, PILOT_FILE, covered_files, judged_settings_file
from workbench.signing.documents import signature_files


def agreement_files(suite: Path, documents: Sequence[str] = ()) -> dict[str, Path | bytes]:
    """Return charter, covered files and documents of a pilot with all their signatures, by their paths in a bundle.

    Of pilot.yaml only the settings that signatures cover go in.
    """
    named = list(dict.fromkeys([CHARTER_FILE, GATES_FILE, *documents]))
    there = {name: suite / name for name in named if (suite / name).is_file()}
    covered: dict[str, Path | bytes] = dict(covered_files(suite))
    if PILOT_FILE in covered:
        covered[PILOT_FILE] = judged_settings_file(suite / PILOT_FILE)
    return {**there, **covered, **signature_files(suite, list(there))}
