"""The holdout ledger for readers: every opening, what each gate has left, and what new records would bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.metrics import DEFAULT_CONFIDENCE_LEVEL, SELECTIVE_ACCURACY
from workbench.pilot import Pilot
from workbench.pilot.signing import key_of_line
from workbench.records.ledger import OPENED_FOLDER, Budget, Opening, history_remarks, read_budget, read_ledger
from workbench.records.splits import Dataset, holdout_seen, ledger_path, other_ledgers
from workbench.words import percent

SHORT = 12


@dataclass(frozen=True, slots=True, eq=False)
class LedgerView:
    """A pilot's ledger as it stands today.

    Parameters
    ----------
    openings : tuple of Opening
    budgets : mapping
        None for any gate, and each gate that has openings of its own, to what is left of its significance level on
        the holdout records of today.
    refreshed : Budget
        Of any gate, if as many new holdout records came as there are today.
    n_records : int
        Holdout records today.
    level : float
        Confidence level that the charter asks of selective accuracy; 95% without such a KPI.
    share : float
        Part of all records that falls into the holdout.
    """

    path: Path
    openings: tuple[Opening, ...]
    budgets: Mapping[int | None, Budget]
    refreshed: Budget
    n_records: int
    level: float
    share: float

    def as_json(self) -> dict[str, Any]:
        """Return the ledger as JSON values."""
        return {
            "ledger": str(self.path),
            "holdout_records": self.n_records,
            "openings": [asdict(one) for one in self.openings],
            "remarks": list(remarks(self)),
            "budgets": [self._budget_json(one) for one in self.budgets.values()],
            "after_as_many_new_records": self._budget_json(self.refreshed),
        }

    def _budget_json(self, budget: Budget) -> dict[str, Any]:
        return {**budget.as_json(), "next_confidence_level": self.next_level(budget)}

    def next_level(self, budget: Budget) -> float:
        """Return the confidence level that the next opening has to reach."""
        return 1.0 - budget.next_share * (1.0 - self.level)


def ledger_view(pilot: Pilot, dataset: Dataset) -> LedgerView:
    """Return a pilot's ledger and its budgets for the holdout records of today; nothing is opened.

    Raises
    ------
    RunError
        The ledger was altered.
    """
    path, others = ledger_path(pilot), other_ledgers(pilot)
    openings, today = read_ledger(path), holdout_seen(pilot, dataset)
    named = {one.purpose.gate for one in openings if one.purpose.gate is not None}
    gates = [None, *sorted(named)]
    kpi = next((kpi for kpi in pilot.charter.kpis if kpi.metric == SELECTIVE_ACCURACY), None)
    return LedgerView(
        path=path,
        openings=openings,
        budgets={gate: read_budget(path, gate, today, others) for gate in gates},
        refreshed=read_budget(path, None, today.with_as_many_new(), others),
        n_records=len(today.records),
        level=DEFAULT_CONFIDENCE_LEVEL if kpi is None else kpi.confidence_level,
        share=len(today.records) / max(len(dataset.splits), 1),
    )


def openings_table(openings: Iterable[Opening]) -> pd.DataFrame:
    """Return every opening of the holdout: who, when, on which commit, for which version and prompt, and its charge."""
    rows = []
    for one in openings:
        changes = " with changes" + (f" in {one.changed}" if one.changed else "") if one.is_dirty else ""
        commit = "not known" if one.commit is None else one.commit[:SHORT] + changes
        charge = percent(one.charge) if one.repeat_of is None else f"none, as opening {one.repeat_of}"
        said = one.purpose
        prompt = "no prompt" if said.prompt is None else said.prompt[:SHORT]
        gate = "any" if said.gate is None else str(said.gate)
        version = said.agent_digest[:SHORT]
        what = (said.agent, version, prompt, f"{said.n_records:,}", said.purpose, gate)
        rows.append((one.number, one.time.replace("T", " ").replace("+00:00", " UTC"), one.who, commit, *what, charge))
    names = ["opening", "time", "who", "commit", "agent", "version", "prompt", "records", "purpose", "gate", "charge"]
    return pd.DataFrame(rows, columns=names)


def remarks(view: LedgerView) -> tuple[str, ...]:
    """Return what a reader of the ledger must know besides its openings, one sentence each.

    How the holdout was drawn, what changed from opening to opening, what openings elsewhere took, whether the history
    is missing, who signed.
    """
    drawn = dict.fromkeys(one.drawn for one in view.openings if one.drawn)
    said = [f"The holdout was drawn {one}." for one in drawn]
    said += [f"Opening {one.number}: {change}." for one in view.openings for change in one.changes]
    said += [_elsewhere(one) for one in view.budgets[None].elsewhere]
    said += [f"{remark[0].upper()}{remark[1:]}." for remark in history_remarks(view.path)]
    keys = Counter(key_of_line(one.key).key_id[:SHORT] for one in view.openings if one.key is not None)
    if keys:
        said.append(f"Signed with {', '.join(f'key {key} ({n:,})' for key, n in sorted(keys.items()))}.")
    return tuple(said)


def _elsewhere(one: Mapping[str, Any]) -> str:
    went = f"{percent(one['spent'])} of the level went with an opening"
    if "list_missing" in one:
        name = f"{OPENED_FOLDER}/{one['list_missing']}"
        return f"{went} for {one['ledger']}: it counts in full, because {name} beside its ledger is missing."
    return f"{went} of these records for {one['ledger']}."


def budgets_table(view: LedgerView) -> pd.DataFrame:
    """Return what is left of each gate's significance level, and what the next opening would have to prove."""
    rows = [
        (
            "any" if gate is None else str(gate),
            budget.n_openings,
            percent(budget.spent),
            percent(budget.remaining),
            f"{100 * budget.remaining * (1 - view.level):.2f}%",
            percent(view.next_level(budget), 2),
        )
        for gate, budget in view.budgets.items()
    ]
    names = ["gate", "openings that count", "spent", "left", "left as a chance of error"]
    return pd.DataFrame(rows, columns=[*names, "next opening is held to a confidence of"])


def refresh_note(view: LedgerView) -> str:
    """Return in words how new records refresh the budget."""
    if not view.openings:
        if view.budgets[None].elsewhere:
            return "This pilot opened none of them yet; its first opening may use two thirds of what is left."
        return f"The {view.n_records:,} holdout records are sealed; the first opening may use two thirds of the level."
    now, more = view.budgets[None].remaining, round(view.n_records / view.share) if view.share else view.n_records
    free = "The same version on the same records is free."
    if view.refreshed.remaining <= now:
        return f"{free} Earlier openings did not note which records they saw, so they count in full on new ones too."
    return (
        f"{free} New records refresh it: an opening counts only as far as it saw the holdout records of today. With "
        f"{view.n_records:,} more of them (about {more:,} new labelled records, in a file that "
        f"contract.yaml names) {percent(view.refreshed.remaining)} would be left instead of {percent(now)}."
    )
