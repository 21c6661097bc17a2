import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from gate_pilots import CHARTER, facts_of, finding, gate, gate_pilot, outcomes_of, result, write_audit, write_evaluation
from statsmodels.stats.proportion import proportion_confint

from workbench.evidence import Missing
from workbench.gates.judging import judged_criteria
from workbench.gates.remedy import BETTER_VERSION
from workbench.metrics import CertificationSettings, EvaluationSettings, State, certify_outcomes, estimate_of
from workbench.metrics.certified import certified_accuracy
from workbench.metrics.prospects import what_would_do
from workbench.words import InputError

CHARGED = 2 * 0.05 * 2 / 3
RIGHT = [{"id": "right", "kpi": "right"}]
RULES = [{"id": "rules", "check": "escalation_rules", "at_least": 3}]
AUDITED = [
    {"id": "limits", "check": "audit_limits"},
    {"id": "owned", "check": "issues_owned", "at_least": 2},
    {"id": "filled", "metric": "complete_records", "operator": ">=", "target": 0.9},
]


# The first opening is charged two thirds of the 5%. Exact bounds of 400 records, each at 96.67%, by statsmodels'
# proportion_confint(k, 400, 2 * 0.05 * 2 / 3, "beta"): 380 right (0.927, 0.968), 360 right (0.869, 0.925), 300 right
# (0.708, 0.789). The target is 0.9.
@pytest.mark.parametrize(("n_wrong", "state"), [(20, State.PASS), (40, State.UNPROVEN), (100, State.FAIL)])
def test_a_kpi_passes_only_when_its_whole_interval_is_good(tmp_path: Path, n_wrong: int, state: State) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT))
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(n_wrong)))
    found = result(pilot, "right")
    assert found.state is state
    assert found.estimate is not None
    assert found.estimate.value == 1 - n_wrong / 400
    assert (found.would_change == "") == (state is State.PASS)


def test_a_share_above_its_target_says_how_many_records_would_settle_it(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT))
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(36)))  # 91% right
    found = result(pilot, "right")
    assert found.state is State.UNPROVEN
    assert found.missing.records is not None
    n = 400 + found.missing.records
    assert proportion_confint(math.floor(0.91 * n), n, CHARGED, "beta")[0] >= 0.9
    assert proportion_confint(math.floor(0.91 * (n - 100)), n - 100, CHARGED, "beta")[0] < 0.9
    assert found.missing.days == -(-found.missing.records // 100)


def test_a_share_below_its_target_asks_for_a_better_version_instead_of_records(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT))
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(44)))  # 89% right
    found = result(pilot, "right")
    assert (found.state, found.missing) == (State.UNPROVEN, Missing(version=True))
    assert found.would_change == "a better version is needed; records alone cannot pass"


def test_a_kpi_is_unproven_without_an_evaluation(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT))
    found = result(pilot, "right")
    assert found.state is State.UNPROVEN
    assert "no version has been evaluated on the holdout" in found.reason


def test_a_slice_is_judged_by_its_own_records(tmp_path: Path) -> None:
    edge = [{"id": "edge", "metric": "accuracy", "operator": ">=", "target": 0.9, "slice": {"class": "edge"}}]
    pilot = gate_pilot(tmp_path, gate([*edge, *RIGHT]))
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(1, 61, 3)))  # 20 wrong, all of class edge
    assert result(pilot, "right").state is State.PASS
    found = result(pilot, "edge")
    assert found.estimate is not None
    assert found.estimate.n == 133
    assert found.state is not State.PASS


def test_a_slice_that_no_record_is_in_is_unproven(tmp_path: Path) -> None:
    none = [{"id": "none", "metric": "accuracy", "operator": ">=", "target": 0.1, "slice": {"class": "weird"}}]
    pilot = gate_pilot(tmp_path, gate(none))
    write_evaluation(pilot, outcomes_of(pilot))
    assert result(pilot, "none").state is State.UNPROVEN


