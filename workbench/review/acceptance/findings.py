"""What acceptance by users shows to be wrong: with the agent, and with how it was tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from workbench.evidence import Finding
from workbench.pilot import Severity
from workbench.review.acceptance.counting import (
    approvals_table,
    approves_everything,
    counted_answers,
    doubled_users,
)
from workbench.review.acceptance.triage import IssueState
from workbench.words import several, shown

FEWEST_ISSUES = 5


def acceptance_findings(tables: Mapping[str, pd.DataFrame], judged: str | None) -> tuple[Finding, ...]:
    """Return the findings, the gravest first."""
    counted = counted_answers(tables["answers"], tables["participants"], judged)
    found = [
        *_of_issues(tables["triage"], tables["feedback"]),
        *_of_sessions(tables["sessions"]),
        *_of_people(approvals_table(counted), tables["participants"]),
    ]
    return tuple(sorted(found, key=lambda one: list(Severity).index(one.severity)))


def _of_issues(triage: pd.DataFrame, feedback: pd.DataFrame) -> Iterator[Finding]:
    texts = dict(feedback[["feedback", "text"]].itertuples(index=False, name=None))
    still_open = triage[triage["state"] == IssueState.OPEN.value]
    for row in still_open.to_dict("records"):
        yield Finding(
            id=f"issue-{row['feedback']}", kind="issue", severity=Severity(row["severity"]),
            title=f"Issue {row['feedback']} is open: {row['why']}",
            evidence=str(texts.get(row["feedback"]) or "")[:300], owner=str(row["owner"] or ""),
            consequence="who tried the agent on real work said so, and nothing mended it yet",
            remedy="decide on it, mend it, and name the version (workbench acceptance triage)",
        )  # fmt: skip


def _of_sessions(sessions: pd.DataFrame) -> Iterator[Finding]:
    for row in sessions[~sessions["held"] & (sessions["answers"] > 0)].to_dict("records"):
        yield Finding(
            id=f"session-{row['session']}", kind="session", severity=Severity.MEDIUM,
            title=f"Session {row['session']} does not count: {row['why']}", where=(str(row["session"]),),
            n=int(row["decided"]), of=int(row["planned"]),
            consequence="what was said in it is kept, and it proves nothing of the agent",
            remedy="finish it, or hold it again with its participants and unseen records",
        )  # fmt: skip


def _of_people(reviewers: pd.DataFrame, participants: pd.DataFrame) -> Iterator[Finding]:
    blind = set(approves_everything(reviewers))
    for row in reviewers[reviewers["reviewer"].isin(blind)].to_dict("records"):
        name = str(row["reviewer"])
        yield Finding(
            id=f"approves-{name}", kind="automation bias", severity=Severity.HIGH,
            title=f"Participant {name} approved everything, planted mistakes included", where=(name,),
            n=0, of=int(row["planted_shown"]),
            evidence=f"{several(int(row['answers']), 'answer')}, all approvals",
            consequence="their approvals say nothing of whether the agent is right",
            remedy="talk with them, and hold the session again",
        )  # fmt: skip
    for name in doubled_users(participants):
        ids = sorted(participants.loc[participants["user"] == name, "reviewer"].unique())
        yield Finding(
            id=f"twice-{name}", kind="participants", severity=Severity.HIGH,
            title="One person takes part under several ids, and counts once", where=tuple(ids),
            n=len(ids), evidence=f"one name in review.yaml: {shown(ids)}",
            consequence="two answers to a record may be one person's, so that they agree with themselves",
            remedy="give every person one id in review.yaml",
        )  # fmt: skip
