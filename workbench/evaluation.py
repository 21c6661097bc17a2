"""An evaluation: one agent version run over one split, its outcomes, its threshold and its estimates."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents import Agent, HttpAgent, prompt_agent, python_agent
from workbench.charter import KpiMetric
from workbench.contract import Role
from workbench.engines.build import built
from workbench.engines.choice import EngineChoice, engine_spec, settled
from workbench.engines.http import CallPolicy
from workbench.engines.protocol import Engine
from workbench.errors import InputError, RunError
from workbench.files import write_atomically
from workbench.journal import JOURNAL_FILE, Journal, RunInfo, digest_of
from workbench.ledger import Purpose, charged_share
from workbench.metrics import Estimate, EvaluationSettings, ThresholdChoice, evaluate_outcomes, threshold_for
from workbench.metrics.candidates import errors_cluster_on
from workbench.metrics.certified import (
    CertificationSettings,
    certified_accuracy,
    certify_outcomes,
    choice_of,
    stated_bound,
)
from workbench.metrics.outcomes import is_asked, is_right
from workbench.metrics.prospects import certification_note, outlook_json
from workbench.pilot import Pilot
from workbench.prompts import read_prompts
from workbench.provenance import provenance
from workbench.runner import Selection, Session, run_agent
from workbench.splits import Dataset, Split, ledger_path, open_holdout, read_dataset
from workbench.stats import Certification, ErrorCluster
from workbench.tables import safe_for_spreadsheets


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
    certification : Certification, optional
        What could be proved on the holdout; None for development records, and without a KPI on selective accuracy.
    errors_cluster_on : tuple
        With a certification and without a declared entity, columns on which errors of development records cluster.
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
    certification: Certification | None = None
    errors_cluster_on: tuple[ErrorCluster, ...] = ()

    @property
    def info(self) -> RunInfo:
        """The run in the journal."""
        return self.session.info

    def as_json(self) -> dict[str, Any]:
        """Return the evaluation without its outcomes as JSON values."""
        info = self.info
        return {
            "pilot": self.pilot,
            "agent": self.agent,
            "note": self.note,
            "identity": dict(self.identity),
            "split": self.split.value,
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


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to evaluate: a split, how many of its records (None for all), on which engine, with a bar or not."""

    split: Split = Split.DEV
    limit: int | None = None
    engine: EngineChoice = field(default_factory=EngineChoice)
    show_progress: bool = True


def evaluate(
    pilot: Pilot, agent: str, request: RunRequest = RunRequest(), dataset: Dataset | None = None
) -> Evaluation:
    """Run one agent over a split, as far as its decisions are not in the journal yet, and return the evaluation.

    Evaluating on holdout opens the sealed holdout: the opening goes to the ledger before any label is read. `dataset`
    is the pilot's records where they were read already.

    Raises
    ------
    InputError
        The pilot, the agent, the records or the engine's settings do not fit; nothing was asked.
    RunError
        The run was interrupted, or the server refused the credentials; what was decided is stored.
    """
    (evaluation,) = evaluate_all(pilot, (agent,), request, dataset)
    return evaluation


def evaluate_all(
    pilot: Pilot, agents: Sequence[str] = (), request: RunRequest = RunRequest(), dataset: Dataset | None = None
) -> tuple[Evaluation, ...]:
    """Evaluate several agents on the same records; without names, those the pilot compares. Raises as `evaluate`."""
    dataset = read_dataset(pilot) if dataset is None else dataset
    names = tuple(dict.fromkeys(agents)) or pilot.settings.compare
    ids = dataset.ids(request.split, _checked_limit(request.limit))
    engine = _shared_engine(pilot, request.engine)
    versions = [_agent(pilot, name, dataset, engine) for name in names]
    _prepare(pilot, versions)
    selection = Selection(dataset, request.split, ids)
    evaluations = []
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        for agent in versions:
            session = run_agent(journal, agent, selection, show_progress=request.show_progress)
            if session.refusal is not None:
                raise _refused(session, agent.name)
            evaluations.append(_evaluation(pilot, dataset, journal, session, agent.identity))
    return tuple(evaluations)


def check(pilot: Pilot, agents: Sequence[str], choice: EngineChoice) -> None:
    """Find what does not fit in a pilot's records, prompts and agents before anything is started.

    Raises
    ------
    InputError
        As `evaluate` would, or for a prompt document that no agent uses yet.
    """
    dataset = read_dataset(pilot)
    read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    engine = _shared_engine(pilot, choice)
    for name in agents or pilot.settings.compare:
        _agent(pilot, name, dataset, engine)


