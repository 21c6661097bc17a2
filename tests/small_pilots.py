"""Pilots of a few records, written out in full so that every number of an audit can be counted by hand; settings."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.pilot.charter import SPLITS_FILE
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.records import read_record_table
from workbench.records.splits import write_split
from workbench.records.splits.draw import HOLDOUT_SHARE, new_split

ALL_DEV, ALL_HOLDOUT = 0.0, 1.1


def written_pilot(
    root: Path,
    columns: Mapping[str, Mapping[str, object]],
    rows: Sequence[Sequence[object]],
    sides: Mapping[str, float],
) -> Pilot:
    """Write and open a pilot.

    Parameters
    ----------
    root : Path
    columns : mapping
        Column to its entry in contract.yaml.
    rows : sequence
        Cells in the order of the columns; None is an empty cell.
    sides : mapping
        Label to its threshold in splits.yaml: ALL_DEV or ALL_HOLDOUT.
    """
    data, suite = root / "datasets" / "small", root / "eval_suites" / "small"
    data.mkdir(parents=True)
    suite.mkdir(parents=True)
    with (data / "records.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(columns), *rows])
    contract = {"records": ["records.csv"], "columns": columns}
    splits = {"key": "0" * 32, "holdout_share": 0.3, "thresholds": sides}
    agents = {"none": {"http": "http://127.0.0.1:9"}}
    pilot = {"title": "Small", "question": "Which?", "agents": agents, "compare": ["none"]}
    for path, content in (
        (data / "contract.yaml", contract),  # JSON is YAML
        (data / "splits.yaml", splits),
        (suite / "pilot.yaml", pilot),
        (suite / "charter.yaml", {"process": "none"}),
    ):
        path.write_text(json.dumps(content), encoding="utf-8")
    return open_pilot("small", root)


def with_fixed_split(pilot: Pilot) -> Pilot:
    """Split a pilot that `init` made by a key that does not change from run to run."""
    table = read_record_table(pilot.contract, pilot.data)
    split = new_split(table.frame[pilot.contract.label], table.units, HOLDOUT_SHARE, "5" * 32)
    write_split(pilot.data / SPLITS_FILE, split)
    return pilot


def with_settings(pilot: Pilot, text: str) -> Pilot:
    """Put text into pilot.yaml; lines that set the same in a new pilot go, and so does its `engine: server`."""
    path = pilot.suite / "pilot.yaml"
    given = {"engine", *re.findall(r"^(\w+):", text, re.MULTILINE)}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in lines if line.partition(":")[0] not in given)
    path.write_text(f"{kept}{text}\n", encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)
