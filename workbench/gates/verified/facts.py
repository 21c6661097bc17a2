"""The facts behind a verdict as they go into a bundle, and as they are read from one.

facts.json holds what nothing else in the bundle determines: the day, how many records there were, why something was not
measured, and remarks on what lies outside. Everything else is read from the exhibits, the cells, the ledger and what
was agreed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.evidence import (
    EXHIBITS,
    LEDGER_FILE,
    MAKERS,
    ColumnKind,
    Exhibit,
    Population,
    bundled_pilot,
    exhibit_of,
    parsed,
    table_csv,
    table_of,
)
from workbench.gates.facts import GateFacts
from workbench.gates.schema import checked_gates
from workbench.pilot.charter import GATES_FILE
from workbench.records import NamedCells
from workbench.records.ledger import Opening

FACTS_FILE, CELLS_FILE = "facts.json", "cells.csv"
ID = "record_id"


def facts_files(facts: GateFacts, number: int) -> dict[str, bytes]:
    """Return the files that the facts of a gate are read from again."""
    needed = facts.needed_for(number)
    cells = facts.cells.frame if any(one.takes_slices for one in needed) else facts.cells.frame.iloc[:0]
    files = {
        FACTS_FILE: json.dumps(_undetermined(facts), indent=1, ensure_ascii=False, allow_nan=False).encode(),
        CELLS_FILE: table_csv(cells.reset_index(names=ID).astype(object)),
    }
    for maker, exhibit in needed.items():
        files |= {f"{EXHIBITS}/{maker.name}/{name}": content for name, content in exhibit.files().items()}
    return files


def bundled_exhibits(files: Mapping[str, bytes]) -> dict[str, Exhibit]:
    """Return the exhibits in a bundle by maker. Raises RunError when one is damaged."""
    inside: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        folder, _, rest = path.partition("/")
        name, _, file = rest.partition("/")
        if folder == EXHIBITS:
            inside.setdefault(name, {})[file] = content
    return {name: exhibit_of(found, f"{EXHIBITS}/{name}") for name, found in inside.items()}


def bundled_facts(
    folder: Path, files: Mapping[str, bytes], of: tuple[str, Mapping[str, Exhibit]], openings: Sequence[Opening]
) -> GateFacts:
    """Return the facts that a bundle holds.

    Parameters
    ----------
    folder : Path
    files : mapping
        Its files.
    of : (str, mapping of Exhibit)
        Name of the pilot, and the exhibits inside.
    openings : sequence of Opening
        Its ledger.

    Raises
    ------
    InputError
        A file of what was agreed does not fit.
    SignatureError
        Something is missing.
    """
    said = parsed(files, FACTS_FILE)
    silent = {name: "the bundle says nothing of it" for name in MAKERS if name not in of[1]}
    said = {**said, "absent": {**silent, **said["absent"]}}  # or a criterion could be held as it was before its maker
    return facts_from(folder, said, _cells(files[CELLS_FILE], said["cells"]), of, openings)


def facts_from(
    folder: Path,
    said: Mapping[str, Any],
    cells: pd.DataFrame,
    of: tuple[str, Mapping[str, Exhibit]],
    openings: Sequence[Opening],
) -> GateFacts:
    """Return the facts of a bundle from what facts.json says and from its cells, record ids as the index."""
    name, exhibits = of
    pilot = bundled_pilot(folder, name, said["title"])
    return GateFacts(
        pilot,
        Population(**{**said["population"], "labels": tuple(said["population"]["labels"])}),
        NamedCells(pilot.contract, cells),
        exhibits,
        said["absent"],
        (folder / LEDGER_FILE, tuple(openings)),
        date.fromisoformat(said["today"]),
        told=tuple(said["told"]),
        gates=checked_gates(folder / GATES_FILE, pilot.charter, pilot.contract),
    )


def _cells(content: bytes, columns: Sequence[str]) -> pd.DataFrame:
    table = table_of(content, dict.fromkeys((ID, *columns), ColumnKind.TEXT))
    return table.set_index(ID).rename_axis(index=None)


def _undetermined(facts: GateFacts) -> dict[str, Any]:
    population = facts.population
    return {
        "title": facts.pilot.settings.title,
        "today": facts.today.isoformat(),
        "population": {
            "digest": population.digest,
            "n_holdout": population.n_holdout,
            "per_day": population.per_day,
            "labels": list(population.labels),
        },
        "cells": [str(name) for name in facts.cells.frame.columns],
        "absent": dict(facts.absent),
        "told": list(facts.told),
    }
