"""Files of test cases as they stand; one that the workbench adds to, as long as nobody has signed it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.files import parse_yaml, read_text
from workbench.pilot.process import SUITES_FOLDER
from workbench.pilot.signing import signature_files
from workbench.words import InputError


def suite_cases(path: Path) -> list[Mapping[str, Any]]:
    """Return the cases of a suite file as they stand there, none where there is no such file."""
    return list(parse_yaml(read_text(path), str(path))["cases"]) if path.is_file() else []


def unsigned_cases(suite: Path, name: str) -> list[Mapping[str, Any]]:
    """Return the cases of a suite file as they stand there, none where there is no such file.

    Raises
    ------
    InputError
        Somebody has signed the file: it is not written over.
    """
    document = f"{SUITES_FOLDER}/{name}"
    path, signed = suite / document, signature_files(suite, [document])
    if any(not one.startswith("signatures/keys/") for one in signed):
        raise InputError(
            "the suite of proposed cases is signed, and is not written over",
            where=str(path),
            remedy="give it another name first; it stays signed under its own",
        )
    return suite_cases(path)
