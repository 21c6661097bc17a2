"""What a run prints: its versions, the notebooks' answers and where to look."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from workbench.commands.reports import escalations_said, print_engines, print_versions
from workbench.commands.screen import heading, say
from workbench.commands.streams import escaped, raw_stdout
from workbench.words import Brief

if TYPE_CHECKING:
    from workbench.gates.pipeline import PilotResult
    from workbench.pilot import Pilot
    from workbench.tracking import Link

PLAIN_WIDTH = 140


def print_result(pilot: Pilot, result: PilotResult, *, details: bool = False) -> None:
    """Print the versions of a run, the notebooks' answers and where to look; what each decides with `details`."""
    from workbench.tracking import store_uri

    console = SafeConsole()
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
    if result.kept:
        say(f"\nKept, as nothing they are made from has changed: {', '.join(result.kept)}.")
    if result.links:
        _print_links(console, result.links)
        console.print(f"  store: {store_uri(pilot.root)}", soft_wrap=True, highlight=False)


def _print_links(console: Console, links: Sequence[Link]) -> None:
    """Say where versions are compared in MLflow; trials on a part of the records are named apart."""
    whole, trials = [one for one in links if not one.part], [one for one in links if one.part]
    if whole:
        runs, experiments = _quoted(one.run_id for one in whole), _quoted(sorted({one.experiment_id for one in whole}))
        console.print("\n[bold]MLflow[/bold]  `workbench ui`, then compare these versions at")
        address = f"http://127.0.0.1:5000/#/compare-runs?runs={runs}&experiments={experiments}"
        console.print(f"  {address}", soft_wrap=True, highlight=False, markup=False)
    if trials:
        named = ", ".join(f"{one.agent} on {one.split} ({one.part} records)" for one in trials)
        console.print(f"\n[bold]MLflow[/bold]  trials, left out of comparisons: {escape(named)}", highlight=False)


def result_json(pilot: Pilot, result: PilotResult) -> dict[str, Any]:
    """Return a run of a pilot as JSON values."""
    from workbench.tracking import store_uri

    return {
        "pilot": pilot.name,
        "answers": dict(result.answers),
        "notebooks": {name: str(path) for name, path in result.notebooks.items()},
        "pages": {name: str(path) for name, path in result.pages.items()},
        "kept": list(result.kept),
        "evaluations": [dict(evaluation) for evaluation in result.evaluations],
        "mlflow": {
            "store": store_uri(pilot.root),
            "runs": [{"agent": link.agent, "split": link.split, "run_id": link.run_id} for link in result.links],
        },
    }


class SafeConsole(Console):
    """A console on standard output whose texts are escaped and whose own escape codes are not."""

    def __init__(self) -> None:
        output = raw_stdout()
        super().__init__(file=output, width=None if output.isatty() else PLAIN_WIDTH)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield what is shown, texts escaped."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


def _quoted(ids: Iterable[str]) -> str:
    """Return ids as the JSON list MLflow's page expects, fit for an address."""
    return quote(json.dumps(list(ids), separators=(",", ":")), safe="[],")
