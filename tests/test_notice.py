"""NOTICE names every direct dependency with the licence that its own metadata names."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Whose metadata names no licence: what the files in them say.
ONLY_IN_FILES = {"axe-playwright-python": "MIT and MPL-2.0 (its licence file; it carries axe-core)"}


def direct() -> dict[str, set[str]]:
    """Return the names of direct dependencies: what is always needed, and what the extras add."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for requirements in project["optional-dependencies"].values() for one in requirements]
    named = {"needed": project["dependencies"], "extras": extras}
    return {kind: {re.match(r"[\w.-]+", one)[0] for one in given} for kind, given in named.items()}  # type: ignore[index]


def licence(name: str) -> str:
    """Return a licence as an installed distribution names it: by expression, classifiers, or the first line of text."""
    found = metadata(name)
    if name in ONLY_IN_FILES:
        return ONLY_IN_FILES[name]
    expression = found.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [one.rpartition(" :: ")[2] for one in found.get_all("Classifier") or [] if one.startswith("License")]
    return " and ".join(classifiers) or str(found.get("License")).splitlines()[0]


def noticed() -> dict[str, str]:
    """Return the licences in NOTICE by name."""
    lines = (ROOT / "NOTICE").read_text(encoding="utf-8").splitlines()
    entries = (re.fullmatch(r" {4}([\w.-]+) +(\S.*)", line) for line in lines)
    return {entry[1]: entry[2] for entry in entries if entry is not None}


def test_every_direct_dependency_and_no_other_is_in_the_notice() -> None:
    assert set(noticed()) == direct()["needed"] | direct()["extras"]


def test_the_licences_are_those_that_the_packages_name() -> None:
    wrong = {}
    for name, said in noticed().items():
        try:
            own = licence(name)
        except PackageNotFoundError:  # an engine that is not installed here: said of it is that it is as published
            own = said if said.endswith("(as published)") and name not in direct()["needed"] else "not installed"
        if said not in (own, f"{own} (as published)"):
            wrong[name] = f"NOTICE says {said}, its metadata {own}"
    assert not wrong


def test_the_package_carries_no_font_style_sheet_or_script_but_its_own() -> None:
    kinds = {".js", ".css", ".woff", ".woff2", ".ttf", ".otf", ".svg"}
    carried = [path.name for path in (ROOT / "workbench").rglob("*") if path.suffix in kinds]
    assert sorted(carried) == [
        "audit.css",
        "colors.css",
        "compliance.css",
        "desk.css",
        "desk.js",
        "filter.js",
        "gate.css",
        "index.css",
        "style.css",
    ]
