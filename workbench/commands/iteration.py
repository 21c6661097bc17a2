"""The commands `workbench repeat` and `workbench record`: asking again, and one record through all versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    EngineOptions,
    Limit,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr, stoppable
from workbench.commands.tables import TextColumn, TextTable, of_names, of_numbers, show_table
from workbench.words import several

if TYPE_CHECKING:
    from workbench.engines import EngineChoice
    from workbench.pilot import Pilot

EVENTS = (of_numbers("s"), TextColumn("event"), TextColumn("result"), of_names("says", rank=1))


@with_options
def repeat(
    pilot: PilotName,
    agent: Annotated[
        str, typer.Option(help="An agent of pilot.yaml that is a prompt or an endpoint.", autocompletion=agents_like)
    ],
    times: Annotated[int, typer.Option(min=2, help="How often each record is asked.")] = 5,
    temperature: Annotated[float, typer.Option(help="Above 0 to 2.")] = 0.7,
    limit: Limit = None,
    asked: EngineOptions = AS_AGREED,
    holdout: Annotated[bool, typer.Option("--holdout", help="Ask holdout records; no label is read.")] = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask an agent several times about development records and print how often it is right every time (pass^k).

    With --holdout about holdout records, whose labels stay sealed: 03_evaluation then shows how far repeats agree, as a
    confidence beside the others.
    """
    from workbench.commands.tracked import log_exhibit
    from workbench.evaluation.repeats import MAKER, RepeatRequest, unsteady
    from workbench.metrics import estimate_text
    from workbench.records.splits import Split, read_dataset
    from workbench.runs import RunRequest

    opened = pilot_named(pilot, root)
    choice = asked.choice()
    if holdout:
        facts = {"pilot": pilot, "agent": agent, "times": times, "temperature": temperature}
        _repeat_holdout(opened, facts, limit, choice, as_json)
        return
    with stoppable(), stdout_to_stderr():
        request = RepeatRequest(agent, times, temperature, RunRequest(Split.DEV, limit, choice))
        exhibit = MAKER.make(opened, read_dataset(opened), request)
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {name: estimate.as_json() for name, estimate in exhibit.estimates.items()}
        print_json({"pilot": pilot, **exhibit.facts, "estimates": estimates, "mlflow_run": link.run_id})
        return
    say(exhibit.answer)
    for name, estimate in exhibit.estimates.items():
        say(f"  {name:<16} {estimate_text(name, estimate)}", "  ")
    several_of = several(len(unsteady(exhibit.tables["answers"])), "record is", "records are")
    say(f"{several_of} not answered the same every time.")


def _repeat_holdout(
    pilot: Pilot, facts: dict[str, Any], limit: int | None, choice: EngineChoice, as_json: bool
) -> None:
    """Ask holdout records again without reading a label, and say how many decisions there are now."""
    from workbench.records.splits import Split, read_dataset
    from workbench.runs import Again, RunRequest, ask_again

    dataset = read_dataset(pilot)
    request, again = RunRequest(Split.HOLDOUT, limit, choice), Again(facts["times"], facts["temperature"])
    with stoppable(), stdout_to_stderr():
        runs = ask_again(pilot, facts["agent"], request, again, dataset)
    n = len(dataset.ids(Split.HOLDOUT, limit))
    if as_json:
        print_json({**facts, "split": Split.HOLDOUT.value, "records": n, "runs": list(runs)})
        return
    say(f"{facts['agent']}, {again.times} times at temperature {again.temperature:g} on {n:,} holdout records: stored.")
    say("No label was read. 03_evaluation shows their agreement beside the other confidences.")


def record(
    pilot: PilotName,
    record_id: Annotated[str, typer.Argument(metavar="RECORD", help="Id of a record.")],
    show_personal: Annotated[
        bool, typer.Option("--show-personal", help="Personal data in clear; the page is for you alone.")
    ] = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the page of one record: prompt, reply, token probabilities, label, and every version's decision."""
    from workbench.evaluation.shown import record_address, record_page
    from workbench.evaluation.versions import record_history
    from workbench.files import write_atomically
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    history = record_history(opened, read_dataset(opened), record_id, show_personal=show_personal)
    path = record_address(opened, record_id)
    write_atomically(path, record_page(history))
    if as_json:
        decisions = [
            {
                "agent": one.agent,
                "run": one.run,
                "action": one.decision["action"],
                "right": one.is_right,
                "events": list(one.events),
            }
            for one in history.answered
        ]
        facts = {"pilot": pilot, "record": record_id, "split": history.split.value, "label": history.label}
        print_json({**facts, "decisions": decisions, "page": str(path)})
    else:
        say(f"{record_id} ({history.split.value}), decided by {several(len(history.answered), 'version')}:")
        print(path)
        for one in history.answered:
            if one.events:
                events = tuple((event["s"], event["event"], event["result"], event["says"]) for event in one.events)
                show_table(
                    f"What {one.agent} did ({one.decision['action'] or one.decision['status']})",
                    TextTable(EVENTS, events),
                )
