"""Findings of a compliance report: what is not met, then what nothing shows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.compliance.judging import RECORDS, REQUIREMENTS
from workbench.compliance.requirement import Standing
from workbench.evidence import Finding
from workbench.pilot import Severity

SEVERITIES = {Standing.NOT_MET: Severity.HIGH, Standing.NOT_EVIDENCED: Severity.MEDIUM}


def compliance_findings(tables: Mapping[str, pd.DataFrame]) -> tuple[Finding, ...]:
    """Return a finding for each requirement that is open, the worst first."""
    table = tables[REQUIREMENTS]
    failing = tables[RECORDS].groupby("requirement").size()
    found = []
    for standing, severity in SEVERITIES.items():
        for row in table[table["standing"] == standing.value].to_dict("records"):
            name = str(row["requirement"])
            found.append(
                Finding(
                    id=f"compliance-{name.replace('/', '-')}",
                    kind=standing.value.replace(" ", "_"),
                    severity=severity,
                    title=f"{row['regime']} {row['clause']}: {row['title']}: {standing.value}",
                    where=(name,),
                    n=int(failing[name]) if name in failing else None,
                    evidence=str(row["said"]),
                    remedy=f"show it: {row['would_show']}",
                )
            )
    return tuple(found)
