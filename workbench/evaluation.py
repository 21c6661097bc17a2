"""An evaluation: one agent version run over one split, its outcomes, its threshold and its estimates."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents import Agent, agent_with, shared_engine
from workbench.charter import KpiMetric
from workbench.engines.choice import EngineChoice
from workbench.errors import InputError, RunError
from workbench.files import write_atomically
from workbench.journal import JOURNAL_FILE, Journal, RunInfo, digest_of
from workbench.ledger import Opening, Purpose, read_ledger
from workbench.metrics import Estimate, EvaluationSettings, ThresholdChoice, evaluate_outcomes, threshold_for
from workbench.metrics.certified import CertificationSettings, certify_outcomes, choice_of
from workbench.metrics.outcomes import is_asked, is_right
from workbench.metrics.prospects import what_would_do
from workbench.pilot import Pilot
from workbench.prompts import read_prompts
from workbench.provenance import provenance
from workbench.runner import Selection, Session, require_decisions, run_agent
from workbench.sealed import Question, answer_sealed
from workbench.signing.keys import SigningKey, chosen_key
from workbench.splits import Dataset, Split, ledger_path, open_holdout, opened_before, read_dataset
from workbench.stats import Certification
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
    n_split : int
        How many records the split has; a run over fewer of them is partial.
    escalate_label : str, optional
        The pilot's label that gives a record to a person.
    certification : Certification, optional
        What could be proved on the holdout; None for development records, and without a KPI on selective accuracy.
    opening : Opening, optional
        The entry of the ledger that the holdout's labels were opened by; None for development records.
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
    certification: Certification | None = None
    opening: Opening | None = None

    @property
    def info(self) -> RunInfo:
        """The run in the journal."""
        return self.session.info

    @property
    def is_partial(self) -> bool:
        """Whether the run is over a part of the split only: a trial, which no version is chosen or compared by."""
        return self.info.planned < self.n_split

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
            "outlook": None if self.certification is None else _outlook(self.certification),
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
    """What to evaluate: a split, how many of its records (None for all), on which engine, with a bar or not.

    `key` signs what an opening of the holdout adds to the ledger; without it what the environment says, else this
    user's own key.
    """

    split: Split = Split.DEV
    limit: int | None = None
    engine: EngineChoice = field(default_factory=EngineChoice)
    show_progress: bool = True
    key: SigningKey | None = None


def evaluate(
    pilot: Pilot, agent: str, request: RunRequest = RunRequest(), dataset: Dataset | None = None
) -> Evaluation:
    """Run one agent over a split, as far as its decisions are not in the journal yet, and return the evaluation.

    Evaluating on holdout opens the sealed holdout: the agent answers in a process of its own that has no label of it,
    then the opening goes to the ledger with the digest of what was decided, then labels are read. `dataset` is the
    pilot's records where they were read already.

    Raises
    ------
    InputError
        The pilot, the agent, the records or the engine's settings do not fit; nothing was asked.
    RunError
        The run was interrupted, the server refused the credentials, or not one decision came back: then the holdout
        stays sealed. What was decided is stored.
    """
    (evaluation,) = evaluate_all(pilot, (agent,), request, dataset)
    return evaluation


def evaluate_all(
    pilot: Pilot, agents: Sequence[str] = (), request: RunRequest = RunRequest(), dataset: Dataset | None = None
) -> tuple[Evaluation, ...]:
    """Evaluate several agents on the same records; without names, those the pilot compares. Raises as `evaluate`."""
    dataset = read_dataset(pilot) if dataset is None else dataset
    names = tuple(dict.fromkeys(agents)) or pilot.settings.compare
    if request.split is Split.HOLDOUT:
        return tuple(_opened_evaluation(pilot, name, request, dataset) for name in names)
    ids = dataset.ids(request.split, _checked_limit(request.limit))
    engine = shared_engine(pilot, request.engine)
    versions = [agent_with(pilot, name, dataset, engine) for name in names]
    _prepare(pilot, versions)
    selection = Selection(dataset, request.split, ids)
    evaluations = []
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        for agent in versions:
            session = run_agent(journal, agent, selection, show_progress=request.show_progress)
            _check_answered(journal, session, agent.name)
            evaluations.append(evaluation_of(pilot, dataset, journal, session, agent.identity))
    return tuple(evaluations)


def answer_holdout(pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset) -> Session:
    """Let an agent answer holdout records in a process that has no label of them; nothing is opened.

    Raises
    ------
    InputError
        The agent's files do not fit, or it reads the records themselves.
    RunError
        The run was interrupted, the server refused the credentials, or not one decision came back.
    """
    ids = dataset.ids(Split.HOLDOUT, _checked_limit(request.limit))
    question = Question(pilot, dataset, agent, request.engine, ids, show_progress=request.show_progress)
    session = answer_sealed(question)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        _check_answered(journal, session, agent)
    return session


def open_answers(
    pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset
) -> tuple[Session, tuple[pd.DataFrame, Opening]]:
    """Let an agent answer, put the opening on the ledger, and return the session, labels with strata, and the opening.

    What was opened before for the very same decisions adds nothing to the ledger. Raises as `answer_holdout`, and
    RunError where the ledger was altered.
    """
    session = answer_holdout(pilot, agent, request, dataset)
    return session, open_run(pilot, dataset, session.info.run, request.key)


def open_run(pilot: Pilot, dataset: Dataset, run: str, key: SigningKey | None = None) -> tuple[pd.DataFrame, Opening]:
    """Put the opening for a finished run on the ledger, and return labels with strata, and the opening."""
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        asked = _purpose(journal.info(run), journal.identity(run)), journal.decisions(run)
    by = provenance(pilot.root), lambda: chosen_key(None, os.environ).key if key is None else key
    return open_holdout(pilot, dataset, asked, by)


def judged_evaluation(pilot: Pilot, dataset: Dataset, agent: str | None = None) -> Evaluation | None:
    """Return the newest opened evaluation on the holdout, from journal and ledger; nothing is asked or opened.

    Parameters
    ----------
    pilot : Pilot
    dataset : Dataset
    agent : str, optional
        Whose; without it the agent that was run last. Of its newest version the run over most records counts.

    Returns
    -------
    Evaluation or None
        None when no version was opened for the present records.

    Raises
    ------
    RunError
        The ledger was altered, or the journal's decisions are not those that were opened.
    """
    path = pilot.runs / JOURNAL_FILE
    versions = {one.purpose.agent_digest for one in read_ledger(ledger_path(pilot))}
    if not path.is_file() or not versions:
        return None
    with Journal(path) as journal:
        for entry in journal.entries(Split.HOLDOUT.value):
            is_present = entry.finished and entry.dataset_digest == dataset.digest and not entry.is_repeat
            if is_present and entry.agent_digest in versions and agent in (None, entry.agent):
                run = journal.largest_finished(entry.split, entry.agent_digest, entry.dataset_digest)
                assert run is not None
                session = Session(journal.info(run), 0, 0, None)
                return evaluation_of(pilot, dataset, journal, session, journal.identity(run))
    return None


def development_evaluation(pilot: Pilot, dataset: Dataset, agent_digest: str) -> Evaluation | None:
    """Return an agent version's evaluation on all development records, from the journal; None when there is none."""
    path, n_dev = pilot.runs / JOURNAL_FILE, len(dataset.ids(Split.DEV))
    if not path.is_file():
        return None
    with Journal(path) as journal:
        run = journal.largest_finished(Split.DEV.value, agent_digest, dataset.digest)
        if run is None or journal.info(run).planned < n_dev:
            return None
        return evaluation_of(pilot, dataset, journal, Session(journal.info(run), 0, 0, None), journal.identity(run))


