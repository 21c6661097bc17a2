"""The noise ceiling beside every accuracy: what an agent without any error would be measured at with these labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.evidence import audits_folder, latest_findings
from workbench.metrics import ACCURACY, TOO_FEW, Estimate, estimate_text, unless_refuted
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.words import percent

NOT_KNOWN = "not known"
OF_ALL_RECORDS = frozenset({"accuracy", "accuracy_exact"})


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The highest accuracy on all records that can be measured with the labels, as the newest audit has it.

    Parameters
    ----------
    estimate : Estimate
        Undefined where no audit of these records found it out, or what was measured refutes it.
    why_not : str
        Why it is not known, and what to do; empty when it is.
    run, basis : str
        The audit, and what it compared the labels of.
    is_labelled_twice : bool
        Whether a second person labelled the cases; else pairs of identical inputs were compared.
    """

    estimate: Estimate
    why_not: str
    run: str = ""
    basis: str = ""
    is_labelled_twice: bool = False

    @property
    def beside(self) -> str:
        """The ceiling as it stands beside an accuracy and in the answer."""
        if self.estimate.value is None:
            return TOO_FEW if self.why_not.startswith(TOO_FEW) else NOT_KNOWN
        return estimate_text("accuracy", self.estimate)


def audited_ceiling(pilot: Pilot, dataset_digest: str, measured: Estimate) -> Ceiling:
    """Return the noise ceiling from the pilot's newest audit, if that was of the present records.

    Parameters
    ----------
    pilot : Pilot
    dataset_digest : str
    measured : Estimate
        The accuracy that it will stand beside; a ceiling below its lower bound is not stated.

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
    content = section.get("estimates", {}).get("noise_ceiling")
    if content is None:
        return _unknown("the audit could not look at the labels")
    ceiling = unless_refuted(_estimate(content), measured)
    if ceiling.value is None:
        return _unknown(f"{ceiling.method.removeprefix('none: ')}; have some records labelled by a second person")
    facts = section["facts"]
    return Ceiling(ceiling, "", str(found.get("run", "")), str(facts["noise_basis"]), bool(facts["is_labelled_twice"]))


def with_ceiling(table: pd.DataFrame, metrics: pd.Series[str], ceiling: Ceiling) -> pd.DataFrame:
    """Return a table with the ceiling in a last column, beside the accuracy on all records.

    `metrics` names each row's metric. Of the records decided alone it says nothing: they are chosen for being easy.
    """
    beside = [ceiling.beside if metric in OF_ALL_RECORDS else "" for metric in metrics]
    return table.assign(**{"labels allow at most": beside})


def ceiling_conclusion(pilot: Pilot, ceiling: Ceiling) -> Conclusion:
    """Return what the labels allow to be measured, and whether the charter's accuracy can be proved with them."""
    if ceiling.estimate.value is None:
        return Conclusion(f"How accurate any agent could be measured to be is not known: {ceiling.why_not}.")
    if ceiling.is_labelled_twice:
        said = f"An agent without any error would be measured at {ceiling.beside}: so often are labels right"
        target = pilot.charter.target(ACCURACY)
        said += "" if target is None else f". {_held_against(target, ceiling.estimate)}"
    else:
        said = (
            f"On identical inputs no agent could be measured above {ceiling.beside}: their labels differ, by mistake, "
            "for a reason that no column holds, or by chance where the label is an outcome; other records may be easier"
        )
    row = (ceiling.beside, ceiling.basis, str(audits_folder(pilot) / ceiling.run / "report.html"))
    columns = ["an agent without errors is measured at", "from", "the audit's records"]
    return Conclusion(f"{said}.", pd.DataFrame([row], columns=columns))


def _held_against(target: float, ceiling: Estimate) -> str:
    if ceiling.upper is not None and ceiling.upper < target:
        return f"So {percent(target)} on all records cannot be proved with these labels, whoever decides"
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
