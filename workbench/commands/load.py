"""The command `workbench load PILOT`: an agent under a day's records, a peak and a soak; reviewers at the desk."""

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
    from workbench.evidence import Exhibit


@with_options
def load_test(
    pilot: PilotName,
    agent: Annotated[str, typer.Option(help="An agent of pilot.yaml.", autocompletion=agents_like)],
    profile: Annotated[
        list[str] | None,
        typer.Option(help="Only this profile: day, peak, soak or reviewers; may be given again. A gate asks for all."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the schedule; with --ray-address, workers of the cluster.")
    ] = 1,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Put an agent under load and print how long records wait, what goes wrong and what its processes keep.

    Arrivals come whether it has answered or not. Then more and more scripted reviewers decide at a review desk of
    their own what a day hands over. What is put under load, and what a leak is, says load.yaml.
    """
    from workbench.commands.tracked import log_exhibit
    from workbench.load_testing import MAKER, LoadRequest, profiles_named
    from workbench.records.splits import read_dataset
    from workbench.runs import RunRequest

    opened, profiles = pilot_named(pilot, root), profiles_named(profile or ())
    with stoppable(), stdout_to_stderr():
        request = LoadRequest(agent, RunRequest(engine=asked.choice()), profiles, workers)
        exhibit = MAKER.make(opened, read_dataset(opened), request)
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {one: estimate.as_json() for one, estimate in exhibit.estimates.items()}
        said = {"pilot": pilot, "answer": exhibit.answer, "estimates": estimates, **exhibit.facts}
        found = [one.model_dump(mode="json") for one in exhibit.findings]
        print_json({**said, "findings": found, "notes": list(exhibit.notes), "mlflow_run": link.run_id})
        return
    _print(exhibit, details=details)


def _print(exhibit: Exhibit, *, details: bool) -> None:
    from workbench.metrics import estimate_text, value_text

    say(exhibit.answer)
    for finding in exhibit.findings:
        say(f"{finding.severity.value}: {finding.title}. {finding.remedy}", "  ")
    profiles = exhibit.tables["profiles"]
    waits = ("p50_s", "p95_s", "p99_s", "sent_p95_s")
    rows = tuple(
        (
            str(row["profile"]), f"{row['arrivals']:,}", f"{row['errors']:,}", f"{row['changed']:,}",
            *(value_text("load_latency_p95_s", row[name]) for name in waits), f"{100 * row['utilisation']:.0f}%",
        )
        for row in profiles.to_dict("records")
    )  # fmt: skip
    names = ("profile", "arrivals", "undecided", "changed", "p50", "p95", "p99", "p95 from send", "busy")
    if rows:
        show_table("Profiles", TextTable(tuple(map(of_names, names[:1])) + tuple(map(TextColumn, names[1:])), rows))
    if "reviewers" in exhibit.tables:
        _print_reviewers(exhibit)
    if details:
        for name, estimate in exhibit.estimates.items():
            say(f"  {name:<28} {estimate_text(name, estimate)}", "  ")
    for note in exhibit.notes:
        say(note, "  ")


def _print_reviewers(exhibit: Exhibit) -> None:
    from workbench.words import seconds

    counts = ("taps", "lost", "doubled", "peeks", "errors")
    rows = tuple(
        (
            f"{row['at_once']:,}", *(f"{row[name]:,}" for name in counts[:1]), seconds(row["p50_s"]),
            seconds(row["p95_s"]), *(f"{row[name]:,}" for name in counts[1:]),
        )
        for row in exhibit.tables["reviewers"].to_dict("records")
    )  # fmt: skip
    names = ("at once", "taps", "p50 of a tap", "p95 of a tap", "lost", "counted twice", "blind peeks", "errors")
    show_table("Reviewers at the desk", TextTable(tuple(map(TextColumn, names)), rows))
