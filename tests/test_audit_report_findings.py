"""Findings: their rank, what must be fixed first, their owners and their place from audit to audit."""

from __future__ import annotations

import pytest
from audit_cases import finding

from workbench.audit.findings import Severity, must_fix, ranked, with_owners
from workbench.audit.published.comparison import compare_estimates, compare_findings, summary
from workbench.words import counted, percent


def test_findings_are_ranked_by_share_times_severity_not_by_count():
    many_low = finding("low", range(90), Severity.LOW)  # 0.9 x 0.02
    few_critical = finding("critical", range(5), Severity.CRITICAL)  # 0.05 x 1
    some_high = finding("high", range(8), Severity.HIGH)  # 0.08 x 0.5
    assert [one.kind for one in ranked([many_low, some_high, few_critical])] == ["critical", "high", "low"]
    assert few_critical.impact == pytest.approx(0.05)


def test_a_finding_on_no_records_has_no_share():
    nothing = finding("x", [], Severity.HIGH, n=0)
    assert nothing.share is None
    assert nothing.impact == 0


def test_the_same_finding_twice_is_kept_once_with_the_worse_impact():
    [kept] = ranked([finding("x", [1], Severity.HIGH), finding("x", [1, 2], Severity.HIGH)])
    assert len(kept.rows) == 2


def test_at_most_five_severe_findings_must_be_fixed_first_one_of_each_kind():
    severe = [finding(f"k{n}", range(n), Severity.HIGH) for n in range(1, 8)]
    again = finding("k7", range(3), Severity.HIGH, columns=("other",))
    assert [one.kind for one in must_fix([*severe, again])] == ["k7", "k6", "k5", "k4", "k3"]


def test_a_kind_is_represented_by_its_worst_severe_finding_and_not_by_a_frequent_mild_one():
    mild, severe = finding("k", range(99), Severity.LOW), finding("k", [1], Severity.HIGH, columns=("other",))
    assert must_fix([mild, severe]) == (severe,)


def test_medium_findings_fill_up_to_three_and_low_ones_never():
    found = [
        finding("high", [1], Severity.HIGH),
        *(finding(f"medium{n}", range(n), Severity.MEDIUM) for n in (1, 2, 3)),
        finding("low", range(99), Severity.LOW),
    ]
    assert [one.kind for one in must_fix(found)] == ["high", "medium3", "medium2"]
    assert must_fix([finding("low", range(99), Severity.LOW)]) == ()


def test_an_owner_is_named_for_one_finding_or_for_a_kind():
    first, second = finding("a", [1], Severity.LOW), finding("a", [1], Severity.LOW, columns=("c",))
    owners = {"a": "Ana", second.id: "Ben"}
    assert [one.owner for one in with_owners([first, second], owners)] == ["Ana", "Ben"]


def test_the_id_depends_on_kind_and_columns_alone():
    assert finding("a", [1], Severity.LOW).id == finding("a", [5, 6], Severity.HIGH).id
    assert finding("a", [1], Severity.LOW, columns=("x",)).id != finding("a", [1], Severity.LOW, columns=("y",)).id
    assert finding("a", [1], Severity.LOW, columns=("<script>../",)).id.replace("-", "").isalnum()


def test_audits_are_compared_by_the_share_of_records():
    def content(*findings, value=0.5):
        estimate = {"value": value, "lower": None, "upper": None, "n": 10, "excluded": {}, "method": "none"}
        sections = {"completeness": {"title": "Completeness", "estimates": {"complete_records": estimate}}}
        return {"findings": [one.as_json() for one in findings], "sections": sections}

    same = finding("same", [1], Severity.LOW)
    before = content(same, finding("gone", [1], Severity.LOW), finding("less", [1, 2], Severity.LOW))
    after = content(same, finding("less", [1], Severity.LOW, n=60), finding("new", [1, 2, 3], Severity.LOW), value=0.75)
    changes = compare_findings(before, after)
    assert dict(zip(changes["finding"], changes["change"], strict=True)) == {
        "new": "new", "same": "same", "less": "better", "gone": "gone",
    }  # fmt: skip
    assert summary(changes) == "1 gone, 1 better, 1 same, 0 worse, 1 new"
    assert compare_estimates(before, after)["change"].tolist() == [0.25]


def test_shares_never_round_to_certainty():
    assert [percent(x) for x in (0.9999, 1.0, 0.0001, 0.0, None)] == [">99.9%", "100%", "<0.1%", "0%", "not known"]
    assert counted(1, 3) == "1 of 3 (33.3%)"
