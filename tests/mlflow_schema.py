"""The schema of MLflow's store as SQL; as a script it prints that of the installed MLflow, for what is kept of it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

SEEDED = ("alembic_version", "workspaces")  # what the migrations put in; the default experiment has a time and a place


def migrate(database: Path) -> None:
    """Let the installed MLflow make a store from nothing."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.tracking import MlflowClient

    MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}").search_experiments(max_results=1)


def schema_of(database: Path) -> str:
    """Return a store's tables and indices, and the rows that its migrations put in, as SQL."""
    with closing(sqlite3.connect(database)) as store:
        made = store.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
        lines = [f"{sql};" for (sql,) in made]
        for table in SEEDED:
            for row in store.execute(f"SELECT * FROM {table}"):
                values = ", ".join(
                    "NULL" if value is None else "'" + str(value).replace("'", "''") + "'" for value in row
                )
                lines.append(f"INSERT INTO {table} VALUES ({values});")
    return "\n".join(line.rstrip() for text in lines for line in text.splitlines()) + "\n"


def parts_of(schema: str) -> list[str]:
    """Return the lines of a schema in an order of their own: MLflow puts constraints in another each time."""
    return sorted(line.strip().rstrip(",") for line in schema.splitlines())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        migrate(Path(folder) / "mlflow.db")
        print(schema_of(Path(folder) / "mlflow.db"), end="")
