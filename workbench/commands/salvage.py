"""The command `workbench salvage`: a damaged journal's intact answers in a new one."""

from __future__ import annotations

from dataclasses import asdict

from workbench.commands.options import HERE, AsJson, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say


def salvage(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Write every intact answer of a damaged journal to a new one; the damaged file is kept beside it."""
    from workbench.runs.journal import JOURNAL_FILE, salvaged

    kept = salvaged(pilot_named(pilot, root).runs / JOURNAL_FILE)
    if as_json:
        print_json({"pilot": pilot, **asdict(kept), "damaged": str(kept.damaged)})
        return
    say(f"{kept.answers:,} intact answers and {kept.runs:,} whole runs are in the new journal of {pilot}.")
    if kept.unplanned:
        say(
            f"Planned anew by the command that made them, and nothing answered is asked again: the runs of "
            f"{', '.join(kept.unplanned)}. Until then they do not count as versions that were tried."
        )
    print(f"Damaged file: {kept.damaged}")
