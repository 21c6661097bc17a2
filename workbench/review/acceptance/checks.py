"""What Gate 3 asks of acceptance: sessions held by enough people, their questions answered, no critical issue open."""

from __future__ import annotations

import pandas as pd

from workbench.evidence import Agreed, Answer, Check, Exhibit, Facts, Missing, Terms, unproven
from workbench.metrics import State
from workbench.pilot import ACCEPTANCE_FILE, read_acceptance
from workbench.pilot.signing import document_signatures
from workbench.review.acceptance.counting import counted_answers, users_of
from workbench.review.acceptance.triage import IssueState
from workbench.words import several

NAME = "acceptance"
COMMAND = "workbench acceptance report PILOT"


def _acceptance(facts: Facts, _asked: Terms) -> Answer:
    """Return whether users tried the judged version on real work as agreed, and left no critical issue open."""
    exhibit, pilot = facts.exhibits.get(NAME), facts.pilot
    if exhibit is None:
        return unproven(facts.absent[NAME], COMMAND.replace("PILOT", pilot.name))
    if exhibit.about[NAME] == "none":
        return unproven(f"there is no {ACCEPTANCE_FILE}", f"agree on sessions in {ACCEPTANCE_FILE}, and sign it")
    opened = open_critical(exhibit)
    if opened:
        reason = f"{several(len(opened), 'critical issue')} {'is' if len(opened) == 1 else 'are'} open: {opened[0]}"
        return Answer(State.FAIL, reason, "mend it, and name the version that does", Missing(version=True), opened)
    unsigned = plan_fault(pilot)
    if unsigned:
        return Answer(State.UNPROVEN, unsigned, f"have {ACCEPTANCE_FILE} signed", Missing(signatures=1))
    return _held(exhibit)


def _held(exhibit: Exhibit) -> Answer:
    """Return whether enough sessions were held by enough people, and their questions answered."""
    sessions, participants, asked = exhibit.tables["sessions"], exhibit.tables["participants"], exhibit.facts["asked"]
    held = sessions[sessions["held"]]
    users = len(users_of(sessions, _counted(exhibit), participants))
    not_held = sessions[~sessions["held"]]
    whys = tuple(f"{name}: {why}" for name, why in not_held[["session", "why"]].itertuples(index=False, name=None))
    if len(held) < asked["sessions"]:
        reason = f"{len(held)} of {several(asked['sessions'], 'session')} held; {whys[0]}"
        return Answer(State.UNPROVEN, reason, "hold the sessions", details=whys)
    if users < asked["users"]:
        return unproven(
            f"{users} of {several(asked['users'], 'user')} decided in sessions", "let more people take part"
        )
    silent = held[held["unanswered"].notna()]
    if len(silent):
        said = tuple(f"{row['session']}: {row['unanswered']}" for row in silent.to_dict("records"))
        return Answer(State.UNPROVEN, f"a question was not answered in session {said[0]}", "ask it", details=said)
    issues = several(len(exhibit.tables["triage"]), "issue")
    return Answer(
        State.PASS, f"{several(len(held), 'session')} held by {several(users, 'user')}; {issues}, no critical one open"
    )


def _counted(exhibit: Exhibit) -> pd.DataFrame:
    return counted_answers(exhibit.tables["answers"], exhibit.tables["participants"], exhibit.about.get("agent"))


def open_critical(exhibit: Exhibit) -> tuple[str, ...]:
    """Return the critical issues that are open, each with why."""
    table = exhibit.tables["triage"]
    found = table[(table["severity"] == "critical") & (table["state"] == IssueState.OPEN.value)]
    return tuple(f"{name} ({why})" for name, why in found[["feedback", "why"]].itertuples(index=False, name=None))


def plan_fault(pilot: Agreed) -> str:
    """Return why acceptance.yaml does not count as agreed, empty where its owner signed it as it is now."""
    settings = read_acceptance(pilot.suite)
    if settings is None:
        return f"there is no {ACCEPTANCE_FILE}"
    owner = settings.owner
    status = document_signatures(pilot.suite, ACCEPTANCE_FILE, [owner.role], pilot.name)
    for one in status.valid:
        if one.name != owner.name:
            return f"{ACCEPTANCE_FILE} is signed by {one.name}, not by {owner.name}"
    if status.is_complete:
        return ""
    why = status.invalid.get(owner.role, "no signature")
    return f"{ACCEPTANCE_FILE} is not signed by the {owner.role} ({why})"


CHECKS = (Check("acceptance", "Acceptance", _acceptance, needs=NAME),)
