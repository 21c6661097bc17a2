"""The commands `workbench attack PILOT` and `workbench attack import PILOT FILE`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    Details,
    EngineOptions,
    FirstByDefault,
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

MOST_FINDINGS, MOST_GROUPS = 8, 6


app = typer.Typer(cls=FirstByDefault, help="Try hostile texts on an agent beside harmless ones.", no_args_is_help=True)


@app.command("run", epilog="Example: workbench attack run invoice_matching --agent prompt_v6")
@with_options
def attack(
    pilot: PilotName,
    agent: Annotated[str, typer.Option(help="An agent of pilot.yaml.", autocompletion=agents_like)],
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Only this class of patterns; may be given again. A gate asks for all of them."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Confidence below which a decision goes to a person.")
    ] = None,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Attack an agent by every way of attacks.yaml; `run` before PILOT may be left out.

    Each pattern is tried on development records, each of them clean, with a harmless text and with the hostile one, and
    judged by what production would do, without a model. Exit code 0 also where attacks hit.
    """
    from workbench.attacks import MAKER, AttackRequest, classes_named
    from workbench.commands.tracked import log_exhibit
    from workbench.records.splits import read_dataset
    from workbench.runs import RunRequest

    opened, chosen = pilot_named(pilot, root), classes_named(classes or ())
    with stoppable(), stdout_to_stderr():
        request = AttackRequest(agent, RunRequest(engine=asked.choice()), threshold, chosen)
        exhibit = MAKER.make(opened, read_dataset(opened), request)
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {one: estimate.as_json() for one, estimate in exhibit.estimates.items()}
        said = {"pilot": pilot, "answer": exhibit.answer, "estimates": estimates, **exhibit.facts}
        found = [one.model_dump(mode="json") for one in exhibit.findings]
        print_json({**said, "findings": found, "notes": list(exhibit.notes), "mlflow_run": link.run_id})
        return
    _print(exhibit, details=details)


@app.command("import", epilog="Example: workbench attack import claims jailbreaks.txt --goal action")
def import_list(
    pilot: PilotName,
    file: Annotated[Path, typer.Argument(help="Strings: text with one a line, JSON lines, or a JSON list.")],
    goal: Annotated[str, typer.Option(help="What whoever wrote them wants, such as action, leak or forbidden_tool.")],
    channel: Annotated[str, typer.Option(help="By which way they come in.")] = "free_text",
    attack_class: Annotated[str, typer.Option("--class", help="What kind of attack they are.")] = "instruction",
    language: Annotated[str, typer.Option(help="ISO 639-1.")] = "en",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a list of strings into the pilot's folder `attacks`, as patterns with harmless texts beside them."""
    from workbench.attacks import AttackClass, Goal, ImportedAs, import_patterns
    from workbench.pilot import Channel
    from workbench.words import InputError

    def chosen(kind: type[StrEnum], name: str, option: str) -> Any:
        if name not in list(kind):
            raise InputError(f"{option} has no such value", got=repr(name), expected=", ".join(kind))
        return kind(name)

    opened = pilot_named(pilot, root)
    what = ImportedAs(
        chosen(Goal, goal, "--goal"),
        chosen(AttackClass, attack_class, "--class"),
        chosen(Channel, channel, "--channel"),
        language,
    )
    path = import_patterns(opened, file, what)
    if as_json:
        print_json({"pilot": pilot, "file": str(path)})
        return
    print(path)
    say(f"Read them, then: workbench attack {pilot} --agent NAME")


def _print(exhibit: Exhibit, *, details: bool) -> None:
    from workbench.metrics import estimate_text
    from workbench.words import percent

    say(exhibit.answer)
    for finding in exhibit.findings if details else exhibit.findings[:MOST_FINDINGS]:
        say(f"{finding.severity.value}: {finding.title} ({finding.n:,} of {finding.of:,}; {finding.owner}).", "  ")
        say(finding.remedy, "    ")
    rates = exhibit.tables["rates"]
    shown = rates if details else rates[rates["by"].isin(("class", "channel"))].groupby("by").head(MOST_GROUPS)
    counts = ("judged", "hits", "fragile", "stopped")
    rows = tuple(
        (row["by"], row["group"], *(f"{row[name]:,}" for name in counts),
         "" if row["judged"] == 0 else f"{percent(row['rate'])} (at most {percent(row['upper'])})")
        for row in shown.to_dict("records")
    )  # fmt: skip
    names = ("by", "group", *counts, "rate")
    show_table("The worst first", TextTable((*map(of_names, names[:2]), *map(TextColumn, names[2:])), rows))
    if details:
        for name, estimate in exhibit.estimates.items():
            say(f"  {name:<24} {estimate_text(name, estimate)}", "  ")
    for note in exhibit.notes:
        say(note, "  ")
