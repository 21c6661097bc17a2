"""The commands `workbench integrations check | probe | faults | access PILOT`: systems said, measured, and tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from workbench.commands.access import access
from workbench.commands.faults import faults
from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr, stoppable
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table
from workbench.words import several

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from workbench.pilot import Pilot

MOST_GAPS = 8
MOST_FINDINGS = 8

app = typer.Typer(
    help="Say what integrations.yaml lacks, measure its systems, let them fail, and try access.", no_args_is_help=True
)


@app.command("check", epilog="Example: workbench integrations check invoice_matching")
def check_integrations(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Say what integrations.yaml lacks or says too vaguely, and who has not signed it; exit code 1 where it lacks any.

    Nothing is called.
    """
    from workbench.pilot.integrations import columns_not_read, gaps_of, integration_signatures, read_integrations

    opened = pilot_named(pilot, root)
    inventory = read_integrations(opened.suite)
    gaps = gaps_of(inventory, opened.contract, _writing_tools(opened))
    status = integration_signatures(opened.suite, inventory)
    not_read = columns_not_read(inventory, opened.contract)
    n_systems, n_operations = len(inventory.settings.systems), sum(1 for _ in inventory.operations())
    if as_json:
        content = {"pilot": pilot, "systems": n_systems, "operations": n_operations, "complete": not gaps}
        listed = {"gaps": [gap.as_json() for gap in gaps], "columns_not_read": list(not_read)}
        print_json({**content, **listed, "signatures": status.as_json()})
    else:
        say(f"{several(n_systems, 'system')}, {several(n_operations, 'operation')}: {several(len(gaps), 'gap')}.")
        shown = gaps if details else gaps[:MOST_GAPS]
        for gap in shown:
            say(f"  {gap.where}: {gap.got}; expected: {gap.expected}", "    ")
        if len(shown) < len(gaps):
            say(f"  and {len(gaps) - len(shown)} more: --details")
        say(status.sentence)
        if details and not_read:
            say(f"Columns that no reading operation gives, so they come with the record: {', '.join(not_read)}.", "  ")
    raise typer.Exit(1 if gaps else 0)


@app.command(epilog="Example: workbench integrations probe invoice_matching")
def probe(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Measure every line of integrations.yaml against the systems' sandbox; exit code 0 also where some deviate.

    Rates, latencies, tokens, rights, answers, lists, writes and errors. The sandbox that `workbench sandbox` is running
    is measured, else the pilot's own is started; without one the declared addresses are called, on this machine or a
    named private host only.
    """
    from workbench.commands.tracked import log_exhibit
    from workbench.integrations import MAKER, ProbeRequest, open_lines
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    with stoppable(), stdout_to_stderr():
        exhibit = MAKER.make(opened, read_dataset(opened), ProbeRequest())
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {name: estimate.as_json() for name, estimate in exhibit.estimates.items()}
        lines = exhibit.tables["lines"].to_dict("records")
        said = {"pilot": pilot, **exhibit.facts, "answer": exhibit.answer, "estimates": estimates, "lines": lines}
        print_json({**said, "mlflow_run": link.run_id})
        return
    say(exhibit.answer)
    for note in exhibit.notes:
        say(note, "  ")
    if details:
        _show_lines(exhibit.tables["lines"])
        return
    for finding in exhibit.findings[:MOST_FINDINGS]:
        say(f"{finding.severity.value}: {finding.title} ({finding.owner}). {finding.evidence}", "  ")
    if len(exhibit.findings) > MOST_FINDINGS:
        say(f"and {len(exhibit.findings) - MOST_FINDINGS} more findings.")
    for cause in _causes(open_lines(exhibit.tables["lines"])):
        say(cause, "  ")
    say(f"Every line: --details, or workbench run {pilot} --notebook 05_integrations for a page.", "  ")


app.command(epilog="Example: workbench integrations faults invoice_matching --agent acting")(faults)
app.command(epilog="Example: workbench integrations access invoice_matching --agent acting")(access)


def _show_lines(lines: DataFrame) -> None:
    """Print every line, those that deviate first, then those that were left open."""
    order = {verdict: place for place, verdict in enumerate(("deviates", "unclear", "not measured", "kept"))}
    rows = tuple(
        (f"{system}{'.' if operation else ''}{operation}", line, verdict, declared, measured, why)
        for system, operation, line, declared, measured, _, verdict, why in lines.sort_values(
            "verdict", key=lambda verdicts: verdicts.map(order), kind="stable"
        ).itertuples(index=False, name=None)
    )
    columns = (*map(of_names, ("of", "line", "verdict")), *map(TextColumn, ("declared", "measured", "why")))
    show_table("All lines, those that deviate first", TextTable(columns, rows), details=True)


def _causes(left: DataFrame) -> Iterator[str]:
    """Yield each unclear line, then what was not measured by its cause, those of most lines first."""
    is_unclear = left["verdict"] == "unclear"
    for line, _, why, _, of in left[is_unclear][:MOST_FINDINGS].itertuples(index=False, name=None):
        yield f"unclear: {line} of {of}: {why}"
    causes = left[~is_unclear].groupby("why", sort=False).agg({"lines": "sum", "line": tuple, "of": tuple})
    for why, n, lines, of in causes.sort_values("lines", ascending=False).itertuples(name=None):
        systems = dict.fromkeys(part.partition(":")[0] for one in of for part in one.split("; "))
        which = dict.fromkeys(lines) if len(set(lines)) <= MOST_FINDINGS else systems
        yield f"{n} not measured ({', '.join(which)}): {why}."


def _writing_tools(opened: Pilot) -> tuple[str, ...]:
    """Return the tools that write and that an agent of the pilot may call."""
    from workbench.environment import ENVIRONMENT_FILE, Effect, read_environment

    if not (opened.suite / ENVIRONMENT_FILE).is_file():
        return ()
    roles = {one.role for one in opened.settings.agents.values() if one.tools}
    settings = {name: tool.settings for name, tool in read_environment(opened).tools.items()}
    return tuple(
        name
        for name, tool in settings.items()
        if tool.effect is Effect.WRITE and (not tool.allowed_for or roles & set(tool.allowed_for))
    )
