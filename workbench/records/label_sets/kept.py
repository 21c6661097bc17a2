"""The files that say how a label set came about, as evidence keeps them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from workbench.records.label_sets.log import (
    LISTS_FOLDER,
    AppliedLabels,
    DrawnList,
    label_log_path,
    read_label_log,
)
from workbench.records.label_sets.sets import LABELS_FOLDER

NUMBERED = re.compile(r"v[1-9]\d*")


def label_files(data: Path, name: str | None) -> dict[str, Path]:
    """Return label set, those before it, log and lists that were looked at for it, by path beside the records.

    Nothing where labels are those in the records. What is not there is left out: whoever reads it says so.

    Raises
    ------
    RunError
        The log was altered.
    """
    if name is None:
        return {}
    log = read_label_log(data)
    applied = [one for one in log if isinstance(one, AppliedLabels) and _number(one.label_set) <= _number(name)]
    looked = {drawn for one in applied for drawn in one.lists}
    lists = [one for one in log if isinstance(one, DrawnList) and one.records in looked]
    names = {file for one in lists for file in (one.records, one.sample) if file}
    paths = [*_label_sets(data, name), label_log_path(data)]
    paths += [data / LABELS_FOLDER / LISTS_FOLDER / file for file in sorted(names)]
    return {path.relative_to(data).as_posix(): path for path in paths if path.is_file()}


def label_set_digests(data: Path, name: str) -> dict[str, str]:
    """Return the SHA-256 of the files of a label set and of those before it, by name of the set."""
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in _label_sets(data, name)}


def _label_sets(data: Path, name: str) -> list[Path]:
    found = [path for path in (data / LABELS_FOLDER).glob("v*.csv") if NUMBERED.fullmatch(path.stem)]
    return sorted((one for one in found if _number(one.stem) <= _number(name)), key=lambda path: _number(path.stem))


def _number(name: str) -> int:
    return int(name[1:])
