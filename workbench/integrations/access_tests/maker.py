"""Access tests as a maker of evidence: the systems under the agent's account, its tools, its texts, its secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from workbench.agents import Agent, build_agent, in_environment, through
from workbench.environment import read_environment, waited_for
from workbench.environment.connections import ReachedSystems
from workbench.environment.sandbox import SANDBOX_LOG
from workbench.evidence import Exhibit, Facts, Inputs, MadeBy, Maker, exhibit_folder
from workbench.integrations.access_tests.checks import ACCESS_CHECKS, KEYS, NAME, TEXTS, TRIALS
from workbench.integrations.access_tests.findings import access_findings
from workbench.integrations.access_tests.keys import judged_again
from workbench.integrations.access_tests.numbers import ACCESS_UNITS, OLD_KEYS, PERSONAL, VIOLATIONS, access_estimates
from workbench.integrations.access_tests.running import AccessBudget, AccessSeen, try_access
from workbench.integrations.access_tests.texts import (
    PLACES,
    TextRow,
    decided_texts,
    logged,
    shown_to,
    stored_of,
    texts_table,
)
from workbench.integrations.access_tests.tools import CANARY, try_tools, with_canaries
from workbench.integrations.access_tests.trials import AccessVerdict, kind_of_trial, trials_table
from workbench.integrations.calling import HandsOfClock, WayIn
from workbench.integrations.faults import acting_agent
from workbench.integrations.reaching import check_measured, way_to_systems
from workbench.metrics import Estimate
from workbench.pilot import Pilot
from workbench.pilot.integrations import Inventory, agreed_files, read_integrations
from workbench.records import Record
from workbench.records.splits import Dataset, Split
from workbench.runs import RunRequest
from workbench.runs.journal import digest_of
from workbench.words import InputError, SignatureError, several, shown

RECORDS = 12
OWN = {"records", "agent"}  # what the tests are about besides files


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Whose tools and texts are tried, and how many development records that agent decides for them.

    Parameters
    ----------
    agent : str, optional
        Without it the first one that acts, else the first one.
    run : RunRequest
        What answers prompts; split and limit mean nothing here.
    """

    agent: str | None = None
    records: int = RECORDS
    run: RunRequest = field(default_factory=RunRequest)
    budget: AccessBudget = field(default_factory=AccessBudget)


