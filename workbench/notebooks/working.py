"""Working copies of the notebooks: what JupyterLab opens, saves and runs, outside what is under version control."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.files import write_atomically
from workbench.notebooks.catalogue import find_notebook, notebook_names
from workbench.words import InputError

FOLDER = Path("mlruns") / "notebooks_lab"
STATE_FILE = ".copied.json"


@dataclass(frozen=True, slots=True)
class WorkingCopies:
    """A user's copies; `kept` are those that were edited while the notebook itself changed, so that both differ."""

    folder: Path
    kept: tuple[Path, ...]


def working_copies(root: Path, user: str) -> WorkingCopies:
    """Bring a user's copies of the notebooks up to date and return them.

    A copy whose cells nobody edited follows the notebook it was made from; running it is no edit. An edited copy is
    never written to.

    Parameters
    ----------
    root : Path
        Its own notebooks come before the packaged ones, as for a run.
    user : str
        Whose copies; a folder of this name.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    folder = root / FOLDER / (re.sub(r"[^\w-]", "_", user) or "_")
    made_from, kept = _made_from(folder), []
    try:
        for name in notebook_names(root):
            shipped, copy = find_notebook(name, root).read_bytes(), folder / f"{name}.ipynb"
            now, then = _cells(shipped), made_from.get(name)
            has = _cells(copy.read_bytes()) if copy.exists() else then
            if has not in (now, then):
                kept += [copy] if now != then else []
                continue
            if not copy.exists() or has != now:
                write_atomically(copy, shipped)
            made_from[name] = now
        write_atomically(folder / STATE_FILE, json.dumps(made_from, indent=1))
    except OSError as error:
        where, got = str(error.filename or folder), error.strerror
        raise InputError("the notebooks cannot be copied", where=where, got=got, remedy="give another --root") from None
    return WorkingCopies(folder, tuple(kept))


def _made_from(folder: Path) -> dict[str, str]:
    """Return the digest of the cells that each copy was made with; nothing is known of a copy that is not in it."""
    try:
        content = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in content.items()} if isinstance(content, Mapping) else {}


def _cells(content: bytes) -> str:
    """Return the digest of a notebook's cells without outputs and metadata, of the bytes where it is no notebook."""
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]]
    except (ValueError, LookupError, TypeError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()