def test_a_latency_of_few_calls_says_how_many_more_it_needs(tmp_path: Path) -> None:
    p99 = [{"id": "slow", "metric": "latency_p99_s", "operator": "<=", "target": 1.0}]
    pilot = gate_pilot(tmp_path, gate(p99), n=60)
    write_evaluation(pilot, outcomes_of(pilot))
    found = result(pilot, "slow")
    assert found.state is State.UNPROVEN
    assert 0.99**299 <= 0.05 < 0.99**298
    assert found.missing.records == 299 - 60


def test_rules_pass_when_every_covered_record_reached_a_person(tmp_path: Path) -> None:
    charter = {**CHARTER, "authority": []}
    pilot = gate_pilot(tmp_path, gate(RULES), charter)
    write_evaluation(pilot, outcomes_of(pilot))
    found = result(pilot, "rules")
    assert (found.state, found.reason) == (State.PASS, "all 1 rules fired on every one of 40 test cases")


def test_one_record_that_slipped_through_fails_the_rules_and_is_named(tmp_path: Path) -> None:
    charter = {**CHARTER, "authority": []}
    pilot = gate_pilot(tmp_path, gate(RULES), charter)
    write_evaluation(pilot, outcomes_of(pilot, wrong=[20]))  # a disputed record, approved with confidence 0.9
    found = result(pilot, "rules")
    assert found.state is State.FAIL
    assert found.details == ("dispute: 1 of 40: 'R0020'",)


def test_a_rule_without_test_cases_is_unproven(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(RULES))  # no amount is above 900
    write_evaluation(pilot, outcomes_of(pilot))
    found = result(pilot, "rules")
    assert (found.state, found.details) == (State.UNPROVEN, ("limit: 0 of 3 cases",))


def test_a_rule_on_numbers_covers_the_records_that_hold_them(tmp_path: Path) -> None:
    rule = {"id": "r", "description": "r", "when": {"column": "amount", "values": [103]}}
    pilot = gate_pilot(tmp_path, gate(RULES), {**CHARTER, "high_risk": [rule], "authority": []})
    write_evaluation(pilot, outcomes_of(pilot))
    found = result(pilot, "rules")
    assert found.state is State.FAIL
    # every seventh of 400 records, of which every tenth (10, 80, 150, 220, 290, 360) is disputed and reached a person
    assert found.details[0].startswith("r: 51 of 57: 'R0003', 'R0017', 'R0024', 'R0031', 'R0038'")


def test_a_rule_on_a_column_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    rule = {"id": "r", "description": "r", "when": {"column": "nothing", "values": ["x"]}}
    pilot = gate_pilot(tmp_path, gate(RULES), {**CHARTER, "high_risk": [rule]})
    write_evaluation(pilot, outcomes_of(pilot))
    with pytest.raises(InputError, match="a column that is unknown or ignored"):
        result(pilot, "rules")


def test_an_audit_without_severe_findings_passes(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(AUDITED))
    write_audit(pilot, [finding("medium"), finding("low")])
    assert [result(pilot, name).state for name in ("limits", "owned", "filled")] == [State.PASS] * 3


def test_a_severe_finding_blocks_and_one_without_owner_is_open(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(AUDITED))
    write_audit(pilot, [finding("high"), finding("low", owner=None)], filled=(300, 400))
    limits, owned, filled = (result(pilot, name) for name in ("limits", "owned", "filled"))
    assert (limits.state, owned.state, filled.state) == (State.FAIL, State.FAIL, State.FAIL)
    assert limits.details == ("empty-high (high): Amounts are empty; Bo",)
    assert owned.details == ("empty-low (low): Amounts are empty; no owner",)


def test_which_severities_block_is_for_the_gate_to_say(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(AUDITED, blocking=["critical"]))
    write_audit(pilot, [finding("high")])
    assert result(pilot, "limits").state is State.PASS


def test_without_an_audit_its_criteria_are_unproven(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(AUDITED))
    assert {one.state for one in judged_criteria(facts_of(pilot), 1)} == {State.UNPROVEN}


