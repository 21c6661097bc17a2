"""What a gate can ask of the evaluation on the holdout besides an estimate.

Development and holdout: one version cannot be much better on records that nobody developed on than on those it was
developed on, so a gap beyond chance says that the holdout's labels were known, or that its records are others.
"""

from __future__ import annotations

from workbench.evaluation.certified import certified
from workbench.evaluation.judged import EVALUATION, judged_of, not_judged, right_of, share_of
from workbench.evaluation.rules import rule_results
from workbench.evidence import Answer, Check, Facts, Missing, Terms, unproven
from workbench.metrics import SELECTIVE_ACCURACY, State, is_asked
from workbench.stats import more_hits
from workbench.words import shown

LEAST_CHANCE = 1e-5  # below it a difference is not taken for chance


def _all_records(facts: Facts, _asked: Terms) -> Answer:
    judged_version = judged_of(facts)
    if judged_version is None:
        return not_judged(facts)
    n, judged = facts.population.n_holdout, int(is_asked(judged_version.outcomes).sum())
    if judged == n:
        return Answer(State.PASS, f"all {n:,} holdout records were judged")
    reason = f"{judged:,} of {n:,} holdout records were judged; {n - judged:,} were left out"
    return unproven(reason, f"evaluate on all holdout records (workbench run {facts.pilot.name})")


def _development(facts: Facts, _asked: Terms) -> Answer:
    """Return whether the judged version is better on the holdout than on development records beyond chance."""
    judged = judged_of(facts)
    if judged is None:
        return not_judged(facts)
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


def _escalation_rules(facts: Facts, asked: Terms) -> Answer:
    judged, at_least = judged_of(facts), asked.counts["at_least"]
    if judged is None:
        return not_judged(facts)
    charter, threshold = facts.pilot.charter, judged.threshold
    if not charter.high_risk and not charter.authority:
        why = "the charter names no high-risk category and no authority limit"
        return unproven(why, "name in charter.yaml what must always reach a person")
    if threshold is None:
        return unproven("there is no threshold, so nothing is decided without a person", "choose a threshold on dev")
    escalate = facts.pilot.settings.escalate_label
    results = rule_results(charter, facts.cells, judged.outcomes, threshold, escalate)
    missed = [one for one in results if one.missed]
    if missed:
        total = sum(len(one.missed) for one in missed)
        details = tuple(f"{one.rule}: {len(one.missed)} of {one.covered}: {shown(one.missed)}" for one in missed)
        reason = f"{len(missed)} of {len(results)} rules did not fire on {total:,} records decided without a person"
        change = "make the agent, or a hard rule, escalate these records"
        return Answer(State.FAIL, reason, change, Missing(version=True), details)
    thin = [one for one in results if one.covered is None or one.covered < at_least]
    if thin:
        details = tuple(f"{one.rule}: {one.covered or 0} of {at_least} cases" for one in thin)
        reason = f"{len(thin)} of {len(results)} rules have fewer than {at_least} test cases"
        more = sum(at_least - (one.covered or 0) for one in thin)
        return Answer(State.UNPROVEN, reason, "label more records of these rules", Missing(records=more), details)
    covered = sum(one.covered or 0 for one in results)
    return Answer(State.PASS, f"all {len(results)} rules fired on every one of {covered:,} test cases")


def _certified(facts: Facts, _asked: Terms) -> Answer:
    return certified(facts)


CHECKS = (
    Check(
        "all_records", "All holdout records judged", _all_records, gates=(2, 3), needs=EVALUATION, stops_counting=True
    ),
    Check("development", "Holdout no better than development", _development, gates=(2, 3), needs=EVALUATION, place=2),
    Check(
        "certified",
        "Threshold certified",
        _certified,
        needs=EVALUATION,
        on_targets=frozenset({SELECTIVE_ACCURACY}),
        is_at_this_rate=True,
    ),
    Check("escalation_rules", "Escalation rules all fire", _escalation_rules, {"at_least": 1}, needs=EVALUATION),
)
