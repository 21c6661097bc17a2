"""The commands `workbench review fill`, `carry-out` and `report`: items to the desk, answers back, evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    Details,
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
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table

if TYPE_CHECKING:
    from workbench.evidence import Exhibit

QUEUES = ("escalations", "audit", "cases")
MOST_LEFT = 8


@with_options
def fill_desk(
    pilot: PilotName,
    agent: Annotated[str, typer.Option(help="An agent of pilot.yaml.", autocompletion=agents_like)],
    queue: Annotated[str, typer.Option(help="escalations, audit or cases.")] = QUEUES[0],
    each: Annotated[
        int, typer.Option(min=1, help="Development records of each escalation rule and category of the charter.")
    ] = 3,
    sample: Annotated[int, typer.Option(min=1, help="For the audit: decisions that the agent makes alone.")] = 60,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Confidence below which a decision goes to a person.")
    ] = None,
    limit: Limit = None,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Put decisions of an agent before the people of review.yaml; what is there already stays as it is.

    Escalations are development records of every rule and category, the holdout's once it is opened, and planted wrong
    recommendations. No label is shown to anybody.
    """
    from workbench.desk import open_desk
    from workbench.pilot import QueueName
    from workbench.review import FillRequest, items_for
    from workbench.runs import RunRequest
    from workbench.words import InputError

    if queue not in QUEUES:
        raise InputError("--queue has no such value", got=repr(queue), expected=", ".join(QUEUES))
    opened, run = pilot_named(pilot, root), RunRequest(limit=limit, engine=asked.choice())
    with stoppable(), stdout_to_stderr():
        filling = items_for(opened, FillRequest(agent, QueueName(queue), each, sample, threshold, run))
        with open_desk(opened) as desk:
            new = desk.put(filling.items)
    if as_json:
        print_json(
            {"pilot": pilot, "queue": queue, "items": len(filling.items), "new": new, "told": list(filling.told)}
        )
        return
    say(f"{new:,} new items in the queue {queue}; {len(filling.items) - new:,} were there already.")
    for one in filling.told:
        say(f"{one}.", "  ")
    say(f"Decide them: workbench review {pilot}")


def carry_back(
    pilot: PilotName,
    final: Annotated[
        bool, typer.Option("--final", help="Also what could still be taken back; it cannot any more then.")
    ] = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Write back what people have settled, each once, through the tools of environment.yaml.

    It goes to the sandbox of integrations.yaml where one stands behind the tools, else to a database of the
    environment's tables. Planted items are never written. Exit code 1 where something could not be written.
    """
    from workbench.review import carry_out

    opened = pilot_named(pilot, root)
    with stoppable(), stdout_to_stderr():
        done = carry_out(opened, final=final)
    if as_json:
        left = [{"item": item, "why": why} for item, why in done.left]
        said = {"written": list(done.written), "nothing": done.nothing, "before": done.before, "left": left}
        print_json({"pilot": pilot, **said, "where": done.where or None})
    else:
        where = f" to {done.where}" if done.where else ""
        say(f"{len(done.written):,} decisions written back{where}; {done.before:,} were before.")
        if done.nothing:
            say(f"{done.nothing:,} settled items ask for nothing.", "  ")
        for item, why in done.left[:MOST_LEFT]:
            say(f"Not written: {item}: {why}", "  ")
        if len(done.left) > MOST_LEFT:
            say(f"{len(done.left) - MOST_LEFT:,} more were not written.", "  ")
    if done.left:
        raise typer.Exit(1)


def review_report(
    pilot: PilotName,
    agent: Annotated[
        str | None,
        typer.Option(
            help="An agent of pilot.yaml; the one whose items were put last without it.", autocompletion=agents_like
        ),
    ] = None,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Say whether decisions reached the right people and came back once, and whether people look; evidence for a gate.

    The desk's chain is held from its first row first. Planted wrong recommendations are disclosed here.
    """
    from workbench.commands.tracked import log_exhibit
    from workbench.records.splits import read_dataset
    from workbench.review import MAKER, ReviewRequest

    opened = pilot_named(pilot, root)
    with stdout_to_stderr():
        exhibit = MAKER.make(opened, read_dataset(opened), ReviewRequest(agent))
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {one: estimate.as_json() for one, estimate in exhibit.estimates.items()}
        said = {"pilot": pilot, "answer": exhibit.answer, "estimates": estimates, "played": exhibit.facts["played"]}
        found = [one.model_dump(mode="json") for one in exhibit.findings]
        print_json({**said, "findings": found, "notes": list(exhibit.notes), "mlflow_run": link.run_id})
        return
    _print(exhibit, details=details)


def _print(exhibit: Exhibit, *, details: bool) -> None:
    from workbench.metrics import estimate_text

    say(exhibit.answer)
    for finding in exhibit.findings:
        say(f"{finding.severity.value}: {finding.title} ({finding.n:,} of {finding.of:,}): {finding.evidence}.", "  ")
        say(finding.remedy, "    ")
    for note in exhibit.notes:
        say(note, "  ")
    rows = tuple((name, estimate_text(name, one)) for name, one in exhibit.estimates.items())
    show_table("Numbers", TextTable((of_names("metric"), TextColumn("value")), rows), details=details)
