"""Small real pilots for tests; every file is written for real, nothing is imitated."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ticket_records import write_tickets

from workbench import credentials
from workbench.pilot import Pilot, open_pilot
from workbench.scaffold import Columns, init_pilot


@pytest.fixture(autouse=True)
def no_keys_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see a key that another one put into the environment: a process keeps what it took."""
    monkeypatch.setattr(credentials, "_kept", {})
    monkeypatch.setattr(credentials, "_dropped", set())


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an empty MLflow store once; creating one takes many seconds, a copy none."""
    from workbench.tracking import prepare

    root = tmp_path_factory.mktemp("store")
    prepare(root)
    return root / "mlruns" / "mlflow.db"


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
