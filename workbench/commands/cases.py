"""The commands `workbench cases design | run | coverage PILOT`: test cases made, an agent held against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    Details,
    EngineOptions,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr, stoppable
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table
from workbench.words import several

if TYPE_CHECKING:
    from workbench.evidence import Exhibit
    from workbench.pilot import Pilot

MOST_LINES = 10

app = typer.Typer(help="Hold an agent against test cases, and see what they cover.", no_args_is_help=True)


@app.command("run", epilog="Example: workbench cases run invoice_matching --agent policy_rules")
@with_options
def run_cases(
    pilot: PilotName,
    agent: Annotated[
        str | None,
        typer.Option(
            help="An agent of pilot.yaml; without it the one that a gate would judge.", autocompletion=agents_like
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Confidence below which a decision goes to a person.")
    ] = None,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Ask an agent about every test case, each once, and print which it does not pass; only signed cases count."""
    from workbench.cases import MAKER, CasesRequest
    from workbench.commands.tracked import log_exhibit
    from workbench.evaluation.versions import agent_to_judge
    from workbench.records.splits import read_dataset
    from workbench.runs import RunRequest

    opened, choice = pilot_named(pilot, root), asked.choice()
    with stoppable(), stdout_to_stderr():
        dataset = read_dataset(opened)
        name = agent or agent_to_judge(opened, dataset, choice)
        request = CasesRequest(name, RunRequest(engine=choice), threshold)
        exhibit = MAKER.make(opened, dataset, request)
        link = log_exhibit(opened, exhibit)
    junit = _written(opened, exhibit)
    if as_json:
        estimates = {one: estimate.as_json() for one, estimate in exhibit.estimates.items()}
        said = {"pilot": pilot, **exhibit.facts, "answer": exhibit.answer, "estimates": estimates}
        print_json({**said, "failed": _failed(exhibit), "junit": str(junit), "mlflow_run": link.run_id})
        return
    _print(exhibit, details=details)
    print(f"JUnit: {junit}")


