"""The way to a pilot's systems: its own sandbox, or the declared addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workbench.environment.connections import credentials_from_environment
from workbench.environment.sandbox import used_sandbox
from workbench.integrations.asking import HeldRecords
from workbench.integrations.calling import WayIn
from workbench.integrations.lines import LineVerdict, ProbeLine
from workbench.pilot import Pilot
from workbench.pilot.integrations import Inventory
from workbench.words import InputError

MOST_SAID = 8  # systems of which it is said why they could not be measured


def check_measured(inventory: Inventory, lines: Sequence[ProbeLine]) -> None:
    """Refuse measurements of which none was made. Raises InputError with why."""
    if any(one.verdict is not LineVerdict.NOT_MEASURED for one in lines):
        return
    whys = {one.system: one.detail for one in reversed(lines)}
    said = [f"{system}: {why}" for system, why in reversed(whys.items())]
    raise InputError(
        "no system could be measured" if whys else "no system declares anything that could be measured",
        where=str(inventory.path),
        got="; ".join(said[:MOST_SAID]) or None,
        remedy="give addresses and credentials that work, or a stand-in (docs/how_to/integrations.md has an example)",
    )


@contextmanager
def way_to_systems(pilot: Pilot, dataset: HeldRecords, inventory: Inventory) -> Iterator[tuple[WayIn, str]]:
    """Give the way to the systems, and in words which those are: the pilot's own sandbox, or the declared addresses."""
    settings = inventory.settings
    if settings.sandbox.serve is None:
        yield (
            WayIn({}, credentials_from_environment(settings), settings.sandbox.hosts),
            ("the systems at their declared addresses"),
        )
        return
    with used_sandbox(pilot, dataset.documents()) as used:
        yield WayIn(used.places, used.secrets, settings.sandbox.hosts), used.said
