"""Where the findings of a pilot's audits stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.commands.screen import say
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table
from workbench.words import several

if TYPE_CHECKING:
    from workbench.audit import FollowedFinding


def print_followed(rows: Sequence[FollowedFinding], *, details: bool = False) -> None:
    """Print how many findings are in which state, and each with its owner; what is gone with `details` only."""
    counts = Counter(one.state.value for one in rows)
    there = [one for one in rows if one.state.value != "mended"]
    open_ones = sum(not one.owner or bool(one.fault) for one in there)
    said = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    verb = "has" if open_ones == 1 else "have"
    say(f"{several(len(rows), 'finding')}: {said}. {open_ones:,} {verb} no owner, no signature, or a day that is over.")
    shown = rows if details else there
    if not shown:
        return
    columns = (
        TextColumn("finding"),
        of_names("severity", 1),
        TextColumn("state"),
        of_names("since"),
        TextColumn("owner"),
        TextColumn("decision"),
        of_names("id", 2),
    )
    show_table("Findings", TextTable(columns, tuple(map(_row, shown))), details=details)


def _row(one: FollowedFinding) -> tuple[str, ...]:
    first = f" (first {one.first})" if one.state.value == "back again" else ""
    decision = " until ".join(filter(None, (one.decision, "" if one.until is None else one.until.isoformat())))
    return (
        one.title or "known from findings.yaml only",
        one.severity,
        f"{one.state.value}{first}",
        one.since,
        one.owner or "nobody yet",
        f"{decision} ({one.fault})" if one.fault else decision or "none yet",
        one.id,
    )