def stored_evaluations(pilot: Pilot, split: Split = Split.DEV) -> tuple[Evaluation, ...]:
    """Return the last finished run of each agent on a split, from the journal alone: nothing is asked.

    Only runs on the records as they are now count, and no repeats. Raises InputError when there is none.
    """
    path = pilot.runs / JOURNAL_FILE
    dataset = read_dataset(pilot)
    if path.is_file():
        with Journal(path) as journal:
            latest: dict[str, str] = {}
            for entry in journal.entries(split.value):
                if entry.finished and entry.dataset_digest == dataset.digest and not entry.is_repeat:
                    latest.setdefault(entry.agent, entry.run)
            if latest:
                sessions = [Session(journal.info(run), 0, 0, None) for _, run in sorted(latest.items())]
                return tuple(_evaluation(pilot, dataset, journal, s, journal.identity(s.info.run)) for s in sessions)
    raise InputError(
        f"pilot {pilot.name!r} has no finished run on {split.value} with its present records",
        where=str(path),
        remedy=f"workbench run {pilot.name}",
    )


def rightness(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Return one column of bool for each evaluation, by agent: is it right; on the records all of them were asked."""
    columns = [is_right(one.outcomes)[is_asked(one.outcomes)].rename(one.agent) for one in evaluations]
    return pd.concat(columns, axis="columns", join="inner")


def chosen(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Return the evaluation to go on with: most automation at the charter's accuracy, then the higher accuracy.

    A version without a threshold automates nothing. Ties go to the one named first.
    """

    def merit(evaluation: Evaluation) -> tuple[float, float]:
        automation = evaluation.estimates["automation_rate"].value
        accuracy = evaluation.estimates["accuracy"].value
        return (0.0 if automation is None else automation, 0.0 if accuracy is None else accuracy)

    return max(evaluations, key=merit)


def build_agent(pilot: Pilot, name: str, dataset: Dataset, choice: EngineChoice) -> Agent:
    """Return an agent of the pilot, ready to decide."""
    return _agent(pilot, name, dataset, _shared_engine(pilot, choice))


def _agent(pilot: Pilot, name: str, dataset: Dataset, engine: Callable[[], Engine]) -> Agent:
    settings, server = pilot.agent(name), pilot.settings.server
    if settings.python is not None:
        return python_agent(pilot, name, settings, dataset)
    if settings.http is not None:
        policy = CallPolicy(deadline_s=server.deadline_s, max_attempts=server.max_attempts)
        return HttpAgent(name, settings.http, dataset.labels, policy, server.concurrency)
    return prompt_agent(pilot, name, settings, dataset, engine())


def _shared_engine(pilot: Pilot, choice: EngineChoice) -> Callable[[], Engine]:
    """Return a function that gives the one engine of a choice, built when a prompt first needs it."""
    choice = settled(pilot, choice)
    return functools.cache(lambda: built(engine_spec(pilot, choice)))


def _prepare(pilot: Pilot, agents: Sequence[Agent]) -> None:
    """Let agents find their faults before the journal is touched, unless they have finished a run before."""
    path = pilot.runs / JOURNAL_FILE
    known: set[str] = set()
    if path.is_file():
        with Journal(path) as journal:
            known = journal.finished_versions()
    for agent in agents:
        if digest_of(agent.identity) not in known:
            agent.prepare()


def _evaluation(
    pilot: Pilot, dataset: Dataset, journal: Journal, session: Session, identity: Mapping[str, Any]
) -> Evaluation:
    """Return the evaluation of a finished run."""
    info = session.info
    split = Split(info.split)
    decisions = journal.decisions(info.run)
    purpose = _purpose(info, identity) if split is Split.HOLDOUT else None
    outcomes = _outcomes(pilot, dataset, decisions, purpose)
    threshold, note = _threshold(pilot, dataset, journal, (info, outcomes))
    development = _development(dataset, journal, info)
    certification = None if purpose is None else _certification(pilot, purpose, outcomes, development)
    clustered: tuple[ErrorCluster, ...] = ()
    if certification is not None:
        threshold = choice_of(certification) or threshold
        clustered = _undeclared(pilot, dataset, development)
        note = certification_note(certification, note, clustered)
    settings = _settings(pilot, identity, threshold, _wall_s(info, decisions))
    estimates = evaluate_outcomes(outcomes, settings)
    if certification is not None:
        name, block = KpiMetric.SELECTIVE_ACCURACY.value, certification.as_json()
        estimates[name] = certified_accuracy(outcomes, block, estimates[name], settings)
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
        certification,
        clustered,
    )


def _wall_s(info: RunInfo, decisions: pd.DataFrame) -> float | None:
    """Return how long all calls would have taken at the rate of those of the run; None where it called nothing."""
    rate = info.called / info.wall_s if info.called and info.wall_s > 0 else None
    n_called = int((decisions["attempts"] > 0).sum())
    return n_called / rate if rate and n_called else None


