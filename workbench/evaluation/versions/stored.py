"""Evaluations that the journal has: those that count, those that were left out, and the version they speak for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.agents import build_agent
from workbench.engines import EngineChoice
from workbench.evaluation import Evaluation, evaluation_of
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of
from workbench.runs.runner import Session
from workbench.words import InputError, RunError, shown


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An agent's newest finished run where it counts for nothing: over a part of the split, or too little answered."""

    agent: str
    n_records: int
    n_split: int
    n_ok: int
    n_failed: int

    def __str__(self) -> str:
        if not self.n_ok:
            return f"{self.agent} (not one decision on {self.n_records:,} records)"
        if self.n_records == self.n_split:
            return f"{self.agent} ({self.n_failed:,} of {self.n_records:,} calls failed)"
        return f"{self.agent} ({self.n_records:,} of {self.n_split:,} records)"


def stored_evaluations(
    pilot: Pilot, split: Split = Split.DEV, dataset: Dataset | None = None
) -> tuple[Evaluation, ...]:
    """Return the last finished run of each agent over a whole split, from the journal alone: nothing is asked.

    Only runs on the records as they are now count, no repeats, no runs over a part of the split, none without any
    decision and none of which more calls failed than the pilot allows; `stored_runs` names what was left out too.

    Raises
    ------
    InputError
        No run counts.
    """
    return stored_runs(pilot, read_dataset(pilot) if dataset is None else dataset, split)[0]


def stored_runs(
    pilot: Pilot, dataset: Dataset, split: Split = Split.DEV, only: str | None = None
) -> tuple[tuple[Evaluation, ...], tuple[LeftOut, ...]]:
    """Return what `stored_evaluations` does, and the runs newer than what counts of their agent that count for nothing.

    `only` names the one agent that is wanted. Raises as `stored_evaluations`.
    """
    evaluations, left_out = _newest(pilot, dataset, split, only)
    if not evaluations:
        raise InputError(
            f"{f'pilot {pilot.name!r}' if only is None else only} has no finished run on {split.value}"
            " with all its present records",
            where=str(pilot.runs / JOURNAL_FILE),
            got=f"left out: {in_words(left_out)}" if left_out else None,
            remedy=f"workbench run {pilot.name}" if only is None else f"workbench evaluate {pilot.name} --agent {only}",
        )
    return evaluations, left_out


def in_words(left_out: Sequence[LeftOut]) -> str:
    """Return runs that were left out as text."""
    return ", ".join(map(str, left_out))


def leading(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Return the evaluation with most automation at the charter's accuracy, then the higher accuracy.

    A version without a threshold automates nothing. Ties go to the one named first.
    """

    def merit(evaluation: Evaluation) -> tuple[float, float]:
        automation = evaluation.estimates["automation_rate"].value
        accuracy = evaluation.estimates["accuracy"].value
        return (0.0 if automation is None else automation, 0.0 if accuracy is None else accuracy)

    return max(evaluations, key=merit)


def chosen(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Return the evaluation to go on with: the leading one of those over a whole split with enough answers.

    Raises
    ------
    InputError
        All are over a part of the split only, or lost too many calls, which chooses no version.
    """
    whole = [one for one in evaluations if not one.is_partial and not one.is_short]
    if not whole and any(one.is_short for one in evaluations):
        raise RunError(
            "no version can be chosen: too many calls failed",
            got=shown(f"{one.agent}: {one.info.failed_share:.1%}" for one in evaluations),
            remedy="run the versions again: failed calls are asked again",
        )
    if not whole:
        raise InputError(
            "no version can be chosen by a part of the records",
            got=shown(f"{one.agent}: {one.info.planned:,} of {one.n_split:,}" for one in evaluations),
            remedy="run the versions without a limit",
        )
    return leading(whole)


def agent_to_judge(pilot: Pilot, dataset: Dataset, choice: EngineChoice) -> str:
    """Return the agent that the stored development runs speak for.

    Raises
    ------
    InputError
        No run counts, or the chosen version is not the one that the pilot has now: what the runs say is of another.
    """
    best = chosen(stored_evaluations(pilot, dataset=dataset))
    if digest_of(build_agent(pilot, best.agent, dataset, choice).identity) != best.info.agent_digest:
        raise InputError(
            f"{best.agent} is another version now than the one that its run over all development records speaks for",
            where=f"pilot {pilot.name}, run {best.info.run}",
            remedy=f"workbench run {pilot.name}, or name the agent to judge",
        )
    return best.agent


def _newest(
    pilot: Pilot, dataset: Dataset, split: Split, only: str | None
) -> tuple[tuple[Evaluation, ...], tuple[LeftOut, ...]]:
    """Return each agent's newest run that counts, and its newest finished run where that one does not; by agent."""
    path, n_split = pilot.runs / JOURNAL_FILE, len(dataset.ids(split))
    counting: dict[str, Evaluation] = {}
    left_out: dict[str, LeftOut] = {}
    if not path.is_file():
        return (), ()
    with Journal(path) as journal:
        for entry in journal.entries(split.value):
            is_present = entry.finished and entry.dataset_digest == dataset.digest and not entry.is_repeat
            if not is_present or entry.agent in counting or only not in (None, entry.agent):
                continue
            info = journal.info(entry.run)
            is_answered = info.ok and info.failed_share <= pilot.settings.max_failed_share
            if is_answered and info.planned == n_split:
                session = Session(info, 0, 0, None)
                counting[entry.agent] = evaluation_of(pilot, dataset, journal, session, entry.identity)
            else:
                n_failed = info.failed + info.skipped
                left_out.setdefault(entry.agent, LeftOut(entry.agent, info.planned, n_split, info.ok, n_failed))
    return tuple(one for _, one in sorted(counting.items())), tuple(one for _, one in sorted(left_out.items()))
