"""How many of the applicable requirements have which standing: counted, so that nothing is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from workbench.compliance.requirement import Standing
from workbench.metrics import Estimate, Unit

OPEN, MET, ATTESTED = "compliance_open", "compliance_met", "compliance_attested"
NOT_MET, NOT_EVIDENCED = "compliance_not_met", "compliance_not_evidenced"
COUNTED: Mapping[str, tuple[Standing, ...]] = MappingProxyType(
    {
        OPEN: (Standing.NOT_MET, Standing.NOT_EVIDENCED),
        MET: (Standing.MET,),
        ATTESTED: (Standing.ATTESTED,),
        NOT_MET: (Standing.NOT_MET,),
        NOT_EVIDENCED: (Standing.NOT_EVIDENCED,),
    }
)
UNITS = MappingProxyType(dict.fromkeys(COUNTED, Unit.NUMBER))
METHOD = "counted"
NOTHING = "no requirement applies"


def standing_counts(requirements: pd.DataFrame) -> dict[Standing, int]:
    """Return how many of a table's requirements have each standing."""
    return {one: int((requirements["standing"] == one.value).sum()) for one in Standing}


def estimates_of_compliance(requirements: pd.DataFrame) -> dict[str, Estimate]:
    """Return every count; n is the requirements that apply, those that the checklist rules out with a reason aside."""
    counts = standing_counts(requirements)
    excluded = {Standing.NOT_APPLICABLE.value: counts[Standing.NOT_APPLICABLE]}
    n = len(requirements) - counts[Standing.NOT_APPLICABLE]
    if not n:
        return {name: Estimate.undefined(NOTHING) for name in COUNTED}
    found = {name: float(sum(counts[one] for one in standings)) for name, standings in COUNTED.items()}
    return {name: Estimate(k, k, k, n, METHOD, excluded) for name, k in found.items()}
