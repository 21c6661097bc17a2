"""What tests and examples in docstrings share: folders made once, and the pilot that docs/exploring.md explores."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

EXPLORING = "workbench.evaluation.exploring."


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder of this run of pytest that all its worker processes share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def once(shared_folder: Path) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all worker processes: the first one makes it, the others wait and use it."""

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = shared_folder / name
        with (shared_folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                draft = shared_folder / f"{name}.draft"
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir()
                make(draft)
                draft.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def explored_root(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return a root with the shipped pilot, a few of its records decided by three versions."""
    from explored_pilots import explored_root as made

    return once("explored", made)


@pytest.fixture(autouse=True)
def _explored_in_examples(request: pytest.FixtureRequest) -> None:
    """Let examples of `workbench.evaluation.exploring` find `root`, and `pilot` loaded from it."""
    if request.node.name.startswith(EXPLORING):
        import workbench

        root = request.getfixturevalue("explored_root")
        names = request.getfixturevalue("doctest_namespace")
        names.update(root=root, pilot=workbench.load("invoice_matching", root))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these examples slow: their pilot is asked first."""
    for item in items:
        if item.name.startswith(EXPLORING):
            item.add_marker(pytest.mark.slow)
