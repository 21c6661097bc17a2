"""What a run prints: its versions, the notebooks' answers and where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.commands.reports import escalations_said, print_engines, print_versions
from workbench.commands.screen import heading, say
from workbench.words import Brief

if TYPE_CHECKING:
    from workbench.gates.pipeline import PilotResult
    from workbench.pilot import Pilot


def print_result(pilot: Pilot, result: PilotResult, *, details: bool = False) -> None:
    """Print the versions of a run, the notebooks' answers and where to look; what each decides with `details`."""
    note = pilot.charter.placeholder_note
    if note and not any(note in answer for answer in result.answers.values()):
        say(note)
    if result.evaluations:
        print_versions(pilot.settings.title, result.evaluations, details=details)
        print_engines([evaluation["identity"] for evaluation in result.evaluations])
        for evaluation in result.evaluations if details else ():
            of = f"{evaluation['agent']} on {evaluation['split']}"
            said = f"{evaluation['threshold_note']}{escalations_said(evaluation['estimates'])}"
            for sentence in (said, *evaluation["remarks"]):
                say(f"{of}: {sentence}")
    for name, answer in result.answers.items():
        print()
        heading(f"{name}: {result.pages[name]}")
        for line in (answer if details else Brief.read(answer).lead).split("\n"):
            say(line, "  ")
    _print_end(pilot, result)


def _print_end(pilot: Pilot, result: PilotResult) -> None:
    """Print what was not opened, what was kept, and where the versions are."""
    if result.not_opened:
        say(f"\nThe holdout is as it was. {result.not_opened}.")
    if result.kept:
        say(f"\nKept, as nothing they are made from has changed: {', '.join(result.kept)}.")
    trials = [f"{one.agent} on {one.split} ({one.part} records)" for one in result.links if one.part]
    if trials:
        say(f"\nMLflow, trials, left out of comparisons: {', '.join(trials)}", "  ")
    if len(trials) < len(result.links):
        say(f"\nMLflow, the versions side by side: workbench ui {pilot.name}")


def result_json(pilot: Pilot, result: PilotResult) -> dict[str, Any]:
    """Return a run of a pilot as JSON values."""
    from workbench.tracking import store_uri

    return {
        "pilot": pilot.name,
        "answers": dict(result.answers),
        "notebooks": {name: str(path) for name, path in result.notebooks.items()},
        "pages": {name: str(path) for name, path in result.pages.items()},
        "kept": list(result.kept),
        "not_opened": result.not_opened or None,
        "evaluations": [dict(evaluation) for evaluation in result.evaluations],
        "mlflow": {
            "store": store_uri(pilot.root),
            "runs": [{"agent": link.agent, "split": link.split, "run_id": link.run_id} for link in result.links],
        },
    }
