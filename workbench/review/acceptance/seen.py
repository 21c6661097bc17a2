"""What the desk holds of acceptance sessions, as tables: its chain is checked first, and nobody is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.desk import AnswerKind, Desk, desk_path, open_desk
from workbench.evidence import Exhibit
from workbench.pilot import AcceptanceSettings, Pilot, QueueName, ReviewSettings, read_review
from workbench.records.splits import Dataset
from workbench.review.acceptance.counting import ANSWERS, FEEDBACK, ITEMS, PARTICIPANTS

MARK, BETWEEN = "acceptance", ":"  # how the id of an item begins, and what stands between its parts
ID_LENGTH = 12
KINDS: dict[str, dict[str, str]] = {
    "items": {"needs": "int64"},
    "answers": {"adjudicates": "bool", "seconds": "float64"},
}


@dataclass(frozen=True, slots=True)
class SessionsSeen:
    """Tables `items`, `answers`, `participants` and `feedback`; `played` says what decided where no person did."""

    tables: Mapping[str, pd.DataFrame]
    played: str | None = None


def session_item_id(session: str, version: str, record: str) -> str:
    """Return the id of a session's item: it tells session and version, and has the same for the same decision."""
    told = hashlib.sha256(f"{session}\n{version}\n{record}".encode()).hexdigest()[:16]
    return BETWEEN.join((MARK, session, version, told))


def seen_on_desk(
    pilot: Pilot, settings: AcceptanceSettings | None, dataset: Dataset, judged: Exhibit | None
) -> SessionsSeen:
    """Return what happened in acceptance sessions.

    Parameters
    ----------
    judged : Exhibit, optional
        The evaluation of the version that is judged: what it recommended on a record, where a card was decided without.

    Raises
    ------
    SignatureError
        A row of the desk was changed, dropped, moved or put in.
    """
    review = read_review(pilot.suite)
    if settings is None or review is None or not desk_path(pilot.runs).is_file():
        return SessionsSeen(_tables([], [], [], []), None if review is None else review.played)
    with open_desk(pilot) as desk:
        desk.check()
        items = acceptance_items(desk, dataset)
        answers = _answers(desk, items, judged)
        feedback = _feedback(desk, items)
        people = _participants(desk, settings, review)
    return SessionsSeen(_tables(items.to_dict("records"), answers, people, feedback), review.played)


def acceptance_items(desk: Desk, dataset: Dataset) -> pd.DataFrame:
    """Return the items of acceptance sessions that the desk has, a row each; see `counting.ITEMS`."""
    found = desk.items()
    rows = []
    for row in found[found["queue"] == QueueName.ACCEPTANCE.value].to_dict("records"):
        mark, session, version, *_ = (*str(row["item"]).split(BETWEEN), "", "")
        record = str(row["record_id"])
        split = str(dataset.splits[record]) if record in dataset.splits.index else None
        known = {"session": session, "agent": version} if mark == MARK else {"session": None, "agent": None}
        rows.append({**{name: row.get(name) for name in ITEMS}, **known, "record_id": record, "split": split})
    return _table("items", ITEMS, rows)


def desk_mark(pilot: Pilot) -> str:
    """Return a digest of what the desk holds of acceptance sessions; empty where there is no desk."""
    if read_review(pilot.suite) is None or not desk_path(pilot.runs).is_file():
        return ""
    with open_desk(pilot) as desk:
        answers, items, feedback = desk.answers(), desk.items(), desk.feedbacks()
    own = items.loc[items["queue"] == QueueName.ACCEPTANCE.value, "item"]
    said = [answers.loc[answers["item"].isin(own), "digest"], own, feedback.loc[feedback["item"].isin(own), "digest"]]
    text = json.dumps([[str(cell) for cell in part] for part in said])
    return hashlib.sha256(text.encode()).hexdigest()


def _answers(desk: Desk, items: pd.DataFrame, judged: Exhibit | None) -> list[dict[str, Any]]:
    """Return the answers that stand, each with what was recommended as far as that is known."""
    of = {str(row["item"]): row for row in items.to_dict("records")}
    actions: Mapping[Any, Any] = {}
    if judged is not None:
        actions = dict(judged.tables["holdout"][["record_id", "action"]].itertuples(index=False, name=None))
    found = desk.answers()
    rows = []
    for row in found[found["in_force"] & found["item"].isin(list(of))].to_dict("records"):
        item = of[str(row["item"])]
        recommended = row["action"] if row["kind"] == AnswerKind.APPROVE else None
        is_known = judged is not None and item["agent"] == judged.about["agent"] and item["planted"] is None
        if recommended is None and is_known:
            recommended = actions.get(item["record_id"])
        rows.append({
            **{name: item[name] for name in ("item", "session", "record_id", "agent", "split", "planted")},
            "reviewer": row["reviewer"], "kind": row["kind"], "recommended": recommended, "decision": row["action"],
            "seconds": float(row["decided"]) - float(row["opened"]), "adjudicates": bool(row["adjudicates"]),
        })  # fmt: skip
    return rows


def _feedback(desk: Desk, items: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what people said of items of sessions; its id is the beginning of its row's digest."""
    of = {str(row["item"]): row for row in items.to_dict("records")}
    found = desk.feedbacks()
    return [
        {
            **{name: of[str(row["item"])][name] for name in ("session", "agent", "record_id")},
            **{name: row[name] for name in ("reviewer", "kind", "text", "wants")},
            "feedback": str(row["digest"])[:ID_LENGTH],
            "severity": row["severity"] or None,
        }
        for row in found[found["item"].isin(list(of))].to_dict("records")
    ]


def _participants(desk: Desk, settings: AcceptanceSettings, review: ReviewSettings) -> list[dict[str, Any]]:
    """Return who takes part in each session as the rows call them; `user` is the same for ids with one name."""
    called = {one.id: one.id if review.names_shown else desk.pseudonym(one.id) for one in review.people}
    first: dict[str, str] = {}
    for one in review.people:
        first.setdefault(_plain(one.name), called[one.id])
    users = {one.id: first[_plain(one.name)] for one in review.people}
    roles = {one.id: one.role for one in settings.participants}
    return [
        {"session": session.id, "reviewer": called[name], "user": users[name], "role": roles[name]}
        for session in settings.sessions
        for name in session.participants
        if name in called
    ]


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _tables(
    items: list[Any], answers: list[Any], participants: list[Any], feedback: list[Any]
) -> dict[str, pd.DataFrame]:
    return {
        "items": _table("items", ITEMS, items),
        "answers": _table("answers", ANSWERS, answers),
        "participants": _table("participants", PARTICIPANTS, participants),
        "feedback": _table("feedback", FEEDBACK, feedback),
    }


def _table(name: str, columns: tuple[str, ...], rows: list[Any]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=list(columns), dtype=object)
    plain = made.where(made.notna(), None)
    return plain.astype(KINDS.get(name, {}))
