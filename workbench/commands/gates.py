"""The commands `workbench gate | waive | ci` and what CI calls besides: `gate-summary`, `gates-file`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.completion import pilots_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    Details,
    EngineOptions,
    KeyFile,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.screen import say
from workbench.commands.streams import escaped, stdout_to_stderr, stoppable
from workbench.files import SIGNING_KEY, drop
from workbench.words import InputError, RunError

if TYPE_CHECKING:
    from workbench.gates import GateDecision
    from workbench.gates.held import Held

GateNumber = Annotated[int, typer.Argument(metavar="N", help="1, 2 or 3.")]


@with_options
def gate(
    number: GateNumber,
    pilot: PilotName,
    asked: EngineOptions = AS_AGREED,
    key: KeyFile = None,
    answered: Annotated[
        bool, typer.Option("--answered", help="Run no code of the pilot and ask nothing: `answer` did so elsewhere.")
    ] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write each criterion as a test case, as JUnit XML.")
    ] = None,
    details: Details = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Hold a gate: run what is stale, let the holdout be answered, decide GO or NO-GO, and leave signed evidence.

    Exit code 0 for GO, 1 for NO-GO or a charter that is not signed, 2 for bad input, 4 when it could not run.
    """
    from workbench.commands.progress import CellProgress
    from workbench.commands.screen import say
    from workbench.gates import junit_xml
    from workbench.gates.held import GateRequest, hold_gate
    from workbench.gates.overview import write_index

    opened = pilot_named(pilot, root)
    request = GateRequest(asked.choice(), key, answered)
    with stoppable(), stdout_to_stderr(), CellProgress(opened.runs) as progress:
        held = hold_gate(opened, number, request, progress)
    if junit is not None:
        _write(junit, junit_xml(held.decision))
    index = write_index(opened)
    if as_json:
        print_json({**held.as_json(), "index": str(index)})
    else:
        _print_held(held, details=details)
        say(f"At a glance: {index}")
    if held.log_error is not None:
        print(f"warning: {escaped(str(held.log_error))}", file=sys.stderr)
    sys.stdout.flush()
    raise typer.Exit(0 if held.decision.verdict.value == "GO" else 1)


