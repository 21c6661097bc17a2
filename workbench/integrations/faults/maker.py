"""The fault matrix as a maker of evidence: an agent that acts, run through faults that are seen to happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pandas as pd

from workbench.agents import build_agent, through
from workbench.environment import waited_for
from workbench.environment.connections import ReachedSystems
from workbench.environment.sandbox import used_sandbox
from workbench.evidence import Exhibit, Facts, Inputs, MadeBy, Maker, exhibit_folder
from workbench.integrations.faults.checks import FAULT_CHECKS, NAME
from workbench.integrations.faults.findings import fault_findings
from workbench.integrations.faults.matrix import MatrixSeen, UnderFaults
from workbench.integrations.faults.numbers import DOUBLED, FAULT_UNITS, LOST, NOT_RUN, WRONG, fault_estimates
from workbench.integrations.faults.outcomes import WaysOut
from workbench.integrations.faults.tables import CELLS, MATRIX, cells_judged, cells_table, matrix_of_cells
from workbench.metrics import Estimate
from workbench.pilot import Pilot
from workbench.pilot.integrations import agreed_files, read_integrations
from workbench.records.splits import Dataset, Split
from workbench.runs import RunRequest
from workbench.runs.journal import digest_of
from workbench.words import SignatureError, shown

SAMPLED = 40
OWN = {"records", "agent"}  # what a matrix is about besides files


@dataclass(frozen=True, slots=True)
class FaultsRequest:
    """Which agent meets the faults, and among how many development records those are found that do.

    Parameters
    ----------
    agent : str, optional
        One that acts; the first of pilot.yaml that does without it.
    run : RunRequest
        What answers prompts, and whether a bar is shown; split and limit mean nothing here.
    """

    agent: str | None = None
    records: int = SAMPLED
    run: RunRequest = field(default_factory=RunRequest)


_NOTHING: tuple[MatrixSeen, dict[str, str], dict[str, Any]] = (
    MatrixSeen((), WaysOut({}, None), (), (), ()),
    {},
    {"agent": "", "records": 0, "sandbox": "nothing"},
)


class FaultsMaker(Maker):
    """What becomes of decisions when the systems behind an agent's tools fail."""

    name = NAME
    title = "fault matrix"
    question = "Does the agent lose or double anything when a system fails?"
    how = "run the agent through faults"
    notebooks = ("05_faults",)
    command = "workbench integrations faults PILOT --agent NAME"
    metrics: ClassVar = FAULT_UNITS
    checks: ClassVar = FAULT_CHECKS
    counted = "cells of a fault and an operation"
    believed = ("what the sandbox held and the agent said under each fault, and that the fault was met",)

    def make(self, pilot: Pilot, dataset: Dataset, request: FaultsRequest) -> Exhibit:
        """Run an agent through every fault at every operation behind its tools; leave and return the exhibit.

        Where none is named and none acts, the exhibit says so and has no cell, which leaves every criterion unproven.

        Raises
        ------
        InputError
            The agent does not act; no operation stands behind a tool, or a system cannot be reached.
        RunError
            The sandbox does not start, ends, or does not say what it holds.
        """
        name = request.agent or acting_agent(pilot)
        seen, about, facts = _NOTHING if name is None else _under_faults(pilot, dataset, name, request)
        exhibit = Exhibit(
            NAME,
            pilot.name,
            {"records": dataset.digest, **about, **agreed_files(pilot.suite)},
            MadeBy.now(pilot.root),
            "",
            tables={CELLS: cells_table(seen.seen, seen.ways)},
            facts={"escalation": pilot.settings.escalate_label, **_facts(seen), **facts},
        )
        exhibit = counted_exhibit(exhibit)
        exhibit.write(exhibit_folder(pilot, NAME))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last fault matrix where it is of the present systems, else why it does not count."""
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        now = agreed_files(pilot.suite)
        changed = [name for name in {*now, *left.about} - OWN if now.get(name) != left.about.get(name)]
        return f"{sorted(changed)[0]} changed since the last {self.title}; {self.remedy(pilot)}" if changed else left

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: also what was agreed of the systems, and their sandbox."""
        acting = [name for name, one in inputs.pilot.settings.agents.items() if one.tools]
        of_agents = inputs.of_agents((*inputs.agents, *acting))  # whichever is compared, it is of one that acts
        return {**inputs.everything(), **of_agents, **agreed_files(inputs.pilot.suite)}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return a count of cells; nothing is estimated, so its bounds are itself."""
        return fault_estimates(facts.exhibits[NAME].tables[MATRIX])[metric]

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that met the faults, nothing where none acts."""
        exhibit = facts.exhibits[NAME]
        is_of_one = "agent" in exhibit.about
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]} if is_of_one else {}

    def judged(self, facts: Facts) -> str:
        """Return the version that met the faults."""
        return str(facts.exhibits[NAME].facts["agent"])

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with every outcome judged again from what was held and said.

        Raises
        ------
        SignatureError
            A table does not follow from it, or an escalation is called something else.
        """
        if exhibit.facts["escalation"] != facts.pilot.settings.escalate_label:
            raise SignatureError(
                "the fault matrix takes another action for the escalation", got=exhibit.facts["escalation"]
            )
        again = counted_exhibit(exhibit)
        for name, table in again.tables.items():
            if name not in exhibit.tables or not _is_same(table, exhibit.tables[name]):
                raise SignatureError("a table of the fault matrix does not follow from what was seen", got=name)
        return again


def acting_agent(pilot: Pilot) -> str | None:
    """Return the first agent that acts of those that a pilot compares, else of all; None where none does."""
    agents = pilot.settings.agents
    return next((name for name in (*pilot.settings.compare, *agents) if agents[name].tools), None)


def _under_faults(
    pilot: Pilot, dataset: Dataset, name: str, request: FaultsRequest
) -> tuple[MatrixSeen, dict[str, str], dict[str, Any]]:
    """Return what was seen of an agent under faults, its version, and who met them where."""
    inventory = read_integrations(pilot.suite)
    agent = build_agent(pilot, name, dataset, request.run.engine)
    records = tuple(dataset.records(dataset.ids(Split.DEV, request.records)))
    through(agent, ReachedSystems(inventory, {}, {}))  # refuses one that does not act before anything is started
    with used_sandbox(pilot, dataset.documents()) as sandbox:
        under = UnderFaults(pilot, inventory, sandbox, agent, records, request.run.show_progress)
        seen = waited_for(under.run())
    facts = {"agent": name, "records": len(records), "sandbox": sandbox.said}
    return seen, {"agent": digest_of(agent.identity)}, facts


def _facts(seen: MatrixSeen) -> dict[str, Any]:
    """Return what the numbers depend on besides the tables, and what a reader is told."""
    return {
        "carried_out": dict(seen.ways.carried_out),
        "writes": sorted(seen.writes),
        "unsound": list(seen.unsound),
        "never_called": list(seen.never_called),
    }


def counted_exhibit(exhibit: Exhibit) -> Exhibit:
    """Return an exhibit with everything that follows from what was seen."""
    facts = exhibit.facts
    cells = cells_judged(exhibit.tables[CELLS], WaysOut(facts["carried_out"], facts["escalation"]))
    matrix = matrix_of_cells(cells)
    estimates = fault_estimates(matrix)
    return replace(
        exhibit,
        tables={CELLS: cells, MATRIX: matrix},
        estimates=estimates,
        findings=fault_findings(cells, frozenset(facts["writes"])),
        notes=tuple(_notes(facts)),
        answer=_answer(facts["agent"], matrix, estimates),
    )


def _notes(facts: Mapping[str, Any]) -> list[str]:
    if not facts["agent"]:
        return ["Give an agent `tools: true` (docs/how_to/act.md), or leave this out."]
    notes, n = [f"Reached: {facts['sandbox']}."], f"{facts['records']:,} records"
    if facts["never_called"]:
        notes.append(f"No decision on {n} calls {shown(facts['never_called'])}, so no fault was tried there.")
    if facts["unsound"]:
        few = f"{len(facts['unsound']):,} of {n}"
        notes.append(f"On {few} the agent does not do what it says even without a fault: {shown(facts['unsound'])}.")
    return notes


def _answer(agent: str, matrix: pd.DataFrame, estimates: Mapping[str, Estimate]) -> str:
    """Return what went wrong in how many cells, one sentence."""
    counts = [estimates[one].value for one in (LOST, DOUBLED, WRONG, NOT_RUN)]
    if not len(matrix) or None in counts:
        return f"No fault was tried{f' on {agent}' if agent else ': no agent of the pilot acts'}."
    lost, doubled, wrong, not_run = (f"{count:,.0f}" for count in counts)
    kinds, operations = matrix["fault"].nunique(), len(matrix[["system", "operation"]].drop_duplicates())
    return (
        f"{lost} of {len(matrix):,} cells lose a decision of {agent}, {doubled} double one and {wrong} change one, "
        f"under {kinds} faults at {operations} operations; {not_run} were not run."
    )


def _is_same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    plain = [table.astype(object).where(table.notna(), None) for table in (one, other)]
    return list(one.columns) == list(other.columns) and plain[0].values.tolist() == plain[1].values.tolist()


FAULTS = FaultsMaker()
