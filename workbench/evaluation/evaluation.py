"""An evaluation: one agent version run over one split, its outcomes, its threshold and its estimates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents import GUARDS
from workbench.environment import Trace
from workbench.evaluation.confidence import decisions_of
from workbench.evaluation.remarks import remarks_of
from workbench.evaluation.threshold import (
    certification_of,
    development_outcomes,
    threshold_of,
    undeclared_entities,
)
from workbench.files import write_atomically
from workbench.metrics import (
    SELECTIVE_ACCURACY,
    Estimate,
    EvaluationSettings,
    ThresholdChoice,
    certification_note,
    certified_accuracy,
    choice_of,
    evaluate_outcomes,
    is_asked,
    is_right,
    outlook_json,
)
from workbench.pilot import Pilot, Price, price_of
from workbench.records.ledger import Opening, Purpose
from workbench.records.splits import Dataset, Split, ledger_path, opened_before
from workbench.records.tables import safe_for_spreadsheets
from workbench.runs.journal import Journal, RunInfo
from workbench.runs.runner import Session
from workbench.stats import Certification, ErrorCluster
from workbench.words import RunError


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One agent version on one split.

    Parameters
    ----------
    outcomes : pd.DataFrame
        One row per planned record: the decision's fields, `label`, and the strata; see `workbench.metrics.outcomes`.
    threshold : ThresholdChoice, optional
        Certified on holdout records, or else chosen on this agent version's development records, for the charter's
        selective accuracy; None when there is none, and `threshold_note` says why.
    identity : mapping
        What makes the agent this version; its digest is `session.info.agent_digest`.
    n_split : int
        How many records the split has; a run over fewer of them is partial.
    escalate_label : str, optional
        The pilot's label that gives a record to a person.
    max_failed_share : float
        How large a share of the calls may fail for a version to be chosen.
    certification : Certification, optional
        What could be proved on the holdout; None for development records, and without a KPI on selective accuracy.
    opening : Opening, optional
        The entry of the ledger that the holdout's labels were opened by; None for development records.
    errors_cluster_on : tuple
        With a certification and without a declared entity, columns on which errors of development records cluster.
    remarks : tuple of str
        What a reader is told of the server that answered, and an invalid reply where there is one.
    price : Price, optional
        What tokens of the version's model cost.
    wall_s : float, optional
        Seconds that all calls would have taken at the rate of those of the run; None where it called nothing.
    traces : mapping
        What happened on the way to the decisions, by record, where guards stand around the agent.
    """

    pilot: str
    agent: str
    note: str
    split: Split
    session: Session
    outcomes: pd.DataFrame
    threshold: ThresholdChoice | None
    threshold_note: str
    estimates: Mapping[str, Estimate]
    identity: Mapping[str, Any]
    n_split: int
    escalate_label: str | None
    max_failed_share: float
    certification: Certification | None = None
    opening: Opening | None = None
    errors_cluster_on: tuple[ErrorCluster, ...] = ()
    remarks: tuple[str, ...] = ()
    price: Price | None = None
    wall_s: float | None = None
    traces: Mapping[str, Trace] = field(default_factory=dict)

    @property
    def settings(self) -> EvaluationSettings:
        """What its estimates depend on besides the outcomes."""
        threshold = None if self.threshold is None else self.threshold.threshold
        return EvaluationSettings(threshold, self.escalate_label, price=self.price, wall_s=self.wall_s)

    @property
    def info(self) -> RunInfo:
        """The run in the journal."""
        return self.session.info

    @property
    def is_partial(self) -> bool:
        """Whether the run is over a part of the split only: a trial, which no version is chosen or compared by."""
        return self.info.planned < self.n_split

    @property
    def is_short(self) -> bool:
        """Whether too large a share of the calls failed for the run to say anything of a version."""
        return self.info.failed_share > self.max_failed_share

    def as_json(self) -> dict[str, Any]:
        """Return the evaluation without its outcomes as JSON values."""
        info = self.info
        return {
            "pilot": self.pilot,
            "agent": self.agent,
            "note": self.note,
            "identity": dict(self.identity),
            "split": self.split.value,
            "records_in_split": self.n_split,
            "run": info.run,
            "agent_digest": info.agent_digest,
            "dataset_digest": info.dataset_digest,
            "counts": {
                "planned": info.planned,
                "ok": info.ok,
                "invalid": info.invalid,
                "failed": info.failed,
                "skipped": info.skipped,
            },
            "causes": dict(info.causes),
            "asked_now": self.session.n_asked,
            "threshold": None if self.threshold is None else self.threshold.as_json(),
            "threshold_note": self.threshold_note,
            "certification": None if self.certification is None else self.certification.as_json(),
            "remarks": list(self.remarks),
            "errors_cluster_on": [asdict(one) for one in self.errors_cluster_on],
            "outlook": None if self.certification is None else outlook_json(self.certification, self.errors_cluster_on),
            "estimates": {name: estimate.as_json() for name, estimate in self.estimates.items()},
        }

    def write(self, folder: Path) -> Path:
        """Write the evaluation as AGENT.SPLIT.json and its outcomes as AGENT.SPLIT.csv; return the JSON file's path."""
        path = folder / f"{self.agent}.{self.split.value}.json"
        table = safe_for_spreadsheets(self.outcomes.reset_index(drop=True))
        write_atomically(path.with_suffix(".csv"), table.to_csv(index=False))
        write_atomically(path, json.dumps(self.as_json(), indent=1, ensure_ascii=False))
        return path


