"""All suites of a pilot: read as a whole, each file confirmed by a signature or only proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.cases.suite import Case, CaseSuite, read_case_suite
from workbench.evidence import Agreed
from workbench.pilot import SUITES_FOLDER, suite_paths
from workbench.pilot.signing import SignOff, document_signatures
from workbench.words import InputError


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """One file of suites, and who signed it as it is now; one signature by a role that signs the charter will do.

    Parameters
    ----------
    name : str
        Path inside the pilot's folder, as it is signed.
    digest : str
        SHA-256 of what it says.
    """

    name: str
    path: Path
    suite: CaseSuite
    digest: str
    signed: tuple[SignOff, ...] = ()

    @property
    def is_confirmed(self) -> bool:
        """Whether a person confirmed its cases."""
        return bool(self.signed)

    def place(self, case: Case) -> str:
        """Return where a case stands, for a message."""
        return f"{self.path}, case {case.id}"


@dataclass(frozen=True, slots=True)
class Cases:
    """The test cases of a pilot, checked as a whole."""

    files: tuple[SuiteFile, ...]

    @property
    def by_id(self) -> Mapping[str, tuple[SuiteFile, Case]]:
        """Every case with the file that it stands in, in their order."""
        return {case.id: (file, case) for file in self.files for case in file.suite.cases}

    @property
    def confirmed(self) -> tuple[Case, ...]:
        """The cases that a person confirmed."""
        return tuple(case for file, case in self.by_id.values() if file.is_confirmed)

    @property
    def excluded(self) -> Mapping[str, str]:
        """What of the specification no case is needed for, as signed files say."""
        return {token: why for file in self.files if file.is_confirmed for token, why in file.suite.excluded.items()}


def read_cases(pilot: Agreed) -> Cases:
    """Return every test case of a pilot; none where it has no suites.

    Raises
    ------
    InputError
        A file does not fit, or an id is given twice, in one file or in two.
    """
    roles = pilot.charter.signing_roles
    files = tuple(_read(pilot, path, roles) for path in suite_paths(pilot.suite))
    seen: dict[str, SuiteFile] = {}
    for file in files:
        for case in file.suite.cases:
            if case.id in seen:
                raise InputError(
                    "two test cases have the same id",
                    where=file.place(case),
                    got=f"it is in {seen[case.id].path} too",
                    expected="an id of its own",
                )
            seen[case.id] = file
    return Cases(files)


def _read(pilot: Agreed, path: Path, roles: Sequence[str]) -> SuiteFile:
    suite, name = read_case_suite(path), f"{SUITES_FOLDER}/{path.name}"
    status = document_signatures(pilot.suite, name, roles, pilot.name)
    return SuiteFile(name, path, suite, status.digest, status.valid)
