"""What a gate asks of the human workflow besides numbers: every rule and category reached people and came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.evidence import Answer, Check, Facts, Terms, unproven
from workbench.metrics import State
from workbench.pilot import Severity
from workbench.review.routing import Handing
from workbench.review.workflow.numbers import is_escalation
from workbench.review.workflow.tables import BETWEEN, FAULTS, ITEMS
from workbench.words import several, shown

REVIEW, EACH = "review", 3
RULE, CATEGORY = "rule", "category"
COMMAND = "workbench review report PILOT"
MOST_DETAILS = 40


@dataclass(frozen=True, slots=True)
class RequiredPath:
    """What must have been tried: an escalation rule, or a high-risk or authority category, and whom it goes to."""

    kind: str
    id: str
    to: str

    @property
    def text(self) -> str:
        """The path as a reader is told of it."""
        return f"{self.kind} {self.id}"


def required_paths(handing: Handing) -> tuple[RequiredPath, ...]:
    """Return every rule that hands over, and every category of the charter that goes to somebody."""
    rules = [RequiredPath(RULE, one.id, str(one.to)) for one in handing.escalation_rules()]
    return (*rules, *(RequiredPath(CATEGORY, one.id, one.to) for one in handing.categories))


def good_items(items: pd.DataFrame, path: RequiredPath) -> pd.DataFrame:
    """Return the escalations of a rule or category that went right from end to end, to whom that one names."""
    items = items[is_escalation(items) & items["good"] & (items["group"] == path.to)]
    if path.kind == RULE:
        return items[items["rule"] == path.id]
    is_in = items["categories"].map(lambda one: path.id in (one or "").split(BETWEEN))
    return items[is_in.astype(bool)]


def _human_workflow(facts: Facts, asked: Terms) -> Answer:
    """Return whether enough items of every rule and category were routed, answered and written back right."""
    exhibit, command = facts.exhibits.get(REVIEW), COMMAND.replace("PILOT", facts.pilot.name)
    if exhibit is None:
        return unproven(facts.absent[REVIEW], command)
    if not len(exhibit.tables[ITEMS]):
        return unproven("nothing was put to people", f"workbench review fill {facts.pilot.name} --agent NAME")
    grave = [one for one in exhibit.findings if one.severity is Severity.CRITICAL or one.kind == "wrong_group"]
    if grave:
        details = tuple(f"{one.title}: {one.evidence}" for one in grave)
        said = "; ".join(f"{one.n:,} {one.title[0].lower()}{one.title[1:]}" for one in grave)
        return Answer(State.FAIL, said, grave[0].remedy, details=details)
    faults = exhibit.tables[FAULTS]
    missed = tuple(faults.loc[~faults["caught"], "fault"])
    if missed:
        return Answer(State.UNPROVEN, f"the check misses planted faults here: {shown(missed)}",
                      "mend review.yaml so that each rule has people who may decide", details=missed)  # fmt: skip
    paths = [RequiredPath(*one) for one in exhibit.facts["required"]]
    if not paths:
        return unproven("process and charter name nothing that goes to a person", "name `to` in process.yaml")
    items, each = exhibit.tables[ITEMS], asked.counts["each"]
    return _answer(items, paths, each, facts.pilot.name)


def _answer(items: pd.DataFrame, paths: Sequence[RequiredPath], each: int, pilot: str) -> Answer:
    short = tuple(_short(items, paths, each))
    n = several(len(paths), "rule or category", "rules and categories")
    if short:
        reason = f"{len(short):,} of {n} lack items that were routed, answered and written back right"
        remedy = f"workbench review fill {pilot} --agent NAME, then decide them and workbench review carry-out {pilot}"
        return Answer(State.UNPROVEN, reason, remedy, details=short[:MOST_DETAILS])
    said = f"each of {n} has at least {each:,} items that reached the right group, were answered with authority "
    return Answer(State.PASS, said + "and written back once")


def _short(items: pd.DataFrame, paths: Sequence[RequiredPath], each: int) -> Iterator[str]:
    for path in paths:
        good = len(good_items(items, path))
        if good < each:
            yield f"{path.text}: {good:,} of {each:,}"


CHECKS = (
    Check("human_workflow", "Escalations reach people and come back", _human_workflow, {"each": EACH}, needs=REVIEW),
)
