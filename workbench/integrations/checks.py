"""What a gate can ask of the probe besides an estimate: every operation measured, and nothing that deviates."""

from __future__ import annotations

import pandas as pd

from workbench.evidence import Answer, Check, Facts, Missing, Terms, unproven
from workbench.integrations.lines import LineVerdict
from workbench.integrations.numbers import deviating_lines, unprobed_operations
from workbench.metrics import State
from workbench.words import several, shown

INTEGRATIONS, LINES = "integrations", "lines"
PROBE = "workbench integrations probe {pilot}"


def _integrations(facts: Facts, _asked: Terms) -> Answer:
    """Return whether every declared operation was probed and no line deviates."""
    exhibit = facts.exhibits.get(INTEGRATIONS)
    if exhibit is None:
        return unproven(facts.absent[INTEGRATIONS], PROBE.format(pilot=facts.pilot.name))
    lines = exhibit.tables[LINES]
    wrong, unprobed = deviating_lines(lines), unprobed_operations(lines)
    if len(wrong):
        reason = f"{several(len(wrong), 'line deviates', 'lines deviate')} from integrations.yaml of {len(lines):,}"
        would = "the systems' teams mend them, or what they do is agreed on and signed; then probe again"
        return Answer(State.FAIL, reason, would, Missing(version=True), _said(wrong))
    n_operations = len(lines.loc[lines["operation"] != "", ["system", "operation"]].drop_duplicates())
    if unprobed:
        reason = (
            f"{len(unprobed)} of {several(n_operations, 'declared operation')} were not measured: {shown(unprobed)}"
        )
        return Answer(State.UNPROVEN, reason, "make them reachable, and probe again", details=unprobed)
    unclear = lines[lines["verdict"] == LineVerdict.UNCLEAR.value]
    if len(unclear):
        reason = f"{several(len(unclear), 'line is', 'lines are')} unclear of {len(lines):,}"
        return Answer(State.UNPROVEN, reason, "look at what was measured, and probe again", details=_said(unclear))
    if not n_operations:
        return unproven("integrations.yaml declares no operation", "specify each call that the agent makes")
    n_measured = int((lines["verdict"] != LineVerdict.NOT_MEASURED.value).sum())
    said = f"all {several(n_operations, 'declared operation')} probed, none deviates in {n_measured:,} measured lines"
    return Answer(State.PASS, said)


def _said(lines: pd.DataFrame) -> tuple[str, ...]:
    """Return lines for a reader: of what, what was declared, what was measured."""
    return tuple(
        f"{system}{'.' if operation else ''}{operation}, {line}: declared {declared}; measured {measured}"
        for system, operation, line, declared, measured in lines.iloc[:, :5].itertuples(index=False, name=None)
    )


CHECKS = (Check(INTEGRATIONS, "Integrations tested", _integrations, needs=INTEGRATIONS),)
