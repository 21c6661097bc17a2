"""What the fault matrix shows to be wrong, a finding for each cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from workbench.evidence import Finding
from workbench.integrations.faults.outcomes import FaultOutcome
from workbench.integrations.faults.tables import CELL
from workbench.pilot import Severity
from workbench.words import shown

# What it is, how grave at an operation that writes, what follows, what to do.
_BAD = {
    FaultOutcome.DOUBLE: (
        "has its effect twice",
        "a document is paid, returned or handed over twice",
        "send the same key again, or look what is there before trying again",
    ),
    FaultOutcome.LOST: (
        "loses a decision",
        "it counts as done and nobody does it",
        "hand over to a person what cannot be confirmed, and let errors be seen",
    ),
    FaultOutcome.WRONG: (
        "leaves something else than was decided",
        "what happens is not what was decided",
        "check an answer before it is used, and do one thing for one decision",
    ),
}


def fault_findings(cells: pd.DataFrame, writes: frozenset[str]) -> tuple[Finding, ...]:
    """Return the findings of judged cells, the gravest first.

    Parameters
    ----------
    writes : frozenset of str
        Operations that write, and those by which messages and files are read, as SYSTEM.OPERATION.
    """
    found = [one for cell, part in cells.groupby(CELL, sort=False) for one in _of_cell(tuple(cell), part, writes)]
    return tuple(sorted(found, key=lambda one: list(Severity).index(one.severity)))


def _of_cell(cell: Iterable[object], part: pd.DataFrame, writes: frozenset[str]) -> Iterator[Finding]:
    fault, system, operation = map(str, cell)
    where = f"{system}.{operation}"
    for outcome, (what, consequence, remedy) in _BAD.items():
        shows = part[part["outcome"] == outcome.value]
        if len(shows):
            # a decision that a read broke has its effect all the same: twice is twice
            is_critical = outcome is FaultOutcome.DOUBLE or where in writes
            yield Finding(
                id="-".join((outcome.value, fault.replace(" ", "-").lower(), system, operation)),
                kind=f"fault_{outcome.value}",
                severity=Severity.CRITICAL if is_critical else Severity.HIGH,
                title=f"{fault} at {where}: the agent {what}",
                where=(where,),
                n=len(shows),
                of=len(part),
                evidence=shown(shows["record_id"]),
                consequence=consequence,
                remedy=remedy,
            )
    not_run = part[part["outcome"] == FaultOutcome.NOT_RUN.value]
    if len(not_run):
        yield Finding(
            id="-".join(("not-run", fault.replace(" ", "-").lower(), system, operation)),
            kind="fault_not_run",
            severity=Severity.MEDIUM,
            title=f"{fault} at {where} was not met",
            where=(where,),
            n=len(not_run),
            of=len(part),
            consequence="what the agent makes of it is not known",
            remedy="ask about more records (--records), or look whether the operation is reached at the sandbox",
        )
