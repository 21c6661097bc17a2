"""The commands `workbench integrations check | probe PILOT`: the systems of a pilot, specified and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from workbench.commands.faults import faults
from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr, stoppable
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table
from workbench.words import several

if TYPE_CHECKING:
    from workbench.pilot import Pilot
    from workbench.pilot.signing import SignatureStatus

MOST_GAPS = 8

app = typer.Typer(help="Say what integrations.yaml lacks, and measure the systems in it.", no_args_is_help=True)


app.command(epilog="Example: workbench integrations faults invoice_matching --agent acting")(faults)


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
        say(_signed(status))
        if details and not_read:
            say(f"Columns that no reading operation gives, so they come with the record: {', '.join(not_read)}.", "  ")
    raise typer.Exit(1 if gaps else 0)


@app.command(epilog="Example: workbench integrations probe invoice_matching")
def probe(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Measure every line of integrations.yaml against the systems' sandbox; exit code 0 also where some deviate.

    Rates, latencies, tokens, rights, answers, lists, writes and errors. The pilot's own sandbox is started where it has
    one and it does not run; else the declared addresses are called, on this machine or a named private host only.
    """
    from workbench.integrations import MAKER, ProbeRequest
    from workbench.records.splits import read_dataset
    from workbench.tracking import log_exhibit

    opened = pilot_named(pilot, root)
    with stoppable(), stdout_to_stderr():
        exhibit = MAKER.make(opened, read_dataset(opened), ProbeRequest())
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {name: estimate.as_json() for name, estimate in exhibit.estimates.items()}
        lines = exhibit.tables["lines"].to_dict("records")
        said = {"pilot": pilot, "answer": exhibit.answer, "estimates": estimates, "lines": lines}
        print_json({**said, "mlflow_run": link.run_id})
        return
    say(exhibit.answer)
    for finding in exhibit.findings:
        say(f"{finding.severity.value}: {finding.title} ({finding.owner}). {finding.evidence}", "  ")
    table = exhibit.tables["lines"]
    others = table if details else table[table["verdict"] == "unclear"]
    columns = (of_names("line"), *map(TextColumn, ("declared", "measured", "verdict", "why")))
    rows = tuple(
        (f"{system}{'.' if operation else ''}{operation}, {line}", declared, measured, verdict, why)
        for system, operation, line, declared, measured, _, verdict, why in others.itertuples(index=False, name=None)
    )
    if rows:
        show_table("All lines" if details else "Unclear", TextTable(columns, rows), details=details)


def _signed(status: SignatureStatus) -> str:
    """Return who must still sign, one sentence."""
    said = f"Signed by {len(status.valid)} of {several(len(status.required), 'role')}"
    open_ones = [
        *(f"{role}: no signature" for role in status.missing),
        *(f"{k}: {v}" for k, v in status.invalid.items()),
    ]
    return f"{said}; {'; '.join(open_ones)}." if open_ones else f"{said}."


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
