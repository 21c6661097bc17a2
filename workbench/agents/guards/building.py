"""The guards that a pilot turns on, made from its contract, charter and process specification."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

from workbench.agents.acting import Acting
from workbench.agents.agent import Agent
from workbench.agents.callables import Preparation, WrittenPolicy, written_policy
from workbench.agents.guards.cells import AllowedValues, Lengths
from workbench.agents.guards.grounding import Grounding
from workbench.agents.guards.guard import Guard
from workbench.agents.guards.guarded import GuardedAgent
from workbench.agents.guards.must_reach import MustReachAPerson
from workbench.agents.guards.reason_implies_action import ReasonImpliesAction
from workbench.agents.guards.sensitive_data import SensitiveData
from workbench.files import parse_yaml, read_text
from workbench.pilot import CONTRACT_FILE, PROCESS_FILE, GuardName, Pilot, in_order, policy_part, read_process
from workbench.pilot.charter import CHARTER_FILE, PILOT_FILE
from workbench.words import InputError


def with_guards(agent: Agent, pilot: Pilot, labels: Collection[str], preparation: Preparation | None) -> Agent:
    """Return an agent with the guards of its pilot around it; itself where the pilot has none.

    Raises
    ------
    InputError
        A guard has nothing to go by: no column with `max_length` or `allowed`, no process.yaml, no high-risk category.
    """
    names = in_order(pilot.settings.guards)
    if not names:
        return agent
    found = guards_of(pilot, labels)
    policy = next((one.policy for one in found if isinstance(one, MustReachAPerson)), None)
    prepared = preparation if GuardName.GROUNDING in names else None
    acting: Acting | None = getattr(agent, "acting", None)
    held = {} if acting is None else acting.held
    return GuardedAgent(agent, found, pilot.settings.escalate_label, policy, prepared, acting is not None, held)


def guards_of(pilot: Pilot, labels: Collection[str]) -> tuple[Guard, ...]:
    """Return the guards that a pilot turns on, in the order in which they look; raises as `with_guards`."""
    return tuple(_guard(name, pilot, labels) for name in in_order(pilot.settings.guards))


def guard_files(pilot: Pilot) -> tuple[Path, ...]:
    """Return the files of a pilot that its guards read besides contract and charter: the specification and its code."""
    path = pilot.suite / PROCESS_FILE
    if not pilot.settings.guards or not path.is_file():
        return ()
    policy = _policy(pilot) if GuardName.MUST_REACH_A_PERSON in pilot.settings.guards else None
    code = () if policy is None else policy.function.digests(())
    return path, *(pilot.root / name for name in code)


def _guard(name: GuardName, pilot: Pilot, labels: Collection[str]) -> Guard:
    """Return one guard, or say what it would need."""
    match name:
        case GuardName.LENGTHS:
            lengths = Lengths.of(pilot.contract)
            return lengths if lengths.at_most else _nothing(pilot, name, f"`max_length` of a column in {CONTRACT_FILE}")
        case GuardName.ALLOWED_VALUES:
            values = AllowedValues.of(pilot.contract)
            return values if values.allowed else _nothing(pilot, name, f"`allowed` of a column in {CONTRACT_FILE}")
        case GuardName.SENSITIVE_DATA:
            return SensitiveData.of(pilot.contract)
        case GuardName.REASON_IMPLIES_ACTION:
            process = read_process(pilot)
            implied = None if process is None else ReasonImpliesAction.of(process, labels)
            wanted = f"a rule in {PROCESS_FILE} whose decision is a label"
            return implied if implied is not None and implied.actions else _nothing(pilot, name, wanted)
        case GuardName.MUST_REACH_A_PERSON:
            found = MustReachAPerson.of(pilot.charter, pilot.contract, _policy(pilot))
            wanted = f"`high_risk` or `authority` in {CHARTER_FILE}"
            return found if found.categories else _nothing(pilot, name, wanted)
        case GuardName.GROUNDING:
            path = pilot.suite / PROCESS_FILE
            return Grounding.of(policy_part(parse_yaml(read_text(path), str(path))) if path.is_file() else {})


def _policy(pilot: Pilot) -> WrittenPolicy | None:
    """Return the written policy where a category of the charter can be told by it alone."""
    if not MustReachAPerson.of(pilot.charter, pilot.contract, None).needs_policy:
        return None
    process = read_process(pilot)
    return None if process is None else written_policy(pilot, process)


def _nothing(pilot: Pilot, name: GuardName, wanted: str) -> NoReturn:
    raise InputError(
        f"the guard {name.value} has nothing to go by",
        where=f"{pilot.suite / PILOT_FILE}, guards",
        expected=wanted,
        remedy=f"write it, or take {name.value} out of guards",
    )
