"""Checks that are built in: a gate asks for them whatever gates.yaml says.

Every KPI: gate 2 can only be GO when each KPI of the charter has its own criterion, on all records. Development and
holdout: one version cannot be much better on records that nobody developed on than on those it was developed on, so a
gap beyond chance says that the holdout's labels were known, or that its records are others.
"""

from __future__ import annotations

import pandas as pd

from workbench.errors import shown
from workbench.gates.answer import Answer
from workbench.gates.criteria import Missing
from workbench.gates.facts import Facts
from workbench.gates.schema import GateSettings
from workbench.metrics import State, is_asked, is_right
from workbench.pilot.charter import charter_signatures, one_key_for_several, shared_keys_note, sharing_a_key
from workbench.stats import more_hits
from workbench.words import percent

LEAST_CHANCE = 1e-5  # below it a difference is not taken for chance


def right_of(outcomes: pd.DataFrame) -> tuple[int, int]:
    """Return how many of the decisions that were asked for are right, and how many were asked for."""
    asked = is_asked(outcomes).to_numpy()
    return int((is_right(outcomes).to_numpy() & asked).sum()), int(asked.sum())


def every_kpi(facts: Facts, gate: GateSettings) -> Answer:
    """Return whether each KPI of the charter has its own criterion in a gate, on all records."""
    kpis = [kpi.id for kpi in facts.pilot.charter.kpis]
    if not kpis:
        return Answer(State.UNPROVEN, "the charter has no KPI, so nothing was agreed to prove", "agree on KPIs, sign")
    held = {one.kpi for one in gate.criteria if not one.slice}
    left_out = [kpi for kpi in kpis if kpi not in held]
    if not left_out:
        return Answer(State.PASS, f"each of the charter's {len(kpis)} KPIs has its criterion, on all records")
    reason = f"{len(left_out)} of {len(kpis)} KPIs of the charter have no criterion on all records: {shown(left_out)}"
    return Answer(State.FAIL, reason, "put them into gates.yaml as `kpi: ...` without a slice")


def development(facts: Facts) -> Answer:
    """Return whether the judged version is better on the holdout than on development records beyond chance."""
    judged = facts.judged
    if judged is None:
        return Answer(State.UNPROVEN, facts.judged_note, "evaluate a version on the holdout")
    if judged.development is None:
        why = "this version has no run over all development records to hold the holdout against"
        return Answer(State.UNPROVEN, why, f"workbench evaluate {facts.pilot.name} --agent {judged.content['agent']}")
    before, now = right_of(judged.development[1]), right_of(judged.outcomes)
    said = f"right on {share_of(before)} development records and on {share_of(now)} holdout records"
    if more_hits(now, before) < LEAST_CHANCE:
        return Answer(
            State.FAIL,
            f"{said}: cannot be chance",
            "find out how it knows the holdout, or why the holdout is easier; then draw a new one",
        )
    if more_hits(before, now) < LEAST_CHANCE:
        return Answer(State.PASS, f"{said}: much worse there, so development records say too much of this version")
    return Answer(State.PASS, f"{said}: may be chance")


def distinct_keys(facts: Facts) -> Answer:
    """Return whether every role signed the charter with a key of its own, as far as the charter asks for that."""
    charter = facts.pilot.charter
    status = charter_signatures(facts.pilot.suite, charter, facts.pilot.name)
    if not status.is_complete:
        reason = f"{len(status.valid)} of {len(status.required)} roles that must sign the charter have signed it"
        missing = Missing(signatures=len(status.required) - len(status.valid))
        return Answer(State.UNPROVEN, reason, "have the charter signed by all", missing)
    fault = one_key_for_several(charter, status)
    if fault is None:
        each = f"each of the {len(status.valid)} roles signed with a key of its own"
        return Answer(State.PASS, shared_keys_note(charter, status) or each)
    groups = sharing_a_key(status)
    change = "everyone signs with a key of their own (workbench keys new FILE), or all sign `keys: shared`"
    missing = Missing(signatures=sum(len(group) - 1 for group in groups))
    details = tuple(f"key {group[0].key_id[:16]}: {', '.join(one.role for one in group)}" for group in groups)
    return Answer(State.UNPROVEN, fault, change, missing, details)


def share_of(counts: tuple[int, int]) -> str:
    """Return hits and of how many as text, such as "87.5% of 4,480"."""
    hits, n = counts
    return f"{percent(hits / n) if n else 'none'} of {n:,}"