def _settings(
    pilot: Pilot, identity: Mapping[str, Any], threshold: ThresholdChoice | None, wall_s: float | None
) -> EvaluationSettings:
    model = str(dict(identity.get("engine", {})).get("model", ""))
    return EvaluationSettings(
        threshold=None if threshold is None else threshold.threshold,
        escalate_label=pilot.settings.escalate_label,
        price=pilot.settings.prices.get(model),
        wall_s=wall_s,
    )


def _development(dataset: Dataset, journal: Journal, info: RunInfo) -> pd.DataFrame | None:
    """Return outcomes of this version's largest finished development run, None where there is none."""
    largest = journal.largest_finished(Split.DEV.value, info.agent_digest, info.dataset_digest)
    if largest is None:
        return None
    decisions = journal.decisions(largest)
    return decisions.join(dataset.dev_labels()).join(dataset.strata(decisions.index))


def _undeclared(pilot: Pilot, dataset: Dataset, development: pd.DataFrame | None) -> tuple[ErrorCluster, ...]:
    """Return the columns on which development errors cluster where no entity is declared."""
    contract = dataset.contract
    if contract.column_with(Role.ENTITY) is not None or development is None:
        return ()
    return errors_cluster_on(development, dataset.shown(), contract, pilot.settings.escalate_label)


def _outcomes(pilot: Pilot, dataset: Dataset, decisions: pd.DataFrame, purpose: Purpose | None) -> pd.DataFrame:
    """Return decisions beside labels and strata; the only way here to holdout labels is through the ledger."""
    by = provenance(pilot.root)
    labels = dataset.dev_labels() if purpose is None else open_holdout(pilot, dataset, purpose, by)
    return decisions.join(labels).join(dataset.strata(decisions.index))


def _purpose(info: RunInfo, identity: Mapping[str, Any]) -> Purpose:
    judged = info.agent, info.agent_digest, info.dataset_digest, info.planned
    return Purpose("evaluation", *judged, prompt=identity.get("prompt"))


def _certification(
    pilot: Pilot, purpose: Purpose, outcomes: pd.DataFrame, development: pd.DataFrame | None
) -> Certification | None:
    """Return what the holdout proves at the level this opening is charged; None without a KPI to prove."""
    kpi = next((kpi for kpi in pilot.charter.kpis if kpi.metric is KpiMetric.SELECTIVE_ACCURACY), None)
    if kpi is None or not 0.0 < kpi.target < 1.0 or not is_asked(outcomes).any():
        return None
    automation = pilot.charter.target(KpiMetric.AUTOMATION_RATE)
    settings = CertificationSettings(
        target=kpi.target,
        confidence_level=1.0 - charged_share(ledger_path(pilot), purpose) * (1.0 - kpi.confidence_level),
        automation_target=automation if automation is not None and 0.0 < automation < 1.0 else None,
        escalate_label=pilot.settings.escalate_label,
        entity=pilot.contract.column_with(Role.ENTITY) or "entity",
        bound=stated_bound(pilot.charter),
    )
    return certify_outcomes(outcomes, settings, development)


def _threshold(
    pilot: Pilot, dataset: Dataset, journal: Journal, evaluated: tuple[RunInfo, pd.DataFrame]
) -> tuple[ThresholdChoice | None, str]:
    """Return the threshold chosen on this agent version's largest finished development run, and how it came about."""
    info, outcomes = evaluated
    target = pilot.charter.target(KpiMetric.SELECTIVE_ACCURACY)
    if target is None:
        return None, "No threshold: the charter has no KPI on selective_accuracy"
    largest = journal.largest_finished(Split.DEV.value, info.agent_digest, info.dataset_digest)
    if largest is None:
        advice = f"workbench evaluate {pilot.name} --agent {info.agent}"
        return None, f"No threshold: this version has no finished development run; {advice}"
    if largest != info.run:
        outcomes = journal.decisions(largest).join(dataset.dev_labels())
    choice = threshold_for(outcomes, target, pilot.settings.escalate_label)
    of = f"{len(outcomes):,} development records"
    if choice is None:
        return None, f"No threshold reaches a selective accuracy of {target:g} on {of}"
    made = f"chosen on {of} for a selective accuracy of {target:g}; not certified"
    return choice, f"Threshold {choice.threshold:.4f}, {made}"


def _checked_limit(limit: int | None) -> int | None:
    if limit is not None and limit < 1:
        raise InputError("a limit must be at least 1", got=str(limit))
    return limit


def _refused(session: Session, agent: str) -> RunError:
    info = session.info
    return RunError(
        "the server refused the credentials, so the run stopped",
        where=f"agent {agent}: {info.failed:,} calls failed, {info.skipped:,} records were skipped",
        got=session.refusal,
        remedy="set the key's environment variable (server: api_key_env in pilot.yaml) and run the same command again",
    )
