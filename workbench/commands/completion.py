"""What a shell completes: names read from file names and keys of pilot.yaml, without loading a pilot."""

from __future__ import annotations

import re
from pathlib import Path

import typer


def pilots_like(context: typer.Context, incomplete: str) -> list[str]:
    """Return the pilots under the root whose names begin so."""
    suites = _root(context) / "eval_suites"
    return sorted(path.parent.name for path in suites.glob("*/pilot.yaml") if path.parent.name.startswith(incomplete))


def agents_like(context: typer.Context, incomplete: str) -> list[str]:
    """Return the agents of the pilot that is named already; a line that ends in an option is not parsed yet."""
    named = (str(context.params.get("pilot")), *context.args)
    paths = (_root(context) / "eval_suites" / name / "pilot.yaml" for name in named)
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return []
    _, _, after = ("\n" + path.read_text(encoding="utf-8")).partition("\nagents:")
    block = re.split(r"\n(?=[^\s#])", after)[0]
    return [name for name in re.findall(r"^  ([^\s#:]+):", block, re.MULTILINE) if name.startswith(incomplete)]


def notebooks_like(incomplete: str) -> list[str]:
    """Return the notebooks of a run whose names begin so."""
    from workbench.gates.pipeline import NOTEBOOKS

    return [name for name in NOTEBOOKS if name.startswith(incomplete)]


def _root(context: typer.Context) -> Path:
    return Path(context.params.get("root") or ".")
