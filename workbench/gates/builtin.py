"""Checks of what was agreed.

Every KPI: gate 2 can only be GO when each KPI of the charter has its own criterion, on all records.
"""

from __future__ import annotations

from workbench.evidence import Answer, Check, Facts, Missing, Terms
from workbench.metrics import State
from workbench.pilot import PROCESS_FILE, read_review
from workbench.pilot.charter import charter_signatures, one_key_for_several, shared_keys_note, sharing_a_key
from workbench.pilot.integrations import INTEGRATIONS_FILE, gaps_of, integration_signatures, read_integrations
from workbench.pilot.process import process_gaps, process_in
from workbench.words import several, shown


def _every_kpi(facts: Facts, asked: Terms) -> Answer:
    """Return whether each KPI of the charter has its own criterion in a gate, on all records."""
    kpis = [kpi.id for kpi in facts.pilot.charter.kpis]
    if not kpis:
        return Answer(State.UNPROVEN, "the charter has no KPI, so nothing was agreed to prove", "agree on KPIs, sign")
    left_out = [kpi for kpi in kpis if kpi not in asked.kpis]
    if not left_out:
        return Answer(State.PASS, f"each of the charter's {len(kpis)} KPIs has its criterion, on all records")
    reason = f"{len(left_out)} of {len(kpis)} KPIs of the charter have no criterion on all records: {shown(left_out)}"
    return Answer(State.FAIL, reason, "put them into gates.yaml as `kpi: ...` without a slice")


def _distinct_keys(facts: Facts, _asked: Terms) -> Answer:
    """Return whether every role signed the charter with a key of its own, as far as the charter asks for that."""
    charter = facts.pilot.charter
    status = charter_signatures(facts.pilot.suite, charter, facts.pilot.name)
    if not status.is_complete:
        reason = f"{len(status.valid)} of {len(status.required)} roles that must sign the charter have signed it"
        missing = Missing(signatures=len(status.required) - len(status.valid))
        return Answer(State.UNPROVEN, reason, "have the charter signed by all", missing)
    fault = one_key_for_several(charter, status)
    if fault is None:
        each = f"each of the {len(status.valid)} roles signed with a key of its own"
        return Answer(State.PASS, shared_keys_note(charter, status) or each)
    groups = sharing_a_key(status)
    change = "everyone signs with a key of their own (workbench keys new FILE), or all sign `keys: shared`"
    missing = Missing(signatures=sum(len(group) - 1 for group in groups))
    details = tuple(f"key {group[0].key_id[:16]}: {', '.join(one.role for one in group)}" for group in groups)
    return Answer(State.UNPROVEN, fault, change, missing, details)


def _integration_specification(facts: Facts, _asked: Terms) -> Answer:
    """Return whether integrations.yaml lacks nothing, and is signed by the engineers and by each system's own team."""
    pilot = facts.pilot
    if not (pilot.suite / INTEGRATIONS_FILE).is_file():
        reason, would = f"there is no {INTEGRATIONS_FILE}", "specify each system that the agent works with, and sign"
        return Answer(State.UNPROVEN, reason, would)
    inventory = read_integrations(pilot.suite)
    systems = inventory.settings.systems
    n_operations = sum(1 for _ in inventory.operations())
    said = f"{several(len(systems), 'system')} with {several(n_operations, 'operation')}"
    gaps = gaps_of(inventory, pilot.contract)
    if gaps:
        reason = f"{INTEGRATIONS_FILE} has {several(len(gaps), 'gap')} in {said}"
        details = tuple(f"{gap.where}: {gap.got}; expected: {gap.expected}" for gap in gaps)
        would = f"fill them (workbench integrations check {pilot.name})"
        return Answer(State.FAIL, reason, would, details=details)
    status = integration_signatures(pilot.suite, inventory, pilot.name)
    if status.is_complete:
        teams = len(status.required) - 1
        return Answer(State.PASS, f"{said}, signed by the engineers and {several(teams, 'team')} of the systems")
    unsigned = tuple(
        f"{role}: {status.invalid.get(role, 'no signature')}" for role in (*status.missing, *status.invalid)
    )
    reason = f"{len(status.valid)} of {len(status.required)} roles that must sign {INTEGRATIONS_FILE} have signed it"
    return Answer(State.UNPROVEN, reason, "have it signed by all", Missing(signatures=len(unsigned)), unsigned)


def _process_specification(facts: Facts, _asked: Terms) -> Answer:
    """Return whether process.yaml says how the work is done, and contradicts neither charter nor review.yaml."""
    pilot = facts.pilot
    process = process_in(pilot.suite)
    if process is None:
        return Answer(State.UNPROVEN, f"there is no {PROCESS_FILE}", "write the business process down, and sign")
    said = f"{several(len(process.steps), 'step')}, {several(len(process.rules), 'rule')}"
    gaps = process_gaps(process, pilot.charter, read_review(pilot.suite))
    if not gaps:
        watched = several(len(process.observations), "observation")
        return Answer(State.PASS, f"{said} and {several(len(process.workarounds), 'workaround')}, from {watched}")
    details = tuple(f"{gap.part}: {gap.problem}; {gap.remedy}" for gap in gaps)
    reason = f"{PROCESS_FILE} has {several(len(gaps), 'gap')} in {said}"
    return Answer(State.FAIL, reason, f"fill them (workbench process check {pilot.name})", details=details)


OF_AGREEMENT = (
    Check("every_kpi", "Every KPI has its criterion", _every_kpi, gates=(2,), place=1),
    Check("distinct_keys", "Every role signed with a key of its own", _distinct_keys, gates=(1, 2, 3), place=3),
    Check("process_specification", "Process written down as it is worked", _process_specification),
    Check("integration_specification", "Integrations specified and signed by both teams", _integration_specification),
)
