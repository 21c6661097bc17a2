"""Templates that hold a gate in a CI system: GitHub Actions, GitLab CI and Jenkins."""

from __future__ import annotations

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from string import Template

from workbench.files import write_atomically
from workbench.words import InputError, RunError

DISTRIBUTION = "agent-workbench"


class CiSystem(StrEnum):
    """CI systems there is a template for."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JENKINS = "jenkins"

    @property
    def template(self) -> str:
        """Name of the template's file."""
        named = {CiSystem.GITHUB: "github.yml", CiSystem.GITLAB: "gitlab.yml", CiSystem.JENKINS: "Jenkinsfile"}
        return f"{named[self]}.template"

    def place(self, pilot: str, gate: int) -> Path:
        """Return where the CI system looks for it, relative to the repository."""
        named = {
            CiSystem.GITHUB: Path(".github") / "workflows" / f"gate-{gate}-{pilot}.yml",
            CiSystem.GITLAB: Path(".gitlab-ci.yml"),
            CiSystem.JENKINS: Path("Jenkinsfile"),
        }
        return named[self]


def ci_text(system: CiSystem, pilot: str, gate: int) -> str:
    """Return a CI system's file that holds a gate of a pilot with this version of the workbench."""
    template = (Path(__file__).parent / "templates" / "ci" / system.template).read_text(encoding="utf-8")
    return Template(template).substitute(pilot=pilot, gate=gate, version=version(DISTRIBUTION))


def write_ci(system: CiSystem, pilot: str, gate: int, root: Path) -> Path:
    """Write a CI system's file where it looks for it, and return its path.

    Raises
    ------
    InputError
        There is such a file with other content.
    RunError
        It cannot be written.
    """
    path, text = root / system.place(pilot, gate), ci_text(system, pilot, gate)
    try:
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise InputError(
                "there is such a file already",
                where=str(path),
                remedy="move it away, or print the template with --print and merge the two by hand",
            )
        write_atomically(path, text)
    except OSError as error:
        raise RunError("the file cannot be written", where=str(path), got=error.strerror) from None
    return path
