"""What is computed of people: that they get what must reach them, and that they looked at it."""

from __future__ import annotations

import pandas as pd

from workbench.compliance.computed.telling import command_of, exhibit_or_why, not_evidenced, standing_of
from workbench.compliance.requirement import ComplianceGround, Computed
from workbench.evidence import Exhibit
from workbench.metrics import is_asked, is_automated
from workbench.pilot import NOT_PEOPLE, cell_text
from workbench.records import NamedCells, cells_in
from workbench.words import InputError, shown

HOLDOUT, REVIEWS = "holdout", "reviews"


def high_risk_escalated(ground: ComplianceGround) -> Computed:
    """Return whether every judged record of a high-risk category of the charter went to a person."""
    categories = ground.pilot.charter.high_risk
    if not categories:
        return not_evidenced("0 high-risk categories are named; charter.yaml says in high_risk which there are")
    found = exhibit_or_why(ground, "evaluation", command_of(ground, "evaluation"))
    if isinstance(found, Computed):
        return found
    alone = _automated(ground, found)
    if isinstance(alone, Computed):
        return alone
    outcomes, automated = alone
    untested, covered, missed = [], 0, list[str]()
    for category in categories:
        members = None
        if category.when is not None and ground.cells is not None:
            members = _members(category.when.column, category.when.values, ground.cells, outcomes)
        if members is None or not members.any():
            untested.append(category.id)
            continue
        covered += int(members.sum())
        missed += outcomes.index[(members & automated).to_numpy()].astype(str).tolist()
    evidence = (("evaluation", HOLDOUT), ("charter.yaml", "high_risk"))
    if missed:
        n = len(dict.fromkeys(missed))
        said = f"{n:,} of {covered:,} records of high-risk categories were decided without a person."
        return standing_of(said, evidence, missed)
    if untested:
        n = len(categories)
        said = f"{len(untested)} of {n} high-risk categories have no judged record: {shown(untested)}; label some."
        return not_evidenced(said, evidence)
    return standing_of(f"All {covered:,} records of {len(categories)} high-risk categories went to a person.", evidence)


def escalations_fire(ground: ComplianceGround) -> Computed:
    """Return whether every confirmed test case that expects an escalation got one."""
    label = ground.pilot.settings.escalate_label
    if label is None:
        return not_evidenced("no label stands for a person; pilot.yaml names it in escalate_label")
    found = exhibit_or_why(ground, "cases", command_of(ground, "cases"))
    if isinstance(found, Computed):
        return found
    cases = found.tables["cases"]
    cases = cases[cases["confirmed"] & cases["judged"] & cases["expected"].map(lambda one: _expects(one, label))]
    evidence = (("cases", "cases"),)
    if not len(cases):
        return not_evidenced(f"0 confirmed test cases expect {label}; sign some that do", evidence)
    missed = cases[cases["action"].map(lambda one: one != label)]
    said = f"{len(cases) - len(missed):,} of {len(cases):,} confirmed test cases that expect {label} got it."
    return standing_of(said, evidence, missed["case"].astype(str))


def human_oversight(ground: ComplianceGround) -> Computed:
    """Return whether a person looked at every judged decision that went to one, as reviews have it."""
    review = ground.exhibits.get("review")
    if review is None or REVIEWS not in review.tables:
        why = ground.absent.get("review", "no review of decisions by people has been held")
        return not_evidenced(f"{why}; reviews of the escalated decisions would show it")
    found = exhibit_or_why(ground, "evaluation", command_of(ground, "evaluation"))
    if isinstance(found, Computed):
        return found
    alone = _automated(ground, found)
    if isinstance(alone, Computed):
        return alone
    outcomes, automated = alone
    reviews = review.tables[REVIEWS]
    seen = set(reviews.loc[reviews["reviewer"].notna() & reviews["decision"].notna(), "record_id"].astype(str))
    escalated = outcomes.index[~automated.to_numpy()].astype(str)
    evidence = (("review", REVIEWS), ("evaluation", HOLDOUT))
    if not len(escalated):
        return not_evidenced("0 decisions went to a person, so that nobody could look at one", evidence)
    missed = [one for one in escalated if one not in seen]
    said = (
        f"{len(escalated) - len(missed):,} of {len(escalated):,} escalated decisions were decided by a named reviewer."
    )
    played = f" This was {NOT_PEOPLE}." if review.facts.get("played") else ""
    return standing_of(f"{said}{played}", evidence, missed)


def _automated(ground: ComplianceGround, exhibit: Exhibit) -> tuple[pd.DataFrame, pd.Series[bool]] | Computed:
    """Return the judged decisions that were asked for, and which of them are carried out without a person."""
    chosen = exhibit.facts[HOLDOUT].get("threshold")
    if chosen is None:
        return not_evidenced("no threshold was chosen, so nothing says which decisions go to a person")
    outcomes = exhibit.tables[HOLDOUT]
    outcomes = outcomes[is_asked(outcomes).to_numpy()]
    outcomes = outcomes.set_index("record_id", drop=False).rename_axis(index=None)
    return outcomes, is_automated(outcomes, float(chosen["threshold"]), ground.pilot.settings.escalate_label)


def _members(column: str, values: tuple[str, ...], cells: NamedCells, outcomes: pd.DataFrame) -> pd.Series[bool] | None:
    try:
        return cells_in(column, cells, outcomes).map(cell_text).isin(values)
    except (InputError, KeyError):
        return None


def _expects(expected: object, label: str) -> bool:
    return isinstance(expected, str) and f"action {label}" in expected.split("; ")
