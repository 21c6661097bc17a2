"""The command `workbench integrations access PILOT`: what nobody granted, tried with the agent's own account."""

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
    from pandas import DataFrame

MOST_FINDINGS, MOST_CAUSES = 8, 5
FIRST = ("let in", "unclear", "not measured", "refused")


@with_options
def access(
    pilot: PilotName,
    agent: Annotated[
        str | None,
        typer.Option(
            help="Whose tools and texts are tried; without it the first agent of pilot.yaml that acts, else the first.",
            autocompletion=agents_like,
        ),
    ] = None,
    records: Annotated[int, typer.Option(min=1, help="Development records that it decides for its texts.")] = 12,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Try what nobody granted to the agent's account, and say what was let in; exit code 0 also where something was.

    Operations, another tenant's records, credentials that must be refused, wider scopes, tricks in arguments, rows that
    no case needs, personal data in the agent's texts, the age of secrets. It happens in the sandbox that `workbench
    sandbox` is running, else in the pilot's own, started for it; without one the declared addresses are called.
    """
    from workbench.commands.tracked import log_exhibit
    from workbench.integrations import ACCESS, AccessRequest, open_trials
    from workbench.records.splits import read_dataset
    from workbench.runs import RunRequest

    opened, choice = pilot_named(pilot, root), asked.choice()
    with stoppable(), stdout_to_stderr():
        request = AccessRequest(agent, records, RunRequest(engine=choice))
        exhibit = ACCESS.make(opened, read_dataset(opened), request)
        link = log_exhibit(opened, exhibit)
    trials = exhibit.tables["trials"]
    if as_json:
        estimates = {name: estimate.as_json() for name, estimate in exhibit.estimates.items()}
        tables = {name: table.astype(object).where(table.notna(), None) for name, table in exhibit.tables.items()}
        rows = {name: table.to_dict("records") for name, table in tables.items()}
        said = {"pilot": pilot, **exhibit.facts, "answer": exhibit.answer, "estimates": estimates}
        print_json({**said, **rows, "mlflow_run": link.run_id})
        return
    say(exhibit.answer)
    for note in exhibit.notes:
        say(note, "  ")
    if details:
        _show_trials(trials)
        return
    for finding in exhibit.findings[:MOST_FINDINGS]:
        say(f"{finding.severity.value}: {finding.title}. {finding.evidence}", "  ")
    if len(exhibit.findings) > MOST_FINDINGS:
        say(f"and {len(exhibit.findings) - MOST_FINDINGS} more findings.")
    for verdict, why, n, of in open_trials(trials)[:MOST_CAUSES].itertuples(index=False, name=None):
        say(f"{n} {verdict} ({of}): {why}.", "  ")
    say(f"Every try: --details, or workbench run {pilot} --notebook 07_access for a page.", "  ")


def _show_trials(trials: DataFrame) -> None:
    """Print every try, those that were let in first."""
    order = {verdict: place for place, verdict in enumerate(FIRST)}
    rows = tuple(
        (f"{system}{'.' if operation else ''}{operation}", tried, verdict, expected, happened, why)
        for system, operation, tried, expected, happened, _, verdict, why in trials.sort_values(
            "verdict", key=lambda verdicts: verdicts.map(order), kind="stable"
        ).itertuples(index=False, name=None)
    )
    columns = (*map(of_names, ("of", "tried", "verdict")), *map(TextColumn, ("expected", "happened", "why")))
    show_table("Every try, what was let in first", TextTable(columns, rows), details=True)