def evaluation_of(
    pilot: Pilot,
    dataset: Dataset,
    journal: Journal,
    session: Session,
    identity: Mapping[str, Any],
    opened: tuple[pd.DataFrame, Opening] | None = None,
) -> Evaluation:
    """Return the evaluation of a finished run; `opened` is what `open_holdout` gave, where it was just called.

    Raises
    ------
    RunError
        The run is one on the holdout, and these decisions were not opened.
    """
    info = session.info
    split = Split(info.split)
    decisions = decisions_of(dataset, journal, info.run)
    if split is Split.HOLDOUT:
        truth, opening = opened or _opened(pilot, dataset, (purpose_of(info, identity), decisions))
    else:
        truth, opening = _development_truth(dataset), None
    outcomes = decisions.join(truth)
    threshold, note = threshold_of(pilot, dataset, journal, (info, outcomes))
    development = None if opening is None else development_outcomes(dataset, journal, info)
    certification = None if opening is None else certification_of(pilot, opening, outcomes, development)
    clustered: tuple[ErrorCluster, ...] = ()
    if certification is not None:
        threshold = choice_of(certification) or threshold
        clustered = undeclared_entities(pilot, dataset, development)
        note = certification_note(certification, note, clustered, pilot.charter.mark(SELECTIVE_ACCURACY))
    price, escalate_label = price_of(identity, pilot.settings.prices), pilot.settings.escalate_label
    at = None if threshold is None else threshold.threshold
    wall_s = _wall_s(info, decisions)
    settings = EvaluationSettings(at, escalate_label, price=price, wall_s=wall_s)
    estimates = evaluate_outcomes(outcomes, settings)
    if certification is not None:
        proved = certified_accuracy(outcomes, certification.as_json(), estimates[SELECTIVE_ACCURACY], settings)
        estimates = evaluate_outcomes(outcomes, settings, {SELECTIVE_ACCURACY: proved})
    agents = pilot.settings.agents
    return Evaluation(
        pilot.name,
        info.agent,
        agents[info.agent].note if info.agent in agents else "",
        split,
        session,
        outcomes,
        threshold,
        note,
        estimates,
        identity,
        len(dataset.ids(split)),
        escalate_label,
        pilot.settings.max_failed_share,
        certification,
        opening,
        clustered,
        remarks_of(decisions, identity, journal.origins(info.agent_digest)),
        price,
        wall_s,
        journal.traces(info.run) if GUARDS in identity else {},
    )


def rightness(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Return one column of bool for each evaluation, by agent: is it right; on the records all of them were asked."""
    columns = [is_right(one.outcomes)[is_asked(one.outcomes)].rename(one.agent) for one in evaluations]
    return pd.concat(columns, axis="columns", join="inner")


def purpose_of(info: RunInfo, identity: Mapping[str, Any]) -> Purpose:
    """Return why the holdout is opened for a run."""
    judged = info.agent, info.agent_digest, info.dataset_digest, info.planned
    return Purpose("evaluation", *judged, prompt=identity.get("prompt"))


@lru_cache(maxsize=1)
def _development_truth(dataset: Dataset) -> pd.DataFrame:
    """Return labels and strata of the development records: the same for every version."""
    labels = dataset.dev_labels()
    return labels.join(dataset.strata(labels.index))


def _opened(pilot: Pilot, dataset: Dataset, asked: tuple[Purpose, pd.DataFrame]) -> tuple[pd.DataFrame, Opening]:
    """Return labels, strata and opening of decisions that were opened before."""
    known = opened_before(pilot, dataset, asked)
    if known is None:
        raise RunError(
            "the journal's decisions on the holdout are not those that the ledger was opened for",
            where=f"{ledger_path(pilot)}, agent {asked[0].agent}",
            remedy=f"workbench evaluate {pilot.name} --agent {asked[0].agent} --split holdout opens it for these",
        )
    return known


def _wall_s(info: RunInfo, decisions: pd.DataFrame) -> float | None:
    """Return how long all calls would have taken at the rate of those of the run; None where it called nothing."""
    rate = info.called / info.wall_s if info.called and info.wall_s > 0 else None
    n_called = int((decisions["attempts"] > 0).sum())
    return n_called / rate if rate and n_called else None
