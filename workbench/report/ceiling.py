"""The noise ceiling beside every accuracy: what an agent without any error would be measured at with these labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.audit.store import audits_folder, latest_findings
from workbench.charter import KpiMetric
from workbench.metrics import Estimate, noise_ceiling
from workbench.pilot import Pilot
from workbench.report.conclusion import Conclusion
from workbench.report.tables import estimate_text, percent

NOT_KNOWN = "not known"
FEWEST_PAIRS = 30  # with fewer the interval is too wide to stand in the answer
OF_LABELS = frozenset({"accuracy", "accuracy_exact", "selective_accuracy"})


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The highest accuracy that can be measured with the labels, as the newest audit has it.

    Parameters
    ----------
    estimate : Estimate
        Undefined where no audit of these records found out how often labels are wrong.
    why_not : str
        Why it is not known, and what to do; empty when it is.
    run, basis : str
        The audit, and what it measured the labels on.
    """

    estimate: Estimate
    why_not: str
    run: str = ""
    basis: str = ""

    @property
    def beside(self) -> str:
        """The ceiling as it stands beside an accuracy."""
        return NOT_KNOWN if self.estimate.value is None else estimate_text("accuracy", self.estimate)

    @property
    def in_answer(self) -> str:
        """The ceiling as it stands in the answer; pairs so few that they say nothing are only counted."""
        if self.estimate.value is not None and self.estimate.n < FEWEST_PAIRS:
            return f"{NOT_KNOWN}, labels of only {self.estimate.n} pairs of like records could be compared"
        return self.beside


def audited_ceiling(pilot: Pilot, dataset_digest: str) -> Ceiling:
    """Return the noise ceiling from the pilot's newest audit, if that was of the present records.

    Raises
    ------
    InputError
        The audit's findings are damaged.
    """
    found, remedy = latest_findings(pilot), f"run workbench audit {pilot.name}"
    if found is None:
        return _unknown(f"the records were not audited yet; {remedy}")
    if found.get("dataset_digest") != dataset_digest:
        return _unknown(f"the newest audit was of other records; {remedy}")
    section = found["sections"].get("labels", {})
    noise = section.get("estimates", {}).get("label_noise")
    if noise is None or noise["value"] is None:
        return _unknown(
            "the audit found no case that was labelled twice; have some records labelled by a second person"
        )
    run = str(found.get("run", ""))
    return Ceiling(noise_ceiling(_estimate(noise)), "", run, str(noise["method"]))


def with_ceiling(table: pd.DataFrame, metrics: pd.Series[str], ceiling: Ceiling) -> pd.DataFrame:
    """Return a table with the ceiling in a last column, beside every accuracy; `metrics` names each row's metric."""
    beside = [ceiling.beside if metric in OF_LABELS else "" for metric in metrics]
    return table.assign(**{"labels allow at most": beside})


def ceiling_conclusion(pilot: Pilot, ceiling: Ceiling) -> Conclusion:
    """Return what the labels allow to be measured, and whether the charter's accuracy can be proved with them."""
    if ceiling.estimate.value is None:
        return Conclusion(f"How accurate any agent could be measured to be is not known: {ceiling.why_not}.")
    said = f"An agent without any error would be measured at {ceiling.beside}: so often are labels right"
    target = pilot.charter.target(KpiMetric.SELECTIVE_ACCURACY)
    if target is not None:
        said += f". {_held_against(target, ceiling.estimate)}"
    row = (ceiling.beside, ceiling.basis, str(audits_folder(pilot) / ceiling.run / "report.html"))
    columns = ["an agent without errors is measured at", "interval", "the audit's records"]
    return Conclusion(f"{said}.", pd.DataFrame([row], columns=columns))


def _held_against(target: float, ceiling: Estimate) -> str:
    if ceiling.upper is not None and ceiling.upper < target:
        return f"So {percent(target)} cannot be proved with these labels, whoever decides"
    if ceiling.lower is not None and ceiling.lower >= target:
        return f"So labels leave room for the {percent(target)} that the charter asks for"
    return f"Whether {percent(target)} can be proved with these labels cannot be told from so few of them"


def _unknown(why: str) -> Ceiling:
    return Ceiling(Estimate.undefined(why), why)


def _estimate(content: Mapping[str, Any]) -> Estimate:
    """Return an estimate as findings.json has it."""
    return Estimate(
        content["value"], content["lower"], content["upper"], content["n"], content["method"], content["excluded"]
    )
