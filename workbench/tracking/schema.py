"""The schema of MLflow's store, kept beside this file as MLflow's migrations leave it: running them takes seconds.

`schema.sql` is written by `python tests/mlflow_schema.py` and held against the installed MLflow by a test.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from workbench.tracking.rows import add_default_experiment

SCHEMA_FILE = Path(__file__).with_name("schema.sql")
REVISION = "dc11669786a5"  # of the migrations of MLflow 3.17


def is_installed() -> bool:
    """Return whether the kept schema is the newest that the installed MLflow knows, by its migrations' files."""
    package = find_spec("mlflow")
    if package is None or not package.submodule_search_locations:
        return False
    scripts = (Path(package.submodule_search_locations[0]) / "store" / "db_migrations" / "versions").glob("*.py")
    texts = [script.read_text(encoding="utf-8") for script in scripts]
    is_known = any(f'\nrevision = "{REVISION}"' in text for text in texts)
    return is_known and not any(f'\ndown_revision = "{REVISION}"' in text for text in texts)


def create(database: Path) -> None:
    """Make a new store that is whole or not there, as MLflow makes it."""
    draft = database.with_name(f".{database.name}.new")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.executescript(f"BEGIN;\n{SCHEMA_FILE.read_text(encoding='utf-8')}\nCOMMIT;")
        add_default_experiment(store, str(database.parent / "0"))
    draft.replace(database)


def revision_of(database: Path) -> str | None:
    """Return the revision of a store's schema, None where it has none."""
    with closing(sqlite3.connect(database, timeout=30)) as store:
        if store.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            return None
        found = store.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])
