"""The probe as a maker of evidence: every declared line of a pilot's systems, held against their sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from workbench.environment import waited_for
from workbench.evidence import Exhibit, Facts, Inputs, MadeBy, Maker, Missing, exhibit_folder, file_digest
from workbench.integrations.asking import HeldRecords
from workbench.integrations.checks import CHECKS, INTEGRATIONS, LINES
from workbench.integrations.lines import LineVerdict, lines_table
from workbench.integrations.numbers import (
    DEVIATIONS,
    PROBED,
    UNITS,
    estimates_of_lines,
    integration_findings,
)
from workbench.integrations.probe import ProbeBudget, probe_systems
from workbench.integrations.reaching import check_measured, way_to_systems
from workbench.metrics import Estimate
from workbench.pilot import Pilot
from workbench.pilot.integrations import INTEGRATIONS_FILE, agreed_files, read_integrations
from workbench.words import SignatureError, several, shown

MENDED = (Missing(version=True), "the systems must change, or what was agreed on")


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """How long the parts of a probe may take."""

    budget: ProbeBudget = field(default_factory=ProbeBudget)


class IntegrationsMaker(Maker):
    """Whether the systems around an agent are what was agreed."""

    name = INTEGRATIONS
    title = "probe of the integrations"
    question = "Are the systems around the agent what was agreed?"
    how = "probe the integrations"
    notebooks = ("05_integrations",)
    command = "workbench integrations probe PILOT"
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    counted = "declared lines"
    when_failed: ClassVar = MENDED
    believed = ("what was measured of each declared line of integrations.yaml",)

    def make(self, pilot: Pilot, dataset: HeldRecords, request: ProbeRequest) -> Exhibit:
        """Measure every declared line against the pilot's own sandbox, or the declared ones; leave and return it.

        Raises
        ------
        InputError
            There is no integrations.yaml, an address may not be reached, or a credential is not set.
        RunError
            The pilot's own sandbox does not start.
        """
        inventory = read_integrations(pilot.suite)
        with way_to_systems(pilot, dataset, inventory) as (reach, sandbox):
            lines = waited_for(probe_systems(inventory.settings, dataset, reach, request.budget))
        check_measured(inventory, lines)
        about = {"records": dataset.digest, **agreed_files(pilot.suite)}
        facts = {"owners": {system.id: system.owner for system in inventory.settings.systems}, "sandbox": sandbox}
        tables = {LINES: lines_table(lines)}
        exhibit = Exhibit(INTEGRATIONS, pilot.name, about, MadeBy.now(pilot.root), "", tables=tables, facts=facts)
        exhibit = _counted(exhibit)
        exhibit.write(exhibit_folder(pilot, INTEGRATIONS))
        return exhibit

    def present(self, pilot: Pilot, dataset: HeldRecords, agent: str | None) -> Exhibit | str:
        """Return the last probe, unless integrations.yaml or the pilot's own sandbox changed since.

        Raises
        ------
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)  # type: ignore[arg-type]
        if isinstance(left, str):
            return left
        now = agreed_files(pilot.suite)
        changed = [name for name in {*now, *left.about} - {"records"} if now.get(name) != left.about.get(name)]
        return f"{sorted(changed)[0]} changed since the last {self.title}; {self.remedy(pilot)}" if changed else left

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: integrations.yaml and the pilot's own sandbox."""
        return agreed_files(inputs.pilot.suite)

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return a count or a share of all there is, which holds at any level."""
        return estimates_of_lines(facts.exhibits[INTEGRATIONS].tables[LINES])[metric]

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with answer, estimates and findings counted again from its lines.

        Raises
        ------
        SignatureError
            It is of another integrations.yaml than the one that was agreed on, or a verdict is none.
        """
        agreed = facts.pilot.suite / INTEGRATIONS_FILE
        if agreed.is_file() and exhibit.about.get(INTEGRATIONS_FILE) != file_digest(agreed):
            raise SignatureError(f"the {self.title} was of another {INTEGRATIONS_FILE}")
        unknown = set(exhibit.tables[LINES]["verdict"]) - set(LineVerdict)
        if unknown:
            raise SignatureError("a line has a verdict that there is not", got=shown(sorted(map(str, unknown))))
        return _counted(exhibit)


def _counted(exhibit: Exhibit) -> Exhibit:
    lines = exhibit.tables[LINES]
    estimates = estimates_of_lines(lines)
    return replace(
        exhibit,
        estimates=estimates,
        findings=integration_findings(lines, exhibit.facts["owners"]),
        notes=(f"Measured: {exhibit.facts['sandbox']}.",),
        answer=_answer(exhibit, estimates),
    )


def _answer(exhibit: Exhibit, estimates: Mapping[str, Estimate]) -> str:
    """Return how many lines deviate, one sentence."""
    lines, deviations, probed = exhibit.tables[LINES], estimates[DEVIATIONS], estimates[PROBED]
    if deviations.value is None or probed.value is None:
        return f"No line of {INTEGRATIONS_FILE} was measured."
    counts = lines["verdict"].value_counts()
    left = several(int(counts.get(LineVerdict.NOT_MEASURED.value, 0)), "line was", "lines were")
    unclear = int(counts.get(LineVerdict.UNCLEAR.value, 0))
    operations = f"{round(probed.value * probed.n)} of {several(probed.n, 'operation')} probed"
    return (
        f"{deviations.value:.0f} of {deviations.n:,} measured lines deviate from what was agreed, "
        f"{unclear} are unclear; {left} not measured; {operations}."
    )


MAKER = IntegrationsMaker()
