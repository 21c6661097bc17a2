"""Test cases as a maker of evidence: an agent asked about every case, held against what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pandas as pd

from workbench.agents import build_agent
from workbench.cases.asking import answers_in, ask_about, ask_in_reverse, run_over
from workbench.cases.checking import check_cases
from workbench.cases.checks import CASES, CHECKS, COVERAGE
from workbench.cases.coverage import coverage_table
from workbench.cases.findings import case_findings
from workbench.cases.judging import Bench
from workbench.cases.made import CaseRecords, asked_records, case_records, ground_of
from workbench.cases.numbers import COVERED, PASSED, UNITS, VIOLATED, estimates_of_cases, relations_table
from workbench.cases.oracle import check_is_another
from workbench.cases.planted import last_proof
from workbench.cases.results import ASKED, answers_table, cases_table, orders_table, read_answers
from workbench.cases.scoring import mutants_table, score
from workbench.cases.states import expected_states
from workbench.cases.suites import Cases, read_cases
from workbench.evidence import Agreed, Exhibit, Facts, Inputs, MadeBy, Maker, exhibit_folder, file_digest
from workbench.files import read_settings
from workbench.metrics import Estimate
from workbench.pilot import PROCESS_FILE, Pilot, Process
from workbench.records.splits import Dataset
from workbench.runs import RunRequest
from workbench.runs.journal import digest_of
from workbench.words import InputError, SignatureError, percent, shown

ANSWERS, MUTANTS, RELATIONS, ORDERS, PLANTED = "answers", "mutants", "relations", "orders", "planted"


@dataclass(frozen=True, slots=True)
class CasesRequest:
    """Which agent to ask, and how.

    Parameters
    ----------
    run : RunRequest
        What answers prompts, and whether a bar is shown; split and limit mean nothing here.
    threshold : float, optional
        Below it a decision goes to a person; None where none was chosen.
    """

    agent: str
    run: RunRequest = field(default_factory=RunRequest)
    threshold: float | None = None


class CasesMaker(Maker):
    """Whether an agent does what test cases expect, and what of the process they cover."""

    name = CASES
    title = "test of the cases"
    question = "Does the agent do what the test cases expect?"
    how = "ask the agent about the test cases"
    notebooks = ("04_test_cases",)
    command = "workbench cases run PILOT --agent NAME"
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    counted = "test cases"
    rests_on_runs = True
    believed = (
        "the records that test cases were made into, the answers to them in both orders",
        "what was noticed of mutants, and found of planted faults",
    )

    def make(self, pilot: Pilot, dataset: Dataset, request: CasesRequest) -> Exhibit:
        """Ask an agent about every case as far as the journal does not have it, and leave and return the exhibit.

        Raises
        ------
        InputError
            There is no case, one does not fit, derivations of the state that it expects disagree, or the agent is the
            policy that says what is expected.
        RunError
            The run was interrupted, or not one record got a decision.
        """
        cases = read_cases(pilot)
        if not cases.files:
            raise InputError(
                "the pilot has no test cases", where=str(pilot.suite / "suites"), remedy="write suites/*.yaml there"
            )
        check_cases(pilot, dataset, cases)
        agent = build_agent(pilot, request.agent, dataset, request.run.engine)
        check_is_another(pilot, agent, _process(pilot))
        made = case_records(cases, dataset, ground_of(pilot, dataset))
        expected_states(pilot, cases, made)
        asked = asked_records(made, dataset)
        if not asked.by_id:
            why = shown(dict.fromkeys(one.unchangeable for one in made))
            raise InputError("no change of any case can be made", where=str(pilot.suite / "suites"), got=why)
        run = ask_about(pilot, agent, asked, show_progress=request.run.show_progress)
        in_reverse = ask_in_reverse(pilot, agent, asked, show_progress=request.run.show_progress)
        facts = {"agent": request.agent, "run": run, "threshold": request.threshold}
        about = {"records": dataset.digest, "agent": digest_of(agent.identity), **_about(pilot, cases)}
        orders = orders_table(answers_in(pilot, run), answers_in(pilot, in_reverse))
        proof = last_proof(pilot)
        tables = {ORDERS: orders, **({} if proof is None else {PLANTED: proof}), **_mutants(pilot, cases, made)}
        exhibit = Exhibit(CASES, pilot.name, about, MadeBy.now(pilot.root), "", tables=tables, facts=facts)
        exhibit = _answered(exhibit, pilot, cases, made)
        exhibit.write(exhibit_folder(pilot, CASES))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last test, its answers as the journal has them; the file that was left only names the run.

        Suites, their signatures and the process must be as they were.

        Raises
        ------
        InputError
            A suite does not fit.
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        cases = read_cases(pilot)
        changed = [name for name, digest in _about(pilot, cases).items() if left.about.get(name) != digest]
        if changed:
            return f"the {changed[0]} changed since the last {self.title}; {self.remedy(pilot)}"
        made = case_records(cases, dataset, ground_of(pilot, dataset))
        entry = run_over(pilot, left.facts["run"], asked_records(made, dataset))
        if entry is None:
            return f"the answers of the last {self.title} are gone; {self.remedy(pilot)}"
        about = {**left.about, "agent": entry.agent_digest}
        return _answered(replace(left, about=about), pilot, cases, made)

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: also the suites with their signatures, and the process."""
        return {**inputs.everything(), **_about(inputs.pilot, read_cases(inputs.pilot))}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate whose bounds each hold at a level."""
        tables = facts.exhibits[CASES].tables
        both = 2.0 * level - 1.0
        found = estimates_of_cases(tables[CASES], tables.get(COVERAGE), tables.get(MUTANTS), both)[metric]
        title, _, _ = found.method.rpartition(" ")
        is_interval = found.value is not None and found.method.endswith("%")
        return replace(found, method=f"{title}, one-sided {100 * level:.10g}%") if is_interval else found

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that was asked."""
        exhibit = facts.exhibits[CASES]
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]}

    def judged(self, facts: Facts) -> str:
        """Return the version that was asked."""
        return str(facts.exhibits[CASES].facts["agent"])

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with every case judged again from its answers, by the suites and the process agreed on.

        Raises
        ------
        SignatureError
            The suites or the process are others than it says, or a case was judged otherwise.
        """
        cases = read_cases(facts.pilot)
        differing = [name for name, digest in _about(facts.pilot, cases).items() if exhibit.about.get(name) != digest]
        if differing:
            raise SignatureError("the test cases were of something else", got=shown(differing))
        again = _counted(exhibit, facts.pilot, cases)
        for name, table in again.tables.items():
            stored = exhibit.tables.get(name)
            if stored is None or _cells(table) != _cells(stored):
                raise SignatureError("a table of the test cases does not follow from the answers", got=name)
        return again


def _about(pilot: Agreed, cases: Cases) -> dict[str, str]:
    """Return the digests of the suites, signed or not, and of the process specification."""
    files = {file.name: [file.digest, file.is_confirmed] for file in cases.files}
    process = pilot.suite / PROCESS_FILE
    return {"suites": digest_of(files), **({"process": file_digest(process)} if process.is_file() else {})}


def _process(pilot: Agreed) -> Process | None:
    path = pilot.suite / PROCESS_FILE
    return read_settings(path, Process) if path.is_file() else None


def _answered(exhibit: Exhibit, pilot: Pilot, cases: Cases, made: Sequence[CaseRecords]) -> Exhibit:
    """Return an exhibit with the answers that its run has in the journal, and everything that follows from them."""
    answers = answers_in(pilot, exhibit.facts["run"])
    unchangeable = {one.case.id: one.unchangeable for one in made if one.unchangeable}
    tables = {**exhibit.tables, ANSWERS: answers_table(made, answers)}
    return _counted(
        replace(exhibit, tables=tables, facts={**exhibit.facts, "unchangeable": unchangeable}), pilot, cases
    )


def _counted(exhibit: Exhibit, pilot: Agreed, cases: Cases) -> Exhibit:
    """Return an exhibit with everything that follows from its answers: tables, estimates, findings and the sentence."""
    process = _process(pilot)
    bench = Bench(pilot.settings.escalate_label, process, exhibit.facts["threshold"])
    answers = read_answers(exhibit.tables[ANSWERS])
    judged = cases_table(cases, answers, exhibit.facts["unchangeable"], bench)
    tables = {name: exhibit.tables[name] for name in (ANSWERS, MUTANTS, ORDERS, PLANTED) if name in exhibit.tables}
    asked = {case for case, part in answers if part == ASKED}
    confirmed = [case for case in cases.confirmed if case.id in asked]
    tables |= {CASES: judged, RELATIONS: relations_table(judged)}
    if process is not None:
        tables[COVERAGE] = coverage_table(process, confirmed, cases.excluded)
    estimates = estimates_of_cases(judged, tables.get(COVERAGE), tables.get(MUTANTS))
    return replace(
        exhibit,
        tables=tables,
        estimates=estimates,
        findings=case_findings(judged[judged["confirmed"]], tables[RELATIONS], tables.get(ORDERS)),
        answer=_answer(exhibit.facts["agent"], judged, estimates),
    )


def _answer(agent: str, cases: pd.DataFrame, estimates: Mapping[str, Estimate]) -> str:
    """Return how many cases an agent passes, one sentence of at most 40 words."""
    passed, broken, covered = estimates[PASSED], estimates[VIOLATED], estimates[COVERED]
    if passed.value is None:
        judged = cases[cases["judged"]]
        n = f"{int(judged['passed'].sum()):,} of {len(judged):,}"
        return f"{agent} passes {n} proposed test cases; none counts before a person signs its suite."
    said = f"{agent} passes {round(passed.value * passed.n):,} of {passed.n:,} confirmed test cases"
    if broken.value is not None:
        said += f"; changes that mean nothing move {percent(broken.value)} of {broken.n:,} decisions"
    if covered.value is not None:
        said += f"; {round(covered.value * covered.n):,} of {covered.n:,} parts of the process have a case"
    return f"{said}."


def _cells(table: pd.DataFrame) -> list[Sequence[Any]]:
    """Return a table's names and cells, what is missing as None, as they compare after being written and read."""
    plain = table.astype(object).where(table.notna(), None)
    return [list(map(str, plain.columns)), *plain.values.tolist()]


def _mutants(pilot: Pilot, cases: Cases, made: Sequence[CaseRecords]) -> dict[str, pd.DataFrame]:
    """Return what confirmed cases notice of the specification's mutants, nothing where there is no policy to mutate."""
    process, confirmed = _process(pilot), {case.id for case in cases.confirmed}
    if process is None or process.python is None:
        return {}
    counted = [one for one in made if one.case.id in confirmed] or made
    equivalent = {name: why for file in cases.files for name, why in file.suite.equivalent.items()}
    return {MUTANTS: mutants_table(score(pilot, process, counted, equivalent), process)}


MAKER = CasesMaker()
