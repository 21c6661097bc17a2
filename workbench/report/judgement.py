"""What the holdout says, as tables: the proof and its budget, rules that must fire, slices, costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from workbench.gates.rules import RuleResult
from workbench.ledger import Budget, Opening
from workbench.metrics import Estimate
from workbench.report.tables import UNDEFINED, counted, number, percent
from workbench.stats import Certification

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
            f"{threshold:.4f}",
            counted(int(automated), certification.n),
            int(wrong),
            f"{p:.3g}",
            "yes" if p <= certification.level else "no",
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


def rules_table(results: Iterable[RuleResult]) -> pd.DataFrame:
    """Return for each rule that must escalate on how many records it applied, and which of them slipped through."""
    rows = []
    for result in results:
        if result.covered is None:
            rows.append((result.rule, "not testable on these records", "", ""))
        else:
            fired = result.covered - len(result.missed)
            answer = "nothing to test" if not result.covered else "yes" if not result.missed else "NO"
            rows.append((result.rule, counted(fired, result.covered), answer, ", ".join(result.missed)))
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


def calibration_table(by_name: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """Return calibration measures of several confidences side by side."""
    rows = {
        name: {
            measure: UNDEFINED if one.value is None else f"{one.value:.4f} (n {one.n:,})"
            for measure, one in found.items()
        }
        for name, found in by_name.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").T.rename_axis("measure")


def costs_table(by_threshold: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return what records cost where nothing is automated, at the cheapest certified threshold, and at the cheapest."""
    proved = by_threshold[by_threshold["is_certified"]]
    places = {
        "everything to people": by_threshold.index[0],
        "cheapest certified": proved["cost_per_record"].idxmin(),
        "cheapest on these records, not certified": by_threshold["cost_per_record"].idxmin(),
    }
    rows = []
    for name, place in places.items():
        row = by_threshold.loc[place]
        threshold = UNDEFINED if np.isnan(row["threshold"]) else f"{row['threshold']:.4f}"
        cost = f"{number(float(row['cost_per_record']))} {currency}"
        rows.append((name, threshold, percent(float(row["automation_rate"])), int(row["wrong"]), cost))
    return pd.DataFrame(rows, columns=["choice", "threshold", "automated", "wrong and automated", "cost per record"])
