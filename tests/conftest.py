"""Small real pilots for tests; every file is written for real, nothing is imitated."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.pilot import Pilot, open_pilot
from workbench.scaffold import Columns, init_pilot

TOPICS = {
    "refund": ["money", "back", "refund", "return", "please", "charge", "wrong"],
    "login": ["password", "login", "reset", "account", "locked", "cannot"],
    "shipping": ["parcel", "delivery", "where", "late", "shipping", "order"],
}


def write_tickets(path: Path, n: int, seed: int = 1) -> Path:
    """Write n generated support tickets with three queues as CSV."""
    rng = random.Random(seed)
    everything = [word for words in TOPICS.values() for word in words]
    lines = ["ticket,opened,body,amount,queue"]
    for number in range(n):
        queue = rng.choice(sorted(TOPICS))
        words = [rng.choice(TOPICS[queue] if rng.random() < 0.6 else everything) for _ in range(9)]
        day = f"2025-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        lines.append(f"T{number:05d},{day},{' '.join(words)} {number},{rng.random() * 100:.2f},{queue}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


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
