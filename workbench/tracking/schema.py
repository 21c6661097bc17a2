"""The schema of MLflow's store, kept beside this file as MLflow's migrations leave it: running them takes seconds.

`schema.sql` is that of MLflow 3.17, a further file what a later one adds. `python tests/mlflow_schema.py` prints that
of the installed MLflow, and a test holds what is kept against it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from workbench.tracking.rows import add_default_experiment

KEPT = {
    "dc11669786a5": ("schema.sql",),  # MLflow 3.17
    "f4a9b2c7d1e6": ("schema.sql", "schema_318.sql"),  # MLflow 3.18
}
_REVISION = re.compile(r'^(down_)?revision = "(\w+)"', re.MULTILINE)


def installed_revision() -> str | None:
    """Return the newest revision that the installed MLflow knows, by its migrations' files; None where none is kept."""
    package = find_spec("mlflow")
    if package is None or not package.submodule_search_locations:
        return None
    scripts = (Path(package.submodule_search_locations[0]) / "store" / "db_migrations" / "versions").glob("*.py")
    found = [_REVISION.findall(script.read_text(encoding="utf-8")) for script in scripts]
    before = {revision for one in found for is_before, revision in one if is_before}
    (newest, *others) = {revision for one in found for is_before, revision in one if not is_before} - before or {""}
    return newest if newest in KEPT and not others else None


def create(database: Path, revision: str) -> None:
    """Make a new store of a kept revision that is whole or not there, as MLflow makes it."""
    draft = database.with_name(f".{database.name}.new")
    draft.unlink(missing_ok=True)
    texts = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in KEPT[revision])
    with closing(sqlite3.connect(draft, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.executescript("\n".join(("BEGIN;", *texts, "COMMIT;")))
        add_default_experiment(store, str(database.parent / "0"))
    draft.replace(database)


def revision_of(database: Path) -> str | None:
    """Return the revision of a store's schema, None where it has none."""
    with closing(sqlite3.connect(database, timeout=30)) as store:
        if store.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            return None
        found = store.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])
