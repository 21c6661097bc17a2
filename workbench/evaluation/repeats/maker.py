"""Repeats as a maker of evidence: a version asked several times about the same development records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pandas as pd

from workbench.agents import RECALIBRATED, REPEAT
from workbench.evaluation.repeats.passing import (
    AGREEMENT,
    ALWAYS_THE_SAME,
    ANSWER,
    LABEL,
    RECORD,
    estimates_of,
    mean_of_shares,
    pass_metric,
    shares_of,
)
from workbench.evidence import Exhibit, Facts, MadeBy, Maker, exhibit_folder
from workbench.metrics import Estimate, Status, Unit
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs import Again, RunRequest, ask_again
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of
from workbench.words import RunError, percent, shown

REPEATS, ANSWERS = "repeats", "answers"
MOST_PASSES = 20  # up to which k a criterion may name pass^k


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """Which agent to ask how often, at which temperature, and how: on how many development records, by what."""

    agent: str
    times: int = 5
    temperature: float = 0.7
    run: RunRequest = RunRequest()


class RepeatsMaker(Maker):
    """How often an agent is right every time it is asked the same."""

    name = REPEATS
    title = "repeat"
    question = "Is the agent right every time it is asked the same?"
    how = "ask the agent again"
    notebooks = ("repeats",)
    command = "workbench repeat PILOT --agent NAME"
    metrics: ClassVar = {
        **{pass_metric(k): Unit.SHARE for k in range(1, MOST_PASSES + 1)},
        AGREEMENT: Unit.SHARE,
        ALWAYS_THE_SAME: Unit.SHARE,
    }
    counted = "development records"
    rests_on_runs = True
    believed = ("the repeated answers on development records",)

    def make(self, pilot: Pilot, dataset: Dataset, request: RepeatRequest) -> Exhibit:
        """Ask a version again as far as the journal does not have it, and leave and return the exhibit.

        Every repeat is a run of the journal with its own seed, so more repeats later ask only what is new, and none of
        them touches the version's own decisions.

        Raises
        ------
        InputError
            Fewer than two repeats, no temperature above 0, or a Python agent.
        RunError
            The run was interrupted, or the server refused the credentials.
        """
        runs = ask_again(pilot, request.agent, request.run, Again(request.times, request.temperature), dataset)
        exhibit = _from_journal(pilot, dataset, request.agent, runs)
        exhibit.write(exhibit_folder(pilot, REPEATS))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last repeats, their answers as the journal has them; the file that was left only names the runs.

        Raises
        ------
        RunError
            The file is damaged, or the runs that it names are not all repeats of one version.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        if not (pilot.runs / JOURNAL_FILE).is_file():
            return f"the answers of the last {self.title} are gone; {self.remedy(pilot)}"
        return replace(_from_journal(pilot, dataset, left.facts["agent"], left.facts["runs"]), made=left.made)

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return a share of the records with conservative one-sided bounds."""
        shares = shares_of(facts.exhibits[REPEATS].tables[ANSWERS]).get(metric)
        if shares is None:
            return Estimate.undefined(f"the records were asked {facts.exhibits[REPEATS].facts['times']} times")
        return mean_of_shares(shares, level, one_sided=True)

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that was asked again."""
        exhibit = facts.exhibits[REPEATS]
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]}

    def judged(self, facts: Facts) -> str:
        """Return the version that was asked again."""
        return str(facts.exhibits[REPEATS].facts["agent"])

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with its estimates and its answer counted again from the answers."""
        estimates = estimates_of(exhibit.tables[ANSWERS])
        return replace(exhibit, estimates=estimates, answer=_answer(exhibit.facts["agent"], estimates))


def _from_journal(pilot: Pilot, dataset: Dataset, agent: str, runs: Sequence[str]) -> Exhibit:
    """Return the exhibit of some runs, each a repeat of one version on the same development records."""
    labels = dataset.dev_labels()["label"]
    said: dict[str, pd.Series[Any]] = {}
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        identity = _one_version(journal, runs, dataset)
        for number, run in enumerate(runs, start=1):
            decisions = journal.decisions(run)
            is_valid = decisions["status"] == Status.OK.value
            said[f"{ANSWER}{number}"] = decisions["action"].astype(object).where(is_valid, None)
    answers = pd.DataFrame(said, dtype=object).rename_axis(RECORD)
    answers.insert(0, LABEL, labels.loc[answers.index])
    repeat, way = identity.pop(REPEAT), pilot.agent(agent).recalibrate
    version = identity if way is None else {**identity, RECALIBRATED: way.value}
    table = answers.reset_index()
    estimates = estimates_of(table)
    return Exhibit(
        REPEATS,
        pilot.name,
        {"records": dataset.digest, "agent": digest_of(version)},
        MadeBy.now(pilot.root),
        _answer(agent, estimates),
        estimates,
        tables={ANSWERS: table},
        facts={"agent": agent, "times": len(runs), "temperature": repeat["temperature"], "runs": list(runs)},
    )


def _one_version(journal: Journal, runs: Sequence[str], dataset: Dataset) -> dict[str, Any]:
    """Return the identity of the first of some runs, which must be the repeats 1 to k of one version on one set."""
    known = {entry.run: entry for entry in journal.entries(Split.DEV.value) if entry.finished and entry.is_repeat}
    found = [known[run] for run in runs if run in known]
    marks = [entry.identity[REPEAT] for entry in found]
    alike = {(entry.repeated_digest, entry.dataset_digest, entry.planned) for entry in found}
    is_whole = [mark["number"] for mark in marks] == list(range(1, len(runs) + 1))
    is_present = {entry.dataset_digest for entry in found} == {dataset.digest}
    if not (is_whole and is_present and len(alike) == 1 and len({mark["temperature"] for mark in marks}) == 1):
        raise RunError(
            "these runs are not all repeats of one version on the present records",
            where=JOURNAL_FILE,
            got=f"{len(found)} of {len(runs)} are finished repeats: {shown(runs)}",
            remedy="ask again: workbench repeat",
        )
    return dict(found[0].identity)


def _answer(agent: str, estimates: Mapping[str, Estimate]) -> str:
    """Return how often the agent is right every time, one sentence."""
    times = sum(name.startswith("pass^") for name in estimates)
    every, once = estimates[pass_metric(times)], estimates[pass_metric(1)]
    if every.value is None or once.value is None:
        return f"{agent} was not asked about any record."
    return (
        f"{agent} is right all {times} times on {percent(every.value)} of {every.n:,} development records; "
        f"asked once, on {percent(once.value)}."
    )


MAKER = RepeatsMaker()
