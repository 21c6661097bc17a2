"""Acceptance by users as a maker of evidence: sessions on real work, from the desk, held against what was agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from workbench.desk import desk_path
from workbench.evidence import Agreed, Exhibit, Facts, Inputs, MadeBy, Maker, exhibit_folder, files_at, maker
from workbench.metrics import Estimate
from workbench.pilot import (
    ACCEPTANCE_FILE,
    NOT_PEOPLE,
    REVIEW_FILE,
    TRIAGE_FILE,
    AcceptanceSettings,
    Pilot,
    read_acceptance,
    read_review,
    read_triage,
)
from workbench.pilot.signing import document_digest, signature_files
from workbench.records.ledger import Opening, read_ledger
from workbench.records.splits import Dataset, Split, ledger_path
from workbench.review.acceptance.checks import CHECKS, COMMAND, NAME
from workbench.review.acceptance.counting import (
    SESSIONS,
    approvals_table,
    approves_everything,
    counted_answers,
    sessions_table,
)
from workbench.review.acceptance.findings import FEWEST_ISSUES, acceptance_findings
from workbench.review.acceptance.numbers import UNITS, estimates_of_acceptance, one_sided_estimate
from workbench.review.acceptance.seen import desk_mark, seen_on_desk
from workbench.review.acceptance.triage import OpenedVersions, triage_table
from workbench.words import SignatureError, percent, several, shown

TRIAGE, PEOPLE, NONE = "triage", "people", "none"
EVALUATION = "evaluation"
SEEN = ("items", "answers", "participants", "feedback")
FILES = {NAME: ACCEPTANCE_FILE, TRIAGE: TRIAGE_FILE, PEOPLE: REVIEW_FILE}


@dataclass(frozen=True, slots=True)
class AcceptanceRequest:
    """Of which agent, None for the one that was evaluated last."""

    agent: str | None = None


class AcceptanceMaker(Maker):
    """Whether people who do the work tried the agent on real work, and what they found."""

    name = NAME
    title = "acceptance by users"
    question = "Do the people who will work with the agent accept it?"
    how = "hold the acceptance sessions, then make the report"
    notebooks = ("09_acceptance",)
    command = COMMAND
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    counted = "answers in acceptance sessions"
    rests_on = (EVALUATION,)
    believed = (
        "who sat before the page in the acceptance sessions, and that two names are two people",
        "what the desk held when the acceptance report was made",
    )

    def make(self, pilot: Pilot, dataset: Dataset, request: AcceptanceRequest) -> Exhibit:
        """Read the sessions from the desk, hold them against acceptance.yaml and triage.yaml, leave the exhibit.

        Without acceptance.yaml, or before anything happened, the exhibit says so and proves nothing.

        Raises
        ------
        InputError
            acceptance.yaml, triage.yaml or review.yaml does not fit.
        SignatureError
            The desk's chain is broken; its row is named.
        """
        settings = read_acceptance(pilot.suite)
        evaluated = maker(EVALUATION).present(pilot, dataset, request.agent)
        judged = evaluated if isinstance(evaluated, Exhibit) else None
        about = {"records": dataset.digest, **_digests(pilot)}
        about |= {} if judged is None else {"agent": judged.about["agent"]}
        seen = seen_on_desk(pilot, settings, dataset, judged)
        facts = {
            "agent": request.agent or "" if judged is None else judged.facts["holdout"]["agent"],
            "not_judged": "" if judged is not None else str(evaluated),
            "asked": _asked(settings),
            "played": seen.played,
            "last": desk_mark(pilot),
        }
        exhibit = Exhibit(NAME, pilot.name, about, MadeBy.now(pilot.root), "", tables=dict(seen.tables), facts=facts)
        exhibit = _counted(exhibit, pilot, read_ledger(ledger_path(pilot)))
        exhibit.write(exhibit_folder(pilot, NAME))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last report; what was agreed and decided must be as it was, and nothing new on the desk.

        Raises
        ------
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        now = _digests(pilot)
        changed = [FILES[name] for name in FILES if left.about.get(name) != now[name]]
        if changed:
            return f"{' and '.join(changed)} changed since the last {self.title}; {self.remedy(pilot)}"
        if left.facts["last"] != desk_mark(pilot):
            is_there = desk_path(pilot.runs).is_file()
            why = f"people decided more since the last {self.title}" if is_there else "the desk that it counts is gone"
            return f"{why}; {self.remedy(pilot)}"
        of = left.facts["agent"]
        if agent is not None and of and agent != of:
            return f"the last {self.title} was of {of}; {self.remedy(pilot)} --agent {agent}"
        return left

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: the plan, triage, people, openings, what the desk holds."""
        pilot = inputs.pilot
        named = [pilot.suite / name for name in (ACCEPTANCE_FILE, TRIAGE_FILE, REVIEW_FILE)]
        signed = signature_files(pilot.suite, [ACCEPTANCE_FILE]).values()
        files = files_at(pilot.root, *named, *signed, ledger_path(pilot))
        return {**inputs.everything(), "files": files, "desk": desk_mark(pilot)}

    def leaves(self, pilot: Pilot) -> Sequence[Path]:
        """Return the exhibit."""
        return (exhibit_folder(pilot, NAME),)

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate whose bounds each hold at a level."""
        exhibit = facts.exhibits[NAME]
        return one_sided_estimate(metric, exhibit.tables, exhibit.about.get("agent"), level)

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that people tried."""
        exhibit = facts.exhibits[NAME]
        digest = exhibit.about.get("agent")
        return {"agent_digest": digest, "agent": exhibit.facts["agent"]} if digest else {}

    def judged(self, facts: Facts) -> str:
        """Return the version that people tried."""
        return str(facts.exhibits[NAME].facts["agent"])

    def remarks(self, facts: Facts) -> Sequence[str]:
        """Return that it was played, that too little was tried, and who approved everything."""
        return tuple(_remarks(facts.exhibits[NAME]))

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with everything counted again from what the desk held and what people decided.

        Raises
        ------
        SignatureError
            acceptance.yaml, triage.yaml or review.yaml is another one, a table does not follow, or what was recommended
            is not what the judged version decided.
        """
        now = _digests(facts.pilot)
        changed = [FILES[name] for name in FILES if exhibit.about.get(name) != now[name]]
        if changed:
            raise SignatureError("the acceptance report was of another file", got=shown(changed))
        review = read_review(facts.pilot.suite)
        if exhibit.facts["played"] != (None if review is None else review.played):
            raise SignatureError("the acceptance report says otherwise than review.yaml whether people decided")
        if exhibit.facts["asked"] != _asked(read_acceptance(facts.pilot.suite)):
            raise SignatureError("the acceptance report asks for something else than acceptance.yaml")
        judged = facts.exhibits.get(EVALUATION)
        if judged is not None:
            _check_recommended(exhibit, judged)
        again = _counted(exhibit, facts.pilot, facts.ledger[1])
        for name, table in again.tables.items():
            if name not in exhibit.tables or not _is_same(table, exhibit.tables[name]):
                raise SignatureError("a table of the acceptance report does not follow from its answers", got=name)
        return again


def _digests(pilot: Agreed) -> dict[str, str]:
    paths = {name: pilot.suite / file for name, file in FILES.items()}
    return {name: document_digest(path) if path.is_file() else NONE for name, path in paths.items()}


def _asked(settings: AcceptanceSettings | None) -> dict[str, int]:
    """Return how many sessions and users were agreed on."""
    if settings is None:
        return {"sessions": 0, "users": 0}
    return {"sessions": settings.least_sessions, "users": settings.least_users}


def _check_recommended(exhibit: Exhibit, judged: Exhibit) -> None:
    """Hold what people were shown against what the judged version decided on the records that it was opened on."""
    if judged.about["agent"] != exhibit.about.get("agent"):
        return
    outcomes = judged.tables["holdout"]
    actions = dict(outcomes[["record_id", "action"]].itertuples(index=False, name=None))
    answers = exhibit.tables["answers"]
    of_version = answers[(answers["agent"] == judged.about["agent"]) & (answers["split"] == Split.HOLDOUT.value)]
    for record, action, planted in of_version[["record_id", "recommended", "planted"]].itertuples(
        index=False, name=None
    ):
        if record not in actions:
            raise SignatureError(
                "an acceptance session has a record that the judged version was not opened on", got=str(record)
            )
        if pd.isna(planted) and (action or None) != (actions[record] or None):
            raise SignatureError("what people were shown is not what the judged version decided", got=str(record))


def _counted(exhibit: Exhibit, pilot: Agreed, openings: Sequence[Opening]) -> Exhibit:
    """Return an exhibit with everything that follows from what the desk held, the plan and what was decided."""
    settings, judged = read_acceptance(pilot.suite), exhibit.about.get("agent")
    tables = {name: exhibit.tables[name] for name in SEEN}
    feedback = tables["feedback"]
    issues = feedback[feedback["severity"].notna()]
    triage = triage_table(issues, read_triage(pilot.suite), OpenedVersions.of(openings), judged)
    if settings is None:
        sessions = pd.DataFrame(columns=list(SESSIONS)).astype({"held": bool})
    else:
        sessions = sessions_table(settings, tables, triage, judged)
    whole = {"sessions": sessions, **tables, TRIAGE: triage}
    estimates = estimates_of_acceptance(whole, judged)
    counted = replace(exhibit, tables=whole, estimates=estimates, findings=acceptance_findings(whole, judged), notes=())
    return replace(counted, notes=tuple(_notes(counted)), answer=_answer(counted))


def _remarks(exhibit: Exhibit) -> list[str]:
    played, triage, sessions = exhibit.facts["played"], exhibit.tables[TRIAGE], exhibit.tables["sessions"]
    said = [f"Acceptance was {NOT_PEOPLE}: {played}"] if played else []
    if sessions["held"].any() and len(triage) < FEWEST_ISSUES:
        said.append(
            f"Too little was tried: acceptance raised {several(len(triage), 'issue')}, {FEWEST_ISSUES} are usual"
        )
    counted = counted_answers(exhibit.tables["answers"], exhibit.tables["participants"], exhibit.about.get("agent"))
    blind = approves_everything(approvals_table(counted))
    if blind:
        said.append(
            f"{several(len(blind), 'participant')} approved everything, planted mistakes included: {shown(blind)}"
        )
    lower = triage[(triage["reported"] == "critical") & (triage["severity"] != "critical")]
    if len(lower):
        said.append(f"{several(len(lower), 'issue')} reported as critical was graded down: {shown(lower['feedback'])}")
    return said


def _notes(exhibit: Exhibit) -> list[str]:
    notes = [f"{one}." for one in _remarks(exhibit)]
    if exhibit.facts["not_judged"]:
        notes.append(f"No version is judged: {exhibit.facts['not_judged']}.")
    sessions = exhibit.tables["sessions"]
    n, caught = int(sessions["planted_shown"].sum()), int(sessions["planted_caught"].sum())
    if n:
        notes.append(
            f"Of {several(n, 'answer')} to planted wrong recommendations {caught:,} noticed it ({percent(caught / n)})."
        )
    return notes


def _answer(exhibit: Exhibit) -> str:
    """Return what acceptance came to, one sentence of at most 40 words."""
    sessions, estimates, triage = exhibit.tables["sessions"], exhibit.estimates, exhibit.tables[TRIAGE]
    if not len(sessions):
        return f"No acceptance session is planned: there is no {ACCEPTANCE_FILE}."
    held, users = (estimates[f"acceptance_{name}"].value or 0.0 for name in ("sessions", "users"))
    opened = estimates["acceptance_open_critical"].value or 0.0
    overrides = estimates["acceptance_override_rate"]
    rate = (
        ""
        if overrides.value is None
        else f"; users chose another action in {percent(overrides.value)} of {overrides.n:,} answers"
    )
    return (
        f"{held:,.0f} of {several(len(sessions), 'acceptance session')} held, {several(int(users), 'user')}{rate}; "
        f"{several(len(triage), 'issue')}, {opened:,.0f} critical open."
    )


def _is_same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    plain = [table.astype(object).where(table.notna(), None) for table in (one, other)]
    return list(one.columns) == list(other.columns) and plain[0].values.tolist() == plain[1].values.tolist()


ACCEPTANCE = AcceptanceMaker()