@with_options
def answer(
    number: GateNumber,
    pilot: PilotName,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Run and ask what a gate needs, without any signing key and without a label of the holdout; nothing is decided.

    `workbench gate N PILOT --answered` then holds the gate, here or where the key is: it needs mlruns/PILOT.
    """
    from workbench.commands.progress import CellProgress
    from workbench.gates.held import answer_gate

    opened = pilot_named(pilot, root)
    drop(SIGNING_KEY)
    choice = asked.choice()
    with stoppable(), stdout_to_stderr(), CellProgress(opened.runs) as progress:
        done = answer_gate(opened, number, choice, progress)
    if as_json:
        content = {"pilot": pilot, "gate": number, "ran": done.ran, "kept": done.kept, "answered_by": done.agent}
        print_json(content)
        return
    say(f"Ran: {', '.join(done.ran) or 'nothing'}. Unchanged: {', '.join(done.kept) or 'nothing'}.")
    say(f"Holdout: {'nothing to answer' if done.agent is None else f'answered by {done.agent}'}, not opened.")
    print(f"Next: workbench gate {number} {pilot} --answered")


def waive_criterion(
    number: GateNumber,
    pilot: PilotName,
    criterion: Annotated[str, typer.Argument(metavar="CRITERION", help="Id of a criterion in gates.yaml.")],
    why: Annotated[str, typer.Option("--why", help="Why the gate may pass without it.")],
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day on which it counts.")],
    name: Annotated[str, typer.Option("--name", help="Who waives, as the charter spells it.")],
    role: Annotated[str, typer.Option("--role", help="In which role; it must be one that signs the charter.")],
    key: KeyFile = None,
    root: Root = HERE,
) -> None:
    """Waive a criterion of a gate, signed and for a time; the report shows it in red."""
    from pydantic import ValidationError

    from workbench.gates import GATE_NUMBERS, WaiverSettings, asked_criteria, read_facts
    from workbench.gates import waive as waived
    from workbench.pilot.signing import chosen_key

    if number not in GATE_NUMBERS:
        raise InputError("there is no such gate", got=str(number), expected="1, 2 or 3")
    opened, today = pilot_named(pilot, root), _today()
    asked = {one.id: one for one in asked_criteria(read_facts(opened, today, number=number), number)}
    if criterion not in asked:
        raise InputError(f"gate {number} has no criterion {criterion!r}", expected=", ".join(asked))
    try:
        said = WaiverSettings(
            pilot=pilot, gate=number, criterion=criterion, why=why, until=until.date(), name=name, role=role
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"the waiver's {first['loc'][0]} does not fit", got=first["msg"]) from None
    path = waived(opened, said, asked[criterion], chosen_key(key).key, today)
    print(f"Waived until {said.until}: {criterion} of gate {number}, by {name} as {role}. Signature: {path}")


def ci(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="github, gitlab or jenkins.")],
    pilot: Annotated[
        str, typer.Option("--pilot", help="Name of a pilot.", autocompletion=pilots_like)
    ] = "invoice_matching",
    number: Annotated[int, typer.Option("--gate", min=1, max=3, help="Which gate to hold.")] = 2,
    only_print: Annotated[bool, typer.Option("--print", help="Print the file instead of writing it.")] = False,
    root: Root = HERE,
) -> None:
    """Write a CI file that holds a gate: one job runs the pilot's code without any secret, the other one signs."""
    from workbench.gates import CiSystem, ci_text, write_ci

    if system not in list(CiSystem):
        raise InputError(f"there is no template for {system!r}", expected=", ".join(CiSystem))
    opened = pilot_named(pilot, root)
    if only_print:
        print(ci_text(CiSystem(system), opened.name, number), end="")
        return
    print(f"Written: {write_ci(CiSystem(system), opened.name, number, opened.root)}")


def gate_summary(
    decision: Annotated[Path, typer.Argument(metavar="FILE", help="What `workbench gate --json` printed.")],
) -> None:
    """Print a decision as Markdown, for the comment of a CI run."""
    from workbench.files import read_text
    from workbench.gates import markdown_summary

    try:
        text = markdown_summary(json.loads(read_text(decision)))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("the file holds no decision of a gate", where=str(decision), got=str(error)[:200]) from None
    print(text, end="")


def gates_file(pilot: PilotName, root: Root = HERE) -> None:
    """Write the default gates.yaml of a pilot that has none."""
    from workbench.files import write_atomically
    from workbench.gates import default_gates
    from workbench.pilot import suite_paths
    from workbench.pilot.charter import GATES_FILE

    opened = pilot_named(pilot, root)
    path = opened.suite / GATES_FILE
    if path.exists():
        raise InputError("there is a gates.yaml already", where=str(path))
    kpis = tuple(kpi.id for kpi in opened.charter.kpis)
    write_atomically(path, default_gates(kpis, has_suites=bool(suite_paths(opened.suite))))
    print(f"Written: {path}")


def _print_held(held: Held, *, details: bool) -> None:
    """Print the verdict and what a reader must know besides, then where its evidence is."""
    from workbench.commands.screen import heading, say

    decision = held.decision
    if details:
        _print_criteria(decision)
    lead, *rest = str(decision.brief).split("\n")
    heading(lead)
    for line in rest:
        say(line, "  ")
    for void in (waiver for waiver in decision.waivers if not waiver.is_valid):
        say(f"Void waiver of {void.criterion}: {void.fault}")
    if held.key.is_new:
        say(f"\nThere was no key on this machine, so one was made; its public half: {held.key.public_key}")
    ran, kept = ", ".join(held.worked.ran) or "nothing", ", ".join(held.worked.kept) or "nothing"
    say(f"\nRan: {ran}. Unchanged: {kept}.")
    say(f"Report{'' if held.is_new else ' (as before)'}: {held.bundle / 'report.html'}")
    say(f"Verify: workbench verify {held.bundle} --key {held.key.public_key}")


def _print_criteria(decision: GateDecision) -> None:
    """Print every criterion with its reason and its details."""
    from workbench.commands.tables import TextColumn, TextTable, of_names, show_table

    columns = (of_names("criterion"), of_names("answer"), TextColumn("why"), TextColumn("what would change it"))
    rows = []
    for one in decision.results:
        waiver = decision.waived.get(one.criterion.id)
        state = one.state.value if waiver is None else f"{one.state.value}, WAIVED until {waiver.until}"
        rows.append((one.criterion.title, state, "; ".join([one.reason, *one.details]), one.would_change))
    show_table(f"Gate {decision.gate}: {decision.title}", TextTable(columns, tuple(rows)), details=True)


def _today() -> date:
    return datetime.now(UTC).date()


def _write(path: Path, content: str) -> None:
    from workbench.files import write_atomically

    try:
        write_atomically(path, content)
    except OSError as error:
        raise RunError("the file cannot be written", where=str(path), got=error.strerror) from None
