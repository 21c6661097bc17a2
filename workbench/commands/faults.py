"""The command `workbench integrations faults PILOT`: an agent run through faults of the systems behind its tools."""

from __future__ import annotations

from typing import Annotated

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
from workbench.commands.tables import TextTable, of_names, of_numbers, show_table
from workbench.words import InputError

FINE = ("recovered", "escalated")


@with_options
def faults(
    pilot: PilotName,
    agent: Annotated[
        str | None,
        typer.Option(help="An agent of pilot.yaml that acts; without it the first one.", autocompletion=agents_like),
    ] = None,
    records: Annotated[int, typer.Option(min=1, help="Development records among which callers are found.")] = 40,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Let faults happen to the calls of an agent's tools, and say what was lost, doubled or done otherwise.

    It happens in the sandbox that `workbench sandbox` is running, else in the pilot's own, started for it. Each fault
    is held beside the same record without it, by what the sandbox holds. One that was not seen to happen is not run.
    """
    from workbench.commands.tracked import log_exhibit
    from workbench.integrations import FAULTS, FaultsRequest, acting_agent, worst_first
    from workbench.records.splits import read_dataset
    from workbench.runs import RunRequest

    opened, choice = pilot_named(pilot, root), asked.choice()
    if agent is None and acting_agent(opened) is None:
        raise InputError(
            "no agent of the pilot acts, so no fault of a system can meet one",
            where=str(opened.suite / "pilot.yaml"),
            remedy="give an agent `tools: true` (docs/how_to/act.md)",
        )
    with stoppable(), stdout_to_stderr():
        request = FaultsRequest(agent, records, RunRequest(engine=choice))
        exhibit = FAULTS.make(opened, read_dataset(opened), request)
        link = log_exhibit(opened, exhibit)
    matrix = exhibit.tables["matrix"]
    if as_json:
        estimates = {one: estimate.as_json() for one, estimate in exhibit.estimates.items()}
        said = {"pilot": pilot, **exhibit.facts, "answer": exhibit.answer, "estimates": estimates}
        tables = {"matrix": matrix.to_dict("records"), "cells": exhibit.tables["cells"].to_dict("records")}
        print_json({**said, **tables, "mlflow_run": link.run_id})
        return
    say(exhibit.answer)
    for note in exhibit.notes:
        say(note, "  ")
    outcomes = list(matrix.columns[5:])
    shown = (
        worst_first(matrix) if details else matrix[matrix[[one for one in outcomes if one not in FINE]].sum(axis=1) > 0]
    )
    columns = (of_names("fault"), of_names("operation"), *map(of_numbers, outcomes))
    rows = tuple(
        (fault, f"{system}.{operation}", *map(str, counts))
        for fault, system, operation, _, _, *counts in shown.itertuples(index=False, name=None)
    )
    if rows:
        title = "Records by outcome" if details else "Records by outcome, where something went wrong or was not run"
        show_table(title, TextTable(columns, rows), details=details)
    if not details:
        say(f"Every cell: --details, or workbench run {pilot} --notebook 05_faults for a page.", "  ")