@app.command(epilog="Example: workbench cases design invoice_matching")
def design(
    pilot: PilotName,
    agent: Annotated[
        str | None,
        typer.Option(
            help="Without a policy as a function: the agent whose changes of action are looked for.",
            autocompletion=agents_like,
        ),
    ] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Design test cases from process.yaml and write them to suites/designed.yaml, for a person to confirm.

    With a policy as a function (`python:` in process.yaml) the cases stand at each limit and on both its sides, hold
    each rule, use each exception, and what they expect is what the policy decides. Without one they stand where an
    agent changes its action. A suite that a person has signed is not written over.
    """
    from dataclasses import replace

    from workbench.cases import read_cases
    from workbench.cases.design import (
        NO_DESIGN,
        design_cases,
        designed_for_agent,
        related_cases,
        with_states,
        write_design,
    )
    from workbench.pilot import SUITES_FOLDER, read_process
    from workbench.records.splits import read_dataset
    from workbench.words import InputError

    opened = pilot_named(pilot, root)
    path = opened.suite / SUITES_FOLDER / "designed.yaml"
    if any(file.path == path and file.is_confirmed for file in read_cases(opened).files):
        raise InputError(
            "the designed suite is signed, and is not written over",
            where=str(path),
            remedy="give it another name first; it stays signed under its own",
        )
    process, dataset = read_process(opened), read_dataset(opened)
    with stdout_to_stderr():
        if process is not None and process.python is not None:
            made = design_cases(opened, process, dataset)
        elif agent is not None:
            made = designed_for_agent(opened, dataset, agent)
        else:
            made = NO_DESIGN
        related = related_cases(opened, process, dataset, made.cases)
        made = replace(made, cases=(*with_states(opened, dataset, made.cases, path), *related))
    path.parent.mkdir(exist_ok=True)
    write_design(made, path, f"{opened.settings.title}: designed")
    n_related = sum(case.relation is not None for case in made.cases)
    if as_json:
        facts = {"pilot": pilot, "file": str(path), "cases": len(made.cases), "relations": n_related}
        counts = {"mutants": len(made.mutants), "noticed": len(made.noticed), "equivalent": len(made.equivalent)}
        print_json(
            {**facts, **counts, "unnoticed": dict(made.unnoticed), "smoke": list(made.smoke), "cpu_s": made.cpu_s}
        )
        return
    if made.mutants:
        n = len(made.mutants) - len(made.equivalent)
        say(
            f"{len(made.cases) - n_related:,} designed cases notice {len(made.noticed):,} of {n:,} ways to change the "
            f"specification ({len(made.equivalent)} more change nothing); {n_related:,} more cases hold relations."
        )
    else:
        say(f"{len(made.cases):,} cases, {n_related:,} of which hold relations.")
    for name, why in made.unnoticed.items():
        say(f"  not noticed: {name}: {why}", "    ")
    print(path)
    say(f'They are proposed. Read them, then: workbench sign {pilot} suites/designed.yaml --name "..." --role "..."')


@app.command(epilog="Example: workbench cases prove invoice_matching")
def prove(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Run the pilot's agents with planted faults (planted.yaml) over the test cases, and say which are found."""
    from workbench.cases import proved_on_planted, said_of_planted
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    with stoppable(), stdout_to_stderr():
        table = proved_on_planted(opened, read_dataset(opened))
    if as_json:
        print_json({"pilot": pilot, "answer": said_of_planted(table), "agents": table.to_dict("records")})
        return
    rows = tuple(
        (name, wanted or "nothing", "yes" if caught else "NO", found or "nothing")
        for name, wanted, found, caught in table.itertuples(index=False, name=None)
    )
    columns = (of_names("agent"), of_names("wanted"), of_names("caught"), TextColumn("found"))
    say(f"The test cases {said_of_planted(table)}.")
    show_table("What was found of each", TextTable(columns, rows), details=True)


@app.command(epilog="Example: workbench cases coverage invoice_matching")
def coverage(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Say which rules, exceptions, targets and facts of process.yaml have no test case; nothing is asked.

    A case that is only proposed is named apart: it counts once its suite is signed.
    """
    from workbench.cases import check_cases, coverage_table, missing_tokens, read_cases
    from workbench.pilot import read_process
    from workbench.records.splits import read_dataset
    from workbench.words import InputError

    opened = pilot_named(pilot, root)
    process, cases = read_process(opened), read_cases(opened)
    if process is None:
        raise InputError("the pilot has no process specification", where=str(opened.suite / "process.yaml"))
    check_cases(opened, read_dataset(opened), cases)
    table = coverage_table(process, cases.confirmed, cases.excluded)
    missing = missing_tokens(table)
    every = coverage_table(process, [case for _, case in cases.by_id.values()], cases.excluded)
    uncovered = missing_tokens(every)
    proposed = [token for token in missing if token not in set(uncovered)]
    if as_json:
        needed = int((table["group"] != "precedence").sum())
        print_json({"pilot": pilot, "needed": needed, "uncovered": uncovered, "only_proposed": proposed})
        return
    confirmed = len(cases.confirmed)
    say(f"{several(confirmed, 'confirmed test case')}, {len(cases.by_id) - confirmed:,} proposed.")
    _list("Without any case", uncovered, details=details)
    _list("Covered by proposed cases only", proposed, details=details)
    if not missing:
        say("Everything that the process needs has a confirmed case.")


def _list(title: str, tokens: list[str], *, details: bool) -> None:
    if tokens:
        shown = tokens if details else tokens[:MOST_LINES]
        more = f", and {len(tokens) - len(shown):,} more: --details" if len(shown) < len(tokens) else ""
        say(f"{title} ({len(tokens):,}): {', '.join(shown)}{more}", "  ")


def _written(pilot: Pilot, exhibit: Exhibit) -> Any:
    """Write the cases for a CI system and return the file."""
    from workbench.cases import cases_junit
    from workbench.files import write_atomically

    path = pilot.runs / "results" / "cases" / "junit.xml"
    write_atomically(path, cases_junit(exhibit))
    return path


def _failed(exhibit: Exhibit) -> list[dict[str, Any]]:
    """Return the cases that are not passed, or that could not be judged, with what is wrong."""
    table = exhibit.tables["cases"]
    rows = table[~table["passed"]]
    return [
        {"case": case, "class": kind, "confirmed": bool(confirmed), "why": failures or unchangeable or "not asked"}
        for case, kind, confirmed, failures, unchangeable in zip(
            rows["case"], rows["class"], rows["confirmed"], rows["failures"], rows["unchangeable"], strict=True
        )
    ]


def _print(exhibit: Exhibit, *, details: bool) -> None:
    from workbench.metrics import estimate_text

    say(exhibit.answer)
    for name, estimate in exhibit.estimates.items():
        if estimate.value is not None:
            say(f"  {name:<20} {estimate_text(name, estimate)}", "  ")
    if "planted" in exhibit.tables:
        from workbench.cases import said_of_planted

        say(f"  These cases {said_of_planted(exhibit.tables['planted'])}.", "  ")
    for finding in exhibit.findings:
        say(f"{finding.severity.value}: {finding.title}. {finding.remedy}", "  ")
    failed = _failed(exhibit)
    for one in failed if details else failed[:MOST_LINES]:
        say(f"  {one['case']} ({one['class']}{'' if one['confirmed'] else ', proposed'}): {one['why']}", "    ")
    if not details and len(failed) > MOST_LINES:
        say(f"  and {len(failed) - MOST_LINES:,} more: --details")
