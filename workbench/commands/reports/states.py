"""How the planned decisions of every run ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.commands.screen import say
from workbench.commands.tables import TextColumn, TextTable, of_names, of_numbers, show_table

if TYPE_CHECKING:
    from workbench.pilot import Pilot
    from workbench.runs.journal import RunInfo

RUNS = (
    of_names("agent"),
    of_names("split", 1),
    of_numbers("planned"),
    of_numbers("ok"),
    of_numbers("invalid", 2),
    of_numbers("failed", 2),
    of_numbers("skipped", 3),
    of_numbers("not asked yet", 1),
    TextColumn("causes", rank=4),
)


def print_status(pilot: Pilot, records: int, runs: Sequence[RunInfo], *, details: bool = False) -> None:
    """Print every run with its counts, the newest first."""
    title = f"{pilot.name}: {records:,} records"
    if not runs:
        say(f"{title}, no run yet")
        return
    rows = []
    for info in runs:
        counts = (info.planned, info.ok, info.invalid, info.failed, info.skipped, info.pending)
        causes = ", ".join(f"{cause} {n:,}" for cause, n in info.causes.items())
        rows.append((info.agent, info.split, *(f"{n:,}" for n in counts), causes))
    show_table(title, TextTable(RUNS, tuple(rows)), details=details)