def test_too_few_holdout_records_cannot_prove_the_kpis(tmp_path: Path) -> None:
    fit = [{"id": "fit", "check": "sample_fitness"}]
    charter = {**CHARTER, "kpis": [{"id": "sure", "metric": "selective_accuracy", "operator": ">=", "target": 0.992}]}
    found = result(gate_pilot(tmp_path / "few", gate(fit), charter, n=423), "fit")
    assert (found.state, found.missing.records) == (State.FAIL, 1)  # 0.992 ** 424 <= 0.05 * 2 / 3 < 0.992 ** 423
    enough = result(gate_pilot(tmp_path / "enough", gate(fit), charter, n=424), "fit")
    assert enough.state is State.PASS
    assert enough.reason.endswith("for an 80% chance of a good agent 2,272 more are needed")  # 2,696 by binomial sums


def test_evidence_that_nobody_has_made_yet_is_unproven(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([{"id": "acceptance", "check": "acceptance"}]))
    found = result(pilot, "acceptance")
    assert found.state is State.UNPROVEN
    assert found.reason == "no acceptance by users has been run; workbench acceptance report small"


def test_labels_that_look_missing_are_read_as_they_are(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT))
    answers = pd.Series(["NA" if i % 2 else "null" for i in range(400)])
    write_evaluation(pilot, outcomes_of(pilot, label=answers, action=answers))
    found = result(pilot, "right")
    assert found.estimate is not None
    assert found.estimate.value == 1.0


def certificate(**changes: object) -> dict[str, object]:
    return {
        "threshold": 0.5, "automation_rate": 0.9, "accuracy_lower": 0.93, "records_needed": 0, "n": 400,
        "n_automated": 360, "n_wrong": 9, "target": 0.9, "confidence_level": 0.9667, **changes,
    }  # fmt: skip


def test_a_certified_threshold_passes_and_one_that_is_not_says_how_many_records_more(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([{"id": "sure", "check": "certified"}]))
    assert result(pilot, "sure").state is State.UNPROVEN
    write_evaluation(pilot, outcomes_of(pilot))
    assert "certified no threshold" in result(pilot, "sure").reason
    write_evaluation(pilot, outcomes_of(pilot), certification=certificate())
    found = result(pilot, "sure")
    assert found.state is State.PASS
    assert found.reason == "at least 93.00% right is proved for 360 of 400 holdout records"
    nothing = certificate(threshold=None, accuracy_lower=None, automation_rate=0, records_needed=1500)
    write_evaluation(pilot, outcomes_of(pilot), certification=nothing)
    found = result(pilot, "sure")
    assert (found.state, found.missing.records, found.missing.days) == (State.UNPROVEN, 1500, 15)
    write_evaluation(pilot, outcomes_of(pilot), certification={**nothing, "records_needed": None})
    found = result(pilot, "sure")
    assert "at this quality no number of records would do" in found.details
    assert (found.missing, found.would_change) == (Missing(version=True), BETTER_VERSION)
    seen = {"prospect": "open", "says": "how many more records would do cannot be told: 7 of the 800 are wrong"}
    write_evaluation(pilot, outcomes_of(pilot), certification={**nothing, "records_needed": None}, outlook=seen)
    found = result(pilot, "sure")
    assert (found.missing, found.would_change) == (Missing(), f"a better version, or more records: {seen['says']}")


