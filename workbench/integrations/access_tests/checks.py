"""What a gate can ask of the access tests besides a number: nothing let in, nothing unclear, every operation tried."""

from __future__ import annotations

from workbench.evidence import Answer, Check, Facts, Missing, Terms, unproven
from workbench.integrations.access_tests.numbers import OLD_KEYS, VIOLATIONS
from workbench.integrations.access_tests.trials import AccessVerdict
from workbench.metrics import State
from workbench.words import several, shown

NAME, TRIALS, KEYS, TEXTS = "access", "trials", "keys", "texts"
RUN = "workbench integrations access {pilot}"


def _access(facts: Facts, _asked: Terms) -> Answer:
    """Return whether nothing that was tried was let in, no secret is too old, and every operation was tried."""
    exhibit, run = facts.exhibits.get(NAME), RUN.format(pilot=facts.pilot.name)
    if exhibit is None:
        return unproven(facts.absent[NAME], run)
    trials, estimates = exhibit.tables[TRIALS], exhibit.estimates
    let_in, old = estimates[VIOLATIONS].value, estimates[OLD_KEYS].value
    if let_in or old:
        said = f"{let_in or 0:,.0f} of {estimates[VIOLATIONS].n:,} tries let in"
        said += f", {several(int(old), 'secret')} too old" if old else ""
        grave = tuple(one.title for one in exhibit.findings)
        return Answer(State.FAIL, said, "the systems' teams close it; then try again", Missing(version=True), grave)
    unclear = trials[trials["verdict"] == AccessVerdict.UNCLEAR.value]
    if len(unclear):
        details = tuple(
            f"{one['system']}.{one['operation']}, {one['tried']}: {one['detail']}" for _, one in unclear.iterrows()
        )
        reason = f"{several(len(unclear), 'try is', 'tries are')} unclear of {len(trials):,}"
        return Answer(State.UNPROVEN, reason, f"look at what happened, and try again ({run})", details=details)
    of_operations = trials[trials["operation"] != ""]
    is_measured = of_operations["verdict"] != AccessVerdict.NOT_MEASURED.value
    tried = is_measured.groupby([of_operations["system"], of_operations["operation"]], sort=False).any()
    untried = tuple(f"{system}.{operation}" for system, operation in tried[~tried].index)
    if untried or not len(tried):
        reason = f"{len(untried)} of {several(len(tried), 'operation')} not tried: {shown(untried)}"
        return Answer(State.UNPROVEN, reason, f"make them reachable ({run})", details=untried)
    left = int((trials["verdict"] == AccessVerdict.NOT_MEASURED.value).sum())
    return Answer(
        State.PASS, f"0 of {estimates[VIOLATIONS].n:,} tries let in, {left} not measured; no secret is too old"
    )


ACCESS_CHECKS = (Check(NAME, "Access as it was granted", _access, needs=NAME),)
