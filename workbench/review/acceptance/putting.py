"""The records of an acceptance session, put before its participants: unseen ones, some with a planted mistake."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.desk import Card, ReviewItem, ShownField, open_desk
from workbench.evidence import Exhibit, maker
from workbench.pilot import (
    ACCEPTANCE_FILE,
    REVIEW_FILE,
    AcceptanceSession,
    Pilot,
    QueueName,
    ReviewSettings,
    read_acceptance,
    read_review,
)
from workbench.records.splits import Dataset, Split
from workbench.review.acceptance.seen import acceptance_items, session_item_id
from workbench.review.carding import card_text
from workbench.words import InputError, shown

OK = "ok"
Decided = Mapping[Any, Any]  # a row of the evaluation's outcomes


@dataclass(frozen=True, slots=True)
class FilledSession:
    """What a session has on the desk: records in all, how many of them are new, with a planted mistake."""

    session: str
    agent: str
    records: int
    new: int
    planted: int


def fill_session(pilot: Pilot, dataset: Dataset, name: str, agent: str | None) -> FilledSession:
    """Put a session's records into the desk's queue `acceptance`; the same call again puts nothing twice.

    Records are those of the holdout that the agent's version was opened on: nobody developed on them, and it costs no
    further look at a label. Those that another session has already are not taken again.

    Raises
    ------
    InputError
        acceptance.yaml or review.yaml is missing or does not fit, the version was not opened on the holdout, a record
        was developed on, or too few unseen ones are left.
    """
    session, review = _session(pilot, name)
    judged = maker("evaluation").present(pilot, dataset, agent)
    if not isinstance(judged, Exhibit):
        raise InputError(
            "a session needs a version that was judged on the holdout: only those records are unseen",
            got=judged,
            remedy=f"workbench run {pilot.name}",
        )
    with open_desk(pilot) as desk:
        there = acceptance_items(desk, dataset)
        own = there[(there["session"] == name) & (there["agent"] == judged.about["agent"])]
        records = _records(session, dataset, judged, there, own)
        share = review.queue(QueueName.ACCEPTANCE).planted_share
        items = tuple(_items(pilot, dataset, judged, session, records, share))
        new = desk.put(items)
    planted = sum(one.planted is not None for one in items) + int(own["planted"].notna().sum())
    return FilledSession(name, str(judged.facts["holdout"]["agent"]), len(own) + len(records), new, planted)


def _session(pilot: Pilot, name: str) -> tuple[AcceptanceSession, ReviewSettings]:
    """Return a session and the people, after its group was held against its participants."""
    settings, review = read_acceptance(pilot.suite), read_review(pilot.suite)
    for file, found in ((ACCEPTANCE_FILE, settings), (REVIEW_FILE, review)):
        if found is None:
            raise InputError(
                f"there is no {file}", where=str(pilot.suite), remedy="write it (docs/how_to/acceptance.md)"
            )
    assert settings is not None
    assert review is not None
    session = settings.session(name)
    for person in session.participants:
        review.person(person)
    members = {one.id for one in review.people if session.group in one.groups}
    others = members ^ set(session.participants)
    if review.group(session.group) is None or others:
        raise InputError(
            f"the group of session {name} is not its participants",
            where=str(pilot.suite / REVIEW_FILE),
            got=f"{session.group}: {shown(sorted(members)) if members else 'no such group'}",
            expected=shown(session.participants),
            remedy="records go to a group: give the session one that has exactly its participants",
        )
    return session, review


def _records(
    session: AcceptanceSession, dataset: Dataset, judged: Exhibit, there: pd.DataFrame, own: pd.DataFrame
) -> list[str]:
    """Return the ids of the records that a session still needs."""
    opened = set(judged.tables["holdout"]["record_id"])
    if session.which != "unseen":
        _check_unseen(session.which, dataset, opened)
        return [one for one in session.which if one not in set(own["record_id"])]
    missing = session.n_records - len(own)
    free = [one for one in dataset.ids(Split.HOLDOUT) if one in opened and one not in set(there["record_id"])]
    if len(free) < missing:
        raise InputError(
            f"too few unseen records are left for session {session.id}",
            got=f"{len(free):,} that no session had",
            expected=f"{missing:,}",
            remedy="plan fewer records, or add new ones and judge the version on them",
        )
    return free[: max(missing, 0)]


def _check_unseen(named: Sequence[str], dataset: Dataset, opened: set[str]) -> None:
    known = dataset.splits.index
    developed = [one for one in named if one in known and dataset.splits[one] == Split.DEV.value]
    if developed:
        raise InputError(
            "a session may not have records that were developed on",
            where=ACCEPTANCE_FILE,
            got=shown(developed),
            expected="records of the holdout",
            remedy="`which: unseen` draws them",
        )
    closed = [one for one in named if one not in opened]
    if closed:
        raise InputError(
            "a session names records that this version was not judged on",
            where=ACCEPTANCE_FILE,
            got=shown(closed),
            expected="records of its opening",
        )


def _items(
    pilot: Pilot, dataset: Dataset, judged: Exhibit, session: AcceptanceSession, ids: Sequence[str], share: float
) -> Iterator[ReviewItem]:
    """Yield the items of records, each with the same id whenever it is made."""
    version, outcomes = judged.about["agent"], judged.tables["holdout"]
    decided: dict[str, Decided] = {str(row["record_id"]): row for row in outcomes.to_dict("records")}
    threshold = (judged.facts["holdout"].get("threshold") or {}).get("threshold")
    escalate = pilot.settings.escalate_label
    actions = tuple(dict.fromkeys((*dataset.labels, *((escalate,) if escalate else ()))))
    names = {one: session_item_id(session.id, version, one) for one in ids}
    planted = _planted(names, decided, share)
    for record in dataset.records(pd.Index(list(ids), dtype=object)):
        row = decided[record.id]
        told = planted.get(record.id, row)
        card = _card(record.id, record.fields, told, actions, threshold)
        yield ReviewItem(
            names[record.id],
            QueueName.ACCEPTANCE,
            record.id,
            session.group,
            card,
            planted=str(row["label"]) if record.id in planted else None,
            about={"session": session.id, "agent": version, "name": str(judged.facts["holdout"]["agent"])},
        )


def _planted(names: Mapping[str, str], decided: Mapping[str, Decided], share: float) -> dict[str, Decided]:
    """Return for some records, drawn by hash, another record's decision that is wrong for them.

    Only records that the agent is right on are taken, so that what is shown is wrong by the label; confidence and
    reason come with the foreign decision, so that nothing tells it from others.
    """
    right = [one for one in names if decided[one]["status"] == OK and decided[one]["action"] == decided[one]["label"]]
    order = sorted(right, key=lambda one: _hash("planted", names[one]))
    found: dict[str, Decided] = {}
    for one in order[: math.ceil(share * len(names))]:
        donors = [
            row
            for row in decided.values()
            if row["status"] == OK and row["action"] not in (decided[one]["label"], None)
        ]
        if donors:
            found[one] = min(donors, key=lambda row: _hash(names[one], str(row["record_id"])))
    return found


def _card(
    record: str,
    fields: Mapping[str, Any],
    told: Decided,
    actions: tuple[str, ...],
    threshold: float | None,
) -> Card:
    action = _given(told.get("action"))
    confidence = _given(told.get("confidence"))
    evidence = tuple(ShownField(name, card_text(value)) for name, value in fields.items() if value is not None)
    return Card(
        title=f"Record {record}",
        assessment="The agent gave no decision." if action is None else f"The agent would choose {action}.",
        actions=actions,
        recommended=action if action in actions else None,
        confidence=confidence,
        threshold=threshold,
        evidence=evidence,
        reasoning=_given(told.get("reason")) or "",
    )


def _given(value: Any) -> Any:
    """Return a cell, None where there is none."""
    return None if value is None or pd.isna(value) else value


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
