"""What the charter's signatures cover besides the charter: criteria, split, and what settings decide in a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workbench.files import parse_yaml, read_text
from workbench.pilot.charter.schema import CHARTER_FILE
from workbench.pilot.compliance import COMPLIANCE_FILE, PREASSESSED
from workbench.pilot.signing.documents import content_digest, document_digest

GATES_FILE, SPLITS_FILE, PILOT_FILE = "gates.yaml", "splits.yaml", "pilot.yaml"
JUDGED_SETTINGS = ("escalate_label", "prices")
JUDGED_WHERE_GIVEN = ("max_failed_share", "evaluation")  # younger than signatures that cover the others


def covered_files(suite: Path) -> dict[str, Path]:
    """Return the files that the charter's signatures cover, by name, as far as they are there.

    Parameters
    ----------
    suite : Path
        Folder with charter.yaml, gates.yaml and pilot.yaml: eval_suites/PILOT, and splits.yaml is in datasets/PILOT; or
        a bundle, which holds them all.
    """
    data = suite.parent.parent / "datasets" / suite.name
    split = (data if data.is_dir() else suite) / SPLITS_FILE
    paths = {GATES_FILE: suite / GATES_FILE, SPLITS_FILE: split, PILOT_FILE: suite / PILOT_FILE}
    if _is_assessed_apart(suite):
        paths[COMPLIANCE_FILE] = suite / COMPLIANCE_FILE
    return {name: path for name, path in paths.items() if path.is_file()}


def covered_digests(suite: Path) -> dict[str, str]:
    """Return what the charter's signatures cover, by digest of content.

    Of pilot.yaml that is the judged settings only, of compliance.yaml the pre-assessment: the checklist grows after it.

    Raises
    ------
    InputError
        A file is no YAML mapping.
    """
    files = covered_files(suite)
    in_part = {PILOT_FILE: judged_settings, COMPLIANCE_FILE: _preassessed}
    return {
        name: content_digest(in_part[name](path), str(path)) if name in in_part else document_digest(path)
        for name, path in files.items()
    }


def _is_assessed_apart(suite: Path) -> bool:
    """Return whether the pre-assessment stands in compliance.yaml: older charters hold it themselves."""
    charter, path = suite / CHARTER_FILE, suite / COMPLIANCE_FILE
    if not (charter.is_file() and path.is_file()) or "compliance" in parse_yaml(read_text(charter), str(charter)):
        return False
    return bool(_preassessed(path))


def _preassessed(path: Path) -> dict[str, Any]:
    said: Mapping[str, Any] = parse_yaml(read_text(path), str(path))
    return {name: said[name] for name in PREASSESSED if name in said}


def judged_settings(path: Path) -> dict[str, Any]:
    """Return the settings of a pilot.yaml that a verdict depends on besides the versions: what is missing is None."""
    said: Mapping[str, Any] = parse_yaml(read_text(path), str(path))
    given = {name: said[name] for name in JUDGED_WHERE_GIVEN if name in said}
    return {name: said.get(name) or None for name in JUDGED_SETTINGS} | given


def judged_settings_file(path: Path) -> bytes:
    """Return a pilot.yaml with the judged settings only, as a bundle holds it."""
    return yaml.safe_dump(judged_settings(path), allow_unicode=True, sort_keys=True).encode()


def covered_names(covers: Mapping[str, str]) -> str:
    """Return what signatures of the charter cover, in words.

    Examples
    --------
    >>> covered_names({"gates.yaml": "0", "pilot.yaml": "1"})
    'charter.yaml, gates.yaml and pilot.yaml (escalate_label, prices, max_failed_share, evaluation)'
    >>> covered_names({})
    'charter.yaml'
    """
    parts = {
        PILOT_FILE: f"{PILOT_FILE} ({', '.join((*JUDGED_SETTINGS, *JUDGED_WHERE_GIVEN))})",
        COMPLIANCE_FILE: f"{COMPLIANCE_FILE} (the pre-assessment)",
    }
    *others, last = [CHARTER_FILE, *(parts.get(name, name) for name in covers)]
    return f"{', '.join(others)} and {last}" if others else last
