"""Load as a maker of evidence: an agent under a day's records, a peak, and as many decisions as two days have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pandas as pd

from workbench.agents import build_agent
from workbench.evidence import (
    Agreed,
    Answer,
    Exhibit,
    Facts,
    Inputs,
    MadeBy,
    Maker,
    exhibit_folder,
    file_digest,
    unproven,
)
from workbench.load_testing.analysis import causes_table, profiles_table
from workbench.load_testing.checks import CHECKS, COMMAND, LOAD, PROFILES
from workbench.load_testing.findings import load_findings
from workbench.load_testing.numbers import (
    CALLED_LEVEL,
    LEAKS,
    P95,
    PEAK_P95,
    REVIEWERS,
    SEEN_ONCE,
    UNITS,
    estimates_of_load,
    load_estimate,
)
from workbench.load_testing.profiles import LoadTest
from workbench.load_testing.taps import ANSWERS, ITEMS, REVIEWED, TAPS, reviewers_table
from workbench.metrics import DEFAULT_CONFIDENCE_LEVEL, Estimate
from workbench.pilot import LOAD_FILE, LoadProfile, Pilot
from workbench.pilot.integrations import agreed_files
from workbench.records.splits import Dataset
from workbench.runs import RunRequest
from workbench.runs.journal import digest_of
from workbench.words import InputError, seconds, several, shown

ALL = tuple(LoadProfile)
USUAL = "as usual"  # in the place of a digest, where a pilot has no load.yaml
MEASURED = ("arrivals", "calls", "samples", "gpus", TAPS, ITEMS, ANSWERS)


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """Which agent to test, and how.

    Parameters
    ----------
    run : RunRequest
        What answers prompts, and whether a bar is shown; split and limit mean nothing here.
    profiles : tuple of LoadProfile
        Those to run.
    workers : int
        Processes that share the schedule; with the address of a Ray cluster in `run`, workers of it.
    """

    agent: str
    run: RunRequest = field(default_factory=RunRequest)
    profiles: tuple[LoadProfile, ...] = ALL
    workers: int = 1


class LoadMaker(Maker):
    """Whether an agent bears what arrives: how long records wait, what goes wrong, what its processes keep."""

    name = LOAD
    title = "load test"
    question = "Does the agent bear what arrives?"
    how = "run the load test"
    notebooks = ("06_load",)
    command = COMMAND
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    believed = (
        "when each record of the load test was due, taken and decided, and what was decided",
        "what processes took during the load test, and its unloaded decisions",
        "when each scripted reviewer of the load test tapped, and what the desk's file had afterwards",
    )

    def make(self, pilot: Pilot, dataset: Dataset, request: LoadRequest) -> Exhibit:
        """Put an agent under load, and leave and return the exhibit.

        Raises
        ------
        InputError
            load.yaml does not fit, or a profile is asked for that there is nothing to run of.
        RunError
            The test was interrupted, or no record got a decision without load.
        """
        if not request.profiles:
            raise InputError("a load test needs a profile", expected=", ".join(one.value for one in ALL))
        if request.workers < 1:
            raise InputError("a load test needs a worker", got=str(request.workers))
        engine = request.run.engine  # with workers its cluster is where the schedule is split, not what answers prompts
        own = engine if request.workers == 1 else replace(engine, ray_address=None)
        agent = build_agent(pilot, request.agent, dataset, own)
        test = LoadTest(pilot, dataset, agent, request.run, request.workers)
        measured, facts = test.run(request.profiles)
        systems = agreed_files(pilot.suite) if facts["sandbox"] else {}
        about = {"records": dataset.digest, "agent": digest_of(agent.identity), LOAD: _load_digest(pilot), **systems}
        facts = {"agent": request.agent, **facts}
        exhibit = Exhibit(LOAD, pilot.name, about, MadeBy.now(pilot.root), "", tables=measured, facts=facts)
        exhibit = _counted(replace(exhibit, notes=test.notes(facts)))
        exhibit.write(exhibit_folder(pilot, LOAD))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last load test; load.yaml must be as it was, and the sandbox where the agent reached it.

        Raises
        ------
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        if left.about.get(LOAD) != _load_digest(pilot):
            return f"{LOAD_FILE} changed since the last {self.title}; {self.remedy(pilot)}"
        systems = agreed_files(pilot.suite) if left.facts["sandbox"] else {}
        changed = [name for name, digest in systems.items() if left.about.get(name) != digest]
        if changed:
            return f"{shown(changed)} changed since the last {self.title}; {self.remedy(pilot)}"
        tested = left.facts["agent"]
        if agent is not None and agent != tested:
            return f"the last {self.title} was of {tested}; {self.remedy(pilot).replace('NAME', agent)}"
        return left

    def last_or_new(self, pilot: Pilot, dataset: Dataset, request: LoadRequest) -> Exhibit:
        """Return the last load test where it counts, all its profiles were run and kept time; else run one."""
        last = self.present(pilot, dataset, request.agent)
        if isinstance(last, Exhibit):
            profiles, arriving = last.tables[PROFILES], set(ALL) - {LoadProfile.REVIEWERS}
            if set(profiles["profile"]) == arriving and profiles["valid"].all() and REVIEWED in last.tables:
                return last
        return self.make(pilot, dataset, request)

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: also load.yaml, and what was agreed of the systems."""
        return {**inputs.everything(), LOAD: _load_digest(inputs.pilot), **agreed_files(inputs.pilot.suite)}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate whose bounds each hold at a level, those of a leak at that at which one is called."""
        exhibit = facts.exhibits[LOAD]
        level = max(level, CALLED_LEVEL) if metric in LEAKS else level
        found = load_estimate(metric, exhibit.tables, exhibit.facts, 2.0 * level - 1.0)
        if found.value is None or found.method == SEEN_ONCE:
            return found
        title, _, _ = found.method.rpartition(" ")
        return replace(found, method=f"{title}, one-sided {100 * level:.10g}%")

    def would_prove(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Answer | None:
        """Return what narrows an interval: more arrivals, which load.yaml decides on."""
        return unproven(
            "", f"let more records arrive ({LOAD_FILE}: at_most_s, day.records, soak.times), and test again"
        )

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that was tested."""
        exhibit = facts.exhibits[LOAD]
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]}

    def judged(self, facts: Facts) -> str:
        """Return the version that was tested."""
        return str(facts.exhibits[LOAD].facts["agent"])

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with everything computed again from what was measured."""
        return _counted(exhibit)


def profiles_named(names: Sequence[str]) -> tuple[LoadProfile, ...]:
    """Return the profiles of some names, all that can be run without any. Raises InputError for a name of none."""
    wrong = [name for name in names if name not in set(ALL)]
    if wrong:
        raise InputError("there is no such profile to run", got=shown(wrong), expected=", ".join(ALL))
    return tuple(one for one in ALL if one in names) if names else ALL


def _load_digest(pilot: Agreed) -> str:
    path = pilot.suite / LOAD_FILE
    return file_digest(path) if path.is_file() else USUAL


def _counted(exhibit: Exhibit) -> Exhibit:
    """Return an exhibit with everything that follows from what was measured."""
    measured = {name: exhibit.tables[name] for name in MEASURED if name in exhibit.tables}
    profiles = profiles_table(measured["arrivals"], exhibit.facts["windows"])
    causes = causes_table(measured["arrivals"])
    estimates = estimates_of_load(measured, exhibit.facts)
    reviewed = {REVIEWED: reviewers_table(measured, DEFAULT_CONFIDENCE_LEVEL)} if TAPS in measured else {}
    return replace(
        exhibit,
        tables={**measured, PROFILES: profiles, "causes": causes, **reviewed},
        estimates=estimates,
        findings=load_findings(measured, profiles, causes, exhibit.facts),
        answer=_answer(str(exhibit.facts["agent"]), profiles, estimates),
    )


def _answer(agent: str, profiles: pd.DataFrame, estimates: Mapping[str, Estimate]) -> str:
    """Return what an agent bears, one sentence of at most 40 words."""
    invalid = profiles[~profiles["valid"]]
    if len(invalid):
        late_s, named = invalid["late_p99_s"].max(), ", ".join(invalid["profile"])
        late = "" if pd.isna(late_s) else f", {seconds(float(late_s))} late at p99 at worst"
        return (
            f"Invalid: the generator did not keep time in {len(invalid)} of {len(profiles)} profiles ({named}){late}."
        )
    waits = [
        f"{seconds(found.value)} {when}"
        for metric, when in ((P95, "of a day's schedule"), (PEAK_P95, "under the peak"))
        if (found := estimates[metric]).value is not None
    ]
    borne = estimates[REVIEWERS].value
    people = "" if borne is None else f"{several(int(borne), 'reviewer')} at once {'is' if borne == 1 else 'are'} borne"
    if profiles.empty:
        return f"{people[:1].upper()}{people[1:]}."
    n, errors, changed = (int(profiles[name].sum()) for name in ("arrivals", "errors", "changed"))
    compared = int(profiles["compared"].sum())
    counted = f"{errors:,} of {n:,} arrivals got no decision, {changed:,} of {compared:,} another one than without load"
    counted += f"; {people}" if people else ""
    return f"{agent} decides 95% within {' and '.join(waits)}; {counted}." if waits else f"{agent}: {counted}."


MAKER = LoadMaker()
