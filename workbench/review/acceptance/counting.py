"""Which answers of the desk count for acceptance, which sessions were held, and whether people looked."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from workbench.desk import AnswerKind
from workbench.pilot import AcceptanceQuestion, AcceptanceSession, AcceptanceSettings
from workbench.records.splits import Split
from workbench.review.acceptance.triage import IssueState
from workbench.words import several

ANSWERS = (
    "item", "session", "record_id", "agent", "split", "reviewer", "kind", "recommended", "decision", "seconds",
    "planted", "adjudicates",
)  # fmt: skip
ITEMS = ("item", "session", "record_id", "agent", "split", "needs", "planted")
FEEDBACK = ("feedback", "session", "record_id", "agent", "reviewer", "kind", "severity", "text", "wants")
PARTICIPANTS = ("session", "reviewer", "user", "role")
SESSIONS = (
    "session", "day", "planned", "decided", "answers", "users", "overrides", "issues", "planted_shown",
    "planted_caught", "unanswered", "held", "why",
)  # fmt: skip
FEW_ANSWERS = 5  # whoever approved fewer may have met right recommendations only
OTHER_VERSION, STRANGER, DEVELOPED = "of another version", "not by a participant", "on records that were developed on"
ADJUDICATION = "adjudications"


def left_out(answers: pd.DataFrame, participants: pd.DataFrame, judged: str | None) -> pd.Series[str]:
    """Return for each answer why it does not count for the judged version, empty where it does."""
    known = set(participants[["session", "reviewer"]].itertuples(index=False, name=None))
    causes = []
    for session, agent, split, reviewer, adjudicates in answers[
        ["session", "agent", "split", "reviewer", "adjudicates"]
    ].itertuples(index=False, name=None):
        if agent != judged:
            causes.append(OTHER_VERSION)
        elif split != Split.HOLDOUT.value:
            causes.append(DEVELOPED)
        elif adjudicates:
            causes.append(ADJUDICATION)
        else:
            causes.append("" if (session, reviewer) in known else STRANGER)
    return pd.Series(causes, index=answers.index, dtype=object)


def counted_answers(answers: pd.DataFrame, participants: pd.DataFrame, judged: str | None) -> pd.DataFrame:
    """Return the answers that count: participants' own, on the judged version and records nobody developed on."""
    return answers[left_out(answers, participants, judged) == ""]


def is_override(answers: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each answer is another action than the recommended one; nothing at all is another one too."""
    is_same = answers["decision"].notna() & (answers["decision"] == answers["recommended"])
    return ~is_same & (answers["kind"] != AnswerKind.APPROVE.value)


def sessions_table(
    settings: AcceptanceSettings, tables: dict[str, pd.DataFrame], triage: pd.DataFrame, judged: str | None
) -> pd.DataFrame:
    """Return what became of each planned session; `why` says why one that is not `held` is not.

    Parameters
    ----------
    tables : dict
        `items`, `answers`, `participants` and `feedback`.
    triage : DataFrame
        Issues, as `triage_table` gives them.
    """
    rows = [_session_row(one, tables, set(triage["feedback"]), judged) for one in settings.sessions]
    return pd.DataFrame(rows, columns=list(SESSIONS)).astype({"held": bool})


def _session_row(
    session: AcceptanceSession, tables: dict[str, pd.DataFrame], issues: set[str], judged: str | None
) -> tuple[object, ...]:
    items, answers, feedback = (
        table[(table["session"] == session.id) & (table["agent"] == judged)]
        for table in (tables["items"], tables["answers"], tables["feedback"])
    )
    causes = left_out(answers, tables["participants"], judged)
    counted = answers[causes == ""]
    planted = counted[counted["planted"].notna()]
    given = counted.groupby("item")["reviewer"].nunique()
    is_decided = items["item"].map(given).fillna(0) >= items["needs"]
    decided = int(items.loc[is_decided, "record_id"].nunique())
    users = tables["participants"].set_index(["session", "reviewer"])["user"]
    who = {users.loc[(session.id, one)] for one in counted["reviewer"]}
    whys = list(_why_not(session, items, causes, decided))
    open_questions = silent_questions(feedback, tables["participants"])
    return (
        session.id, session.day.isoformat(), session.n_records, decided, len(counted), len(who),
        int(is_override(counted[counted["planted"].isna()]).sum()), int(feedback["feedback"].isin(issues).sum()),
        len(planted), int(is_override(planted).sum()), "; ".join(open_questions) or None, not whys,
        "; ".join(whys) or None,
    )  # fmt: skip


def _why_not(session: AcceptanceSession, items: pd.DataFrame, causes: pd.Series[str], decided: int) -> Iterator[str]:
    developed = int((items["split"] != Split.HOLDOUT.value).sum())
    if developed:
        yield f"{several(developed, 'record')} {'was' if developed == 1 else 'were'} developed on"
    strange = int((causes == STRANGER).sum())
    if strange:
        yield f"{several(strange, 'answer')} by somebody who is no participant"
    if decided < session.n_records:
        yield f"{decided:,} of {session.n_records:,} records decided"


def silent_questions(feedback: pd.DataFrame, participants: pd.DataFrame) -> list[str]:
    """Return the questions that no participant of a session answered."""
    known = set(participants[["session", "reviewer"]].itertuples(index=False, name=None))
    answered = {
        kind
        for session, reviewer, kind in feedback[["session", "reviewer", "kind"]].itertuples(index=False, name=None)
        if (session, reviewer) in known
    }
    return [one.text for one in AcceptanceQuestion if one.value not in answered]


def users_of(sessions: pd.DataFrame, answers: pd.DataFrame, participants: pd.DataFrame) -> set[str]:
    """Return the different people whose answers count in sessions that were held; two ids of one name are one."""
    held = set(sessions.loc[sessions["held"], "session"])
    pairs = answers.loc[answers["session"].isin(held), ["session", "reviewer"]].drop_duplicates()
    return set(pairs.merge(participants, on=["session", "reviewer"])["user"])


def approvals_table(answers: pd.DataFrame) -> pd.DataFrame:
    """Return for each reviewer: answers, approvals, planted recommendations shown and caught."""
    rows = []
    for reviewer, part in answers.groupby("reviewer", sort=True):
        planted = part[part["planted"].notna()]
        approved = int((~is_override(part)).sum())
        rows.append((reviewer, len(part), approved, len(planted), int(is_override(planted).sum())))
    return pd.DataFrame(rows, columns=["reviewer", "answers", "approved", "planted_shown", "planted_caught"])


def approves_everything(reviewers: pd.DataFrame) -> list[str]:
    """Return who approved all that they were shown, planted mistakes included."""
    is_blind = (reviewers["approved"] == reviewers["answers"]) & (reviewers["planted_shown"] > 0)
    return [str(one) for one in reviewers.loc[is_blind & (reviewers["answers"] >= FEW_ANSWERS), "reviewer"]]


def doubled_users(participants: pd.DataFrame) -> list[str]:
    """Return the people who take part under more than one id."""
    ids = participants.groupby("user")["reviewer"].nunique()
    return [str(one) for one in ids.index[ids > 1]]


def n_open_critical(triage: pd.DataFrame) -> int:
    """Return how many critical issues are open."""
    return int(((triage["severity"] == "critical") & (triage["state"] == IssueState.OPEN.value)).sum())
