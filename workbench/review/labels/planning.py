"""How many labels people must look at again so that an accuracy can be proved under the corrected ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from workbench.evidence import audits_folder, latest_findings
from workbench.metrics import AUTOMATION_RATE, SELECTIVE_ACCURACY, agreements_to_draw
from workbench.pilot import Pilot
from workbench.records.label_sets import DecidedAlone, labels_before, read_label_set
from workbench.records.ledger import read_budget
from workbench.records.splits import Dataset, Split, holdout_seen, ledger_path, other_ledgers
from workbench.records.tables import unmarked
from workbench.words import InputError

PEOPLE = 2  # look at each record
SPREAD = 2.0  # standard deviations by which a part of a sample may fall short of its share
ROOM = 1.5  # times the disputed ones that development records let expect: the room for them in a list of the holdout
LEAST_ROOM = 10
SUSPECTED = ("likely_label_error", "contradictory_label")  # kinds of findings of the audit


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What is to be looked at of one split.

    Parameters
    ----------
    n_alone : int
        Decisions that the version may take without a person at some threshold; of the holdout an estimate.
    n_automated : int
        Those that the charter's automation makes of them.
    target, level : float
        Accuracy to be proved, and the chance of a wrong proof.
    needed : int
        Agreements among the automated ones to be looked at, none of them overturned.
    is_provable : bool
        Whether the target can be proved by so many; else they bound wrong agreements by what the target allows.
    agreements : int
        Agreements to be drawn of all: the automated ones among them are then at least as many as needed.
    disputed : int
        Development: decisions that differ from their label, and records that the audit doubts. Holdout: room for them.
    """

    split: Split
    n_alone: int
    n_automated: int
    target: float
    level: float
    needed: int
    is_provable: bool
    agreements: int
    disputed: int

    @property
    def n_records(self) -> int:
        """Records to look at."""
        return self.agreements + self.disputed


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """The plan for a version: both splits, and minutes of people for each, where the charter knows them."""

    agent: str
    splits: tuple[SplitPlan, ...]
    minutes_per_record: float | None

    def minutes(self, split: SplitPlan) -> float | None:
        """Return how many minutes two people need for a split, without adjudication."""
        each = self.minutes_per_record
        return None if each is None else PEOPLE * each * split.n_records


def plan_labels(pilot: Pilot, dataset: Dataset, decided: DecidedAlone) -> LabelPlan:
    """Return what is to be looked at for a version; no label of the holdout is read.

    Parameters
    ----------
    decided : DecidedAlone
        Of the development records.

    Raises
    ------
    InputError
        The charter has no KPI on selective accuracy, or the version decides nothing alone.
    """
    n_holdout = len(dataset.ids(Split.HOLDOUT))
    of_holdout = round(len(decided.actions) / decided.n_split * n_holdout)
    splits = (
        plan_of_split(pilot, dataset, decided, Split.DEV, len(decided.actions)),
        plan_of_split(pilot, dataset, decided, Split.HOLDOUT, of_holdout),
    )
    return LabelPlan(decided.agent, splits, pilot.charter.costs.minutes_per_record)


def plan_of_split(pilot: Pilot, dataset: Dataset, decided: DecidedAlone, split: Split, n_alone: int) -> SplitPlan:
    """Return the plan of one split of which a version decides so many alone; `decided` is of development records."""
    kpi = next((one for one in pilot.charter.kpis if one.metric == SELECTIVE_ACCURACY), None)
    if kpi is None or not 0.0 < kpi.target < 1.0:
        remedy = "agree on one in charter.yaml; it says how right labels must be"
        raise InputError("the charter has no KPI on selective_accuracy below 100%", remedy=remedy)
    if not n_alone:
        raise InputError(f"{decided.agent} decides no {split.value} record alone", remedy="name another agent")
    level = (1.0 - kpi.confidence_level) * (1.0 if split is Split.DEV else _share(pilot, dataset))
    automation = pilot.charter.target(AUTOMATION_RATE)
    n_automated = n_alone if not automation else min(n_alone, round(automation * len(dataset.ids(split))))
    differing = disputed_on_dev(pilot, dataset, decided)
    needed, is_proof = agreements_to_draw(n_automated, kpi.target, level)
    if split is Split.DEV:
        n_agreeing, disputed = n_alone - len(differing), len(differing | suspected_on_dev(pilot, dataset))
    else:
        share = len(differing) / len(decided.actions)
        n_agreeing, disputed = n_alone, math.ceil(ROOM * share * n_alone) + LEAST_ROOM
    agreements = min(n_agreeing, _drawn(needed, n_automated, n_alone))
    return SplitPlan(split, n_alone, n_automated, kpi.target, level, needed, is_proof, agreements, disputed)


def disputed_on_dev(pilot: Pilot, dataset: Dataset, decided: DecidedAlone) -> set[str]:
    """Return the development records that a version decides otherwise than the label in the records says."""
    labels = labels_before(dataset.dev_labels()["label"], read_label_set(pilot.data, pilot.contract.label_set))
    return set(decided.actions.index[decided.actions != labels.loc[decided.actions.index]])


def suspected_on_dev(pilot: Pilot, dataset: Dataset) -> set[str]:
    """Return the development records whose label the newest audit doubts; none where it was of other records."""
    found = latest_findings(pilot)
    if found is None or found.get("dataset_digest") != dataset.digest:
        return set()
    folder, names = audits_folder(pilot) / str(found["run"]), set[str]()
    for finding in found["findings"]:
        if finding["kind"] in SUSPECTED:
            rows = pd.read_csv(folder / str(finding["rows_file"]), usecols=[1], dtype=str, keep_default_na=False)
            names |= {unmarked(str(cell)) for cell in rows.iloc[:, 0]}
    return names & set(dataset.ids(Split.DEV))


def _share(pilot: Pilot, dataset: Dataset) -> float:
    """Return the share of the level that the next opening of the holdout may use."""
    return read_budget(ledger_path(pilot), None, holdout_seen(pilot, dataset), other_ledgers(pilot)).next_share


def _drawn(needed: int, n_automated: int, n_alone: int) -> int:
    """Return how many of all to draw so that the automated part has enough, but for a chance of some percent."""
    share = n_automated / n_alone
    return math.ceil((needed + SPREAD * math.sqrt(needed * (1.0 - share))) / share)
