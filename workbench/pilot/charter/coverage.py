"""What the charter's signatures cover besides the charter: criteria, split, and what settings decide in a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workbench.files import parse_yaml, read_text
from workbench.pilot.charter.schema import CHARTER_FILE
from workbench.pilot.signing.documents import content_digest, document_digest

GATES_FILE, SPLITS_FILE, PILOT_FILE = "gates.yaml", "splits.yaml", "pilot.yaml"
JUDGED_SETTINGS = ("escalate_label", "prices")
JUDGED_WHERE_GIVEN = ("max_failed_share",)  # younger than signatures that cover the others


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
    return {name: path for name, path in paths.items() if path.is_file()}


def covered_digests(suite: Path) -> dict[str, str]:
    """Return what the charter's signatures cover, by digest of content: of pilot.yaml the judged settings only.

    Raises
    ------
    InputError
        A file is no YAML mapping.
    """
    files = covered_files(suite)
    digests = {name: document_digest(path) for name, path in files.items() if name != PILOT_FILE}
    if PILOT_FILE in files:
        digests[PILOT_FILE] = content_digest(judged_settings(files[PILOT_FILE]), str(files[PILOT_FILE]))
    return digests


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
    'charter.yaml, gates.yaml and pilot.yaml (escalate_label, prices, max_failed_share)'
    >>> covered_names({})
    'charter.yaml'
    """
    of_pilot = f"{PILOT_FILE} ({', '.join((*JUDGED_SETTINGS, *JUDGED_WHERE_GIVEN))})"
    *others, last = [CHARTER_FILE, *(of_pilot if name == PILOT_FILE else name for name in covers)]
    return f"{', '.join(others)} and {last}" if others else last