@pytest.mark.parametrize(
    ("n_wrong", "entities", "state"), [(5, None, State.PASS), (60, None, State.FAIL), (5, 5, State.UNPROVEN)]
)
def test_the_kpi_and_the_certificate_give_one_answer(
    tmp_path: Path, n_wrong: int, entities: int | None, state: State
) -> None:
    # five of 360 wrong prove 90%, unless they are the records of five vendors; 60 of 360 cannot
    pilot = gate_pilot(tmp_path, gate([{"id": "sure", "kpi": "sure"}, {"id": "proof", "check": "certified"}]))
    named = {} if entities is None else {"entity": [f"V{i % entities}" for i in range(400)]}
    wrong = [i for i in range(400) if i % 10][:n_wrong]
    labels = outcomes_of(pilot)["label"].tolist()
    seen = ["other" if i in wrong else one for i, one in enumerate(labels)]
    outcomes = outcomes_of(pilot, action=labels, label=seen)
    settings = CertificationSettings(0.9, 1 - 0.05 * 2 / 3, None, "escalate", "vendor")
    found = certify_outcomes(outcomes.assign(**named), settings)
    threshold = {"threshold": {"threshold": found.threshold}} if found.threshold is not None else {}
    outlook = {**found.outlook.as_json(), "says": what_would_do(found), "assumes": "vendors may be wholly wrong"}
    write_evaluation(pilot, outcomes.assign(**named), certification=found.as_json(), outlook=outlook, **threshold)
    sure, proof = result(pilot, "sure"), result(pilot, "proof")
    assert sure.state is state
    assert (proof.state is State.PASS) == (state is State.PASS)
    assert proof.details[-2:] == ("at 96.67% confidence", "vendors may be wholly wrong")
    if state is State.UNPROVEN:
        assert "more vendors (" in sure.would_change
        assert sure.would_change == proof.would_change
    # whoever verifies the bundle computes the same
    estimate = certified_accuracy(
        outcomes.assign(**named),
        found.as_json(),
        estimate_of("selective_accuracy", outcomes, EvaluationSettings(found.threshold or 0.5, "escalate")),
        EvaluationSettings(found.threshold or 0.5, "escalate"),
    )
    assert sure.estimate is not None
    assert sure.estimate.as_json() == estimate.as_json()


def test_424_decisions_without_an_error_prove_992_of_1000_at_the_first_opening(tmp_path: Path) -> None:
    charter = {**CHARTER, "kpis": [{"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.992}]}
    assert 0.992**424 <= 0.05 * 2 / 3 < 0.992**423
    for n, state in ((424, State.PASS), (423, State.UNPROVEN)):
        pilot = gate_pilot(tmp_path / str(n), gate(RIGHT), charter, n=n)
        write_evaluation(pilot, outcomes_of(pilot))
        assert result(pilot, "right").state is state


def test_a_later_opening_of_the_holdout_must_prove_more(tmp_path: Path) -> None:
    charter = {**CHARTER, "kpis": [{"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.992}]}
    pilot = gate_pilot(tmp_path, gate(RIGHT), charter, n=500)
    write_evaluation(pilot, outcomes_of(pilot))
    assert result(pilot, "right").state is State.PASS
    write_evaluation(pilot, outcomes_of(pilot), share=2 / 9)  # of another version: 561 are needed now
    found = result(pilot, "right")
    assert (found.state, found.missing.records) == (State.UNPROVEN, 61)


def with_placeholders(*names: str) -> dict[str, Any]:
    """Return the charter with the targets of some KPIs as placeholders."""
    return {**CHARTER, "kpis": [{**kpi, "placeholder": kpi["id"] in names} for kpi in CHARTER["kpis"]]}


@pytest.mark.parametrize(("placeholders", "state"), [((), State.PASS), (("right",), State.UNPROVEN)])
def test_no_kpi_passes_on_a_placeholder(tmp_path: Path, placeholders: tuple[str, ...], state: State) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT), with_placeholders(*placeholders))
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(20)))
    found = result(pilot, "right")
    assert found.state is state
    assert found.reason.endswith("nobody agreed on a target yet") == bool(placeholders)
    assert found.as_json()["is_placeholder"] == bool(placeholders)


def test_a_kpi_that_fails_a_placeholder_is_unproven_too(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(RIGHT), with_placeholders("right"))
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(100)))
    assert result(pilot, "right").state is State.UNPROVEN


@pytest.mark.parametrize(("placeholders", "state"), [((), State.PASS), (("sure",), State.UNPROVEN)])
def test_no_check_passes_on_a_placeholder(tmp_path: Path, placeholders: tuple[str, ...], state: State) -> None:
    pilot = gate_pilot(tmp_path, gate([{"id": "enough", "check": "sample_fitness"}]), with_placeholders(*placeholders))
    found = result(pilot, "enough")
    assert found.state is state
    assert found.reason.startswith("placeholder targets (sure): ") == bool(placeholders)
