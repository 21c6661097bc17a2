"""Agents with planted faults: whether what must be found of each is found, and nothing of the clean one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from pydantic import Field

from workbench.agents import KnownAs, build_agent
from workbench.agents.acting import acting_of
from workbench.agents.callables import PilotFunction
from workbench.cases.asking import answers_in, ask_about, ask_in_reverse
from workbench.cases.findings import case_findings
from workbench.cases.judging import Bench
from workbench.cases.made import CaseRecords, asked_records, case_records, ground_of
from workbench.cases.numbers import relations_table
from workbench.cases.results import answers_table, cases_table, orders_table, read_answers
from workbench.cases.suites import Cases, read_cases
from workbench.environment import ENVIRONMENT_FILE
from workbench.evidence import Finding, file_digest
from workbench.files import Settings, read_settings, write_atomically
from workbench.pilot import PROCESS_FILE, Pilot, read_process
from workbench.records.splits import Dataset
from workbench.runs import RunRequest
from workbench.runs.journal import digest_of
from workbench.words import InputError, shown

PLANTED_FILE = "planted.yaml"
COLUMNS = ["agent", "wanted", "found", "caught"]


class PlantedSettings(Settings):
    """Which agents have a planted fault: functions of `python`, a file beside this one, in place of the clean agent's.

    `found` says for each function what must be found of it: the kind of a finding, or `fragile: CHANGE`.
    """

    clean: str
    python: str = Field(pattern=r"^[\w.-]+\.py$")
    found: dict[str, str] = Field(min_length=1)


def proved_on_planted(pilot: Pilot, dataset: Dataset, *, show_progress: bool = True) -> pd.DataFrame:
    """Return what is found of each agent with a planted fault, and of the clean one, over all cases of the pilot.

    Returns
    -------
    DataFrame
        `agent`, `wanted` (empty for the clean one), `found` (kinds of findings, joined), `caught`: what is wanted is
        among them; of the clean one, that nothing is found.

    Raises
    ------
    InputError
        There is no planted.yaml, or it names agents or functions that are not there.
    """
    path = pilot.suite / PLANTED_FILE
    if not path.is_file():
        raise InputError("the pilot has no agents with planted faults", where=str(path))
    settings = read_settings(path, PlantedSettings)
    clean = pilot.agent(settings.clean)
    if clean.python is None:
        raise InputError("the clean agent is no Python callable", where=f"{path}, clean", got=settings.clean)
    place = pilot.suite.relative_to(pilot.root).as_posix()
    functions = {name: f"{place}/{settings.python}:{name}" for name in settings.found}
    agents = {name: clean.model_copy(update={"python": one}) for name, one in functions.items()}
    with_planted = pilot.settings.model_copy(update={"agents": {**pilot.settings.agents, **agents}})
    whole = replace(pilot, settings=with_planted)
    cases = read_cases(pilot)
    made, rows = case_records(cases, dataset, ground_of(pilot, dataset)), []
    for name, wanted in {settings.clean: "", **settings.found}.items():
        kinds = [_kind(one) for one in _findings(whole, dataset, name, (cases, made), show_progress)]
        rows.append((name, wanted, ", ".join(kinds), wanted in kinds if wanted else not kinds))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"caught": bool})
    kept = {"of": _state(pilot, settings), "rows": table.to_dict("records")}
    write_atomically(_kept_at(pilot), json.dumps(kept, indent=1))
    return table


def last_proof(pilot: Pilot) -> pd.DataFrame | None:
    """Return what was found of planted faults when that was tried last; None where anything of it has changed since."""
    path = pilot.suite / PLANTED_FILE
    if not path.is_file() or not _kept_at(pilot).is_file():
        return None
    kept = json.loads(_kept_at(pilot).read_text(encoding="utf-8"))
    if kept["of"] != _state(pilot, read_settings(path, PlantedSettings)):
        return None
    return pd.DataFrame(kept["rows"], columns=COLUMNS).astype({"caught": bool})


def _kept_at(pilot: Pilot) -> Path:
    return pilot.runs / "results" / "cases" / "planted.json"


def _state(pilot: Pilot, settings: PlantedSettings) -> str:
    """Return the digest of all that a proof depends on: cases, planted agents, environment, specification."""
    place = pilot.suite.relative_to(pilot.root).as_posix()
    code = PilotFunction(pilot.root, f"{place}/{settings.python}:planted").digests(())
    files = (PLANTED_FILE, PROCESS_FILE)
    read = {name: file_digest(pilot.suite / name) for name in files if (pilot.suite / name).is_file()}
    acts = acting_of(pilot, None).identity if (pilot.suite / ENVIRONMENT_FILE).is_file() else {}
    suites = {one.name: one.digest for one in read_cases(pilot).files}
    return digest_of({"suites": suites, "code": code, "read": read, "acts": acts})


def said_of_planted(table: pd.DataFrame) -> str:
    """Return how many planted faults were caught, one sentence."""
    planted = table[table["wanted"] != ""]
    missed = planted.loc[~planted["caught"], "agent"]
    clean = table[table["wanted"] == ""]
    alarms = "no false alarm on the clean agent" if clean["caught"].all() else f"false alarms: {clean['found'].iloc[0]}"
    said = f"caught {int(planted['caught'].sum())} of {len(planted)} planted faults, {alarms}"
    return said if missed.empty else f"{said}; missed: {shown(missed)}"


def _findings(
    pilot: Pilot, dataset: Dataset, name: str, asked: tuple[Cases, Sequence[CaseRecords]], show_progress: bool
) -> tuple[Finding, ...]:
    """Return what is found of an agent over all cases, proposed ones as well."""
    cases, made = asked
    built = build_agent(pilot, name, dataset, RunRequest().engine)
    # failing many times in a row is what is looked for here, and no reason to stop
    agent = KnownAs(built, built.name, built.identity, patience=len(made) + 1)
    run = ask_about(pilot, agent, asked_records(made, dataset), show_progress=show_progress)
    unchangeable = {one.case.id: one.unchangeable for one in made if one.unchangeable}
    bench = Bench(pilot.settings.escalate_label, read_process(pilot))
    answers = read_answers(answers_table(made, answers_in(pilot, run)))
    judged = cases_table(cases, answers, unchangeable, bench).assign(confirmed=True)
    in_reverse = ask_in_reverse(pilot, agent, asked_records(made, dataset), show_progress=show_progress)
    orders = orders_table(answers_in(pilot, run), answers_in(pilot, in_reverse))
    return case_findings(judged, relations_table(judged), orders)


def _kind(finding: Finding) -> str:
    return f"{finding.kind}: {finding.where[0]}" if finding.where else finding.kind
