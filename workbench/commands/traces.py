"""The command `workbench traces`: what an agent did, for tools that read OpenTelemetry, and a sample in MLflow."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import HERE, AsJson, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr
from workbench.words import InputError

if TYPE_CHECKING:
    from workbench.pilot import Pilot
    from workbench.runs import TracedDecision

SAMPLE = 20  # traces that MLflow gets: enough to look at, and a second of its time
NS = 1_000_000_000


def traces(
    pilot: PilotName,
    agent: Annotated[
        str, typer.Option(help="An agent that has tools or guards, or reports events.", autocompletion=agents_like)
    ],
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Write what an agent did on development records as OpenTelemetry spans, and log a sample to MLflow."""
    from workbench.files import write_atomically
    from workbench.runs import CONVENTIONS, otlp
    from workbench.tracking import log_traces

    opened = pilot_named(pilot, root)
    opened.agent(agent)
    decisions = _traced(opened, agent)
    path = opened.runs / "results" / "traces" / f"{agent}.jsonl"
    write_atomically(path, "".join(f"{json.dumps(otlp(one), ensure_ascii=False)}\n" for one in decisions))
    with stdout_to_stderr():
        experiment, n_logged = log_traces(opened, decisions[:SAMPLE])
    if as_json:
        facts = {"pilot": pilot, "agent": agent, "traces": len(decisions), "conventions": CONVENTIONS}
        print_json({**facts, "file": str(path), "experiment": experiment, "logged": n_logged})
        return
    say(f"{len(decisions):,} traces of {agent} as OTLP's JSON, a line each ({CONVENTIONS}):")
    print(path)
    say(
        f"MLflow shows {min(len(decisions), SAMPLE):,} of them in the experiment {experiment!r} (workbench ui {pilot})."
    )


def _traced(pilot: Pilot, agent: str) -> list[TracedDecision]:
    """Return the decisions of an agent's latest development run that have a trace."""
    from workbench.records.splits import Split
    from workbench.runs import TracedDecision
    from workbench.runs.journal import JOURNAL_FILE, Journal

    path = pilot.runs / JOURNAL_FILE
    found: list[TracedDecision] = []
    if path.is_file():
        with Journal(path) as journal:
            entry = next((one for one in journal.entries(Split.DEV.value) if one.agent == agent), None)
            if entry is not None:
                began_ns = round(datetime.fromisoformat(entry.started).timestamp() * NS)
                actions = journal.decisions(entry.run)["action"]
                found = [
                    TracedDecision(entry.run, agent, record, actions[record], began_ns, trace)
                    for record, trace in journal.traces(entry.run).items()
                ]
    if not found:
        raise InputError(
            f"no decision of {agent} has a trace",
            where=str(path),
            expected="a run of an agent with tools or guards, or one that reports events",
            remedy=f"workbench evaluate {pilot.name} --agent {agent}",
        )
    return found
