"""What a gate can ask of test cases besides an estimate: enough of them in each class, and every rule covered."""

from __future__ import annotations

from workbench.cases.coverage import missing_tokens
from workbench.cases.suite import CaseClass
from workbench.evidence import Answer, Check, Facts, Missing, Terms, unproven
from workbench.metrics import State
from workbench.pilot import suite_paths

CASES, COVERAGE = "cases", "coverage"
DESIGN = "workbench cases design {pilot}, read and sign the suite, then workbench cases run {pilot}"
RUN = "workbench cases run {pilot} --agent NAME"


def _test_cases(facts: Facts, asked: Terms) -> Answer:
    """Return whether enough confirmed cases were judged, in all and of each class."""
    exhibit = facts.exhibits.get(CASES)
    at_least, each = asked.counts["at_least"], asked.counts["each"]
    if exhibit is None:
        return unproven(facts.absent[CASES], _first_step(facts), at_least)
    cases = exhibit.tables[CASES]
    judged = cases[cases["confirmed"] & cases["judged"]]
    counts = {one.value: int((judged["class"] == one.value).sum()) for one in CaseClass}
    total, proposed = sum(counts.values()), int((~cases["confirmed"]).sum())
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    missing = max(at_least - total, sum(max(each - count, 0) for count in counts.values()))
    if missing <= 0:
        return Answer(State.PASS, f"{total:,} confirmed test cases were judged: {listed}")
    more = f"; {proposed:,} more are only proposed" if proposed else ""
    reason = f"{total:,} confirmed test cases ({listed}){more}; wanted {at_least:,}, and {each:,} of each class"
    would = f"sign the suites that propose {proposed:,}" if proposed >= missing else f"add {missing:,} test cases"
    return unproven(reason, would, missing)


def _first_step(facts: Facts) -> str:
    """Return what comes first where no cases were run."""
    has_suites = bool(suite_paths(facts.pilot.suite))
    return (RUN if has_suites else DESIGN).format(pilot=facts.pilot.name)


def _case_coverage(facts: Facts, _asked: Terms) -> Answer:
    """Return whether everything of the process specification has a confirmed case, or is excluded over a signature."""
    exhibit = facts.exhibits.get(CASES)
    if exhibit is None:
        return unproven(facts.absent[CASES], _first_step(facts))
    table = exhibit.tables.get(COVERAGE)
    if table is None:
        return unproven("there is no process specification to cover", "write process.yaml")
    missing, needed = missing_tokens(table), table[table["group"] != "precedence"]
    excluded = int(needed["excluded"].notna().sum())
    said = f"of {len(needed):,} parts of the process {excluded:,} are excluded over a signature"
    if not missing:
        return Answer(State.PASS, f"every other one has a confirmed test case: {said}")
    reason = f"{len(missing):,} of {len(needed) - excluded:,} parts of the process have no confirmed test case"
    would = f"a case for each ({DESIGN.format(pilot=facts.pilot.name)})"
    return Answer(State.UNPROVEN, reason, would, Missing(records=len(missing)), tuple(missing))


CHECKS = (
    Check("test_cases", "Test cases: common, edge, error", _test_cases, {"at_least": 200, "each": 20}, needs=CASES),
    Check("case_coverage", "Every rule has its test cases", _case_coverage, needs=CASES),
)