def check(pilot: Pilot, agents: Sequence[str], choice: EngineChoice) -> None:
    """Find what does not fit in a pilot's records, prompts and agents before anything is started.

    Raises
    ------
    InputError
        As `evaluate` would, or for a prompt document that no agent uses yet.
    """
    dataset = read_dataset(pilot)
    read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    engine = shared_engine(pilot, choice)
    for name in agents or pilot.settings.compare:
        agent_with(pilot, name, dataset, engine)


def rightness(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Return one column of bool for each evaluation, by agent: is it right; on the records all of them were asked."""
    columns = [is_right(one.outcomes)[is_asked(one.outcomes)].rename(one.agent) for one in evaluations]
    return pd.concat(columns, axis="columns", join="inner")


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
    decisions = journal.decisions(info.run)
    if split is Split.HOLDOUT:
        truth, opening = opened or _opened(pilot, dataset, (_purpose(info, identity), decisions))
    else:
        truth, opening = dataset.dev_labels().join(dataset.strata(decisions.index)), None
    outcomes = decisions.join(truth)
    threshold, note = _threshold(pilot, dataset, journal, (info, outcomes))
    certification = None if opening is None else _certification(pilot, dataset, journal, (opening, outcomes))
    if certification is not None:
        threshold = choice_of(certification) or threshold
        note = _certification_note(certification, note)
    rate = info.called / info.wall_s if info.called and info.wall_s > 0 else None
    n_called = int((decisions["attempts"] > 0).sum())
    model = str(dict(identity.get("engine", {})).get("model", ""))
    settings = EvaluationSettings(
        threshold=None if threshold is None else threshold.threshold,
        escalate_label=pilot.settings.escalate_label,
        price=pilot.settings.prices.get(model),
        wall_s=n_called / rate if rate and n_called else None,
    )
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
        evaluate_outcomes(outcomes, settings),
        identity,
        len(dataset.ids(split)),
        pilot.settings.escalate_label,
        certification,
        opening,
    )


def _opened_evaluation(pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset) -> Evaluation:
    """Answer, open and judge one agent on the holdout."""
    session, opened = open_answers(pilot, agent, request, dataset)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return evaluation_of(pilot, dataset, journal, session, journal.identity(session.info.run), opened)


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


def _check_answered(journal: Journal, session: Session, agent: str) -> None:
    """Refuse a session that the server refused, or in which nothing was decided."""
    if session.refusal is not None:
        raise _refused(session, agent)
    require_decisions(journal.decisions(session.info.run), f"agent {agent}, {session.info.split}")


def _purpose(info: RunInfo, identity: Mapping[str, Any]) -> Purpose:
    judged = info.agent, info.agent_digest, info.dataset_digest, info.planned
    return Purpose("evaluation", *judged, prompt=identity.get("prompt"))


def _certification(
    pilot: Pilot, dataset: Dataset, journal: Journal, evaluated: tuple[Opening, pd.DataFrame]
) -> Certification | None:
    """Return what the holdout proves at the level this opening is charged; None without a KPI to prove."""
    opening, outcomes = evaluated
    kpi = next((kpi for kpi in pilot.charter.kpis if kpi.metric is KpiMetric.SELECTIVE_ACCURACY), None)
    if kpi is None or not 0.0 < kpi.target < 1.0 or not is_asked(outcomes).any():
        return None
    automation = pilot.charter.target(KpiMetric.AUTOMATION_RATE)
    settings = CertificationSettings(
        target=kpi.target,
        confidence_level=1.0 - opening.charge * (1.0 - kpi.confidence_level),
        automation_target=automation if automation is not None and 0.0 < automation < 1.0 else None,
        escalate_label=pilot.settings.escalate_label,
    )
    largest = journal.largest_finished(Split.DEV.value, opening.purpose.agent_digest, opening.purpose.dataset_digest)
    development = None if largest is None else journal.decisions(largest).join(dataset.dev_labels())
    return certify_outcomes(outcomes, settings, development)


def _outlook(certification: Certification) -> dict[str, Any]:
    """Return what more records could prove as JSON values, and in words."""
    return {**certification.outlook.as_json(), "says": what_would_do(certification)}


def _certification_note(certification: Certification, otherwise: str) -> str:
    """Return in words what the holdout proves; otherwise: where the threshold comes from when it proves nothing."""
    level, of = f"{certification.confidence_level:.2%} confidence", f"{certification.n:,} holdout records"
    if certification.threshold is not None:
        proved = f"right in at least {certification.accuracy_lower:.2%} of automated decisions at {level}"
        automated = f"automating {certification.automation_rate:.1%}"
        return f"Threshold {certification.threshold:.4f}, certified on {of}: {proved}, {automated}"
    missing = what_would_do(certification)
    return f"Nothing can be certified for {certification.target:g} on {of} at {level}; {missing}. {otherwise}"


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
