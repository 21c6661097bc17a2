"""Where notebooks are: the root's own before the packaged ones."""

from __future__ import annotations

from pathlib import Path

from workbench.words import InputError, did_you_mean

PACKAGE = Path(__file__).resolve().parent.parent


def notebook_names(root: Path) -> tuple[str, ...]:
    """Return the names of the notebooks there are under a root and in the package, sorted."""
    return tuple(sorted({path.stem for folder in _folders(root) for path in folder.glob("*.ipynb")}))


def find_notebook(name: str, root: Path) -> Path:
    """Return the path of a notebook: the root's own `notebooks/NAME.ipynb` if it is there, else the packaged one.

    Raises
    ------
    InputError
        There is no such notebook.
    """
    names = notebook_names(root)
    if name in names:
        return next(path for folder in _folders(root) if (path := folder / f"{name}.ipynb").is_file())
    raise InputError(
        f"there is no notebook {name!r}",
        where=str(root / "notebooks"),
        expected=", ".join(names) or "no notebook is there",
        remedy=did_you_mean(name, names),
    )


def packaged_notebook(name: str) -> Path:
    """Return the path of a notebook that comes with the workbench, whatever a root has instead."""
    return _packaged() / f"{name}.ipynb"


def _folders(root: Path) -> tuple[Path, ...]:
    """Return the folders that hold notebooks, the first to be looked in first."""
    return root / "notebooks", _packaged()


def _packaged() -> Path:
    """Return the notebooks' folder in an installed wheel, or in the repository of an editable install."""
    folder = PACKAGE / "_notebooks"
    return folder if folder.is_dir() else PACKAGE.parent / "notebooks"
