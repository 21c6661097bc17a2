"""What a gate can ask of the fault matrix besides a number: that it is whole and nothing in it went wrong."""

from __future__ import annotations

from workbench.evidence import BETTER_VERSION, Answer, Check, Facts, Missing, Terms, unproven
from workbench.integrations.faults.numbers import bad_cells
from workbench.integrations.faults.outcomes import FaultOutcome
from workbench.integrations.faults.tables import MATRIX
from workbench.metrics import State
from workbench.words import several, shown

NAME = "faults"
RUN = "workbench integrations faults {pilot} --agent NAME"
BAD = (FaultOutcome.LOST, FaultOutcome.DOUBLE, FaultOutcome.WRONG)


def _fault_matrix(facts: Facts, _asked: Terms) -> Answer:
    """Return whether every fault was met, and none of them lost, doubled or changed what was decided."""
    exhibit, run = facts.exhibits.get(NAME), RUN.format(pilot=facts.pilot.name)
    if exhibit is None:
        return unproven(facts.absent[NAME], run)
    matrix = exhibit.tables[MATRIX]
    n = several(len(matrix), "cell")
    bad = {outcome: cells for outcome in BAD if (cells := bad_cells(matrix, outcome))}
    if bad:
        said = "; ".join(f"{outcome.value} in {len(cells):,}: {shown(cells)}" for outcome, cells in bad.items())
        details = tuple(f"{outcome.value}: {cell}" for outcome, cells in bad.items() for cell in cells)
        return Answer(State.FAIL, f"of {n} {said}", BETTER_VERSION, Missing(version=True), details)
    not_run = bad_cells(matrix, FaultOutcome.NOT_RUN)
    if not_run or not len(matrix):
        reason = f"of {n} {len(not_run):,} were not run: {shown(not_run)}" if not_run else exhibit.answer.rstrip(".")
        return Answer(State.UNPROVEN, reason, f"let every fault be met ({run})", details=tuple(not_run))
    met = int(matrix["fired"].sum())
    return Answer(State.PASS, f"{n}, faults met {met:,} times: nothing lost, doubled or wrong")


FAULT_CHECKS = (Check("fault_matrix", "Faults of integrations lose and double nothing", _fault_matrix, needs=NAME),)
