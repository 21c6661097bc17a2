"""Small real pilots for tests; every file is written for real, nothing is imitated but the draw of a split's key."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from answering_pilots import answered_holdout
from hypothesis import settings
from ticket_records import write_tickets

from workbench.commands import cli
from workbench.commands.scaffold import Columns, init_pilot
from workbench.commands.scaffold import pilot as pilot_module
from workbench.files import credentials
from workbench.imports import absent
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import draw

with absent("rfc3987_syntax"):  # a second and a half of imports in every worker process
    import nbformat  # noqa: F401

# Sandboxes that stand in the folder of a pilot's copy, beside the modules that they import.
collect_ignore = ["access_sandbox.py", "access_sandbox_after.py", "deviating_sandbox.py", "deviating_sandbox_after.py"]
SPLIT_KEY = "0123456789abcdef0123456789abcdef"

# Hypothesis draws the same examples in every run, however long one takes.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def commands_end_no_tests() -> None:
    """Keep a command that a test calls in its own process from ending that one with its exit code."""
    cli._end = lambda code: None


@pytest.fixture(scope="session", autouse=True)
def fixed_split_key() -> Iterator[None]:
    """Give every new split the same key: which records are holdout may not differ from run to run."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (pilot_module, draw):
            patch.setattr(module, "secrets", SimpleNamespace(token_hex=lambda n: SPLIT_KEY[: 2 * n]))
        yield


@pytest.fixture(autouse=True)
def no_keys_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see a key that another one put into the environment: a process keeps what it took."""
    monkeypatch.setattr(credentials, "_kept", {})
    monkeypatch.setattr(credentials, "_dropped", set())


@pytest.fixture(scope="session")
def migrated_store(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Create an empty MLflow store once; creating one takes many seconds, a copy none."""
    from workbench.tracking import prepare

    return once("store", prepare) / "mlruns" / "mlflow.db"


@pytest.fixture(scope="session")
def answered(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Let the agents of `answering_pilots` answer their holdout once, in a process each; return the root."""
    return once("answered", answered_holdout)


@pytest.fixture(scope="session")
def asked_desk(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Let the agent of `review_pilots` decide its records once; return the root, for copies."""
    from review_pilots import asked_pilot

    return once("asked_desk", asked_pilot)


@pytest.fixture(scope="session")
def decided_desk(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Let played people decide what waits at the desk of `review_pilots` once; return the root, for copies."""
    from review_pilots import decided_pilot

    return once("decided_desk", decided_pilot)


@pytest.fixture
def with_store(migrated_store: Path, tmp_path: Path) -> None:
    """Put a migrated MLflow store under tmp_path."""
    (tmp_path / "mlruns").mkdir()
    shutil.copyfile(migrated_store, tmp_path / "mlruns" / "mlflow.db")


@pytest.fixture
def tickets(tmp_path: Path) -> Callable[[int], Pilot]:
    """Make a pilot of n tickets under tmp_path and open it."""

    def make(n: int) -> Pilot:
        records = write_tickets(tmp_path / "in" / "tickets.csv", n)
        init_pilot("tickets", records, Columns(label="queue", id="ticket"), tmp_path)
        return open_pilot("tickets", tmp_path)

    return make
