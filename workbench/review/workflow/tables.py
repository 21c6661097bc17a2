"""What the desk holds of one version, as the tables that everything is judged from; no name of a person, no note."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from workbench.pilot import QueueName

ITEMS, REVIEWS, AGREEMENT, PLANTED, FAULTS = "items", "reviews", "agreement", "planted", "faults"
QUEUES = (QueueName.ESCALATIONS.value, QueueName.AUDIT.value)
NOTHING = "(nothing)"  # what was decided where a person said that nothing is to be done
BETWEEN = "; "
SEEN_ITEMS = {
    "item": object, "queue": object, "record_id": object, "split": object, "chosen": object, "group": object,
    "rule": object, "categories": object, "action": object, "reason": object, "recommended": object,
    "amount": float, "needs": "int64",
    "four_eyes": bool, "planted": bool, "right": object, "is_blind": bool, "settled": bool, "decided": object,
    "due": float, "overdue": bool, "receipt": bool, "carried_out_times": "int64",
}  # fmt: skip
SEEN_REVIEWS = {
    "record_id": object, "reviewer": object, "decision": object, "queue": object, "item": object, "kind": object,
    "reason": object, "group": object, "adjudicates": bool, "seconds": float, "planted": bool,
}  # fmt: skip


def seen_items(items: pd.DataFrame, agent_digest: str, held: Counter[str]) -> pd.DataFrame:
    """Return the items of one version in the queues that this is about, with how often the systems hold each.

    Parameters
    ----------
    items : DataFrame
        As `workbench.desk.Desk.items` gives them.
    """
    is_asked = items["queue"].isin(QUEUES) & items["about"].map(lambda one: one.get("agent_digest") == agent_digest)
    rows = [_item(row, held) for row in items[is_asked.astype(bool)].to_dict("records")]
    return typed_table(rows, SEEN_ITEMS)


def seen_reviews(answers: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Return the answers in force to some items, in the order of the chain.

    Parameters
    ----------
    answers : DataFrame
        As `workbench.desk.Desk.answers` gives them.
    items : DataFrame
        As `seen_items` gives them.
    """
    planted = dict(zip(items["item"], items["planted"], strict=True))
    stands = answers["in_force"].astype(bool) & answers["item"].isin(items["item"])
    rows = [
        {
            **{name: row[name] for name in ("record_id", "reviewer", "queue", "item", "kind", "reason", "group")},
            "decision": NOTHING if row["action"] is None or pd.isna(row["action"]) else row["action"],
            "adjudicates": bool(row["adjudicates"]),
            "seconds": float(row["decided"]) - float(row["opened"]),
            "planted": planted[row["item"]],
        }
        for row in answers[stands].to_dict("records")
    ]
    return typed_table(rows, SEEN_REVIEWS)


def typed_table(rows: list[dict[str, Any]], kinds: dict[str, Any]) -> pd.DataFrame:
    """Return rows as a table with the columns' own types, also where there is none."""
    table = pd.DataFrame(rows, columns=list(kinds), dtype=object)
    table = table.where(table.notna(), None)
    return table.astype({name: kind for name, kind in kinds.items() if kind is not object})


def _item(row: dict[Any, Any], held: Counter[str]) -> dict[str, Any]:
    about, is_settled = row["about"], row["standing"] == "complete"
    decided = (NOTHING if row["action"] is None else row["action"]) if is_settled else None
    return {
        **{name: row[name] for name in ("item", "queue", "record_id", "group", "amount", "recommended", "is_blind")},
        **{name: about.get(name) for name in ("split", "chosen", "rule", "action", "reason")},
        "categories": BETWEEN.join(about.get("categories", ())),
        "needs": row["needs"],
        "four_eyes": row["four_eyes"],
        "planted": row["planted"] is not None,
        "right": row["planted"],
        "settled": is_settled,
        "decided": decided,
        "due": row["due"],
        "overdue": row["is_overdue"],
        "receipt": row["receipt"] is not None,
        "carried_out_times": held[row["item"]],
    }
