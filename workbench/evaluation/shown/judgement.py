"""What the holdout says, as tables: the proof and its budget, estimates, rules that must fire, slices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.kpis import KpiResult
from workbench.evaluation.rules import CharterRuleResult
from workbench.evaluation.shown.kpis import ANSWERS
from workbench.evaluation.versions.tracing import records_behind
from workbench.metrics import Estimate, estimate_text, target_text, threshold_text, title_of, value_text, what_would_do
from workbench.records.ledger import Budget, Opening
from workbench.stats import Certification
from workbench.words import UNDEFINED, Brief, counted, percent

MORE_RECORDS = (0, 500, 1_000, 2_000, 4_000, 8_000)


def opening_table(opening: Opening, budget: Budget) -> pd.DataFrame:
    """Return one opening of the holdout and what it left of the significance level."""
    facts = {
        "opening": opening.number,
        "time": opening.time,
        "who": opening.who,
        "agent": opening.purpose.agent,
        "records": opening.purpose.n_records,
        "commit": opening.commit,
        "repeat of": opening.repeat_of,
        "share of the significance level": UNDEFINED if opening.share is None else percent(opening.share),
        "openings so far that count": budget.n_openings,
        "left for the next openings": percent(budget.remaining),
    }
    return pd.DataFrame({"entry": facts.keys(), "value": list(facts.values())}, dtype=object)


def proof_table(certification: Certification) -> pd.DataFrame:
    """Return every step of the proof, the last test first; thresholds were tested in turn until one failed."""
    steps = certification.steps
    rows = [
        (
            threshold_text(threshold),
            counted(int(automated), certification.n),
            int(wrong),
            f"{p:.3g}",
            "yes" if p <= certification.claim.alpha else "no",
        )
        for threshold, automated, wrong, p in zip(
            steps.threshold, steps.n_automated, steps.n_wrong, steps.p_value, strict=True
        )
    ]
    names = ["threshold", "automated", "wrong among them", "p of being below the target", "passes"]
    return pd.DataFrame(rows[::-1], columns=names)


def power_table(certification: Certification) -> pd.DataFrame:
    """Return the chance of a proof after so many more labelled records, for true error rates well below the limit."""
    error_rates = [(1.0 - certification.target) * share for share in (0.125, 0.25, 0.5)]
    columns = {
        f"true error rate {percent(rate, 2)}": [
            percent(float(chance)) for chance in certification.power_curve(rate, MORE_RECORDS)
        ]
        for rate in error_rates
    }
    return pd.DataFrame({"more labelled records": [f"{more:,}" for more in MORE_RECORDS], **columns})


def rules_table(results: Iterable[CharterRuleResult]) -> pd.DataFrame:
    """Return for each rule that must escalate on how many records it applied, and which of them slipped through."""
    rows: list[tuple[object, ...]] = []
    for result in results:
        if result.covered is None:
            rows.append((result.rule, "not testable on these records", "", ()))
        else:
            fired = result.covered - len(result.missed)
            answer = "nothing to test" if not result.covered else "yes" if not result.missed else "NO"
            rows.append((result.rule, counted(fired, result.covered), answer, result.missed))
    return pd.DataFrame(rows, columns=["rule", "escalated", "on every record", "records it missed"])


def slices_table(slices: pd.DataFrame) -> pd.DataFrame:
    """Return `workbench.metrics.slices` for readers; `worse than elsewhere` is corrected for all slices looked at."""
    rows = [
        (
            row["slice"],
            counted(row["wrong"], row["n"]),
            f"{percent(row['lower'])} to {percent(row['upper'])}",
            UNDEFINED if row["elsewhere"] is None else percent(row["elsewhere"]),
            "yes" if row["p_adjusted"] <= 0.05 else "cannot tell",
        )
        for row in slices.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["slice", "wrong", "interval", "wrong elsewhere", "worse than elsewhere"])


def judged_brief(evaluation: Evaluation, kpis: Iterable[KpiResult], minded: Iterable[str]) -> Brief:
    """Return how often a version is right and what it may decide alone, each KPI, and what a reader must mind.

    Parameters
    ----------
    kpis : iterable of KpiResult
        Of this evaluation.
    minded : iterable of str
        What must be said besides, the gravest first; empty texts are left out.
    """
    right, proof = records_behind(evaluation, "accuracy"), evaluation.certification
    lead = f"{evaluation.agent} is right on {counted(len(right.counted), len(right.of))} holdout records."
    following = ""
    if proof is not None and proof.accuracy_lower is not None:
        proved = (
            f"at least {percent(proof.accuracy_lower, 2)} right, proved at {percent(proof.confidence_level)} confidence"
        )
        lead += f" It may decide {counted(proof.n_automated, proof.n)} alone: {proved}."
    elif proof is not None:
        lead += f" Nothing that it decides alone is proved to be right to {percent(proof.target)}."
        following = what_would_do(proof)
    groups = {
        "KPIs": [_kpi_line(one) for one in kpis],
        "Next": filter(None, [following]),
        "Mind": filter(None, [*minded, *evaluation.remarks]),
    }
    return Brief.of(lead, groups.items())


def _kpi_line(result: KpiResult) -> str:
    """Return what was found of a KPI beside its target, and whether that meets it."""
    kpi, agreed = result.kpi, f"{result.kpi.operator.words} {target_text(result.kpi.metric, result.kpi.target)}"
    found = f"{title_of(kpi.metric)} ({kpi.id}): {estimate_text(kpi.metric, result.estimate)}"
    return f"{found}, target {agreed}{kpi.mark}: {ANSWERS[result.state]}"


def measured_table(estimates: Mapping[str, Estimate]) -> pd.DataFrame:
    """Return estimates one below the other: value, interval, what it is counted of, what was left out, and how."""
    rows = []
    for name, one in estimates.items():
        bounds = ["?" if bound is None else value_text(name, bound) for bound in (one.lower, one.upper)]
        interval = "" if bounds == ["?", "?"] else " to ".join(bounds)
        left_out = ", ".join(f"{cause} {n:,}" for cause, n in one.excluded.items())
        rows.append((name, value_text(name, one.value), interval, f"{one.n:,}", left_out, one.method))
    return pd.DataFrame(rows, columns=["estimate", "value", "interval", "of", "left out", "interval by"])