class AccessMaker(Maker):
    """Whether anybody gets to see or to do what was not granted."""

    name = NAME
    title = "access test"
    question = "Does anybody get to see or to do what nobody granted?"
    how = "try what was not granted"
    notebooks = ("07_access",)
    command = "workbench integrations access PILOT --agent NAME"
    metrics: ClassVar = ACCESS_UNITS
    checks: ClassVar = ACCESS_CHECKS
    counted = "tries"
    believed = ("what the systems answered to each try, and what stood in the agent's texts",)

    def make(self, pilot: Pilot, dataset: Dataset, request: AccessRequest) -> Exhibit:
        """Make every try against the pilot's own sandbox, or the declared addresses; leave and return the exhibit.

        Raises
        ------
        InputError
            There is no integrations.yaml, nothing can be reached, or there is no such agent.
        RunError
            The sandbox does not start, ends, or its hooks do not answer as they must.
        """
        inventory, name = read_integrations(pilot.suite), _agent_of(pilot, request.agent)
        agent = build_agent(pilot, name, dataset, request.run.engine)
        records = tuple(dataset.records(dataset.ids(Split.DEV, request.records)))
        with way_to_systems(pilot, dataset, inventory) as (reach, sandbox):
            seeing = _seen(pilot, dataset, inventory, reach, agent, records, request.budget)
            seen, trials, texts = waited_for(seeing)
        check_measured(inventory, seen.lines)
        tables = {TRIALS: trials, KEYS: seen.keys, TEXTS: texts_table(texts)}
        owners = {system.id: system.owner for system in inventory.settings.systems}
        facts = {"agent": name, "records": len(records), "sandbox": sandbox, "owners": owners}
        about = {"records": dataset.digest, "agent": digest_of(agent.identity), **agreed_files(pilot.suite)}
        exhibit = Exhibit(NAME, pilot.name, about, MadeBy.now(pilot.root), "", tables=tables, facts=facts)
        exhibit = counted_access(exhibit)
        exhibit.write(exhibit_folder(pilot, NAME))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last access test where it is of the present systems, else why it does not count."""
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        now = agreed_files(pilot.suite)
        changed = [name for name in {*now, *left.about} - OWN if now.get(name) != left.about.get(name)]
        return f"{sorted(changed)[0]} changed since the last {self.title}; {self.remedy(pilot)}" if changed else left

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: also what was agreed of the systems, and their sandbox."""
        return {**inputs.everything(), **inputs.of_agents(inputs.agents), **agreed_files(inputs.pilot.suite)}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return a count; nothing is estimated, so its bounds are itself."""
        tables = facts.exhibits[NAME].tables
        return access_estimates(tables[TRIALS], tables[KEYS], tables[TEXTS])[metric]

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version whose texts were looked at."""
        exhibit = facts.exhibits[NAME]
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]}

    def judged(self, facts: Facts) -> str:
        """Return the version whose texts were looked at."""
        return str(facts.exhibits[NAME].facts["agent"])

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with answer, estimates and findings counted again from its tables.

        Raises
        ------
        SignatureError
            A verdict is none, or does not follow from an age.
        """
        unknown = set(exhibit.tables[TRIALS]["verdict"]) - set(AccessVerdict)
        if unknown:
            raise SignatureError("a try has a verdict that there is not", got=shown(sorted(map(str, unknown))))
        try:
            exhibit.tables[TRIALS]["tried"].map(kind_of_trial)
        except ValueError as error:
            raise SignatureError("a try is of a kind that there is not", got=str(error)) from None
        keys = exhibit.tables[KEYS]
        if not judged_again(keys).equals(keys["verdict"]):
            raise SignatureError("the verdict on a secret does not follow from its age")
        return counted_access(exhibit)


async def _seen(
    pilot: Pilot,
    dataset: Dataset,
    inventory: Inventory,
    reach: WayIn,
    agent: Agent,
    records: tuple[Record, ...],
    budget: AccessBudget,
) -> tuple[AccessSeen, pd.DataFrame, list[TextRow]]:
    """Return what was seen of the systems, every try, and the texts that were looked at."""
    seen = await try_access(inventory.settings, dataset, reach, budget)
    role = pilot.settings.agents[agent.name].role
    of_tools = await try_tools(pilot, role, records[0]) if records else ()
    canaries = (CANARY, *(() if seen.apart is None else seen.apart.canaries))
    texts = [*shown_to(pilot.contract, records), *stored_of(pilot, dataset, agent, canaries)]
    async for one in _standing(pilot, inventory, reach, agent):
        texts += await decided_texts(one, pilot.contract, records, canaries)
    log = Path(reach.places.get("folder", "")).parent / SANDBOX_LOG
    if "folder" in reach.places and log.is_file():
        texts.append(logged(log.read_text(encoding="utf-8", errors="replace"), pilot.contract, canaries))
    return seen, trials_table((*seen.lines, *of_tools)), texts


async def _standing(pilot: Pilot, inventory: Inventory, reach: WayIn, agent: Agent) -> AsyncIterator[Agent]:
    """Yield an agent as it is asked: one that acts with canaries in its environment, then through the systems."""
    if not pilot.settings.agents[agent.name].tools:
        yield agent
        return
    yield in_environment(agent, with_canaries(read_environment(pilot)))
    if inventory.behind_tools():
        yield through(agent, ReachedSystems(inventory, reach.places, reach.secrets))
        clock = HandsOfClock(inventory.settings.sandbox, reach)
        await clock.take_all_back()
        await clock.close()


def _agent_of(pilot: Pilot, named: str | None) -> str:
    """Return whose account it is: the named agent, else the first that acts, else the first."""
    name = named or acting_agent(pilot) or next(iter(pilot.settings.agents), None)
    if name is None:
        raise InputError("the pilot has no agent whose account could be tried", where=str(pilot.suite / "pilot.yaml"))
    return name


def counted_access(exhibit: Exhibit) -> Exhibit:
    """Return an exhibit with everything that follows from its tables."""
    trials, keys, texts = (exhibit.tables[one] for one in (TRIALS, KEYS, TEXTS))
    estimates = access_estimates(trials, keys, texts)
    return replace(
        exhibit,
        estimates=estimates,
        findings=access_findings(trials, keys, texts, exhibit.facts["owners"]),
        notes=tuple(_notes(exhibit.facts, texts)),
        answer=_answer(trials, estimates),
    )


def _notes(facts: Mapping[str, Any], texts: pd.DataFrame) -> list[str]:
    places = texts["place"].value_counts(sort=False)
    looked = ", ".join(f"{n:,} of the {place}" for place, n in places.items())
    missing = [place for place in PLACES if place not in places.index]
    left = f"; nothing was there of the {', '.join(missing)}" if missing else ""
    return [f"Tried: {facts['sandbox']}, with the tools of {facts['agent']}.", f"Texts looked at: {looked}{left}."]


def _answer(trials: pd.DataFrame, estimates: Mapping[str, Estimate]) -> str:
    """Return what was let in of how much, in one or two sentences."""
    let_in, old, personal = (estimates[one] for one in (VIOLATIONS, OLD_KEYS, PERSONAL))
    if let_in.value is None:
        return f"Nothing was tried of {several(len(trials), 'try', 'tries')}."
    left = trials["verdict"].value_counts()
    unclear, open_ones = (int(left.get(one.value, 0)) for one in (AccessVerdict.UNCLEAR, AccessVerdict.NOT_MEASURED))
    keys = "no secret's age is known" if old.value is None else f"{old.value:.0f} of {old.n} secrets are too old"
    texts = "" if personal.value is None else f", {personal.value:,.0f} of {personal.n:,} texts hold personal data"
    return (
        f"{let_in.value:,.0f} of {let_in.n:,} tries were let in, {unclear} are unclear, {open_ones} were not measured. "
        f"{keys[0].upper()}{keys[1:]}{texts}."
    )


ACCESS = AccessMaker()
