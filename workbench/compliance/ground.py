"""What requirements are computed from: gathered from a pilot as it is now, or from a bundle that holds it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from workbench.compliance.documents import ARCHITECTURE_FILE, architecture_gaps
from workbench.compliance.kept_out import personal_places
from workbench.compliance.requirement import ComplianceGround, KeptFor
from workbench.compliance.shown_columns import columns_shown
from workbench.compliance.trail import read_trail, trail_again
from workbench.evidence import Agreed, Exhibit, Facts
from workbench.pilot import Pilot, read_compliance
from workbench.pilot.signing import PublicKey, key_of_line
from workbench.records import NamedCells, named_cells
from workbench.records.ledger import read_ledger
from workbench.records.splits import Dataset, ledger_path

TRAIL, SHOWN, PERSONAL = "trail", "columns", "personal"


def tables_now(pilot: Pilot, dataset: Dataset, of: str | None, keys: tuple[PublicKey, ...]) -> dict[str, pd.DataFrame]:
    """Return what is looked at only where the pilot is: `trail`, `columns` that agents see, `personal` data by place.

    Parameters
    ----------
    of : str, optional
        An agent's digest or its name; all of the journal without it.
    keys : tuple of PublicKey
        Keys that may have sealed the trail.
    """
    shown, personal = columns_shown(pilot), personal_places(pilot, dataset, of)
    return {TRAIL: read_trail(pilot, of, keys), SHOWN: shown, PERSONAL: personal}


def facts_now(pilot: Pilot) -> dict[str, Any]:
    """Return as JSON values how many openings the ledger has, and what the architecture document lacks."""
    has_document = (pilot.suite / ARCHITECTURE_FILE).is_file()
    gaps = [f"{one.where}: {one.got}; expected: {one.expected}" for one in architecture_gaps(pilot)]
    return {"openings": len(read_ledger(ledger_path(pilot))), "gaps": gaps if has_document else None}


def ground_now(exhibit: Exhibit, pilot: Pilot, dataset: Dataset, exhibits: Mapping[str, Exhibit]) -> ComplianceGround:
    """Return the ground of an exhibit that has its tables and facts, from the pilot's other exhibits."""
    evaluation = exhibits.get("evaluation")
    ids = [] if evaluation is None else evaluation.tables["holdout"]["record_id"].tolist()
    columns = tuple(one.when.column for one in pilot.charter.high_risk if one.when is not None)
    cells = named_cells(dataset, pd.Index(ids, dtype=object), columns)
    return _ground(exhibit, pilot, exhibits, (read_ledger(ledger_path(pilot)), cells))


def ground_again(exhibit: Exhibit, facts: Facts) -> ComplianceGround:
    """Return the ground of an exhibit in a bundle; its trail is proved again by the keys that it names."""
    keys = [key_of_line(line) for line in exhibit.facts["sealed_by"]]
    others = {name: one for name, one in facts.exhibits.items() if name != exhibit.maker}
    ground = _ground(exhibit, facts.pilot, others, (facts.ledger[1], facts.cells))
    return replace(ground, trail=trail_again(ground.trail, keys))


def _ground(
    exhibit: Exhibit, pilot: Agreed, exhibits: Mapping[str, Exhibit], kept: tuple[tuple[Any, ...], NamedCells]
) -> ComplianceGround:
    settings, gaps = read_compliance(pilot.suite), exhibit.facts["gaps"]
    retention = {} if settings is None else settings.retention
    return ComplianceGround(
        pilot,
        exhibits,
        exhibit.facts["absent"],
        exhibit.tables[TRAIL],
        date.fromisoformat(exhibit.facts["as_of"]),
        kept[0][: exhibit.facts["openings"]],
        kept[1],
        tuple(KeptFor(what.value, one.at_least_years, one.at_most_years) for what, one in retention.items()),
        exhibit.tables[SHOWN] if len(exhibit.tables[TRAIL]) else None,  # without a decision nobody was shown anything
        exhibit.tables[PERSONAL],
        None if gaps is None else tuple(gaps),
    )
